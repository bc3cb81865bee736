//! Accepting invocations.

use crate::model::{CallKind, CallRequest, Error, Name, Reference, Result};
use crate::store::Accepted;
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::invocations;
use crate::store::redb::schema::key::{QueueKind, RecordKey};
use crate::store::redb::schema::record::{InvocationRecord, KeyUse, Pending};

use super::Writer;

impl Writer<'_> {
    pub fn accept(&mut self, request: CallRequest, limit: u64) -> TxResult<Result<Accepted>> {
        if let Some(key) = &request.key {
            match invocations::keyed(&self.tables, &request.name, &key.text)? {
                Ok(Some(known)) => return Ok(Ok(Accepted::Duplicate(Box::new(known)))),
                Ok(None) => {}
                Err(taken) => return Ok(Err(taken)),
            }
        }
        if let Some(refused) = self.resumed_before(&request)? {
            return Ok(Err(refused));
        }
        let name = request.name.clone();
        let head = self.head(&name)?;
        if head.queued + head.delayed >= limit {
            return Ok(Err(Error::InboxFull { id: name.to_string(), allowed: limit }));
        }
        self.enter_due(&name, QueueKind::from(&request.kind), request.accepted)?;
        if let Some(refused) = self.made_already(&request)? {
            return Ok(Err(refused));
        }
        let number = self.give_number(&request)?;
        if request.caller.is_some() {
            self.tell(&request, number)?;
        }
        let turn = match request.due {
            Some(due) if due > request.accepted => {
                self.delay(&request, due, number)?;
                None
            }
            _ => Some(self.enter(&request, number)?),
        };
        self.put_open(number, Pending { request, turn, attempts: 0, begun: None })?;
        Ok(Ok(Accepted::New(number)))
    }

    pub fn put_open(&mut self, number: u64, open: Pending) -> TxResult<()> {
        self.changed();
        let key = RecordKey::invocation(&open.request.name, number);
        self.tables.put(&key, &InvocationRecord::Pending(open)).map(drop)
    }

    /// Why it may not take up another one again, if it wants to.
    pub fn resumed_before(&self, request: &CallRequest) -> TxResult<Option<Error>> {
        let Some(old) = request.resumes else { return Ok(None) };
        let by: Option<u64> = self.tables.get(&RecordKey::resumed(&request.name, old))?;
        let reference = |number| Reference { name: request.name.clone(), number };
        Ok(by.map(|by| Error::AlreadyResumed { reference: reference(old), by: reference(by) }))
    }

    /// The reference of a new invocation; its key belongs to it from now on, and it has taken up what it resumes.
    pub fn give_number(&mut self, request: &CallRequest) -> TxResult<u64> {
        let head = self.head_mut(&request.name)?;
        head.counters.references += 1;
        let number = head.counters.references;
        if matches!(request.kind, CallKind::Construct { .. }) && head.actor.is_none() {
            // one that is not due yet comes after one that is accepted for now
            let is_delayed = request.due.is_some_and(|due| due > request.accepted);
            head.construction = head.construction.filter(|_| is_delayed).or(Some(number));
        }
        if let Some(key) = &request.key {
            let used = KeyUse { number, at: request.accepted, event: None };
            self.tables.put(&RecordKey::used(&request.name, &key.text), &used)?;
        }
        if let Some(old) = request.resumes {
            self.tables.put(&RecordKey::resumed(&request.name, old), &number)?;
        }
        Ok(number)
    }

    /// A construction has ended: if it was the one that was to make the actor, the next one is.
    pub fn construction_ended(&mut self, request: &CallRequest, number: u64) -> TxResult<()> {
        if !matches!(request.kind, CallKind::Construct { .. }) || self.head(&request.name)?.construction != Some(number)
        {
            return Ok(());
        }
        let mut next = None;
        for pending in invocations::open_numbers(&self.tables, &request.name)? {
            if let Some(open) = invocations::open(&self.tables, &request.name, pending)?
                && pending != number
                && matches!(open.request.kind, CallKind::Construct { .. })
            {
                // by place in the inbox, then by due time
                let place = (open.turn.is_none(), open.turn, open.request.due, pending);
                next = next.into_iter().chain([place]).min();
            }
        }
        self.head_mut(&request.name)?.construction = next.map(|(.., number)| number);
        Ok(())
    }

    /// A construction that was delayed stands in the inbox: it makes the actor, unless another one stands there.
    pub fn construction_entered(&mut self, name: &Name) -> TxResult<()> {
        if self.head(name)?.actor.is_none()
            && let Some(first) = self.queued_construction(name)?
            && self.head(name)?.construction != Some(first)
        {
            self.head_mut(name)?.construction = Some(first);
        }
        Ok(())
    }

    /// Why a construction could not make its actor.
    fn made_already(&mut self, request: &CallRequest) -> TxResult<Option<Error>> {
        if !matches!(request.kind, CallKind::Construct { .. }) {
            return Ok(None);
        }
        let (name, id) = (&request.name, request.name.to_string());
        if self.head(name)?.actor.is_some() {
            return Ok(Some(Error::ActorExists { id }));
        }
        let first = self.queued_construction(name)?;
        Ok(first.map(|number| Error::BeingMade { id, reference: Reference { name: name.clone(), number } }))
    }

    /// The first construction in the inbox of a name that has no actor.
    pub fn queued_construction(&mut self, name: &Name) -> TxResult<Option<u64>> {
        let Some(first) = self.head(name)?.construction else { return Ok(None) };
        let is_queued = |number| -> TxResult<bool> {
            let open = invocations::open(&self.tables, name, number)?;
            Ok(open.is_some_and(|open| matches!(open.request.kind, CallKind::Construct { .. }) && open.turn.is_some()))
        };
        if is_queued(first)? {
            return Ok(Some(first));
        }
        // the first one is delayed, and another may be in the inbox
        for entry in self.tables.records::<u64>(RecordKey::inbox_lane(name, QueueKind::Actor))? {
            let (_, number) = entry?;
            if is_queued(number)? {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// Keeps whose the opaque id of an invocation is, which somebody is told.
    pub fn tell(&mut self, request: &CallRequest, number: u64) -> TxResult<()> {
        let id = request.seed.opaque_id();
        self.tables.put(&RecordKey::opaque(&id), &Reference { name: request.name.clone(), number })?;
        self.tables.put(&RecordKey::told(&request.name, number), &id).map(drop)
    }

    /// Forgets the opaque ids of a name's invocations, but of those that stay.
    pub fn forget_ids(&mut self, name: &Name, stays: impl Fn(u64) -> bool) -> TxResult<()> {
        let told = self.tables.records::<String>(RecordKey::told_of(name))?.collect::<TxResult<Vec<_>>>()?;
        for (key, id) in told {
            if !stays(invocations::number_of(&key)?) {
                self.tables.delete(&key)?;
                self.tables.delete(&RecordKey::opaque(&id))?;
            }
        }
        Ok(())
    }
}
