//! Invocations, and whose turn it is.

use std::collections::BTreeSet;

use crate::model::{Attempt, Error, Invocation, Name, Outcome, Reference, Result, Status, Timestamp};
use crate::store::RunnableCursor;

use super::actors;
use super::boundary::{Try, damaged};
use super::key::{Key, Lane, Span};
use super::record::{AttemptRecord, InvocationRecord, Open, StepRecord, Use};
use super::sound::MOST;
use super::tables::{Source, Tables};
use super::waits;

pub(super) fn invocation(tables: &Tables<impl Source>, name: &Name, number: u64) -> Try<Option<Invocation>> {
    if let Some(record) = tables.get(&Key::invocation(name, number))? {
        return read(tables, name, number, record).map(Some);
    }
    // one without a record has the step of its own number
    let step: Option<StepRecord> = tables.get(&Key::step(name, number))?;
    match step {
        Some(record) if record.step.reference == number => linked(tables, record.invocation()).map(Some),
        _ => Ok(None),
    }
}

/// With who took it up again, if it failed.
fn linked(tables: &Tables<impl Source>, mut invocation: Invocation) -> Try<Invocation> {
    if matches!(invocation.status, Status::Ended { outcome: Outcome::Failed(_), .. }) {
        invocation.resumed_by = tables.get(&Key::resumed(&invocation.request.name, invocation.number))?;
    }
    Ok(invocation)
}

/// An invocation that must be there.
pub(super) fn must(tables: &Tables<impl Source>, name: &Name, number: u64) -> Try<Invocation> {
    match invocation(tables, name, number)? {
        Some(invocation) => Ok(invocation),
        None => damaged(format!("the invocation {name}#{number} is missing")),
    }
}

