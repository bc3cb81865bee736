//! The pauses of names whose runs failed because of the machine or the store. A worker tries them again, and runs others
//! meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::model::{Error, Name, lock};

/// The pause after the first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A worker that ends when nothing is left to run does not wait for a name with so many failures in a row.
const MANY_FAILURES: u32 = 6;

/// A clone is the same.
#[derive(Clone, Default)]
pub struct Backoff(Arc<Mutex<HashMap<Name, FailureStreak>>>);

struct FailureStreak {
    failures: u32,
    until: Instant,
    error: Error,
}

/// Whether a name can be run at the moment.
pub enum Readiness {
    Ready,
    /// It is tried again soon.
    Paused,
    /// It has failed many times in a row, so it may go on failing.
    KeepsFailing(Error),
}

/// The pause after this number of failures in a row.
pub fn pause_after(failures: u32) -> Duration {
    let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
}

pub fn are_many(failures: u32) -> bool {
    failures >= MANY_FAILURES
}

impl Backoff {
    /// Counts a failure of a name. Whether it is the first in a row.
    pub fn failed(&self, name: &Name, error: &Error) -> bool {
        let mut all = lock(&self.0);
        let failures = all.get(name).map_or(0, |streak| streak.failures) + 1;
        let until = Instant::now() + pause_after(failures);
        all.insert(name.clone(), FailureStreak { failures, until, error: error.clone() });
        failures == 1
    }

    pub fn succeeded(&self, name: &Name) {
        lock(&self.0).remove(name);
    }

    pub fn readiness(&self, name: &Name) -> Readiness {
        match lock(&self.0).get(name) {
            Some(streak) if streak.until <= Instant::now() => Readiness::Ready,
            Some(streak) if are_many(streak.failures) => Readiness::KeepsFailing(streak.error.clone()),
            Some(_) => Readiness::Paused,
            None => Readiness::Ready,
        }
    }
}
