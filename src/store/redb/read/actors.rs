//! Actors: heads, states, journals.

use crate::model::{Actor, ActorId, Name, NameRecord, Step};
use crate::store::Snapshot;

use super::invocations::name_of;
use crate::store::redb::errors::{TxResult, damaged};
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::record::{self, StepRecord};
use crate::store::redb::schema::tables::{TableSource, Tables};

pub fn head(tables: &Tables<impl TableSource>, name: &Name) -> TxResult<Option<NameRecord>> {
    tables.get(&RecordKey::head(name))
}

pub fn load(tables: &Tables<impl TableSource>, name: &Name) -> TxResult<Option<Snapshot>> {
    let Some(head) = head(tables, name)? else { return Ok(None) };
    let Some(actor) = &head.actor else { return Ok(None) };
    let state = state(tables, name, actor)?;
    Ok(Some(Snapshot { record: head, state }))
}

pub fn state(tables: &Tables<impl TableSource>, name: &Name, actor: &Actor) -> TxResult<Vec<u8>> {
    let key = RecordKey::state(name);
    match tables.get_bytes(&key, |bytes| record::checked(&key, bytes, &actor.state))? {
        Some(state) => Ok(state),
        None => damaged(format!("the state of {name} is missing")),
    }
}

pub fn actors(
    tables: &Tables<impl TableSource>,
    prefix: &str,
    after: Option<&ActorId>,
    limit: usize,
) -> TxResult<Vec<(ActorId, NameRecord)>> {
    let mut found = Vec::new();
    let mut after = after.cloned();
    while found.len() < limit
        && let Some((id, head)) = next_actor(tables, prefix, after.as_ref())?
    {
        after = Some(id.clone());
        found.push((id, head));
    }
    Ok(found)
}

pub fn names(tables: &Tables<impl TableSource>, after: Option<&Name>, limit: usize) -> TxResult<Vec<Name>> {
    let mut found: Vec<Name> = Vec::new();
    while found.len() < limit {
        let span = match found.last().or(after) {
            Some(after) => RecordKey::named_after(after.as_str()),
            None => RecordKey::named_from(""),
        };
        let Some(key) = tables.first(span)? else { break };
        found.push(name_of(&key)?);
    }
    Ok(found)
}

/// The first actor after an id whose own begins with `prefix`; one that is being made too.
pub fn next_actor(
    tables: &Tables<impl TableSource>,
    prefix: &str,
    after: Option<&ActorId>,
) -> TxResult<Option<(ActorId, NameRecord)>> {
    let mut span = match after {
        Some(after) if after.as_str() >= prefix => RecordKey::named_after(after.as_str()),
        _ => RecordKey::named_from(prefix),
    };
    while let Some(key) = tables.first(span)? {
        let name = name_of(&key)?;
        if !name.as_str().starts_with(prefix) {
            break;
        }
        span = RecordKey::named_after(name.as_str());
        let Some(head) = head(tables, &name)? else { return damaged(format!("the head of {name} is missing")) };
        if head.actor.is_some() || head.construction.is_some() {
            let Ok(id) = name.actor() else { return damaged(format!("{name} is no actor's id")) };
            return Ok(Some((id, head)));
        }
    }
    Ok(None)
}

pub fn steps(tables: &Tables<impl TableSource>, name: &Name, from: u64, limit: usize) -> TxResult<Vec<Step>> {
    let Some(NameRecord { counters: numbers, actor: Some(actor), .. }) = head(tables, name)? else {
        return Ok(Vec::new());
    };
    let wanted = from.max(actor.first_step)..=numbers.steps;
    let mut steps = Vec::new();
    let mut found = tables.records::<StepRecord>(RecordKey::steps_from(name, from))?;
    for number in wanted.take(limit) {
        match found.next().transpose()? {
            Some((_, record)) if record.step.number == number => steps.push(record.step),
            _ => return damaged(format!("step {number} of {name} is missing")),
        }
    }
    Ok(steps)
}

pub fn step(tables: &Tables<impl TableSource>, name: &Name, number: u64) -> TxResult<StepRecord> {
    tables.must(&RecordKey::step(name, number))
}

pub fn checkpoint(tables: &Tables<impl TableSource>, name: &Name, at: u64) -> TxResult<Option<(u64, Vec<u8>)>> {
    let Some(NameRecord { counters: numbers, actor: Some(actor), .. }) = head(tables, name)? else { return Ok(None) };
    if at < actor.first_step {
        return Ok(None);
    }
    let number = step(tables, name, at.min(numbers.steps))?.checkpoint;
    if number < actor.first_step {
        return damaged(format!("the checkpoint of step {at} of {name} is before the actor's first step"));
    }
    let StepRecord { step, state, .. } = step(tables, name, number)?;
    let key = RecordKey::checkpoint(name, number);
    let state = match state {
        Some(state) => Some(record::checked(&key, state.into_vec().into(), &step.state)?),
        None => tables.get_bytes(&key, |bytes| record::checked(&key, bytes, &step.state))?,
    };
    match state {
        Some(state) => Ok(Some((number, state))),
        None => damaged(format!("{} is missing", key.describe())),
    }
}