fn read(tables: &Tables<impl Source>, name: &Name, number: u64, record: InvocationRecord) -> Try<Invocation> {
    let invocation = match record {
        InvocationRecord::Open(Open { request, turn, attempts, begun }) => {
            let (status, queued) = (Status::Pending, turn.is_some());
            Invocation { number, status, request, resumed_by: None, queued, attempts, resume_point: begun }
        }
        InvocationRecord::Bare { request, times, outcome, log, attempts } => {
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

pub(super) fn keyed(tables: &Tables<impl Source>, name: &Name, key: &str) -> Try<Result<Option<Invocation>>> {
    match tables.get(&Key::used(name, key))? {
        Some(Use { number, event: None, .. }) => Ok(Ok(Some(must(tables, name, number)?))),
        Some(Use { number, event: Some(_), .. }) => {
            Ok(Err(Error::KeyTakenByEvent { key: key.to_owned(), id: name.to_string(), number }))
        }
        None => Ok(Ok(None)),
    }
}

/// The tries of a task's invocation so far, in order, from the number `from` on.
pub(super) fn attempts(
    tables: &Tables<impl Source>,
    reference: &Reference,
    from: u32,
    limit: usize,
) -> Try<Vec<Attempt>> {
    let Reference { name, number } = reference;
    let Some(invocation) = invocation(tables, name, *number)? else {
        return Err(Error::NoInvocation { reference: reference.clone() }.into());
    };
    let (_, to) = Key::attempts(name, *number);
    let failed = tables.records((Key::attempt(name, *number, from), to))?.take(limit).map(|entry| {
        let (key, AttemptRecord { times, outcome, log }) = entry?;
        let number = u32::try_from(number_of(&key)?).unwrap_or(u32::MAX);
        Ok(Attempt { number, times, outcome, log })
    });
    let mut attempts = failed.collect::<Try<Vec<Attempt>>>()?;
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
pub(super) fn open(tables: &Tables<impl Source>, name: &Name, number: u64) -> Try<Option<Open>> {
    Ok(match tables.get(&Key::invocation(name, number))? {
        Some(InvocationRecord::Open(open)) => Some(open),
        _ => None,
    })
}

/// The number of the first in an actor's inbox, with its turn.
pub(super) fn first(tables: &Tables<impl Source>, name: &Name) -> Try<Option<(u64, u64)>> {
    let first = tables.records::<u64>(Key::inbox_lane(name, Lane::Actor))?.next().transpose()?;
    first.map(|(key, number)| Ok((number_of(&key)?, number))).transpose()
}

pub(super) fn next(tables: &Tables<impl Source>, name: &Name, now: Timestamp) -> Try<Option<Invocation>> {
    let Some((turn, number)) = first(tables, name)? else {
        let due = tables.first(Key::delayed_until(name, Lane::Actor, now))?;
        return due.map(|key| standing(tables, name, number_of(&key)?, &key)).transpose();
    };
    let first = standing(tables, name, number, &Key::inbox(name, Lane::Actor, turn))?;
    match first.pending_wait() {
        Some(waiting) if waits::answer(tables, &first.reference(), &waiting.targets, now)?.is_none() => Ok(None),
        _ => Ok(Some(first)),
    }
}

/// The invocation that a key of the inbox, or of the delayed, names. It must stand there: what has ended would come up again and again.
fn standing(tables: &Tables<impl Source>, name: &Name, number: u64, key: &Key) -> Try<Invocation> {
    let place = |Open { request, turn, .. }: &Open| match turn {
        Some(turn) => Key::inbox(name, Lane::from(&request.kind), *turn),
        None => Key::delayed(name, Lane::from(&request.kind), request.due.unwrap_or(request.accepted), number),
    };
    match open(tables, name, number)? {
        Some(open) if place(&open) == *key => read(tables, name, number, InvocationRecord::Open(open)),
        Some(_) => damaged(format!("the invocation {name}#{number} stands elsewhere than its inbox says")),
        None => damaged(format!("the invocation {name}#{number} stands in an inbox and is missing, or has ended")),
    }
}

/// A task's invocations, in the order of their turns.
pub(super) fn tasks(
    tables: &Tables<impl Source>,
    name: &Name,
    after: Option<u64>,
    now: Timestamp,
    limit: usize,
) -> Try<Vec<Invocation>> {
    let spans = (Key::inbox_lane(name, Lane::Task), Key::delayed_until(name, Lane::Task, now));
    let places = places_in(tables, name, spans, after, limit)?;
    places.into_iter().map(|(key, number)| standing(tables, name, number, &key)).collect()
}

/// Whether a name has an invocation whose turn it is.
pub(super) fn can_run(tables: &Tables<impl Source>, name: &Name, now: Timestamp) -> Try<bool> {
    Ok(tables.first(Key::inbox_lane(name, Lane::Task))?.is_some()
        || tables.first(Key::delayed_until(name, Lane::Task, now))?.is_some()
        || next(tables, name, now)?.is_some())
}

/// Whether a delayed invocation of a name is due, and has not taken its place in the inbox.
fn has_come_due(tables: &Tables<impl Source>, name: &Name, now: Timestamp) -> Try<bool> {
    Ok(tables.first(Key::delayed_until(name, Lane::Actor, now))?.is_some()
        || tables.first(Key::delayed_until(name, Lane::Task, now))?.is_some())
}

/// A page of names that may have an invocation whose turn it is.
pub(super) struct Candidates {
    /// Those that have one.
    pub ready: Vec<Name>,
    /// Those whose notes do not say how they stand: nothing of them can run, or a delayed invocation has come due.
    pub untidy: Vec<Name>,
    pub next: Option<RunnableCursor>,
}

pub(super) fn candidates(
    tables: &Tables<impl Source>,
    after: Option<&RunnableCursor>,
    now: Timestamp,
    limit: usize,
) -> Try<Candidates> {
    let mut names = BTreeSet::new();
    let (mut read, mut next) = (0, None);
    if !matches!(after, Some(RunnableCursor::Due(..))) {
        for key in tables.keys(Key::ready_after(after))?.take(limit) {
            let name = name_of(&key?)?;
            names.insert(name.clone());
            (read, next) = (read + 1, Some(RunnableCursor::Ready(name)));
        }
    }
    for key in tables.keys(Key::due_between(after, now))?.take(limit - read) {
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

pub(super) fn next_due(tables: &Tables<impl Source>, now: Timestamp) -> Try<Option<Timestamp>> {
    match tables.first(Key::due_after(now))? {
        Some(key) => Ok(key.due_time()),
        None => Ok(None),
    }
}

pub(super) fn pending(
    tables: &Tables<impl Source>,
    name: Option<&Name>,
    after: Option<&Reference>,
    limit: usize,
) -> Try<Vec<Invocation>> {
    let mut found = Vec::new();
    // within the name of the last one first, then in those behind it
    let mut current = name.or(after.map(|after| &after.name)).cloned();
    if current.is_none() {
        current = next_name(tables, None)?;
    }
    while let Some(at) = current {
        let from = after.filter(|after| after.name == at).map(|after| after.number);
        let spans = (Key::inbox_of(&at), Key::delayed_of(&at));
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
pub(super) fn next_name(tables: &Tables<impl Source>, after: Option<&Name>) -> Try<Option<Name>> {
    let queued = tables.first(Key::inboxes_after(after))?.map(|key| name_of(&key)).transpose()?;
    let delayed = tables.first(Key::delayed_after(after))?.map(|key| name_of(&key)).transpose()?;
    Ok(match (queued, delayed) {
        (Some(queued), Some(delayed)) => Some(queued.min(delayed)),
        (queued, delayed) => queued.or(delayed),
    })
}

/// Numbers of a name's accepted invocations that have not ended, in the order of their turns, the delayed last.
pub(super) fn open_numbers(tables: &Tables<impl Source>, name: &Name) -> Try<Vec<u64>> {
    let places = places_in(tables, name, (Key::inbox_of(name), Key::delayed_of(name)), None, usize::MAX)?;
    Ok(places.into_iter().map(|(_, number)| number).collect())
}

/// Keys in spans of a name's inbox and of its delayed, behind `after`, each with the number of its invocation.
fn places_in(
    tables: &Tables<impl Source>,
    name: &Name,
    (mut inbox, mut delayed): (Span, Span),
    after: Option<u64>,
    limit: usize,
) -> Try<Vec<(Key, u64)>> {
    // where it has ended meanwhile, those with higher numbers are what is behind it
    let mut above = 0;
    if let Some(number) = after {
        match open(tables, name, number)? {
            Some(Open { request, turn: Some(turn), .. }) => {
                inbox.0 = Key::inbox(name, Lane::from(&request.kind), turn + 1)
            }
            Some(Open { request, turn: None, .. }) => {
                inbox.0 = inbox.1.clone();
                let due = request.due.unwrap_or(request.accepted);
                delayed.0 = Key::delayed(name, Lane::from(&request.kind), due, number + 1);
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
    let is_behind = |place: &Try<(Key, u64)>| place.as_ref().map_or(true, |(_, number)| *number > above);
    queued.chain(delayed).filter(is_behind).take(limit).collect()
}

pub(super) fn invocations(
    tables: &Tables<impl Source>,
    name: &Name,
    before: Option<u64>,
    limit: usize,
) -> Try<Vec<Invocation>> {
    let before = before.unwrap_or(u64::MAX);
    let mut recorded = tables.records::<InvocationRecord>(Key::invocations_below(name, before))?.rev().peekable();
    let own = |entry: &Try<(Key, StepRecord)>| {
        entry.as_ref().map_or(true, |(_, record)| record.step.reference == record.step.number)
    };
    let steps = tables.records::<StepRecord>(Key::steps_below(name, before))?;
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

fn number(key: &Key) -> u64 {
    key.last_number().unwrap_or(u64::MAX)
}

pub(super) fn number_of(key: &Key) -> Try<u64> {
    match key.last_number() {
        Some(number) if number < MOST => Ok(number),
        _ => damaged(format!("{} has a key without a number", key.describe())),
    }
}

pub(super) fn name_of(key: &Key) -> Try<Name> {
    match key.name().map(Name::new) {
        Some(Ok(name)) => Ok(name),
        Some(Err(error)) => damaged(format!("{} has a name that is none: {error}", key.describe())),
        None => damaged("a record has a key without a name"),
    }
}
