//! Invocations, and whose turn it is.

use std::collections::BTreeSet;

use crate::model::{Attempt, Error, Invocation, Name, Outcome, Reference, Result, Status, Timestamp};
use crate::store::RunnableCursor;

use super::actors;
use super::waits;
use crate::store::redb::errors::{TxResult, damaged};
use crate::store::redb::schema::key::{QueueKind, RecordKey};
use crate::store::redb::schema::key_range::Span;
use crate::store::redb::schema::record::{AttemptRecord, InvocationRecord, KeyUse, Pending, StepRecord};
use crate::store::redb::schema::tables::{TableSource, Tables};
use crate::store::redb::schema::validate::MOST;

pub fn invocation(tables: &Tables<impl TableSource>, name: &Name, number: u64) -> TxResult<Option<Invocation>> {
    if let Some(record) = tables.get(&RecordKey::invocation(name, number))? {
        return read(tables, name, number, record).map(Some);
    }
    // one without a record has the step of its own number
    let step: Option<StepRecord> = tables.get(&RecordKey::step(name, number))?;
    match step {
        Some(record) if record.step.reference == number => linked(tables, record.invocation()).map(Some),
        _ => Ok(None),
    }
}

/// With who took it up again, if it failed.
fn linked(tables: &Tables<impl TableSource>, mut invocation: Invocation) -> TxResult<Invocation> {
    if matches!(invocation.status, Status::Ended { outcome: Outcome::Failed(_), .. }) {
        invocation.resumed_by = tables.get(&RecordKey::resumed(&invocation.request.name, invocation.number))?;
    }
    Ok(invocation)
}

/// An invocation that must be there.
pub fn must(tables: &Tables<impl TableSource>, name: &Name, number: u64) -> TxResult<Invocation> {
    match invocation(tables, name, number)? {
        Some(invocation) => Ok(invocation),
        None => damaged(format!("the invocation {name}#{number} is missing")),
    }
}

fn read(tables: &Tables<impl TableSource>, name: &Name, number: u64, record: InvocationRecord) -> TxResult<Invocation> {
    let invocation = match record {
        InvocationRecord::Pending(Pending { request, turn, attempts, begun }) => {
            let (status, queued) = (Status::Pending, turn.is_some());
            Invocation { number, status, request, resumed_by: None, queued, attempts, resume_point: begun }
        }
        InvocationRecord::WithoutStep { request, times, outcome, log, attempts } => {
            let status = Status::Ended { times, outcome, log, step: None };
            Invocation { number, status, request, resumed_by: None, queued: false, attempts, resume_point: None }
        }
        InvocationRecord::Step(step) => {
            let record = actors::step(tables, name, step)?;
            if record.step.reference != number {
                return damaged(format!("step {step} of {name} is of another invocation than {number}"));
            }
            record.invocation()
        }
    };
    linked(tables, invocation)
}

pub fn keyed(tables: &Tables<impl TableSource>, name: &Name, key: &str) -> TxResult<Result<Option<Invocation>>> {
    match tables.get(&RecordKey::used(name, key))? {
        Some(KeyUse { number, event: None, .. }) => Ok(Ok(Some(must(tables, name, number)?))),
        Some(KeyUse { number, event: Some(_), .. }) => {
            Ok(Err(Error::KeyTakenByEvent { key: key.to_owned(), id: name.to_string(), number }))
        }
        None => Ok(Ok(None)),
    }
}

/// The tries of a task's invocation so far, in order, from the number `from` on.
pub fn attempts(
    tables: &Tables<impl TableSource>,
    reference: &Reference,
    from: u32,
    limit: usize,
) -> TxResult<Vec<Attempt>> {
    let Reference { name, number } = reference;
    let Some(invocation) = invocation(tables, name, *number)? else {
        return Err(Error::NoInvocation { reference: reference.clone() }.into());
    };
    let (_, to) = RecordKey::attempts(name, *number);
    let failed = tables.records((RecordKey::attempt(name, *number, from), to))?.take(limit).map(|entry| {
        let (key, AttemptRecord { times, outcome, log }) = entry?;
        let number = u32::try_from(number_of(&key)?).unwrap_or(u32::MAX);
        Ok(Attempt { number, times, outcome, log })
    });
    let mut attempts = failed.collect::<TxResult<Vec<Attempt>>>()?;
    if let Status::Ended { times, outcome, log, .. } = invocation.status
        && times.began.is_some()
        && from <= invocation.attempts + 1
        && attempts.len() < limit
    {
        attempts.push(Attempt { number: invocation.attempts + 1, times, outcome, log });
    }
    Ok(attempts)
}

/// An invocation that has not ended.
pub fn open(tables: &Tables<impl TableSource>, name: &Name, number: u64) -> TxResult<Option<Pending>> {
    Ok(match tables.get(&RecordKey::invocation(name, number))? {
        Some(InvocationRecord::Pending(open)) => Some(open),
        _ => None,
    })
}

