//! wasmtime's settings, in one place: what runs a class and what compiles it must agree on them.

use serde::{Deserialize, Serialize};
use std::panic::catch_unwind;

use wasmtime::component::Linker;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, ModuleVersionStrategy, OptLevel, WasmFeatures};

use super::host::{self, Host};
use super::watchdog::Watchdog;
use super::{fault, not_a_class};
use crate::model::{ClassDefect, Error, Result};

/// wasmtime's version, as Cargo.toml pins it.
pub const WASMTIME: &str = "48.0.8";

/// Rises with every change of a setting below: code that was compiled with other settings is never loaded.
pub const SETTINGS: u32 = 2;

/// What a class may be made of: the proposals that every tool of today may use, in one list that a newer wasmtime does not
/// change. Left out are threads and shared memory (not deterministic), 64-bit memories, garbage collection and exceptions.
pub const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::COMPONENT_MODEL)
    .difference(WasmFeatures::GC_TYPES);

/// Bytes of stack for guest code; the thread that runs it must have more.
const GUEST_STACK: usize = 1 << 20;

/// How much address space a class's memories take. Compiled code depends on it, and nothing that a class can see does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// All that a memory can ever have is reserved, so its code needs no checks of bounds.
    Reserved,
    /// A memory takes what it has, and moves when it grows: slower, for a process that may not have so much address space.
    Compact,
}

/// What a memory of the compact form has room for beyond what it has.
const ROOM_TO_GROW: u64 = 1 << 20;

/// Everything that the runs of one sandbox share.
pub struct Runtime {
    pub engine: Engine,
    pub linker: Linker<Host>,
    pub watchdog: Watchdog,
}

impl Runtime {
    pub fn start(form: Form) -> Result<Runtime> {
        Runtime::with(config(form)?)
    }

    /// One whose instances have places that are used again.
    pub fn pooled(places: InstanceAllocationStrategy) -> Result<Runtime> {
        let mut config = config(Form::Reserved)?;
        config.allocation_strategy(places);
        Runtime::with(config)
    }

    fn with(mut config: Config) -> Result<Runtime> {
        config.enable_compiler(false);
        let engine = start(&config)?;
        let mut linker = Linker::new(&engine);
        host::link(&mut linker).map_err(unlinked)?;
        Ok(Runtime { watchdog: Watchdog::new(&engine), engine, linker })
    }
}

/// Makes what wasmtime needs of each thread that runs a guest, at the latest now: it panics where the machine does not give
/// the memory for that.
pub fn prepare_thread() -> Result<()> {
    catch_unwind(Engine::tls_eager_initialize)
        .map_err(|_| Error::shortage("run a class", "there is no memory for the thread's second stack"))
}

/// Compiles a component with an engine of its own: nothing else needs a compiler.
pub fn compile(component: &[u8], form: Form) -> Result<Vec<u8>> {
    let mut config = config(form)?;
    config.cranelift_opt_level(OptLevel::Speed);
    config.cranelift_nan_canonicalization(true);
    let engine = start(&config)?;
    engine.precompile_component(component).map_err(|error| match fault::is_of_machine(&error) {
        true => Error::shortage("compile a class", fault::sentence(&error)),
        false => not_a_class(fault::sentence(&error), ClassDefect::NotCompiled),
    })
}

fn config(form: Form) -> Result<Config> {
    let mut config = Config::new();
    // what wasmtime checks when it loads code is its own major version, unless it is told better
    let version = ModuleVersionStrategy::Custom(format!("{WASMTIME}/{SETTINGS}"));
    config.module_version(version).map_err(unlinked)?;
    config
        .wasm_features(!FEATURES, false)
        .wasm_features(FEATURES, true)
        .relaxed_simd_deterministic(true)
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK)
        // nobody reads them: a trap comes out as a sentence
        .generate_address_map(false)
        .native_unwind_info(cfg!(windows));
    if form == Form::Compact {
        config.memory_reservation(0).memory_reservation_for_growth(ROOM_TO_GROW).memory_guard_size(0);
        config.memory_may_move(true);
    }
    Ok(config)
}

fn start(config: &Config) -> Result<Engine> {
    Engine::new(config).map_err(|error| Error::shortage("start the sandbox", fault::sentence(&error)))
}

/// The error of a setting or a host function that wasmtime refuses, which only a lack of memory can explain.
fn unlinked(error: wasmtime::Error) -> Error {
    let reason = fault::sentence(&error);
    match fault::is_of_machine(&error) {
        true => Error::shortage("start the sandbox", reason),
        false => Error::internal(format!("the sandbox cannot be set up: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_the_one_that_is_linked() {
        let lock = include_str!("../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"wasmtime\"\nversion = \"{}\"\n", super::WASMTIME)));
    }
}
