//! Constructions: the pending one that is to create an actor.

use crate::model::{CallKind, CallRequest, Error, Name, Reference};
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::{inbox, invocations};
use crate::store::redb::schema::key::{QueueKind, RecordKey};

use super::writer::Writer;

impl Writer<'_> {
    /// Updates the record of a name after the acceptance of a construction.
    pub(super) fn construction_accepted(&mut self, request: &CallRequest, number: u64) -> TxResult<()> {
        let record = self.name_record_mut(&request.name)?;
        if is_construction(request) && record.actor.is_none() {
            // a delayed construction comes after those without a delay
            let is_delayed = request.due.is_some_and(|due| due > request.accepted);
            record.construction = record.construction.filter(|_| is_delayed).or(Some(number));
        }
        Ok(())
    }

    /// After the end of the construction that was to create an actor, the next one is to create it.
    pub(super) fn construction_ended(&mut self, request: &CallRequest, number: u64) -> TxResult<()> {
        if !is_construction(request) || self.name_record(&request.name)?.construction != Some(number) {
            return Ok(());
        }
        let mut next = None;
        for other in inbox::pending_numbers(&self.tables, &request.name)? {
            let reference = Reference { name: request.name.clone(), number: other };
            if let Some(pending) = invocations::pending(&self.tables, &reference)?
                && other != number
                && is_construction(&pending.request)
            {
                // by position in the inbox, then by due time
                let order = (pending.position.is_none(), pending.position, pending.request.due, other);
                next = next.into_iter().chain([order]).min();
            }
        }
        self.name_record_mut(&request.name)?.construction = next.map(|(.., number)| number);
        Ok(())
    }

    /// A construction that was delayed is enqueued: it is to create the actor, unless another one
    /// is queued before it.
    pub(super) fn construction_enqueued(&mut self, name: &Name) -> TxResult<()> {
        if self.name_record(name)?.actor.is_none()
            && let Some(first) = self.queued_construction(name)?
            && self.name_record(name)?.construction != Some(first)
        {
            self.name_record_mut(name)?.construction = Some(first);
        }
        Ok(())
    }

    /// The reason why a construction cannot create its actor.
    pub(super) fn construction_refused(&mut self, request: &CallRequest) -> TxResult<Option<Error>> {
        if !is_construction(request) {
            return Ok(None);
        }
        let (name, id) = (&request.name, request.name.to_string());
        if self.name_record(name)?.actor.is_some() {
            return Ok(Some(Error::ActorExists { id }));
        }
        let first = self.queued_construction(name)?;
        Ok(first.map(|number| Error::BeingMade { id, reference: Reference { name: name.clone(), number } }))
    }

    /// The first construction in the inbox of a name without an actor.
    pub(super) fn queued_construction(&mut self, name: &Name) -> TxResult<Option<u64>> {
        let Some(first) = self.name_record(name)?.construction else { return Ok(None) };
        let is_queued = |number| -> TxResult<bool> {
            let pending = invocations::pending(&self.tables, &Reference { name: name.clone(), number })?;
            Ok(pending.is_some_and(|pending| is_construction(&pending.request) && pending.position.is_some()))
        };
        if is_queued(first)? {
            return Ok(Some(first));
        }
        // the first one is delayed, and another may be in the inbox
        for entry in self.tables.records::<u64>(RecordKey::inbox_queue(name, QueueKind::Actor))? {
            let (_, number) = entry?;
            if is_queued(number)? {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }
}

fn is_construction(request: &CallRequest) -> bool {
    matches!(request.kind, CallKind::Construct { .. })
}