/// The number of the first in an actor's inbox, with its turn.
pub fn first(tables: &Tables<impl TableSource>, name: &Name) -> TxResult<Option<(u64, u64)>> {
    let first = tables.records::<u64>(RecordKey::inbox_lane(name, QueueKind::Actor))?.next().transpose()?;
    first.map(|(key, number)| Ok((number_of(&key)?, number))).transpose()
}

pub fn next(tables: &Tables<impl TableSource>, name: &Name, now: Timestamp) -> TxResult<Option<Invocation>> {
    let Some((turn, number)) = first(tables, name)? else {
        let due = tables.first(RecordKey::delayed_until(name, QueueKind::Actor, now))?;
        return due.map(|key| standing(tables, name, number_of(&key)?, &key)).transpose();
    };
    let first = standing(tables, name, number, &RecordKey::inbox(name, QueueKind::Actor, turn))?;
    match first.pending_wait() {
        Some(waiting) if waits::answer(tables, &first.reference(), &waiting.targets, now)?.is_none() => Ok(None),
        _ => Ok(Some(first)),
    }
}

/// The invocation that a key of the inbox, or of the delayed, names. It must stand there: what has ended would come up again and again.
fn standing(tables: &Tables<impl TableSource>, name: &Name, number: u64, key: &RecordKey) -> TxResult<Invocation> {
    let place = |Pending { request, turn, .. }: &Pending| match turn {
        Some(turn) => RecordKey::inbox(name, QueueKind::from(&request.kind), *turn),
        None => {
            RecordKey::delayed(name, QueueKind::from(&request.kind), request.due.unwrap_or(request.accepted), number)
        }
    };
    match open(tables, name, number)? {
        Some(open) if place(&open) == *key => read(tables, name, number, InvocationRecord::Pending(open)),
        Some(_) => damaged(format!("the invocation {name}#{number} stands elsewhere than its inbox says")),
        None => damaged(format!("the invocation {name}#{number} stands in an inbox and is missing, or has ended")),
    }
}

/// A task's invocations, in the order of their turns.
pub fn tasks(
    tables: &Tables<impl TableSource>,
    name: &Name,
    after: Option<u64>,
    now: Timestamp,
    limit: usize,
) -> TxResult<Vec<Invocation>> {
    let spans = (RecordKey::inbox_lane(name, QueueKind::Task), RecordKey::delayed_until(name, QueueKind::Task, now));
    let places = places_in(tables, name, spans, after, limit)?;
    places.into_iter().map(|(key, number)| standing(tables, name, number, &key)).collect()
}

/// Whether a name has an invocation whose turn it is.
pub fn can_run(tables: &Tables<impl TableSource>, name: &Name, now: Timestamp) -> TxResult<bool> {
    Ok(tables.first(RecordKey::inbox_lane(name, QueueKind::Task))?.is_some()
        || tables.first(RecordKey::delayed_until(name, QueueKind::Task, now))?.is_some()
        || next(tables, name, now)?.is_some())
}

/// Whether a delayed invocation of a name is due, and has not taken its place in the inbox.
fn has_come_due(tables: &Tables<impl TableSource>, name: &Name, now: Timestamp) -> TxResult<bool> {
    Ok(tables.first(RecordKey::delayed_until(name, QueueKind::Actor, now))?.is_some()
        || tables.first(RecordKey::delayed_until(name, QueueKind::Task, now))?.is_some())
}

/// A page of names that may have an invocation whose turn it is.
pub struct Candidates {
    /// Those that have one.
    pub ready: Vec<Name>,
    /// Those whose notes do not say how they stand: nothing of them can run, or a delayed invocation has come due.
    pub untidy: Vec<Name>,
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
            let name = name_of(&key?)?;
            names.insert(name.clone());
            (read, next) = (read + 1, Some(RunnableCursor::Ready(name)));
        }
    }
    for key in tables.keys(RecordKey::due_between(after, now))?.take(limit - read) {
        let key = key?;
        let (name, number) = (name_of(&key)?, number_of(&key)?);
        names.insert(name.clone());
        (read, next) = (read + 1, Some(RunnableCursor::Due(key.due_time().unwrap_or(now), Reference { name, number })));
    }
    let mut found = Candidates { ready: Vec::new(), untidy: Vec::new(), next: next.filter(|_| read == limit) };
    for name in names {
        let ready = can_run(tables, &name, now)?;
        if !ready || has_come_due(tables, &name, now)? {
            found.untidy.push(name.clone());
        }
        if ready {
            found.ready.push(name);
        }
    }
    Ok(found)
}

pub fn next_due(tables: &Tables<impl TableSource>, now: Timestamp) -> TxResult<Option<Timestamp>> {
    match tables.first(RecordKey::due_after(now))? {
        Some(key) => Ok(key.due_time()),
        None => Ok(None),
    }
}

