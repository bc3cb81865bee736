//! The state of wasmtime that the runs of one sandbox share.

use std::panic::catch_unwind;

use wasmtime::component::Linker;
use wasmtime::{Config, Engine, InstanceAllocationStrategy};

use super::host::{self, Host};
use super::settings::{self, MemoryLayout, config};
use super::watchdog::Watchdog;
use crate::model::{Error, Result};

/// An engine, the host functions, and the watchdog.
pub struct Runtime {
    pub engine: Engine,
    pub linker: Linker<Host>,
    pub watchdog: Watchdog,
}

impl Runtime {
    /// A runtime that allocates each instance anew.
    pub fn start(layout: MemoryLayout) -> Result<Runtime> {
        Runtime::with(config(layout)?)
    }

    /// A runtime whose instances take turns in the places of a pool.
    pub fn pooled(places: InstanceAllocationStrategy) -> Result<Runtime> {
        let mut config = config(MemoryLayout::Reserved)?;
        config.allocation_strategy(places);
        Runtime::with(config)
    }

    fn with(mut config: Config) -> Result<Runtime> {
        config.enable_compiler(false);
        let engine = settings::start(&config)?;
        let mut linker = Linker::new(&engine);
        host::link(&mut linker).map_err(settings::refused)?;
        Ok(Runtime { watchdog: Watchdog::new(&engine), engine, linker })
    }
}

/// Prepares the calling thread for guests. Wasmtime panics here if the machine does not give the
/// memory for it.
pub fn prepare_thread() -> Result<()> {
    catch_unwind(Engine::tls_eager_initialize)
        .map_err(|_| Error::shortage("run a class", "there is no memory for the thread's second stack"))
}
