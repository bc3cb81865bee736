//! Runnable invocations.
//!
//! A name is in the ready index if it has a queued task, or if the first invocation of its actor
//! does not wait, or waits and has a result. Due times, of delayed invocations and of timers, are
//! in the index of due times instead. The ready index may hold false positives; `Writer::tidy`
//! removes them.

use std::collections::BTreeSet;

use crate::model::{Invocation, Name, Reference, Timestamp};
use crate::store::RunnableCursor;
use crate::store::redb::errors::TxResult;
use crate::store::redb::schema::key::{QueueKind, RecordKey};
use crate::store::redb::schema::tables::{TableSource, Tables};

use super::inbox::{first, invocation_at, positions};
use super::waits;

/// The runnable invocation of an actor.
pub fn next_in_inbox(tables: &Tables<impl TableSource>, name: &Name, now: Timestamp) -> TxResult<Option<Invocation>> {
    let Some((position, number)) = first(tables, name)? else {
        let due = tables.first(RecordKey::delayed_until(name, QueueKind::Actor, now))?;
        return due.map(|key| invocation_at(tables, name, key.required_number()?, &key)).transpose();
    };
    let first = invocation_at(tables, name, number, &RecordKey::inbox(name, QueueKind::Actor, position))?;
    match first.pending_wait() {
        Some(wait) if waits::wait_result(tables, &first.reference(), &wait.targets, now)?.is_none() => Ok(None),
        _ => Ok(Some(first)),
    }
}

/// Runnable invocations of a task, in order.
pub fn runnable_tasks(
    tables: &Tables<impl TableSource>,
    name: &Name,
    after: Option<u64>,
    now: Timestamp,
    limit: usize,
) -> TxResult<Vec<Invocation>> {
    let inbox = RecordKey::inbox_queue(name, QueueKind::Task);
    let due = RecordKey::delayed_until(name, QueueKind::Task, now);
    let positions = positions(tables, name, (inbox, due), after, limit)?;
    positions.into_iter().map(|(key, number)| invocation_at(tables, name, number, &key)).collect()
}

/// Whether a name has a runnable invocation.
pub fn can_run(tables: &Tables<impl TableSource>, name: &Name, now: Timestamp) -> TxResult<bool> {
    Ok(tables.first(RecordKey::inbox_queue(name, QueueKind::Task))?.is_some()
        || tables.first(RecordKey::delayed_until(name, QueueKind::Task, now))?.is_some()
        || next_in_inbox(tables, name, now)?.is_some())
}

/// Whether a delayed invocation of a name is due and is not enqueued yet.
fn has_come_due(tables: &Tables<impl TableSource>, name: &Name, now: Timestamp) -> TxResult<bool> {
    Ok(tables.first(RecordKey::delayed_until(name, QueueKind::Actor, now))?.is_some()
        || tables.first(RecordKey::delayed_until(name, QueueKind::Task, now))?.is_some())
}

/// A page of the names in the indexes.
pub struct Candidates {
    /// Names with a runnable invocation.
    pub ready: Vec<Name>,
    /// Names whose index entries are outdated: a false positive, or a due invocation that is not
    /// enqueued.
    pub outdated: Vec<Name>,
    pub next: Option<RunnableCursor>,
}

pub fn candidates(
    tables: &Tables<impl TableSource>,
    after: Option<&RunnableCursor>,
    now: Timestamp,
    limit: usize,
) -> TxResult<Candidates> {
    let mut names = BTreeSet::new();
    let (mut read, mut next) = (0, None);
    if !matches!(after, Some(RunnableCursor::Due(..))) {
        for key in tables.keys(RecordKey::ready_after(after))?.take(limit) {
            let name = key?.required_name()?;
            names.insert(name.clone());
            (read, next) = (read + 1, Some(RunnableCursor::Ready(name)));
        }
    }
    for key in tables.keys(RecordKey::due_between(after, now))?.take(limit - read) {
        let key = key?;
        let (name, number) = (key.required_name()?, key.required_number()?);
        names.insert(name.clone());
        (read, next) = (read + 1, Some(RunnableCursor::Due(key.due_time().unwrap_or(now), Reference { name, number })));
    }
    let mut found = Candidates { ready: Vec::new(), outdated: Vec::new(), next: next.filter(|_| read == limit) };
    for name in names {
        let ready = can_run(tables, &name, now)?;
        if !ready || has_come_due(tables, &name, now)? {
            found.outdated.push(name.clone());
        }
        if ready {
            found.ready.push(name);
        }
    }
    Ok(found)
}

/// The first due time after `now`.
pub fn next_due(tables: &Tables<impl TableSource>, now: Timestamp) -> TxResult<Option<Timestamp>> {
    Ok(tables.first(RecordKey::due_after(now))?.and_then(|key| key.due_time()))
}
