//! Accepting invocations.

use crate::model::{Error, Name, NewInvocation, Reference, Result};
use crate::store::Accepted;
use crate::store::redb::boundary::Try;
use crate::store::redb::invocations;
use crate::store::redb::key::{Key, Lane};
use crate::store::redb::record::{InvocationRecord, Open, Use};

use super::Writer;

impl Writer<'_> {
    pub(in crate::store::redb) fn accept(&mut self, new: NewInvocation, limit: u64) -> Try<Result<Accepted>> {
        if let Some(key) = &new.key {
            match invocations::keyed(&self.tables, &new.name, &key.text)? {
                Ok(Some(known)) => return Ok(Ok(Accepted::Known(Box::new(known)))),
                Ok(None) => {}
                Err(taken) => return Ok(Err(taken)),
            }
        }
        if let Some(refused) = self.resumed_before(&new)? {
            return Ok(Err(refused));
        }
        let name = new.name.clone();
        let head = self.head(&name)?;
        if head.queued + head.delayed >= limit {
            return Ok(Err(Error::InboxFull { id: name.to_string(), allowed: limit }));
        }
        self.enter_due(&name, Lane::from(&new.call), new.accepted)?;
        let number = self.give_number(&new)?;
        if new.caller.is_some() {
            self.tell(&new, number)?;
        }
        let turn = match new.due {
            Some(due) if due > new.accepted => {
                self.delay(&new, due, number)?;
                None
            }
            _ => Some(self.enter(&new, number)?),
        };
        self.put_open(number, Open { new, turn, attempts: 0, begun: None })?;
        Ok(Ok(Accepted::New(number)))
    }

    pub(super) fn put_open(&mut self, number: u64, open: Open) -> Try<()> {
        self.changed();
        let key = Key::invocation(&open.new.name, number);
        self.tables.put(&key, &InvocationRecord::Open(open)).map(drop)
    }

    /// Why it may not take up another one again, if it wants to.
    pub(super) fn resumed_before(&self, new: &NewInvocation) -> Try<Option<Error>> {
        let Some(old) = new.resumes else { return Ok(None) };
        let by: Option<u64> = self.tables.get(&Key::resumed(&new.name, old))?;
        let reference = |number| Reference { name: new.name.clone(), number };
        Ok(by.map(|by| Error::AlreadyResumed { reference: reference(old), by: reference(by) }))
    }

    /// The reference of a new invocation; its key belongs to it from now on, and it has taken up what it resumes.
    pub(super) fn give_number(&mut self, new: &NewInvocation) -> Try<u64> {
        let head = self.head_mut(&new.name)?;
        head.numbers.references += 1;
        let number = head.numbers.references;
        if let Some(key) = &new.key {
            let used = Use { number, at: new.accepted, event: None };
            self.tables.put(&Key::used(&new.name, &key.text), &used)?;
        }
        if let Some(old) = new.resumes {
            self.tables.put(&Key::resumed(&new.name, old), &number)?;
        }
        Ok(number)
    }

    /// Keeps whose the opaque id of an invocation is, which somebody is told.
    pub(super) fn tell(&mut self, new: &NewInvocation, number: u64) -> Try<()> {
        let id = new.seed.opaque_id();
        self.tables.put(&Key::opaque(&id), &Reference { name: new.name.clone(), number })?;
        self.tables.put(&Key::told(&new.name, number), &id).map(drop)
    }

    /// Forgets the opaque ids of a name's invocations, but of those that stay.
    pub(super) fn forget_ids(&mut self, name: &Name, stays: impl Fn(u64) -> bool) -> Try<()> {
        let told = self.tables.records::<String>(Key::told_of(name))?.collect::<Try<Vec<_>>>()?;
        for (key, id) in told {
            if !stays(invocations::number_of(&key)?) {
                self.tables.delete(&key)?;
                self.tables.delete(&Key::opaque(&id))?;
            }
        }
        Ok(())
    }
}
