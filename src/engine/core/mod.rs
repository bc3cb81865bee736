//! The lowest layer: the store, the sandbox, the settings and the clock, and reading what the store has. It runs
//! nothing.

pub mod cancel_watch;
pub mod history;
pub mod inbox_lock;
pub mod lookup;
pub mod notifier;
pub mod settings;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::{Error, Limits, Reference, Result, Seed, Timestamp};
use crate::sandbox::{Sandbox, StopSignal};
use crate::store::{Accepted, Commit, Committed, Store};
use cancel_watch::{CancelGuard, CancelWatch};
use notifier::{Notifier, Subscription};
use settings::Settings;

/// The parts that all layers share. A clone is the same core.
#[derive(Clone)]
pub struct Core {
    pub store: Arc<dyn Store>,
    pub sandbox: Arc<Sandbox>,
    pub settings: Settings,
    notifier: Notifier,
    cancel_watch: CancelWatch,
}

impl Core {
    pub fn new(store: Arc<dyn Store>, sandbox: Sandbox, settings: Settings) -> Core {
        let (notifier, cancel_watch) = (Notifier::default(), CancelWatch::default());
        Core { store, sandbox: Arc::new(sandbox), settings, notifier, cancel_watch }
    }

    /// The time by the engine's clock. [`WrongClock`](Error::WrongClock) beyond the year 9999.
    pub fn now(&self) -> Result<Timestamp> {
        let now = (self.settings.clock)();
        if now <= Timestamp::LAST { Ok(now) } else { Err(Error::WrongClock) }
    }

    /// The limits of the engine's queries, and of the calls that it accepts.
    pub fn limits(&self) -> Limits {
        self.settings.limits.limits()
    }

    /// Commits one invocation's end or save, now.
    pub fn commit(&self, commit: Commit) -> Result<Committed> {
        only(self.store.commit(vec![commit], self.now()?)?)
    }

    /// Accepts one invocation.
    pub fn accept(&self, request: crate::model::CallRequest) -> Result<Accepted> {
        only(self.store.accept(vec![request], self.limits().inbox)?)
    }

    /// Wakes its owner at each commit from now on, and when `stop` is stopped.
    pub fn subscribe(&self, stop: &StopSignal) -> Result<Subscription> {
        self.notifier.subscribe(&self.store, stop)
    }

    /// The time of a waiting thread's next look: after `pause`, or when the next call or timer comes due that was not due at
    /// `now`.
    pub fn next_check(&self, now: Timestamp, pause: Duration) -> Result<Instant> {
        let due = self.store.next_due(now)?;
        Ok(Instant::now() + due.map_or(pause, |due| due.since(now).min(pause)))
    }

    /// Wakes all subscriptions of this process.
    pub fn wake_all(&self) {
        self.notifier.wake();
    }

    /// Stops a run, by `stop`, if its invocation is ended from elsewhere before the guard is dropped.
    pub fn watch_for_cancel(&self, reference: Reference, stop: StopSignal) -> CancelGuard {
        self.cancel_watch.enter(reference, stop, &self.store)
    }
}

/// The result for the only item that was given to the store.
fn only<T>(mut results: Vec<Result<T>>) -> Result<T> {
    results.pop().unwrap_or_else(|| Err(Error::internal("the store gave no result for the one item that it was given")))
}

/// A new seed from the system's random bytes.
pub fn new_seed() -> Result<Seed> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Error::io("draw random bytes", error))?;
    Ok(Seed(bytes))
}
