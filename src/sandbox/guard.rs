//! Ends one run in time: its guest has computed for too long, its deadline has passed, or it is
//! stopped.
//!
//! Two clocks count. The limit on time is processor time of the thread that runs the guest; the
//! deadline is wall time. Only that thread can read its processor time, so the guest itself checks
//! both. A thread uses no more processor time than wall time passes, so a guest need not check
//! before its remaining time has passed as wall time.
//!
//! Most runs end before a watchdog thread would have started. So if there is no such thread, a
//! guest first checks at every function and loop that it enters, and is watched once it may be a
//! long one. If no thread can be started, the guest continues to check by itself.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::halt::Halt;
use super::stop::StopSignal;
use super::watchdog::{EpochWatch, WatchTicket};

/// A guest is watched after this number of checks.
const CHECKS: u64 = 1000;
/// A guest is watched after this time.
const LONG_ENOUGH: Duration = Duration::from_millis(1);
/// An unwatched guest reads a clock once in this number of checks, as the clock costs more than the
/// check.
const CLOCK: u64 = 16;
/// The pause between attempts to start a thread.
const TRY_AGAIN: Duration = Duration::from_millis(100);
/// The time of a limit that no clock can hold.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);

/// Reads the processor time of the calling thread.
pub type ThreadClock = fn() -> io::Result<Duration>;

/// Ends one run in time, until it is dropped. It is made and used on the thread that runs the
/// guest.
pub struct Guard {
    watch: Arc<EpochWatch>,
    clock: ThreadClock,
    /// The longest computing time between waits.
    limit: Duration,
    /// The clock's time when the guest last continued.
    resumed: Duration,
    /// Computing time before that.
    computed: Duration,
    /// Computing time that was left then.
    left: Duration,
    /// The run ends then at the latest.
    deadline: Option<Instant>,
    /// The guest cannot be past its limit or its deadline before this.
    due: Instant,
    stop: StopSignal,
    /// The number of checks while it was not watched.
    checks: u64,
    /// It is watched after this number of checks, or once this time has come.
    most_checks: u64,
    unwatched: Instant,
    watched: Option<WatchTicket>,
}

/// The host works, and the guest does not compute.
pub struct Pause {
    since: Instant,
    watched: bool,
}

impl Guard {
    /// Guards a run that begins now, may compute for `limit` between waits, and ends at `deadline`
    /// at the latest.
    pub fn new(
        watch: Arc<EpochWatch>,
        clock: ThreadClock,
        limit: Duration,
        deadline: Option<Instant>,
        stop: &StopSignal,
    ) -> Result<Guard, Halt> {
        let now = Instant::now();
        let mut guard = Guard {
            watch,
            clock,
            limit,
            resumed: clock().map_err(Halt::Clock)?,
            computed: Duration::ZERO,
            left: limit,
            deadline,
            due: now,
            stop: stop.clone(),
            checks: 0,
            most_checks: CHECKS,
            unwatched: now + LONG_ENOUGH,
            watched: None,
        };
        guard.due = guard.next_due(now, limit);
        Ok(guard)
    }

    /// Called before the guest begins. Returns the number of epochs until its first check; 0 is at
    /// once.
    pub fn begin(&mut self) -> Result<u64, Halt> {
        if self.watch.has_thread() {
            self.most_checks = 0;
        }
        self.check()
    }

    /// Fails if the guest must end. Returns the number of epochs until its next check.
    pub fn check(&mut self) -> Result<u64, Halt> {
        if self.stop.is_stopped() {
            return Err(Halt::Stopped);
        }
        if self.watched.is_none() && !self.may_be_long() {
            return Ok(0);
        }
        let now = Instant::now();
        if self.due <= now {
            self.unwatch();
            self.check_clocks(now)?;
        }
        if self.watched.is_none() {
            self.watch(now);
        }
        Ok(self.watched.is_some().into())
    }

    fn may_be_long(&mut self) -> bool {
        self.checks += 1;
        let reads_clock = self.checks.is_multiple_of(CLOCK);
        self.checks > self.most_checks || reads_clock && self.unwatched.min(self.due) <= Instant::now()
    }

    fn check_clocks(&mut self, now: Instant) -> Result<(), Halt> {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            return Err(Halt::Deadline);
        }
        let used = self.used()?;
        if self.left <= used {
            return Err(Halt::Time);
        }
        self.due = self.next_due(now, self.left - used);
        Ok(())
    }

    fn next_due(&self, now: Instant, left: Duration) -> Instant {
        let over = now.checked_add(left).unwrap_or(now + FOR_EVER);
        self.deadline.map_or(over, |deadline| deadline.min(over))
    }

    /// Computing time since the guest last continued.
    fn used(&self) -> Result<Duration, Halt> {
        let now = (self.clock)().map_err(Halt::Clock)?;
        Ok(now.saturating_sub(self.resumed))
    }

    /// Computing time of the guest up to its last pause.
    pub fn computed(&self) -> Duration {
        self.computed
    }

    /// Pauses the guest: it does not compute and is not watched.
    pub fn pause(&mut self) -> Result<Pause, Halt> {
        let used = self.used()?;
        self.computed += used;
        self.left = self.left.saturating_sub(used);
        Ok(Pause { since: Instant::now(), watched: self.unwatch() })
    }

    /// Continues the guest, unless its run was stopped. Its computing time before the pause counts.
    pub fn resume(&mut self, pause: Pause) -> Result<(), Halt> {
        let now = Instant::now();
        self.resumed = (self.clock)().map_err(Halt::Clock)?;
        self.unwatched += now.saturating_duration_since(pause.since);
        self.due = self.next_due(now, self.left);
        if self.stop.is_stopped() {
            return Err(Halt::Stopped);
        }
        if pause.watched {
            self.watch(now);
            // a guest that was watched checks when the epoch rises and not before
            if self.watched.is_none() {
                self.watch.raise_epoch();
            }
        }
        Ok(())
    }

    /// As [`resume`](Guard::resume), and the guest has its whole time again.
    pub fn restart(&mut self, pause: Pause) -> Result<(), Halt> {
        self.left = self.limit;
        self.resume(pause)
    }

    fn watch(&mut self, now: Instant) {
        self.watched = self.watch.add(self.due, &self.stop).ok();
        if self.watched.is_none() {
            self.most_checks = u64::MAX;
            self.unwatched = now + TRY_AGAIN;
        }
    }

    /// Whether it was watched.
    fn unwatch(&mut self) -> bool {
        self.watched.take().is_some_and(|ticket| self.watch.remove(ticket))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.unwatch();
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