pub fn pending(
    tables: &Tables<impl TableSource>,
    name: Option<&Name>,
    after: Option<&Reference>,
    limit: usize,
) -> TxResult<Vec<Invocation>> {
    let mut found = Vec::new();
    // within the name of the last one first, then in those behind it
    let mut current = name.or(after.map(|after| &after.name)).cloned();
    if current.is_none() {
        current = next_name(tables, None)?;
    }
    while let Some(at) = current {
        let from = after.filter(|after| after.name == at).map(|after| after.number);
        let spans = (RecordKey::inbox_of(&at), RecordKey::delayed_of(&at));
        for (key, number) in places_in(tables, &at, spans, from, limit - found.len())? {
            found.push(standing(tables, &at, number, &key)?);
        }
        if name.is_some() || found.len() >= limit {
            break;
        }
        current = next_name(tables, Some(&at))?;
    }
    Ok(found)
}

/// The first name after another that has an accepted invocation which has not ended.
pub fn next_name(tables: &Tables<impl TableSource>, after: Option<&Name>) -> TxResult<Option<Name>> {
    let queued = tables.first(RecordKey::inboxes_after(after))?.map(|key| name_of(&key)).transpose()?;
    let delayed = tables.first(RecordKey::delayed_after(after))?.map(|key| name_of(&key)).transpose()?;
    Ok(match (queued, delayed) {
        (Some(queued), Some(delayed)) => Some(queued.min(delayed)),
        (queued, delayed) => queued.or(delayed),
    })
}

/// Numbers of a name's accepted invocations that have not ended, in the order of their turns, the delayed last.
pub fn open_numbers(tables: &Tables<impl TableSource>, name: &Name) -> TxResult<Vec<u64>> {
    let places = places_in(tables, name, (RecordKey::inbox_of(name), RecordKey::delayed_of(name)), None, usize::MAX)?;
    Ok(places.into_iter().map(|(_, number)| number).collect())
}

/// Keys in spans of a name's inbox and of its delayed, behind `after`, each with the number of its invocation.
fn places_in(
    tables: &Tables<impl TableSource>,
    name: &Name,
    (mut inbox, mut delayed): (Span, Span),
    after: Option<u64>,
    limit: usize,
) -> TxResult<Vec<(RecordKey, u64)>> {
    // where it has ended meanwhile, those with higher numbers are what is behind it
    let mut above = 0;
    if let Some(number) = after {
        match open(tables, name, number)? {
            Some(Pending { request, turn: Some(turn), .. }) => {
                inbox.0 = RecordKey::inbox(name, QueueKind::from(&request.kind), turn + 1)
            }
            Some(Pending { request, turn: None, .. }) => {
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
        let number = number_of(&key)?;
        Ok((key, number))
    });
    let is_behind = |place: &TxResult<(RecordKey, u64)>| place.as_ref().map_or(true, |(_, number)| *number > above);
    queued.chain(delayed).filter(is_behind).take(limit).collect()
}

pub fn invocations(
    tables: &Tables<impl TableSource>,
    name: &Name,
    before: Option<u64>,
    limit: usize,
) -> TxResult<Vec<Invocation>> {
    let before = before.unwrap_or(u64::MAX);
    let mut recorded = tables.records::<InvocationRecord>(RecordKey::invocations_below(name, before))?.rev().peekable();
    let own = |entry: &TxResult<(RecordKey, StepRecord)>| {
        entry.as_ref().map_or(true, |(_, record)| record.step.reference == record.step.number)
    };
    let steps = tables.records::<StepRecord>(RecordKey::steps_below(name, before))?;
    let mut steps = steps.rev().filter(own).peekable();
    let mut found = Vec::new();
    while found.len() < limit {
        let of_record = recorded.peek().map(|entry| entry.as_ref().map_or(u64::MAX, |(key, _)| number(key)));
        let of_step = steps.peek().map(|entry| entry.as_ref().map_or(u64::MAX, |(key, _)| number(key)));
        if of_record > of_step {
            let Some((key, record)) = recorded.next().transpose()? else { break };
            found.push(read(tables, name, number_of(&key)?, record)?);
        } else {
            let Some((_, record)) = steps.next().transpose()? else { break };
            // a record of its own says more than its number
            if of_record != of_step {
                found.push(linked(tables, record.invocation())?);
            }
        }
    }
    Ok(found)
}

fn number(key: &RecordKey) -> u64 {
    key.last_number().unwrap_or(u64::MAX)
}

pub fn number_of(key: &RecordKey) -> TxResult<u64> {
    match key.last_number() {
        Some(number) if number < MOST => Ok(number),
        _ => damaged(format!("{} has a key without a number", key.describe())),
    }
}

pub fn name_of(key: &RecordKey) -> TxResult<Name> {
    match key.name().map(Name::new) {
        Some(Ok(name)) => Ok(name),
        Some(Err(error)) => damaged(format!("{} has a name that is none: {error}", key.describe())),
        None => damaged("a record has a key without a name"),
    }
}
