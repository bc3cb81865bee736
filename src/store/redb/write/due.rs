//! Delayed invocations that are due.

use crate::model::{CallKind, Name, Reference, Timestamp};
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::waits::wait_of;
use crate::store::redb::read::{deadlock, invocations, runnable};
use crate::store::redb::schema::key::{QueueKind, RecordKey};
use crate::store::redb::schema::records::{InvocationRecord, Pending};

use super::writer::Writer;

impl Writer<'_> {
    /// Enqueues the due invocations of a name, before any invocation that is accepted later.
    pub(super) fn enqueue_due(&mut self, name: &Name, queue: QueueKind, now: Timestamp) -> TxResult<()> {
        if self.name_record(name)?.delayed == 0 {
            return Ok(());
        }
        let due: Vec<RecordKey> =
            self.tables.keys(RecordKey::delayed_until(name, queue, now))?.collect::<TxResult<_>>()?;
        for key in due {
            let number = key.required_number()?;
            let at = RecordKey::invocation(name, number);
            if let InvocationRecord::Pending(pending @ Pending { position: None, .. }) = self.tables.must(&at)? {
                self.dequeue(&pending.request, number, None)?;
                let position = Some(self.enqueue(&pending.request, number)?);
                let constructs = matches!(pending.request.kind, CallKind::Construct { .. });
                self.put_pending(number, Pending { position, ..pending })?;
                if constructs {
                    self.construction_enqueued(name)?;
                }
                self.look_for_a_cycle(&Reference { name: name.clone(), number }, now)?;
            }
        }
        Ok(())
    }

    /// After a delayed invocation was enqueued, it and its waiters are queued behind others. If
    /// that closes a cycle, one of the waiters is woken, and gets the fault.
    fn look_for_a_cycle(&mut self, enqueued: &Reference, now: Timestamp) -> TxResult<()> {
        for waiter in self.waiters(enqueued)? {
            let pending = invocations::pending(&self.tables, &waiter)?;
            if let Some(wait) = pending.as_ref().and_then(wait_of)
                && deadlock::cycle(&self.tables, &waiter, &wait.targets, now)?.is_some()
            {
                self.woken.push(waiter.name.clone());
                return self.wake(&waiter.name);
            }
        }
        Ok(())
    }

    /// Enqueues the due invocations of names, and updates their entries in the ready index. Returns
    /// those that are ready, with the names that this woke.
    pub fn tidy(&mut self, mut names: Vec<Name>, now: Timestamp) -> TxResult<Vec<Name>> {
        for name in &names {
            self.enqueue_due(name, QueueKind::Actor, now)?;
            self.enqueue_due(name, QueueKind::Task, now)?;
        }
        names.append(&mut self.woken);
        let mut ready = Vec::new();
        for name in names {
            if runnable::can_run(&self.tables, &name, now)? {
                self.wake(&name)?;
                ready.push(name);
            } else if self.tables.has(&RecordKey::ready(&name))? {
                self.changed();
                self.tables.delete(&RecordKey::ready(&name))?;
            }
        }
        Ok(ready)
    }
}
