//! Running the inbox of a locked actor.

use std::time::{Duration, Instant};

use super::Scheduler;
use crate::engine::core::lookup::refused_without_cause;
use crate::engine::run::abort::Abort;
use crate::engine::run::bounds::RunBounds;
use crate::engine::run::operations::driver::Invoked;
use crate::model::{Error, Invocation, Name, Reference, Result, Status};
use crate::store::{NameLock, Snapshot};

/// Bounds of one run of an inbox, which may be refilled for ever.
const MAX_RUNS: u32 = 64;
const MAX_TIME: Duration = Duration::from_millis(100);

/// The state of an invocation on which the store refused its commit as stale.
type StaleAt = (u64, u64, Option<u64>);

/// The end of one invocation's run.
enum InboxStep {
    Ended,
    /// It waits, and so does the rest of the inbox.
    Suspended,
    /// It was ended from elsewhere, or run without the lock.
    Stale,
}

impl Scheduler {
    /// Runs the inbox of a locked actor in order, until it is empty, its first invocation waits, or `last` has ended. It
    /// stops after some time, too, so that other actors have their turn.
    pub fn run_inbox(&self, name: &Name, _lock: &NameLock, last: Option<u64>, bounds: RunBounds<'_>) -> Result<()> {
        let (mut runs, mut has_ended_one, mut stale_at) = (0, false, None);
        let end = Instant::now() + MAX_TIME;
        while let Some(invocation) = self.core.store.next_in_inbox(name, self.core.now()?)? {
            if runs == MAX_RUNS || has_ended_one && end <= Instant::now() {
                break;
            }
            runs += 1;
            if bounds.stop.is_stopped() {
                return Err(Error::Interrupted);
            }
            // it may have been ended from elsewhere, also before the actor was locked
            if let Some(last) = last
                && last != invocation.number
                && self.has_ended(name, last)?
            {
                break;
            }
            let snapshot = self.core.snapshot(&name.actor()?)?;
            let history_len = invocation.resume_point.as_ref().map(|resume_point| resume_point.history_len);
            let at: StaleAt = (invocation.number, snapshot.record.counters.steps, history_len);
            // a stale commit means that another one was made; if none was, the store would refuse for ever
            if stale_at == Some(at) {
                return Err(refused_without_cause(name));
            }
            match self.run_next(&invocation, &snapshot, bounds)? {
                InboxStep::Ended => has_ended_one = true,
                InboxStep::Suspended => break,
                InboxStep::Stale => stale_at = Some(at),
            }
            if last == Some(invocation.number) {
                break;
            }
        }
        Ok(())
    }

    fn run_next(&self, invocation: &Invocation, snapshot: &Snapshot, bounds: RunBounds<'_>) -> Result<InboxStep> {
        let _announcement = self.core.store.announce(&invocation.request.name, Some(invocation.number));
        match self.runner.execute(Invoked::Accepted(invocation), snapshot, bounds) {
            Ok(commit) => match self.core.commit(commit) {
                Ok(_) => Ok(InboxStep::Ended),
                Err(Error::Stale { .. }) => Ok(InboxStep::Stale),
                Err(error) => Err(error),
            },
            Err(aborted) => match aborted.why {
                Abort::Suspended => Ok(InboxStep::Suspended),
                // it was cancelled, and the rest of the inbox goes on
                Abort::Stopped if !bounds.stop.is_stopped() => Ok(InboxStep::Ended),
                Abort::Failed(Error::Stale { .. }) => Ok(InboxStep::Stale),
                Abort::Failed(error) => Err(error),
                Abort::Stopped | Abort::Deadline => Err(Error::Interrupted),
                Abort::Duplicate(_) | Abort::NotInGroup => {
                    Err(Error::internal(format!("the run of {} was aborted like a fresh call", invocation.reference())))
                }
            },
        }
    }

    fn has_ended(&self, name: &Name, number: u64) -> Result<bool> {
        let invocation = self.core.store.invocation(&Reference { name: name.clone(), number })?;
        Ok(invocation.is_none_or(|invocation| matches!(invocation.status, Status::Ended { .. })))
    }
}
