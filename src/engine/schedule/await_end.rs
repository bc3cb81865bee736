//! Waiting for the end of accepted invocations, which helper threads run if no other process does.

use std::time::{Duration, Instant};

use super::Scheduler;
use crate::model::{Error, Invocation, Reference, Result};

/// A waiting caller looks again after this time, also if no commit woke it: the process that had the lock may have been
/// killed. While nothing happens, the time grows to the second one.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);
const MAX_CHECK_INTERVAL: Duration = Duration::from_secs(2);

impl Scheduler {
    /// The invocation, after it has ended.
    pub fn await_end(&self, reference: &Reference, deadline: Option<Instant>) -> Result<Invocation> {
        self.await_first_end(std::slice::from_ref(reference), deadline)?;
        self.core.invocation(reference)
    }

    /// The index of the first invocation to end. Of those that have ended already it is the one that was committed first.
    pub fn await_first_end(&self, references: &[Reference], deadline: Option<Instant>) -> Result<usize> {
        let Some(reference) = references.first() else { return Err(Error::NothingToWaitFor) };
        if let Some(ended) = self.first_ended(references)? {
            return Ok(ended);
        }
        self.run_until_first_end(references, reference, deadline).map_err(|error| goes_on(error, reference))
    }

    fn run_until_first_end(
        &self,
        references: &[Reference],
        first: &Reference,
        deadline: Option<Instant>,
    ) -> Result<usize> {
        let stop = &self.core.settings.stop;
        let mut subscription = self.core.subscribe(stop)?;
        let _participant = self.enter_caller(deadline);
        // an earlier failure is tried again for this caller
        references.iter().for_each(|reference| drop(self.failed.take(&reference.name)));
        let _waited_for: Vec<_> = references.iter().map(|reference| self.executor.wait_for(reference)).collect();
        let mut pause = CHECK_INTERVAL;
        loop {
            if let Some(ended) = self.first_ended(references)? {
                return Ok(ended);
            }
            if stop.is_stopped() {
                return Err(Error::LeftRunning { reference: first.clone() });
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Err(Error::StillRunning { reference: first.clone() });
            }
            for reference in references {
                if let Some(error) = self.failed.take(&reference.name)
                    && !self.is_left_to_worker(&error)
                {
                    return Err(error);
                }
            }
            let now = self.core.now()?;
            if !self.spawn_helper() && self.help_on_this_thread(deadline)? {
                continue;
            }
            let check = self.core.next_check(now, pause)?;
            let was_woken = subscription.wait(deadline.map_or(check, |deadline| deadline.min(check)));
            pause = if was_woken { CHECK_INTERVAL } else { (2 * pause).min(MAX_CHECK_INTERVAL) };
        }
    }

    /// Whether this process could not run an invocation because its user may only read the store, and a worker will.
    fn is_left_to_worker(&self, error: &Error) -> bool {
        error.is_of_machine() && !self.core.store.can_write() && self.has_worker()
    }

    /// The index of the invocation that was committed first among those that have ended; of two at one time it is the smaller
    /// index.
    fn first_ended(&self, references: &[Reference]) -> Result<Option<usize>> {
        let mut first = None;
        for (n, reference) in references.iter().enumerate() {
            if let Some(ended) = self.core.invocation(reference)?.ended_at() {
                first = first.into_iter().chain([(ended, n)]).min();
            }
        }
        Ok(first.map(|(_, n)| n))
    }
}

/// The error of a wait that the store or a stop ended, while the accepted invocation goes on.
pub fn goes_on(error: Error, reference: &Reference) -> Error {
    match error {
        Error::StoreBusy { .. } => Error::StillRunning { reference: reference.clone() },
        Error::Interrupted => Error::LeftRunning { reference: reference.clone() },
        error => error,
    }
}
