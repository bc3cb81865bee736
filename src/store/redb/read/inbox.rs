//! Positions of pending invocations: in inboxes, and among the delayed ones.

use crate::model::{Invocation, Name, Reference};
use crate::store::redb::errors::{TxResult, damaged};
use crate::store::redb::schema::key::{QueueKind, RecordKey};
use crate::store::redb::schema::key_range::KeyRange;
use crate::store::redb::schema::records::{InvocationRecord, Pending};
use crate::store::redb::schema::tables::{TableSource, Tables};

use super::invocations::{of_record, pending};

/// Position and number of the first invocation in an actor's inbox.
pub fn first(tables: &Tables<impl TableSource>, name: &Name) -> TxResult<Option<(u64, u64)>> {
    let first = tables.records::<u64>(RecordKey::inbox_queue(name, QueueKind::Actor))?.next().transpose()?;
    first.map(|(key, number)| Ok((key.required_number()?, number))).transpose()
}

/// The invocation of a key of the inbox or of the delayed ones. If it is elsewhere or has ended,
/// the store is damaged: the key would be found again and again.
pub fn invocation_at(
    tables: &Tables<impl TableSource>,
    name: &Name,
    number: u64,
    key: &RecordKey,
) -> TxResult<Invocation> {
    let key_of = |Pending { request, position, .. }: &Pending| match position {
        Some(position) => RecordKey::inbox(name, QueueKind::from(&request.kind), *position),
        None => {
            let due = request.due.unwrap_or(request.accepted);
            RecordKey::delayed(name, QueueKind::from(&request.kind), due, number)
        }
    };
    match pending(tables, &Reference { name: name.clone(), number })? {
        Some(pending) if key_of(&pending) == *key => {
            of_record(tables, name, number, InvocationRecord::Pending(pending))
        }
        Some(_) => damaged(format!("the invocation {name}#{number} has another position than its inbox says")),
        None => damaged(format!("the invocation {name}#{number} is in an inbox and is missing, or has ended")),
    }
}

/// Pending invocations of one name or of all, by name, in inbox order, the delayed ones last.
pub fn pending_invocations(
    tables: &Tables<impl TableSource>,
    name: Option<&Name>,
    after: Option<&Reference>,
    limit: usize,
) -> TxResult<Vec<Invocation>> {
    let mut found = Vec::new();
    // first the rest of the last invocation's name, then the later names
    let mut current = name.or(after.map(|after| &after.name)).cloned();
    if current.is_none() {
        current = next_name(tables, None)?;
    }
    while let Some(at) = current {
        let from = after.filter(|after| after.name == at).map(|after| after.number);
        let ranges = (RecordKey::inbox_of(&at), RecordKey::delayed_of(&at));
        for (key, number) in positions(tables, &at, ranges, from, limit - found.len())? {
            found.push(invocation_at(tables, &at, number, &key)?);
        }
        if name.is_some() || found.len() >= limit {
            break;
        }
        current = next_name(tables, Some(&at))?;
    }
    Ok(found)
}

/// The first name after another that has a pending invocation.
pub fn next_name(tables: &Tables<impl TableSource>, after: Option<&Name>) -> TxResult<Option<Name>> {
    let queued = tables.first(RecordKey::inboxes_after(after))?.map(|key| key.required_name()).transpose()?;
    let delayed = tables.first(RecordKey::delayed_after(after))?.map(|key| key.required_name()).transpose()?;
    Ok(match (queued, delayed) {
        (Some(queued), Some(delayed)) => Some(queued.min(delayed)),
        (queued, delayed) => queued.or(delayed),
    })
}

/// Numbers of a name's pending invocations, in inbox order, the delayed ones last.
pub fn pending_numbers(tables: &Tables<impl TableSource>, name: &Name) -> TxResult<Vec<u64>> {
    let ranges = (RecordKey::inbox_of(name), RecordKey::delayed_of(name));
    let positions = positions(tables, name, ranges, None, usize::MAX)?;
    Ok(positions.into_iter().map(|(_, number)| number).collect())
}

/// Keys in a range of a name's inbox and in one of its delayed invocations, behind that of the
/// invocation `after`, each with the number of its invocation.
pub fn positions(
    tables: &Tables<impl TableSource>,
    name: &Name,
    (mut inbox, mut delayed): (KeyRange, KeyRange),
    after: Option<u64>,
    limit: usize,
) -> TxResult<Vec<(RecordKey, u64)>> {
    // if `after` has ended meanwhile, invocations with higher numbers come after it
    let mut above = 0;
    if let Some(number) = after {
        match pending(tables, &Reference { name: name.clone(), number })? {
            Some(Pending { request, position: Some(position), .. }) => {
                inbox.0 = RecordKey::inbox(name, QueueKind::from(&request.kind), position + 1)
            }
            Some(Pending { request, position: None, .. }) => {
                inbox.0 = inbox.1.clone();
                let due = request.due.unwrap_or(request.accepted);
                delayed.0 = RecordKey::delayed(name, QueueKind::from(&request.kind), due, number + 1);
            }
            None => above = number,
        }
    }
    let queued = tables.records::<u64>(inbox)?;
    let delayed = tables.keys(delayed)?.map(|key| {
        let key = key?;
        let number = key.required_number()?;
        Ok((key, number))
    });
    let is_behind =
        |position: &TxResult<(RecordKey, u64)>| position.as_ref().map_or(true, |(_, number)| *number > above);
    queued.chain(delayed).filter(is_behind).take(limit).collect()
}
