//! Points in time.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z. Shown as RFC 3339 in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The time `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: u64) -> Timestamp {
        Timestamp(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The last time that a calendar with years of four digits has in every time zone.
    pub const LAST: Timestamp = Timestamp(253_402_207_199_999);

    /// Later by `duration`, in whole milliseconds, rounded up so that nothing is early; never later
    /// than [`LAST`](Timestamp::LAST).
    pub fn after(self, duration: Duration) -> Timestamp {
        self.checked_after(duration).unwrap_or(Timestamp::LAST.max(self))
    }

    /// As [`after`](Timestamp::after); None if that is later than [`LAST`](Timestamp::LAST).
    pub fn checked_after(self, duration: Duration) -> Option<Timestamp> {
        let millis = u64::try_from(duration.as_nanos().div_ceil(1_000_000)).ok()?;
        self.0.checked_add(millis).map(Timestamp).filter(|later| *later <= Timestamp::LAST)
    }

    /// Earlier by `duration`, in whole milliseconds.
    pub fn before(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The time since `earlier`; zero if this is not later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = i64::try_from(self.0).ok().filter(|_| *self <= Timestamp::LAST);
        let shown = millis.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
        match shown {
            Some(time) => write!(f, "{time:.3}"),
            None => f.write_str("after the year 9999"),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_as_rfc_3339_with_milliseconds() {
        assert_eq!(Timestamp::from_millis(1_795_000_000_123).to_string(), "2026-11-18T11:06:40.123Z");
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::LAST.to_string(), "9999-12-30T21:59:59.999Z");
        for beyond in [Timestamp::LAST.as_millis() + 1, u64::MAX] {
            assert_eq!(Timestamp::from_millis(beyond).to_string(), "after the year 9999");
        }
    }

    #[test]
    fn later_time_is_never_early() {
        let start = Timestamp::from_millis(10);
        assert_eq!(start.after(Duration::from_micros(1)), Timestamp::from_millis(11));
        assert_eq!((start.after(Duration::MAX), start.checked_after(Duration::MAX)), (Timestamp::LAST, None));
        assert_eq!(start.checked_after(Duration::from_millis(5)), Some(Timestamp::from_millis(15)));
        assert_eq!(start.before(Duration::from_millis(5)), Timestamp::from_millis(5));
        assert_eq!(start.since(Timestamp::from_millis(11)), Duration::ZERO);
    }
}
