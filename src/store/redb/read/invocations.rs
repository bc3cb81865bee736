//! Invocations.

use crate::model::{Attempt, Error, Invocation, Name, Outcome, Reference, Result, Status};
use crate::store::redb::errors::{TxResult, damaged};
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::records::{AttemptRecord, InvocationRecord, KeyUse, Pending, StepRecord};
use crate::store::redb::schema::tables::{TableSource, Tables};

use super::actors;

pub fn invocation(tables: &Tables<impl TableSource>, name: &Name, number: u64) -> TxResult<Option<Invocation>> {
    if let Some(record) = tables.get(&RecordKey::invocation(name, number))? {
        return of_record(tables, name, number, record).map(Some);
    }
    // an invocation without a record has the step of its own number
    let step: Option<StepRecord> = tables.get(&RecordKey::step(name, number))?;
    match step {
        Some(record) if record.step.reference == number => with_resumption(tables, record.invocation()).map(Some),
        _ => Ok(None),
    }
}

/// Adds the number of the invocation that resumed it, if it failed.
fn with_resumption(tables: &Tables<impl TableSource>, mut invocation: Invocation) -> TxResult<Invocation> {
    if matches!(invocation.status, Status::Ended { outcome: Outcome::Failed(_), .. }) {
        invocation.resumed_by = tables.get(&RecordKey::resumed_by(&invocation.request.name, invocation.number))?;
    }
    Ok(invocation)
}

/// An invocation that must exist.
pub fn must(tables: &Tables<impl TableSource>, name: &Name, number: u64) -> TxResult<Invocation> {
    match invocation(tables, name, number)? {
        Some(invocation) => Ok(invocation),
        None => damaged(format!("the invocation {name}#{number} is missing")),
    }
}

pub fn of_record(
    tables: &Tables<impl TableSource>,
    name: &Name,
    number: u64,
    record: InvocationRecord,
) -> TxResult<Invocation> {
    let invocation = match record {
        InvocationRecord::Pending(Pending { request, position, attempts, resume_point }) => {
            let (status, queued) = (Status::Pending, position.is_some());
            Invocation { number, status, request, resumed_by: None, queued, attempts, resume_point }
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
    with_resumption(tables, invocation)
}

/// The invocation that used a key.
pub fn by_key(tables: &Tables<impl TableSource>, name: &Name, key: &str) -> TxResult<Result<Option<Invocation>>> {
    match tables.get(&RecordKey::key_use(name, key))? {
        Some(KeyUse { number, event: None, .. }) => Ok(Ok(Some(must(tables, name, number)?))),
        Some(KeyUse { number, event: Some(_), .. }) => {
            Ok(Err(Error::KeyTakenByEvent { key: key.to_owned(), id: name.to_string(), number }))
        }
        None => Ok(Ok(None)),
    }
}

/// The invocation of an opaque id.
pub fn by_opaque_id(tables: &Tables<impl TableSource>, id: &str) -> TxResult<Option<Reference>> {
    tables.get(&RecordKey::opaque_id(id))
}

/// Attempts of a task's invocation that have ended, in order, from the number `from` on.
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
        let number = u32::try_from(key.required_number()?).unwrap_or(u32::MAX);
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

/// The record of a pending invocation; None if it has ended, or does not exist.
pub fn pending(tables: &Tables<impl TableSource>, reference: &Reference) -> TxResult<Option<Pending>> {
    Ok(match tables.get(&RecordKey::invocation(&reference.name, reference.number))? {
        Some(InvocationRecord::Pending(pending)) => Some(pending),
        _ => None,
    })
}

/// The record of an invocation; an error if it is not pending.
pub fn must_be_pending(tables: &Tables<impl TableSource>, reference: &Reference) -> TxResult<Pending> {
    if let Some(pending) = pending(tables, reference)? {
        return Ok(pending);
    }
    let reference = reference.clone();
    Err(match invocation(tables, &reference.name, reference.number)? {
        Some(_) => Error::AlreadyEnded { reference },
        None => Error::NoInvocation { reference },
    }
    .into())
}

/// All invocations of a name with numbers below `before`, newest first.
pub fn invocations(
    tables: &Tables<impl TableSource>,
    name: &Name,
    before: Option<u64>,
    limit: usize,
) -> TxResult<Vec<Invocation>> {
    let before = before.unwrap_or(u64::MAX);
    let mut records = tables.records::<InvocationRecord>(RecordKey::invocations_below(name, before))?.rev().peekable();
    let has_own_number = |entry: &TxResult<(RecordKey, StepRecord)>| {
        entry.as_ref().map_or(true, |(_, record)| record.step.reference == record.step.number)
    };
    let steps = tables.records::<StepRecord>(RecordKey::steps_below(name, before))?;
    let mut steps = steps.rev().filter(has_own_number).peekable();
    let mut found = Vec::new();
    while found.len() < limit {
        let of_record = records.peek().map(|entry| entry.as_ref().map_or(u64::MAX, |(key, _)| number(key)));
        let of_step = steps.peek().map(|entry| entry.as_ref().map_or(u64::MAX, |(key, _)| number(key)));
        if of_record > of_step {
            let Some((key, record)) = records.next().transpose()? else { break };
            found.push(self::of_record(tables, name, key.required_number()?, record)?);
        } else {
            let Some((_, record)) = steps.next().transpose()? else { break };
            // the record of the invocation is read instead, if there is one
            if of_record != of_step {
                found.push(with_resumption(tables, record.invocation())?);
            }
        }
    }
    Ok(found)
}

fn number(key: &RecordKey) -> u64 {
    key.last_number().unwrap_or(u64::MAX)
}
