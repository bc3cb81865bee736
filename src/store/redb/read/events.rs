//! Events that no method has taken yet.

use crate::model::{Event, Name};
use crate::store::redb::errors::{TxResult, damaged};
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::records::EventRecord;
use crate::store::redb::schema::tables::{TableSource, Tables};

pub fn events(tables: &Tables<impl TableSource>, name: &Name, after: u64, limit: usize) -> TxResult<Vec<Event>> {
    let mut keys = Vec::new();
    for key in tables.keys(RecordKey::events(name))? {
        let key = key?;
        keys.push((key.required_number()?, key));
    }
    keys.retain(|(number, _)| *number > after);
    keys.sort();
    keys.truncate(limit);
    let read = |(number, key): (u64, RecordKey)| {
        let EventRecord { at, payload } = tables.must(&key)?;
        let Some(name) = key.event_name() else { return damaged(format!("{} has no name", key.describe())) };
        Ok(Event { name: name.to_owned(), number, at, payload })
    };
    keys.into_iter().map(read).collect()
}

/// The first event with a name and a number over `after`.
pub fn first_event(
    tables: &Tables<impl TableSource>,
    name: &Name,
    event: &str,
    after: u64,
) -> TxResult<Option<(u64, EventRecord)>> {
    let first = tables.records(RecordKey::events_after(name, event, after))?.next().transpose()?;
    first.map(|(key, event)| Ok((key.required_number()?, event))).transpose()
}
