//! How long a thread waits for a lock of a store, and what happens meanwhile.
//!
//! The kernel waits for a file lock for ever or not at all, so locks are tried again and again, after pauses that grow.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::model::{Error, Process, Result};

use super::coordination::Coordination;

/// The pause after the first try; each further one is half as long again.
const FIRST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// A lock is tried so often in any case, whatever the deadline: that takes some milliseconds, and a lock that is held for a
/// moment makes no busy store.
const FEWEST_TRIES: u32 = 12;

/// Whoever waits for longer than this is told which process has the lock.
const TELL_AFTER: Duration = Duration::from_secs(1);

/// Hears which process has a lock, if that is known.
pub type OnLockWait = Arc<dyn Fn(Option<&Process>) + Send + Sync>;

/// What a store does while it waits for a lock that another process has.
#[derive(Clone)]
pub struct LockWaitOptions {
    /// Is told once for each wait that takes longer than a second, with the process that has the lock, if that is known.
    pub on_wait: OnLockWait,
    /// Whether to stop waiting, with [`Error::Interrupted`].
    pub stopped: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Default for LockWaitOptions {
    fn default() -> LockWaitOptions {
        LockWaitOptions { on_wait: Arc::new(|_| ()), stopped: Arc::new(|| false) }
    }
}

thread_local! {
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Bounds the waits of its thread until it is dropped.
pub struct DeadlineScope {
    outer: Option<Instant>,
    of_this_thread: PhantomData<*const ()>,
}

/// From now on this thread waits for locks of stores until `at` at most, or until an earlier deadline that it has already.
/// After that it fails with [`Error::StoreBusy`], and the store stays usable. None changes nothing.
#[must_use]
pub fn deadline(at: Option<Instant>) -> DeadlineScope {
    let outer = DEADLINE.get();
    DEADLINE.set(outer.into_iter().chain(at).min());
    DeadlineScope { outer, of_this_thread: PhantomData }
}

impl Drop for DeadlineScope {
    fn drop(&mut self) {
        DEADLINE.set(self.outer);
    }
}

/// Tries of one wait.
pub(in crate::store) struct LockWait<'w> {
    waits: &'w LockWaitOptions,
    /// Knows the process that writes.
    coordination: &'w Coordination,
    deadline: Option<Instant>,
    began: Instant,
    tries: u32,
    pause: Duration,
    told: bool,
}

impl<'w> LockWait<'w> {
    /// With the thread's deadline.
    fn new(waits: &'w LockWaitOptions, coordination: &'w Coordination) -> LockWait<'w> {
        let deadline = DEADLINE.get();
        LockWait { waits, coordination, deadline, began: Instant::now(), tries: 0, pause: FIRST_PAUSE, told: false }
    }

    /// Waits a moment before the next try. [`StoreBusy`](Error::StoreBusy) where there is no time left.
    pub fn pause(&mut self) -> Result<()> {
        let pause = self.next_pause()?;
        thread::sleep(pause);
        Ok(())
    }

    /// As [`pause`](Tries::pause), for a caller that sleeps in its own way, until this much time has passed at most.
    pub fn next_pause(&mut self) -> Result<Duration> {
        self.tries += 1;
        let now = Instant::now();
        let may_end = self.tries >= FEWEST_TRIES;
        if may_end && (self.waits.stopped)() {
            return Err(Error::Interrupted);
        }
        if may_end && self.deadline.is_some_and(|deadline| deadline <= now) {
            return Err(Error::StoreBusy { holder: self.coordination.writer() });
        }
        let tell = self.began + TELL_AFTER;
        if !self.told && now >= tell {
            self.told = true;
            (self.waits.on_wait)(self.coordination.writer().as_ref());
        }
        let next = [self.deadline, (!self.told).then_some(tell)].into_iter().flatten().filter(|next| *next > now).min();
        let pause = next.map_or(self.pause, |next| self.pause.min(next.saturating_duration_since(now)));
        self.pause = (self.pause * 3 / 2).min(LONGEST_PAUSE);
        Ok(pause)
    }
}

/// How the waits of one store go.
pub(in crate::store) struct LockWaitPolicy {
    waits: LockWaitOptions,
    coordination: Coordination,
}

impl LockWaitPolicy {
    pub fn new(waits: LockWaitOptions, coordination: Coordination) -> LockWaitPolicy {
        LockWaitPolicy { waits, coordination }
    }

    pub fn start(&self) -> LockWait<'_> {
        LockWait::new(&self.waits, &self.coordination)
    }

    /// The error of a wait for a lock that ended without it.
    pub fn busy(&self) -> Error {
        Error::StoreBusy { holder: self.coordination.writer() }
    }

    /// This process has the right to write, and says so.
    pub fn writes(&self) {
        self.coordination.writes();
    }
}
