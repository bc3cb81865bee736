//! Sending of events.

use crate::model::{Error, Name, Reference, ResolvedTarget, Result};
use crate::store::NewEvent;
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::waits::wait_of;
use crate::store::redb::read::{inbox, invocations};
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::records::{EventRecord, KeyUse};

use super::writer::Writer;

impl Writer<'_> {
    pub fn emit(&mut self, new: NewEvent, limit: u64) -> TxResult<Result<u64>> {
        let NewEvent { name, event, payload, key, at } = new;
        if let Some(key) = &key {
            match self.tables.get(&RecordKey::key_use(&name, &key.text))? {
                Some(KeyUse { number, event: Some(fingerprint), .. }) if fingerprint == key.fingerprint => {
                    return Ok(Ok(number));
                }
                Some(KeyUse { number, event: Some(_), .. }) => {
                    let (key, id) = (key.text.clone(), name.to_string());
                    return Ok(Err(Error::KeyTakenByEvent { key, id, number }));
                }
                Some(KeyUse { number, event: None, .. }) => {
                    let reference = invocations::must(&self.tables, &name, number)?.reference();
                    return Ok(Err(Error::KeyTaken { key: key.text.clone(), reference }));
                }
                None => {}
            }
        }
        let record = self.name_record(&name)?;
        if record.actor.is_none() && record.construction.is_none() {
            return Ok(Err(Error::NoActor { id: name.to_string(), similar: None }));
        }
        if record.events >= limit {
            return Ok(Err(Error::EventsFull { id: name.to_string(), allowed: limit }));
        }
        let record = self.name_record_mut(&name)?;
        record.counters.events += 1;
        record.events += 1;
        let number = record.counters.events;
        if let Some(key) = key {
            let used = KeyUse { number, at, event: Some(key.fingerprint) };
            self.tables.put(&RecordKey::key_use(&name, &key.text), &used)?;
        }
        self.tables.put(&RecordKey::event(&name, &event, number), &EventRecord { at, payload })?;
        if self.awaits_event(&name, &event)? {
            self.wake(&name)?;
        }
        Ok(Ok(number))
    }

    /// Whether the first invocation of an actor waits for an event with this name.
    fn awaits_event(&self, name: &Name, event: &str) -> TxResult<bool> {
        let Some((_, number)) = inbox::first(&self.tables, name)? else { return Ok(false) };
        let first = invocations::pending(&self.tables, &Reference { name: name.clone(), number })?;
        let is_it = |target: &ResolvedTarget| matches!(target, ResolvedTarget::Event { name, .. } if name == event);
        Ok(first.as_ref().and_then(wait_of).is_some_and(|wait| wait.targets.iter().any(is_it)))
    }
}
