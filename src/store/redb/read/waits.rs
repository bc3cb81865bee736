//! What waits are answered, and what stands in the records of invocations.

use crate::model::{
    Error, Event, Fault, HistoryEntry, HostFault, Json, Name, OperationResult, Outcome, Reference, ResolvedTarget,
    Status, Timestamp, WaitResult,
};
use crate::store::StoredResult;

use super::deadlock;
use super::invocations;
use crate::store::redb::errors::{TxResult, damaged};
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::record::EventRecord;
use crate::store::redb::schema::tables::{TableSource, Tables};

/// Bytes of entries of a record after which no more are read at once.
const LARGE: usize = 1 << 20;

/// What a wait for an invocation is for.
pub enum TargetInvocation {
    Invocation(Reference),
    /// A child that could not be accepted.
    Refused(Fault),
}

/// Entries of an invocation's record from an index on.
pub fn record(
    tables: &Tables<impl TableSource>,
    reference: &Reference,
    from: u64,
    limit: usize,
) -> TxResult<Vec<HistoryEntry>> {
    let mut found: Vec<HistoryEntry> = Vec::new();
    let mut bytes = 0;
    for entry in tables.records(RecordKey::recorded_from(&reference.name, reference.number, from))?.take(limit) {
        let (_, entry) = entry?;
        bytes += weight(&entry);
        found.push(entry);
        if bytes >= LARGE {
            break;
        }
    }
    Ok(found)
}

/// About how many bytes an entry holds.
fn weight(entry: &HistoryEntry) -> usize {
    let answer = match &entry.result {
        OperationResult::Waited(WaitResult { result: Ok(json), .. }) => json.as_str().len(),
        OperationResult::Waited(WaitResult { result: Err(fault), .. }) | OperationResult::Started(Err(fault)) => {
            fault.message.len() + fault.details.as_ref().map_or(0, |details| details.as_str().len())
        }
        _ => 0,
    };
    entry.fingerprint.summary.len() + answer
}

/// Which invocation is meant, if it is one.
pub fn target(
    tables: &Tables<impl TableSource>,
    waiter: &Reference,
    on: &ResolvedTarget,
) -> TxResult<Option<TargetInvocation>> {
    Ok(match on {
        ResolvedTarget::Timer(_) | ResolvedTarget::Event { .. } => None,
        ResolvedTarget::Itself => Some(TargetInvocation::Invocation(waiter.clone())),
        ResolvedTarget::Invocation(reference) => Some(TargetInvocation::Invocation(reference.clone())),
        ResolvedTarget::Child(index) => {
            let entry: HistoryEntry = tables.must(&RecordKey::recorded(&waiter.name, waiter.number, *index))?;
            match entry.result {
                OperationResult::Started(Ok(child)) => Some(TargetInvocation::Invocation(child)),
                OperationResult::Started(Err(fault)) => Some(TargetInvocation::Refused(fault)),
                _ => return damaged(format!("entry {index} of the record of {waiter} starts nothing")),
            }
        }
    })
}

/// The answer of a wait of an accepted invocation.
pub fn answer(
    tables: &Tables<impl TableSource>,
    reference: &Reference,
    on: &[ResolvedTarget],
    now: Timestamp,
) -> TxResult<Option<StoredResult>> {
    let Some(open) = invocations::open(tables, &reference.name, reference.number)? else {
        return Err(match invocations::invocation(tables, &reference.name, reference.number)? {
            Some(_) => Error::AlreadyEnded { reference: reference.clone() },
            None => Error::NoInvocation { reference: reference.clone() },
        }
        .into());
    };
    let clock = open.begun.map_or(now, |begun| begun.clock.max(now));
    if let Some(found) = found(tables, reference, on, now, clock)? {
        return Ok(Some(found));
    }
    // every other cycle was found when it closed
    if !deadlock::waits_for_a_delayed(tables, reference, on, now)? {
        return Ok(None);
    }
    Ok(deadlock::cycle(tables, reference, on, now)?.map(|cycle| deadlock(cycle, clock)))
}

/// The answer of a wait that closes a cycle.
pub fn deadlock(cycle: String, at: Timestamp) -> StoredResult {
    let fault = Fault::host(HostFault::Deadlock, format!("this would wait for ever: {cycle}"));
    StoredResult { result: WaitResult { index: 0, result: Err(fault), at }, event: None }
}

