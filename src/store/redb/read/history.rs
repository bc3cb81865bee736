//! Histories of invocations, and their initial states.

use serde_bytes::ByteBuf;

use crate::model::{HistoryEntry, OperationResult, Reference, WaitResult};
use crate::store::redb::errors::TxResult;
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::tables::{TableSource, Tables};

/// A page of a history ends with the entry that makes it this long, in bytes.
const PAGE_BYTES: usize = 1 << 20;

/// Entries of an invocation's history from an index on.
pub fn history(
    tables: &Tables<impl TableSource>,
    reference: &Reference,
    from: u64,
    limit: usize,
) -> TxResult<Vec<HistoryEntry>> {
    let mut found: Vec<HistoryEntry> = Vec::new();
    let mut bytes = 0;
    for entry in tables.records(RecordKey::history_from(&reference.name, reference.number, from))?.take(limit) {
        let (_, entry) = entry?;
        bytes += size_of_entry(&entry);
        found.push(entry);
        if bytes >= PAGE_BYTES {
            break;
        }
    }
    Ok(found)
}

/// The approximate size of an entry, in bytes.
fn size_of_entry(entry: &HistoryEntry) -> usize {
    let result = match &entry.result {
        OperationResult::Waited(WaitResult { result: Ok(json), .. }) => json.as_str().len(),
        OperationResult::Waited(WaitResult { result: Err(fault), .. }) | OperationResult::Started(Err(fault)) => {
            fault.message.len() + fault.details.as_ref().map_or(0, |details| details.as_str().len())
        }
        _ => 0,
    };
    entry.fingerprint.summary.len() + result
}

/// The invocations that one has started.
pub fn children(tables: &Tables<impl TableSource>, reference: &Reference) -> TxResult<Vec<Reference>> {
    let mut children = Vec::new();
    for entry in tables.records(RecordKey::history_from(&reference.name, reference.number, 0))? {
        let (_, HistoryEntry { result, .. }) = entry?;
        if let OperationResult::Started(Ok(child)) = result {
            children.push(child);
        }
    }
    Ok(children)
}

pub fn initial_state(tables: &Tables<impl TableSource>, reference: &Reference) -> TxResult<Option<Vec<u8>>> {
    let state: Option<ByteBuf> = tables.get(&RecordKey::initial_state(&reference.name, reference.number))?;
    Ok(state.map(ByteBuf::into_vec))
}
