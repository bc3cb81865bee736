//! Ends one run in time: when its guest has computed for too long, when its deadline has passed, or when it is stopped.
//!
//! Two clocks count. The limit on time is processor time of the thread that runs the guest; the deadline is wall time. Only
//! that thread can read its processor time, so the guest itself checks both. Processor time is never used faster than wall
//! time passes: a guest that has some left need not check before that much wall time has passed.
//!
//! Most runs are over before a watchdog thread would have started. So where there is none, a guest begins by checking at
//! every function and loop that it enters, and is watched once it may be a long one. If no thread can be started, the guest
//! goes on checking by itself.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::StopSignal;
use super::host::Halt;
use super::watchdog::{Ticket, Watch};

/// A guest that has checked so often, or has run for so long, is watched.
const CHECKS: u64 = 1000;
const LONG_ENOUGH: Duration = Duration::from_millis(1);
/// Every how many checks an unwatched guest reads a clock, which costs more than the rest.
const CLOCK: u64 = 16;
/// If no thread could be started, the next attempt comes after this time.
const TRY_AGAIN: Duration = Duration::from_millis(100);
/// A limit on time that is past what a clock can hold is none.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);

/// Reads the processor time of the calling thread.
pub type ThreadClock = fn() -> io::Result<Duration>;

/// Ends one run in time, until it is dropped. It is made and used on the thread that runs the guest.
pub struct Guard {
    watch: Arc<Watch>,
    clock: ThreadClock,
    /// How long the guest may compute between waits.
    limit: Duration,
    /// What the clock said when the guest last went on, how long it had computed until then, and how long it might still.
    went_on: Duration,
    computed: Duration,
    left: Duration,
    /// When the run is given up.
    deadline: Option<Instant>,
    /// The guest cannot be past its limit or its deadline before this.
    due: Instant,
    stop: StopSignal,
    /// How often the guest has checked while it was not watched, how often at most, and how long at least.
    checks: u64,
    most_checks: u64,
    unwatched: Instant,
    watched: Option<Ticket>,
}

/// The guest does not compute: the host does something for it.
pub struct Pause {
    since: Instant,
    watched: bool,
}

impl Guard {
    /// Of a run that begins now, may compute for `limit` between waits, and is given up at `deadline`.
    pub fn new(
        watch: Arc<Watch>,
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
            went_on: clock().map_err(Halt::Clock)?,
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

    /// Before the guest begins. Returns how often the epoch rises until the guest checks; 0 is at once.
    pub fn begin(&mut self) -> Result<u64, Halt> {
        if self.watch.has_thread() {
            self.most_checks = 0;
        }
        self.check()
    }

    /// Fails if the guest must end. Returns how often the epoch rises until the guest checks again.
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

    /// How long the guest has computed since it last went on.
    fn used(&self) -> Result<Duration, Halt> {
        let now = (self.clock)().map_err(Halt::Clock)?;
        Ok(now.saturating_sub(self.went_on))
    }

    /// How long the guest has computed, up to its last pause.
    pub fn computed(&self) -> Duration {
        self.computed
    }

    /// From now on the guest does not compute, and is not watched.
    pub fn pause(&mut self) -> Result<Pause, Halt> {
        let used = self.used()?;
        self.computed += used;
        self.left = self.left.saturating_sub(used);
        Ok(Pause { since: Instant::now(), watched: self.unwatch() })
    }

    /// The guest goes on, unless its run was stopped. What it computed before the pause counts.
    pub fn go_on(&mut self, pause: Pause) -> Result<(), Halt> {
        let now = Instant::now();
        self.went_on = (self.clock)().map_err(Halt::Clock)?;
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

    /// As [`go_on`](Guard::go_on), and the guest has its whole time again.
    pub fn begin_anew(&mut self, pause: Pause) -> Result<(), Halt> {
        self.left = self.limit;
        self.go_on(pause)
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
