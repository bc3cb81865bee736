//! Names whose invocations could not be run because the machine or the store failed: a worker tries them again after a
//! pause, and runs others meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::{Error, Name};

/// The pause after the first failure; each further one doubles it.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);
/// A worker that is to end when nothing is left to run does not wait for a name that failed so often in a row.
const OFTEN: u32 = 6;

#[derive(Clone, Default)]
pub(in crate::engine) struct Backoff(Arc<Mutex<HashMap<Name, FailureStreak>>>);

struct FailureStreak {
    failures: u32,
    until: Instant,
    error: Error,
}

/// Whether a name is left alone at the moment.
pub(in crate::engine) enum State {
    Awake,
    /// It is tried again soon.
    Rests,
    /// It failed so often that it may go on failing.
    Failed(Error),
}

/// How long to wait after so many failures in a row.
pub(in crate::engine) fn pause(failures: u32) -> Duration {
    FIRST.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX)).min(LONGEST)
}

pub(in crate::engine) fn is_often(failures: u32) -> bool {
    failures >= OFTEN
}

impl Backoff {
    /// A name failed. Whether it had not failed before.
    pub fn failed(&self, name: &Name, error: &Error) -> bool {
        let mut all = self.lock();
        let failures = all.get(name).map_or(0, |rest| rest.failures) + 1;
        let until = Instant::now() + pause(failures);
        all.insert(name.clone(), FailureStreak { failures, until, error: error.clone() });
        failures == 1
    }

    pub fn succeeded(&self, name: &Name) {
        self.lock().remove(name);
    }

    pub fn state(&self, name: &Name) -> State {
        match self.lock().get(name) {
            Some(rest) if rest.until <= Instant::now() => State::Awake,
            Some(rest) if is_often(rest.failures) => State::Failed(rest.error.clone()),
            Some(_) => State::Rests,
            None => State::Awake,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, FailureStreak>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
