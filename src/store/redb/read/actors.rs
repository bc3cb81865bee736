//! Actors: records of names, states, journals.

use crate::model::{Actor, ActorId, Name, NameRecord, Step};
use crate::store::Snapshot;

use crate::store::redb::errors::{TxResult, damaged};
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::records::StepRecord;
use crate::store::redb::schema::sealed;
use crate::store::redb::schema::tables::{TableSource, Tables};

pub fn name_record(tables: &Tables<impl TableSource>, name: &Name) -> TxResult<Option<NameRecord>> {
    tables.get(&RecordKey::name_record(name))
}

pub fn load(tables: &Tables<impl TableSource>, name: &Name) -> TxResult<Option<Snapshot>> {
    let Some(record) = name_record(tables, name)? else { return Ok(None) };
    let Some(actor) = &record.actor else { return Ok(None) };
    let state = state(tables, name, actor)?;
    Ok(Some(Snapshot { record, state }))
}

pub fn state(tables: &Tables<impl TableSource>, name: &Name, actor: &Actor) -> TxResult<Vec<u8>> {
    let key = RecordKey::state(name);
    match tables.get_bytes(&key, |bytes| sealed::checked(&key, bytes, &actor.state))? {
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
        && let Some((id, record)) = next_actor(tables, prefix, after.as_ref())?
    {
        after = Some(id.clone());
        found.push((id, record));
    }
    Ok(found)
}

pub fn names(tables: &Tables<impl TableSource>, after: Option<&Name>, limit: usize) -> TxResult<Vec<Name>> {
    let mut found: Vec<Name> = Vec::new();
    while found.len() < limit {
        let range = match found.last().or(after) {
            Some(after) => RecordKey::named_after(after.as_str()),
            None => RecordKey::named_from(""),
        };
        let Some(key) = tables.first(range)? else { break };
        found.push(key.required_name()?);
    }
    Ok(found)
}

/// The first actor after an id, with an id that begins with `prefix`; also one under construction.
pub fn next_actor(
    tables: &Tables<impl TableSource>,
    prefix: &str,
    after: Option<&ActorId>,
) -> TxResult<Option<(ActorId, NameRecord)>> {
    let mut range = match after {
        Some(after) if after.as_str() >= prefix => RecordKey::named_after(after.as_str()),
        _ => RecordKey::named_from(prefix),
    };
    while let Some(key) = tables.first(range)? {
        let name = key.required_name()?;
        if !name.as_str().starts_with(prefix) {
            break;
        }
        range = RecordKey::named_after(name.as_str());
        let record: NameRecord = tables.must(&RecordKey::name_record(&name))?;
        if record.actor.is_some() || record.construction.is_some() {
            let Ok(id) = name.actor() else { return damaged(format!("{name} is no actor's id")) };
            return Ok(Some((id, record)));
        }
    }
    Ok(None)
}

pub fn steps(tables: &Tables<impl TableSource>, name: &Name, from: u64, limit: usize) -> TxResult<Vec<Step>> {
    let Some(NameRecord { counters, actor: Some(actor), .. }) = name_record(tables, name)? else {
        return Ok(Vec::new());
    };
    let wanted = from.max(actor.first_step)..=counters.steps;
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
    let Some(NameRecord { counters, actor: Some(actor), .. }) = name_record(tables, name)? else { return Ok(None) };
    if at < actor.first_step {
        return Ok(None);
    }
    let number = step(tables, name, at.min(counters.steps))?.checkpoint;
    if number < actor.first_step {
        return damaged(format!("the checkpoint of step {at} of {name} is before the actor's first step"));
    }
    let StepRecord { step, state, .. } = step(tables, name, number)?;
    let key = RecordKey::checkpoint(name, number);
    let state = match state {
        Some(state) => Some(sealed::checked(&key, state.into_vec().into(), &step.state)?),
        None => tables.get_bytes(&key, |bytes| sealed::checked(&key, bytes, &step.state))?,
    };
    match state {
        Some(state) => Ok(Some((number, state))),
        None => damaged(format!("{} is missing", key.describe())),
    }
}
