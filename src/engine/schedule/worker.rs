//! A worker: it runs all accepted invocations.

use std::thread;
use std::time::{Duration, Instant};

use super::Scheduler;
use super::backoff::{are_many, pause_after};
use super::heartbeat::Heartbeat;
use crate::engine::core::notifier::Subscription;
use crate::model::{Error, Result};
use crate::store::Runnable;

/// A worker searches again after this time, also if no commit woke it: a process that had a lock may have been killed.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// If no other process has claimed anything, only a commit or the clock brings more work, and a commit wakes the worker.
const IDLE_CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Names that are read at once.
const PAGE: usize = 64;

/// The longest pause of a detached worker after a failure of the machine or the store.
const MAX_PAUSE: Duration = Duration::from_secs(10);

/// A detached worker stays for calls and timers that come due within this time.
const AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// The end of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Until {
    /// The worker ends when the engine is stopped.
    Stopped,
    /// The worker ends when no accepted invocation can run and none comes due within the time `ahead`.
    Idle {
        /// The time within which the worker waits for due times.
        ahead: Duration,
    },
}

impl Scheduler {
    /// Runs all accepted invocations, `jobs` guests at once.
    pub fn work(&self, jobs: usize, until: Until) -> Result<()> {
        let _heartbeat = Heartbeat::start(self.core.store.announce(&Scheduler::foreground_name(), None));
        self.work_on_threads(jobs, until, false)
    }

    /// Works as the one detached worker of the store; returns at once if there is one already.
    pub fn work_detached(&self, jobs: usize) -> Result<()> {
        // a name that cannot be run is not tried again in each round
        let _participant = self.enter_worker(jobs.max(1));
        let stop = &self.core.settings.stop;
        let mut failures = 0;
        while let Some((name, lock)) = self.lock_detached_name()? {
            let heartbeat = Heartbeat::start(self.core.store.announce(&name, None));
            let worked = self.work_on_threads(jobs, Until::Idle { ahead: AHEAD }, true);
            drop((heartbeat, lock));
            if stop.is_stopped() || self.has_newer_worker() {
                return worked.or_else(|error| if error.is_of_machine() { Ok(()) } else { Err(error) });
            }
            // a command that accepted a call while the name was locked has started no worker
            match worked.and_then(|()| self.has_work()) {
                Ok(true) => failures = 0,
                Ok(false) => break,
                // the accepted invocations are still to be run
                Err(error) if error.is_of_machine() => {
                    failures += 1;
                    let mut subscription = self.core.subscribe(stop)?;
                    self.sleep(&mut subscription, pause_after(failures).min(MAX_PAUSE));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether an invocation can run whose name has not failed here, or comes due within a day.
    pub fn has_work(&self) -> Result<bool> {
        let now = self.core.now()?;
        if self.core.store.next_due(now)?.is_some_and(|due| due <= now.after(AHEAD)) {
            return Ok(true);
        }
        let mut after = None;
        loop {
            let Runnable { names, next } = self.core.store.runnable(after.as_ref(), now, PAGE)?;
            if names.iter().any(|name| !self.failed.contains(&self.core, name)) {
                return Ok(true);
            }
            if next.is_none() {
                return Ok(false);
            }
            after = next;
        }
    }

    /// If `yields`, a newer worker ends the work, too.
    fn work_on_threads(&self, jobs: usize, until: Until, yields: bool) -> Result<()> {
        let jobs = jobs.max(1);
        let participant = self.enter_worker(jobs);
        let began = Instant::now();
        tracing::debug!(jobs, ?until, "worker began");
        let ended = thread::scope(|scope| {
            let thread = || thread::Builder::new().name("vactor-worker".to_owned());
            let spawn = |_| thread().spawn_scoped(scope, || self.work_on_this_thread(until, yields)).ok();
            // if the machine gives no more threads, fewer do the work
            let others: Vec<_> = (1..jobs).map_while(spawn).collect();
            let mut ended = self.work_on_this_thread(until, yields);
            for other in others {
                ended = ended.and(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            ended
        });
        drop(participant);
        tracing::debug!(duration = ?began.elapsed(), "worker ended");
        ended
    }

    /// Tries again when the store fails; a few times only, if the work ends when nothing is left to run.
    fn work_on_this_thread(&self, until: Until, yields: bool) -> Result<()> {
        let stop = &self.core.settings.stop;
        // before the first search, so that no commit falls between a search and the wait
        let mut subscription = self.core.subscribe(stop)?;
        let mut failures = 0;
        while !stop.is_stopped() {
            match self.work_once(until, yields, &mut subscription) {
                Ok(true) => failures = 0,
                Ok(false) | Err(Error::Interrupted) => return Ok(()),
                Err(error) if error.is_of_machine() && (until == Until::Stopped || !are_many(failures)) => {
                    failures += 1;
                    self.sleep(&mut subscription, pause_after(failures));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Runs a claim, or waits until there may be one. False if there is nothing left to run.
    fn work_once(&self, until: Until, yields: bool, subscription: &mut Subscription) -> Result<bool> {
        // read before the search: an invocation that comes due during it is then still ahead
        let now = self.core.now()?;
        let search = self.claim_any()?;
        if let Some(claim) = search.claim {
            let permit = self.executor.permit();
            self.run_claim(claim, self.scheduling(Some(&permit)).bounds(None, &self.core.settings.stop))?;
            return Ok(true);
        }
        if yields && self.has_newer_worker() {
            return Ok(false);
        }
        let due = self.core.store.next_due(now)?;
        if let Until::Idle { ahead } = until
            && !search.more_later
            && due.is_none_or(|due| due > now.after(ahead))
        {
            return search.failed.map_or(Ok(false), Err);
        }
        let pause = if search.more_later || search.failed.is_some() { CHECK_INTERVAL } else { IDLE_CHECK_INTERVAL };
        subscription.wait(Instant::now() + due.map_or(pause, |due| due.since(now).min(pause)));
        Ok(true)
    }

    /// Sleeps for a pause, or until the engine is stopped.
    fn sleep(&self, subscription: &mut Subscription, pause: Duration) {
        let end = Instant::now() + pause;
        while Instant::now() < end && !self.core.settings.stop.is_stopped() {
            subscription.wait(end);
        }
    }
}
