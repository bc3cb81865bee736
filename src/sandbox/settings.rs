//! The settings of wasmtime. A class is run with the settings with which it is compiled.

use serde::{Deserialize, Serialize};
use wasmtime::{Config, Engine, ModuleVersionStrategy, OptLevel, WasmFeatures};

use super::fault;
use crate::model::{Error, Result};

/// The version of wasmtime, which Cargo.toml pins.
pub const WASMTIME: &str = "48.0.8";

/// Raised with every change of a setting below: code that was compiled with other settings is never
/// loaded.
pub const SETTINGS: u32 = 2;

/// The WebAssembly proposals that a class may use, in a list that a newer wasmtime does not change.
/// It leaves out threads and shared memory (not deterministic), 64-bit memories, garbage collection
/// and exceptions.
pub const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::COMPONENT_MODEL)
    .difference(WasmFeatures::GC_TYPES);

/// Bytes of stack for guest code. The thread that runs it must have more.
const GUEST_STACK: usize = 1 << 20;

/// The address space of a class's memories. Compiled code depends on it; a class cannot observe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemoryLayout {
    /// A memory reserves all that it can ever have, so its code needs no checks of bounds.
    Reserved,
    /// A memory reserves no more than it has, and moves when it grows: slower, for a process that
    /// may not have so much address space.
    Compact,
}

/// Bytes by which a compact memory can grow without moving.
const ROOM_TO_GROW: u64 = 1 << 20;

/// The settings of an engine that runs classes.
pub fn config(layout: MemoryLayout) -> Result<Config> {
    let mut config = Config::new();
    // by default wasmtime compares its major version alone when it loads code
    let version = ModuleVersionStrategy::Custom(format!("{WASMTIME}/{SETTINGS}"));
    config.module_version(version).map_err(refused)?;
    config
        .wasm_features(!FEATURES, false)
        .wasm_features(FEATURES, true)
        .relaxed_simd_deterministic(true)
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK)
        // a trap is reported as a sentence
        .generate_address_map(false)
        .native_unwind_info(cfg!(windows));
    if layout == MemoryLayout::Compact {
        config.memory_reservation(0).memory_reservation_for_growth(ROOM_TO_GROW).memory_guard_size(0);
        config.memory_may_move(true);
    }
    Ok(config)
}

/// The settings of an engine that compiles classes.
pub fn compiler_config(layout: MemoryLayout) -> Result<Config> {
    let mut config = config(layout)?;
    config.cranelift_opt_level(OptLevel::Speed);
    config.cranelift_nan_canonicalization(true);
    Ok(config)
}

/// Starts an engine. It fails if the machine gives too little.
pub fn start(config: &Config) -> Result<Engine> {
    Engine::new(config).map_err(|error| Error::shortage("start the sandbox", fault::sentence(&error)))
}

/// The error of a setting or a host function that wasmtime refuses: only a shortage of the machine
/// explains it.
pub fn refused(error: wasmtime::Error) -> Error {
    let reason = fault::sentence(&error);
    match fault::is_of_machine(&error) {
        true => Error::shortage("start the sandbox", reason),
        false => Error::internal(format!("the sandbox cannot be set up: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn version_is_that_of_the_lock_file() {
        let lock = include_str!("../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"wasmtime\"\nversion = \"{}\"\n", super::WASMTIME)));
    }
}
