//! Sending events.

use crate::model::{Error, Name, ResolvedTarget, Result};
use crate::store::NewEvent;
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::invocations;
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::record::{EventRecord, KeyUse};

use super::Writer;

impl Writer<'_> {
    pub fn emit(&mut self, new: NewEvent, limit: u64) -> TxResult<Result<u64>> {
        let NewEvent { name, event, payload, key, at } = new;
        if let Some(key) = &key {
            match self.tables.get(&RecordKey::used(&name, &key.text))? {
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
        if self.head(&name)?.actor.is_none() && self.head(&name)?.construction.is_none() {
            return Ok(Err(Error::NoActor { id: name.to_string(), similar: None }));
        }
        if self.head(&name)?.events >= limit {
            return Ok(Err(Error::EventsFull { id: name.to_string(), allowed: limit }));
        }
        let head = self.head_mut(&name)?;
        head.counters.events += 1;
        head.events += 1;
        let number = head.counters.events;
        if let Some(key) = key {
            let used = KeyUse { number, at, event: Some(key.fingerprint) };
            self.tables.put(&RecordKey::used(&name, &key.text), &used)?;
        }
        self.tables.put(&RecordKey::event(&name, &event, number), &EventRecord { at, payload })?;
        if self.awaits_event(&name, &event)? {
            self.wake(&name)?;
        }
        Ok(Ok(number))
    }

    /// Whether the first of an actor's inbox waits for an event of this name.
    fn awaits_event(&self, name: &Name, event: &str) -> TxResult<bool> {
        let Some((_, number)) = invocations::first(&self.tables, name)? else { return Ok(false) };
        let open = invocations::open(&self.tables, name, number)?;
        let waiting = open.and_then(|open| open.begun).and_then(|begun| begun.wait);
        let is = |on: &ResolvedTarget| matches!(on, ResolvedTarget::Event { name, .. } if name == event);
        Ok(waiting.is_some_and(|waiting| waiting.targets.iter().any(is)))
    }
}
