//! The public calls of an engine.

mod accept;
pub mod admin;
pub mod batch;
mod blocking;
pub mod calls;
pub mod classes;
mod events;
pub mod journal;
#[cfg(test)]
mod reads_tests;
mod remove;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::classes::ClassVersions;
use crate::engine::core::Core;
use crate::engine::core::settings::Settings;
use crate::engine::run::Runner;
use crate::engine::schedule::Scheduler;
use crate::model::{Error, Json, Limits, Outcome, Reference, Result, Timestamp};
use crate::sandbox::{Cache, Sandbox};
use crate::store::{RedbStore, Store};

/// A store and a sandbox together. Each command of the command line is a call of its methods.
///
/// Threads may share it, and a clone is the same engine. While a call waits, helper threads of the engine run the
/// invocations that it waits for, unless another process does. A call that runs a method runs it on the calling thread,
/// which must have more than 1 MiB of stack left. All calls block.
#[derive(Clone)]
pub struct Engine {
    core: Core,
    classes: ClassVersions,
    runner: Runner,
    scheduler: Scheduler,
}

/// The options of a call beside its arguments.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A key, 1 to 255 bytes. The first call with it has its effect, and each later one returns the recorded result.
    pub key: Option<String>,
    /// Names and values for people, which are kept with the call.
    pub meta: Vec<(String, String)>,
    /// The time at which the call enters the actor's inbox; without one it does at once. For `submit_…` alone.
    pub due: Option<Timestamp>,
    /// The time between acceptance and entering the inbox. It overrides `due`.
    pub delay: Option<Duration>,
    /// The end of waiting; without one the call waits for ever.
    pub deadline: Option<Instant>,
    /// The number of retries of a task that fails; without it the class's.
    pub retries: Option<u32>,
}

/// The result of a call that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The invocation; None for a query.
    pub reference: Option<Reference>,
    /// The number of its step in the actor's journal; None for a query and a task.
    pub step: Option<u64>,
    /// The result of the method, `null` if it has none.
    pub result: Json,
    /// Whether the method declares a result.
    pub has_result: bool,
    /// Whether an earlier call with the same key was answered with this; nothing ran.
    pub is_duplicate: bool,
    /// Whether the call may have left work that it does not wait for, such as a message.
    pub leaves_work: bool,
}

impl Engine {
    /// An engine of a store and a sandbox.
    pub fn new(store: Arc<dyn Store>, sandbox: Sandbox, settings: Settings) -> Engine {
        let core = Core::new(store, sandbox, settings);
        let classes = ClassVersions::new(core.clone());
        let runner = Runner::new(core.clone(), classes.clone());
        let scheduler = Scheduler::new(runner.clone());
        Engine { core, classes, runner, scheduler }
    }

    /// Opens the store in a folder, which is made if it does not exist, with default settings and the user's own cache of
    /// compiled classes. ClassVersions are compiled in this process, without bounds of time and memory: see
    /// [`Compiling`](crate::sandbox::Compiling).
    pub fn open(folder: impl AsRef<Path>) -> Result<Engine> {
        let (store, _) = RedbStore::create(folder.as_ref())?;
        Ok(Engine::new(Arc::new(store), Sandbox::new(Cache::user()), Settings::default()))
    }

    /// An engine with a store in memory, which is lost with it.
    pub fn in_memory() -> Result<Engine> {
        let store = RedbStore::in_memory()?;
        Ok(Engine::new(Arc::new(store), Sandbox::new(Cache::user()), Settings::default()))
    }

    /// The limits of the engine's queries, and of the calls that it accepts.
    pub fn limits(&self) -> Limits {
        self.core.limits()
    }

    /// The time by the engine's clock. [`WrongClock`](Error::WrongClock) beyond the year 9999.
    pub fn now(&self) -> Result<Timestamp> {
        self.core.now()
    }
}

impl Reply {
    /// The reply of an invocation that ended; its failure is an error.
    fn of(reference: Reference, step: Option<u64>, outcome: Outcome, method: &str, has_result: bool) -> Result<Reply> {
        match outcome {
            Outcome::Succeeded(result) => {
                let reference = Some(reference);
                Ok(Reply { reference, step, result, has_result, is_duplicate: false, leaves_work: false })
            }
            Outcome::Failed(fault) => {
                let id = reference.name.to_string();
                Err(Error::Failed { id, method: method.to_owned(), fault: Box::new(fault), reference: Some(reference) })
            }
        }
    }
}
