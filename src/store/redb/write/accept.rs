//! Accepting invocations.

use crate::model::{Error, Log, Name, NewInvocation, Outcome, Reference, Result, Timestamp};
use crate::store::Accepted;
use crate::store::redb::boundary::Try;
use crate::store::redb::invocations;
use crate::store::redb::key::Key;
use crate::store::redb::record::{InvocationRecord, Use};

use super::Writer;

impl Writer<'_> {
    pub(in crate::store::redb) fn accept(&mut self, new: NewInvocation, limit: u64) -> Try<Result<Accepted>> {
        if let Some(key) = &new.key
            && let Some(known) = invocations::keyed(&self.tables, &new.name, &key.text)?
        {
            return Ok(Ok(Accepted::Known(Box::new(known))));
        }
        if let Some(refused) = self.resumed_before(&new)? {
            return Ok(Err(refused));
        }
        let name = new.name.clone();
        let head = self.head(&name)?;
        if head.queued + head.delayed >= limit {
            return Ok(Err(Error::InboxFull { id: name.to_string(), allowed: limit }));
        }
        self.enter_due(&name, new.accepted)?;
        let number = self.give_number(&new)?;
        let turn = match new.due {
            Some(due) if due > new.accepted => {
                self.delay(&name, due, number)?;
                None
            }
            _ => Some(self.enter(&name, number)?),
        };
        self.tables.put(&Key::invocation(&name, number), &InvocationRecord::Open { new, turn })?;
        Ok(Ok(Accepted::New(number)))
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
            let used = Use { number, at: new.accepted };
            self.tables.put(&Key::used(&new.name, &key.text), &used)?;
        }
        if let Some(old) = new.resumes {
            self.tables.put(&Key::resumed(&new.name, old), &number)?;
        }
        Ok(number)
    }

    /// What is due stands in the inbox before anything that is accepted later, whoever looks and when.
    fn enter_due(&mut self, name: &Name, now: Timestamp) -> Try<()> {
        if self.head(name)?.delayed == 0 {
            return Ok(());
        }
        let due: Vec<Key> = self.tables.keys(Key::delayed_until(name, now))?.collect::<Try<_>>()?;
        for key in due {
            let number = invocations::number_of(&key)?;
            let at = Key::invocation(name, number);
            if let InvocationRecord::Open { new, turn: None } = self.tables.must(&at)? {
                self.leave(&new, number, None)?;
                let turn = Some(self.enter(name, number)?);
                self.tables.put(&at, &InvocationRecord::Open { new, turn })?;
            }
        }
        Ok(())
    }

    pub(in crate::store::redb) fn settle(&mut self, reference: &Reference, at: Timestamp, outcome: Outcome) -> Try<()> {
        let Reference { name, number } = reference;
        let key = Key::invocation(name, *number);
        match self.tables.get(&key)? {
            Some(InvocationRecord::Open { new, turn }) => {
                self.leave(&new, *number, turn)?;
                let log = Log::default();
                self.tables.put(&key, &InvocationRecord::Bare { new, at, outcome, log })?;
                Ok(())
            }
            Some(_) => Err(Error::AlreadyEnded { reference: reference.clone() }.into()),
            None => Err(match invocations::invocation(&self.tables, name, *number)? {
                Some(_) => Error::AlreadyEnded { reference: reference.clone() },
                None => Error::NoInvocation { reference: reference.clone() },
            }
            .into()),
        }
    }
}
