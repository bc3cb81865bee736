//! Answering an operation from the history.

use super::driver::{Driver, Performed};
use crate::model::{Error, Fingerprint, HistoryEntry, Operation, OperationResult};

impl Driver<'_> {
    /// Answers an operation by the entry that the history has in its place.
    pub fn replay(&mut self, operation: Operation, fingerprint: &Fingerprint, entry: HistoryEntry) -> Performed {
        if entry.fingerprint.hash != fingerprint.hash {
            return Ok(Err(self.diverged(&fingerprint.summary, &entry.fingerprint)));
        }
        match (operation, entry.result) {
            (Operation::Start(outgoing), OperationResult::Started(_)) => {
                self.reusable.next(&fingerprint.hash);
                let index = self.committed_entries - self.history.left() - 1;
                self.children.insert(self.request.seed.child(outgoing.ordinal).opaque_id(), index);
            }
            // a message leaves with a save or the end, so this one has not left
            (Operation::Send(outgoing, delay_ms), OperationResult::Sent(wall)) => {
                return self.queue(&outgoing, wall, delay_ms);
            }
            (Operation::Send(outgoing, delay_ms), OperationResult::Done) => {
                let wall = self.runner.core.now()?;
                return self.queue(&outgoing, wall, delay_ms);
            }
            (Operation::Cancel(_), OperationResult::Done) => {}
            (Operation::Save(_), OperationResult::Saved(_)) => {
                self.sends.clear();
                self.notes.clear();
                self.computed_at_step = self.computed;
            }
            (Operation::Wait(targets), OperationResult::Waited(result)) if result.is_for(&targets) => {
                self.clock.advance(result.at);
                return Ok(Ok(Some(result)));
            }
            (Operation::Ask(_), OperationResult::Waited(result)) if result.index == 0 => {
                return Ok(Ok(Some(result)));
            }
            _ => {
                let (name, summary) = (&self.request.name, &fingerprint.summary);
                let what = format!("the history of an invocation of {name} has no result of `{summary}`");
                return Err(Error::Damaged { what }.into());
            }
        }
        Ok(Ok(None))
    }
}
