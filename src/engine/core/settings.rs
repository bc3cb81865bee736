//! How an engine works.

use std::sync::Arc;
use std::time::SystemTime;

use crate::model::{ActorId, ClassName, Error, LimitOverrides, LogLine, Name, Timestamp};
use crate::sandbox::StopSignal;

/// How an engine works. The store remembers none of it, but the limits of the calls that the engine accepts.
#[derive(Clone)]
pub struct Settings {
    /// The limits of every call that the engine accepts, which are kept with the call, and of its queries and
    /// registrations. A call that another engine accepted keeps its own limits.
    pub limits: LimitOverrides,
    /// Stopping it ends the engine's runs and waits with [`Error::Interrupted`] or [`Error::LeftRunning`].
    pub stop: StopSignal,
    /// The clock that the engine reads.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// The receiver of log lines and progress.
    pub observer: Arc<dyn Observer>,
}

/// The receiver of log lines and progress during a call. Each method has a default that does nothing. The methods
/// are called from the engine's threads, also at the same time, and must not call the engine.
pub trait Observer: Send + Sync {
    /// A class logged a line while it ran for this actor or task.
    fn logged(&self, _name: &Name, _line: &LogLine) {}

    /// A class is not in the cache and is compiled, which can take seconds.
    fn compiling(&self, _class: &ClassName) {}

    /// A worker cannot run the inbox of this name, and goes on with others.
    fn cannot_run(&self, _name: &Name, _error: &Error) {}

    /// The machine or the store failed while a worker ran the inbox of this name. Nothing is recorded, and the worker
    /// tries again. Of failures in a row the observer receives the first.
    fn will_retry(&self, _name: &Name, _error: &Error) {}

    /// `done` of `all` steps of an actor are replayed.
    fn replaying(&self, _id: &ActorId, _done: u64, _all: u64) {}
}

impl Observer for () {}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            limits: LimitOverrides::default(),
            stop: StopSignal::default(),
            clock: Arc::new(system_time),
            observer: Arc::new(()),
        }
    }
}

fn system_time() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
