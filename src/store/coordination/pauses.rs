//! Pauses between the tries for a lock.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_micros(50);
const LONGEST: Duration = Duration::from_millis(20);

/// Pauses that grow by half each.
pub(in crate::store) struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Pauses {
        Pauses(FIRST)
    }
}

impl Pauses {
    /// The next pause, which ends at `until` at the latest.
    pub fn next(&mut self, now: Instant, until: Option<Instant>) -> Duration {
        let pause = until.map_or(self.0, |until| self.0.min(until.saturating_duration_since(now)));
        self.0 = (self.0 * 3 / 2).min(LONGEST);
        pause
    }
}
