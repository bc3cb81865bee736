//! Waits for the locks of a store, with deadlines, and a report of the process that has the lock.
//!
//! The kernel waits for a file lock without a limit or not at all, so locks are tried again and
//! again, after pauses that grow.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::model::{Error, Process, Result};

use super::coordination::Coordination;
use super::coordination::pauses::Pauses;

/// A lock is tried at least so often, whatever the deadline. That takes some milliseconds, so a
/// lock that is held for a moment does not make a store busy.
const FEWEST_TRIES: u32 = 12;

/// A longer wait is reported, with the process that has the lock.
const REPORT_AFTER: Duration = Duration::from_secs(1);

/// Receives the process that has a lock, if that is known.
pub type OnLockWait = Arc<dyn Fn(Option<&Process>) + Send + Sync>;

/// Hooks of waits for a lock that another process has.
#[derive(Clone)]
pub struct LockWaitOptions {
    /// Called once in each wait that takes longer than a second.
    pub on_wait: OnLockWait,
    /// If it returns true, waits end with [`Error::Interrupted`].
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

/// The deadline of a thread's waits, until this is dropped.
pub struct DeadlineScope {
    outer: Option<Instant>,
    of_this_thread: PhantomData<*const ()>,
}

/// Sets the deadline of this thread's waits for locks of stores, unless it has an earlier one.
/// After it a wait fails with [`Error::StoreBusy`], and the store stays usable. None changes
/// nothing.
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

/// The rules for all lock waits of one store.
pub(in crate::store) struct LockWaitPolicy {
    options: LockWaitOptions,
    coordination: Coordination,
}

impl LockWaitPolicy {
    pub fn new(options: LockWaitOptions, coordination: Coordination) -> LockWaitPolicy {
        LockWaitPolicy { options, coordination }
    }

    /// Starts a wait, with the deadline of the thread.
    pub fn start(&self) -> LockWait<'_> {
        let (began, deadline) = (Instant::now(), DEADLINE.get());
        LockWait { policy: self, deadline, began, tries: 0, pauses: Pauses::default(), is_reported: false }
    }

    /// The error of a wait that ended without the lock.
    pub fn busy(&self) -> Error {
        Error::StoreBusy { holder: self.coordination.writer() }
    }

    /// Announces that this process has the writer's lock.
    pub fn announce_writer(&self) {
        self.coordination.announce_writer();
    }
}

/// One wait for a lock.
pub(in crate::store) struct LockWait<'w> {
    policy: &'w LockWaitPolicy,
    deadline: Option<Instant>,
    began: Instant,
    tries: u32,
    pauses: Pauses,
    is_reported: bool,
}

impl LockWait<'_> {
    /// Sleeps until the next try. [`StoreBusy`](Error::StoreBusy) after the deadline.
    pub fn pause(&mut self) -> Result<()> {
        thread::sleep(self.next_pause()?);
        Ok(())
    }

    /// The time until the next try, for a caller that sleeps itself. Errors as those of
    /// [`pause`](LockWait::pause).
    pub fn next_pause(&mut self) -> Result<Duration> {
        self.tries += 1;
        let now = Instant::now();
        let may_end = self.tries >= FEWEST_TRIES;
        if may_end && (self.policy.options.stopped)() {
            return Err(Error::Interrupted);
        }
        if may_end && self.deadline.is_some_and(|deadline| deadline <= now) {
            return Err(self.policy.busy());
        }
        let report_at = self.began + REPORT_AFTER;
        if !self.is_reported && now >= report_at {
            self.is_reported = true;
            (self.policy.options.on_wait)(self.policy.coordination.writer().as_ref());
        }
        let next = [self.deadline, (!self.is_reported).then_some(report_at)];
        Ok(self.pauses.next(now, next.into_iter().flatten().filter(|next| *next > now).min()))
    }
}
