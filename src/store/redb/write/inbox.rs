//! Positions of pending invocations: enqueuing, delaying, dequeuing.

use std::time::Duration;

use crate::model::{CallKind, CallRequest, Timestamp};
use crate::store::redb::errors::{TxResult, damaged, internal};
use crate::store::redb::read::inbox;
use crate::store::redb::schema::key::{QueueKind, RecordKey};
use crate::store::redb::schema::records::{InvocationRecord, Pending};

use super::writer::Writer;

impl Writer<'_> {
    pub(super) fn put_pending(&mut self, number: u64, pending: Pending) -> TxResult<()> {
        self.changed();
        let key = RecordKey::invocation(&pending.request.name, number);
        self.tables.put(&key, &InvocationRecord::Pending(pending)).map(drop)
    }

    /// Enqueues an invocation at the end of the inbox, and returns its position.
    pub(super) fn enqueue(&mut self, request: &CallRequest, number: u64) -> TxResult<u64> {
        let name = &request.name;
        let record = self.name_record_mut(name)?;
        record.counters.positions += 1;
        record.queued += 1;
        let (position, alone) = (record.counters.positions, record.queued == 1);
        self.count_pending(&request.kind, 1);
        self.tables.put(&RecordKey::inbox(name, QueueKind::from(&request.kind), position), &number)?;
        if alone {
            self.tables.put(&RecordKey::ready(name), &())?;
        } else if matches!(request.kind, CallKind::Task { .. }) {
            self.wake(name)?;
        }
        Ok(position)
    }

    /// Enqueues an invocation of an actor that has a resume point before all others, and returns
    /// its position.
    pub(super) fn enqueue_first(&mut self, request: &CallRequest, number: u64) -> TxResult<u64> {
        let Some((first, _)) = inbox::first(&self.tables, &request.name)? else {
            return self.enqueue(request, number);
        };
        // no other one begins before this one has ended, so the position before the first is free
        let Some(position) = first.checked_sub(1) else {
            return damaged(format!("the inbox of {} has no position before its first", request.name));
        };
        self.name_record_mut(&request.name)?.queued += 1;
        self.count_pending(&request.kind, 1);
        self.tables.put(&RecordKey::inbox(&request.name, QueueKind::Actor, position), &number)?;
        Ok(position)
    }

    pub(super) fn delay(&mut self, request: &CallRequest, due: Timestamp, number: u64) -> TxResult<()> {
        self.name_record_mut(&request.name)?.delayed += 1;
        self.count_pending(&request.kind, 1);
        self.tables.put(&RecordKey::delayed(&request.name, QueueKind::from(&request.kind), due, number), &())?;
        self.tables.put(&RecordKey::due(due, &request.name, number), &())?;
        match requested_at(request, due) {
            Some(at) => self.tables.put(&RecordKey::requested(at, &request.name, number), &()).map(drop),
            None => Ok(()),
        }
    }

    /// Takes an invocation from its position, or from the delayed ones.
    pub(super) fn dequeue(&mut self, request: &CallRequest, number: u64, position: Option<u64>) -> TxResult<()> {
        let (name, queue) = (&request.name, QueueKind::from(&request.kind));
        let touched = self.touch(name)?;
        touched.changed = true;
        touched.dequeued |= position.is_some();
        let count = if position.is_some() { &mut touched.record.queued } else { &mut touched.record.delayed };
        let Some(fewer) = count.checked_sub(1) else {
            return damaged(format!("the inbox of {name} contains more than its record says"));
        };
        *count = fewer;
        self.count_pending(&request.kind, -1);
        match (position, request.due) {
            (Some(position), _) => self.tables.delete(&RecordKey::inbox(name, queue, position)),
            (None, Some(due)) => {
                self.tables.delete(&RecordKey::delayed(name, queue, due, number))?;
                self.tables.delete(&RecordKey::due(due, name, number))?;
                let requested = requested_at(request, due);
                requested.map_or(Ok(()), |at| self.tables.delete(&RecordKey::requested(at, name, number)))
            }
            // records without both are refused when they are read
            (None, None) => internal(format!("the invocation {name}#{number} is neither queued nor delayed")),
        }
    }
}

/// The time when the delay of an invocation was requested; None if its caller named a time.
fn requested_at(request: &CallRequest, due: Timestamp) -> Option<Timestamp> {
    Some(due.before(Duration::from_millis(request.delay_ms?)))
}
