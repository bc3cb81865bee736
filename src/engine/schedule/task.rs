//! Running the call of a locked task.

use super::Scheduler;
use crate::engine::run::abort::Abort;
use crate::engine::run::bounds::RunBounds;
use crate::model::{Error, Reference, Result, Status};
use crate::store::NameLock;

impl Scheduler {
    /// Makes one attempt of a task's locked call.
    pub fn run_task(&self, reference: &Reference, _lock: &NameLock, bounds: RunBounds<'_>) -> Result<()> {
        let task = self.core.invocation(reference)?;
        if !matches!(task.status, Status::Pending) {
            return Ok(());
        }
        let _announcement = self.core.store.announce(&reference.name, Some(reference.number));
        let commit = match self.runner.attempt(&task, bounds) {
            Ok(commit) => commit,
            // it was cancelled
            Err(Abort::Stopped) if !bounds.stop.is_stopped() => return Ok(()),
            Err(Abort::Failed(error)) => return Err(error),
            Err(Abort::Stopped | Abort::Deadline) => return Err(Error::Interrupted),
            Err(Abort::Suspended | Abort::Duplicate(_) | Abort::NotInGroup) => {
                return Err(Error::internal(format!("the task {reference} was aborted like a mutation")));
            }
        };
        match self.core.commit(commit) {
            // a stale commit means that it ended in the meantime
            Ok(_) | Err(Error::Stale { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