/// The earliest of what has come; of two at one time that of the lower index. The guest's clock answers `clock` then.
pub fn found(
    tables: &Tables<impl TableSource>,
    waiter: &Reference,
    on: &[ResolvedTarget],
    now: Timestamp,
    clock: Timestamp,
) -> TxResult<Option<StoredResult>> {
    let mut first: Option<(Timestamp, StoredResult)> = None;
    for (index, on) in (0..).zip(on) {
        let Some((at, answer, event)) = come(tables, waiter, on, now)? else { continue };
        if first.as_ref().is_none_or(|(before, _)| at < *before) {
            first = Some((at, StoredResult { result: WaitResult { index, result: answer, at: clock }, event }));
        }
    }
    Ok(first.map(|(_, found)| found))
}

type Arrival = (Timestamp, Result<Json, Fault>, Option<(String, u64)>);

/// What has come of one that is awaited, and when.
fn come(
    tables: &Tables<impl TableSource>,
    waiter: &Reference,
    on: &ResolvedTarget,
    now: Timestamp,
) -> TxResult<Option<Arrival>> {
    // before anything that could have happened since
    const AT_ONCE: Timestamp = Timestamp::from_millis(0);
    match on {
        // it has not ended, or it would not wait
        ResolvedTarget::Itself => return Ok(None),
        ResolvedTarget::Timer(time) if *time <= now => return Ok(Some((*time, Ok(Json::null()), None))),
        ResolvedTarget::Event { name, after } => {
            let event = first_event(tables, &waiter.name, name, *after)?;
            return Ok(event.map(|(number, event)| (event.at, Ok(event.payload), Some((name.clone(), number)))));
        }
        _ => {}
    }
    let awaited = match target(tables, waiter, on)? {
        None => return Ok(None),
        Some(TargetInvocation::Refused(fault)) => return Ok(Some((AT_ONCE, Err(fault), None))),
        Some(TargetInvocation::Invocation(reference)) => reference,
    };
    let Some(invocation) = invocations::invocation(tables, &awaited.name, awaited.number)? else {
        let fault = Fault::host(HostFault::NotFound, format!("there is no invocation {awaited}"));
        return Ok(Some((AT_ONCE, Err(fault), None)));
    };
    Ok(match invocation.status {
        Status::Pending => None,
        Status::Ended { times, outcome: Outcome::Succeeded(result), .. } => Some((times.committed, Ok(result), None)),
        Status::Ended { times, outcome: Outcome::Failed(fault), .. } => Some((times.committed, Err(fault), None)),
    })
}

/// The timer of a wait that comes first.
pub fn timer(on: &[ResolvedTarget]) -> Option<Timestamp> {
    let timers = on.iter().filter_map(|on| match on {
        ResolvedTarget::Timer(time) => Some(*time),
        _ => None,
    });
    timers.min()
}

fn first_event(
    tables: &Tables<impl TableSource>,
    name: &Name,
    event: &str,
    after: u64,
) -> TxResult<Option<(u64, EventRecord)>> {
    let first = tables.records(RecordKey::events_after(name, event, after))?.next().transpose()?;
    first.map(|(key, event)| Ok((invocations::number_of(&key)?, event))).transpose()
}

pub fn events(tables: &Tables<impl TableSource>, name: &Name, after: u64, limit: usize) -> TxResult<Vec<Event>> {
    let mut keys = Vec::new();
    for key in tables.keys(RecordKey::events(name))? {
        let key = key?;
        keys.push((invocations::number_of(&key)?, key));
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

pub fn beginning(tables: &Tables<impl TableSource>, reference: &Reference) -> TxResult<Option<Vec<u8>>> {
    let state: Option<serde_bytes::ByteBuf> = tables.get(&RecordKey::beginning(&reference.name, reference.number))?;
    Ok(state.map(serde_bytes::ByteBuf::into_vec))
}

/// The invocation of an opaque id.
pub fn reference_of(tables: &Tables<impl TableSource>, id: &str) -> TxResult<Option<Reference>> {
    tables.get(&RecordKey::opaque(id))
}
