//! Opaque ids, used keys and resumptions of invocations.

use crate::model::{CallRequest, Name, Reference};
use crate::store::redb::errors::TxResult;
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::records::KeyUse;

use super::writer::Writer;

impl Writer<'_> {
    /// Stores the opaque id of an invocation that a guest has seen.
    pub(super) fn put_opaque_id(&mut self, request: &CallRequest, number: u64) -> TxResult<()> {
        let id = request.seed.opaque_id();
        self.tables.put(&RecordKey::opaque_id(&id), &Reference { name: request.name.clone(), number })?;
        self.tables.put(&RecordKey::opaque_id_of(&request.name, number), &id).map(drop)
    }

    /// Removes the opaque ids of a name's invocations, except of those that stay.
    pub(super) fn delete_opaque_ids(&mut self, name: &Name, stays: impl Fn(u64) -> bool) -> TxResult<()> {
        let ids = self.tables.records::<String>(RecordKey::opaque_ids_of(name))?.collect::<TxResult<Vec<_>>>()?;
        for (key, id) in ids {
            if !stays(key.required_number()?) {
                self.tables.delete(&key)?;
                self.tables.delete(&RecordKey::opaque_id(&id))?;
            }
        }
        Ok(())
    }

    /// Removes used keys and resumptions, except those of the invocations that stay, and of events
    /// if they stay.
    pub(super) fn delete_links(&mut self, name: &Name, stays: impl Fn(u64) -> bool, events_stay: bool) -> TxResult<()> {
        let mut gone = Vec::new();
        for entry in self.tables.records::<KeyUse>(RecordKey::key_uses(name))? {
            let (key, used) = entry?;
            let use_stays = if used.event.is_some() { events_stay } else { stays(used.number) };
            if !use_stays {
                gone.push(key);
            }
        }
        for entry in self.tables.records::<u64>(RecordKey::resumptions(name))? {
            let (key, by) = entry?;
            if !stays(key.required_number()?) || !stays(by) {
                gone.push(key);
            }
        }
        for key in gone {
            self.tables.delete(&key)?;
        }
        Ok(())
    }
}
