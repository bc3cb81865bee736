//! Entries of waits in the indexes: waiters, timers, times of requests.

use crate::model::{Name, PendingWait, Reference};
use crate::store::redb::errors::{TxResult, damaged};
use crate::store::redb::read::wait_targets::{TargetInvocation, first_timer, target_invocation};
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::records::Pending;

use super::writer::Writer;

impl Writer<'_> {
    pub(super) fn begin_wait(&mut self, waiter: &Reference, pending: &mut Pending, wait: PendingWait) -> TxResult<()> {
        for target in &wait.targets {
            if let Some(TargetInvocation::Accepted(awaited)) = target_invocation(&self.tables, waiter, target)? {
                self.tables.put(&RecordKey::waiter(&awaited, waiter), &())?;
            }
        }
        self.put_timer(&waiter.name, waiter.number, &wait)?;
        if let Some(point) = &mut pending.resume_point {
            point.wait = Some(wait);
        }
        self.sleep(&waiter.name)
    }

    /// Removes the wait of an invocation, if it has one.
    pub(super) fn end_wait(&mut self, waiter: &Reference, pending: &mut Pending) -> TxResult<()> {
        let Some(wait) = pending.resume_point.as_mut().and_then(|point| point.wait.take()) else { return Ok(()) };
        for target in &wait.targets {
            if let Some(TargetInvocation::Accepted(awaited)) = target_invocation(&self.tables, waiter, target)? {
                self.tables.delete(&RecordKey::waiter(&awaited, waiter))?;
            }
        }
        self.delete_timer(&waiter.name, waiter.number, &wait)
    }

    pub(super) fn put_timer(&mut self, name: &Name, number: u64, wait: &PendingWait) -> TxResult<()> {
        let Some(time) = first_timer(&wait.targets) else { return Ok(()) };
        self.tables.put(&RecordKey::due(time, name, number), &())?;
        self.tables.put(&RecordKey::requested(wait.since, name, number), &()).map(drop)
    }

    pub(super) fn delete_timer(&mut self, name: &Name, number: u64, wait: &PendingWait) -> TxResult<()> {
        let Some(time) = first_timer(&wait.targets) else { return Ok(()) };
        self.tables.delete(&RecordKey::due(time, name, number))?;
        self.tables.delete(&RecordKey::requested(wait.since, name, number))
    }

    /// The invocations that wait for one.
    pub(super) fn waiters(&self, awaited: &Reference) -> TxResult<Vec<Reference>> {
        let read = |key: TxResult<RecordKey>| {
            let key = key?;
            key.waiting().map_or_else(|| damaged(format!("a waiter of {awaited} is not readable")), Ok)
        };
        self.tables.keys(RecordKey::waiters(awaited))?.map(read).collect()
    }

    /// Removes the records that only a pending invocation has, and wakes its waiters.
    pub(super) fn end_run(&mut self, reference: &Reference, pending: &mut Pending) -> TxResult<()> {
        self.end_wait(reference, pending)?;
        if pending.resume_point.as_ref().is_some_and(|point| point.saves > 0) {
            self.tables.delete(&RecordKey::initial_state(&reference.name, reference.number))?;
        }
        for waiter in self.waiters(reference)? {
            self.wake(&waiter.name)?;
        }
        Ok(())
    }
}
