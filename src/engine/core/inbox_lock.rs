//! The lock of an actor's inbox.

use std::time::Instant;

use super::Core;
use crate::model::{HostFault, Name, Outcome, Reference, Result, Status};
use crate::store::NameLock;

impl Core {
    /// Locks an actor, without waiting, so that this process runs its inbox.
    ///
    /// A process that was stopped keeps its lock. If every invocation that the process announces for the actor was
    /// cancelled, the store refuses its commit, so its lock is passed over. Processes that pass it over exclude each
    /// other by a lock of the cancelled invocation.
    pub fn lock_inbox(&self, name: &Name) -> Result<Option<NameLock>> {
        if let Some(lock) = self.store.lock(name, Some(Instant::now()))? {
            return Ok(Some(lock));
        }
        match self.cancelled_run(name)? {
            Some(cancelled) => {
                self.store.lock(&Name::new_unchecked(&format!("{cancelled} after")), Some(Instant::now()))
            }
            None => Ok(None),
        }
    }

    /// Whether a process that may still commit has the lock of an actor.
    pub fn is_inbox_locked(&self, name: &Name) -> Result<bool> {
        Ok(self.store.is_locked(name)? && self.cancelled_run(name)?.is_none())
    }

    /// The last invocation that a process announces for a name, if all of them were cancelled.
    fn cancelled_run(&self, name: &Name) -> Result<Option<Reference>> {
        let mut last = None;
        for announced in self.store.announcements(Some(name)) {
            let Some(number) = announced.number else { continue };
            let reference = Reference { name: name.clone(), number };
            match self.store.invocation(&reference)?.map(|invocation| invocation.status) {
                Some(Status::Ended { outcome: Outcome::Failed(fault), .. }) if fault.is_host(HostFault::Cancelled) => {
                    last = last.max(Some(reference));
                }
                _ => return Ok(None),
            }
        }
        Ok(last)
    }
}
