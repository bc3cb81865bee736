//! Actors: heads, states, journals.

use crate::model::{Actor, ActorId, Name, NameRecord, Step};
use crate::store::Snapshot;

use super::boundary::{Try, damaged};
use super::invocations::name_of;
use super::key::Key;
use super::record::{self, StepRecord};
use super::tables::{Source, Tables};

pub(super) fn head(tables: &Tables<impl Source>, name: &Name) -> Try<Option<NameRecord>> {
    tables.get(&Key::head(name))
}

pub(super) fn load(tables: &Tables<impl Source>, name: &Name) -> Try<Option<Snapshot>> {
    let Some(head) = head(tables, name)? else { return Ok(None) };
    let Some(actor) = &head.actor else { return Ok(None) };
    let state = state(tables, name, actor)?;
    Ok(Some(Snapshot { record: head, state }))
}

pub(super) fn state(tables: &Tables<impl Source>, name: &Name, actor: &Actor) -> Try<Vec<u8>> {
    let key = Key::state(name);
    match tables.get_bytes(&key, |bytes| record::checked(&key, bytes, &actor.state))? {
        Some(state) => Ok(state),
        None => damaged(format!("the state of {name} is missing")),
    }
}

pub(super) fn actors(
    tables: &Tables<impl Source>,
    prefix: &str,
    after: Option<&ActorId>,
    limit: usize,
) -> Try<Vec<(ActorId, NameRecord)>> {
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

pub(super) fn names(tables: &Tables<impl Source>, after: Option<&Name>, limit: usize) -> Try<Vec<Name>> {
    let mut found: Vec<Name> = Vec::new();
    while found.len() < limit {
        let span = match found.last().or(after) {
            Some(after) => Key::named_after(after.as_str()),
            None => Key::named_from(""),
        };
        let Some(key) = tables.first(span)? else { break };
        found.push(name_of(&key)?);
    }
    Ok(found)
}

/// The first actor after an id whose own begins with `prefix`; one that is being made too.
pub(super) fn next_actor(
    tables: &Tables<impl Source>,
    prefix: &str,
    after: Option<&ActorId>,
) -> Try<Option<(ActorId, NameRecord)>> {
    let mut span = match after {
        Some(after) if after.as_str() >= prefix => Key::named_after(after.as_str()),
        _ => Key::named_from(prefix),
    };
    while let Some(key) = tables.first(span)? {
        let name = name_of(&key)?;
        if !name.as_str().starts_with(prefix) {
            break;
        }
        span = Key::named_after(name.as_str());
        let Some(head) = head(tables, &name)? else { return damaged(format!("the head of {name} is missing")) };
        if head.actor.is_some() || head.construction.is_some() {
            let Ok(id) = name.actor() else { return damaged(format!("{name} is no actor's id")) };
            return Ok(Some((id, head)));
        }
    }
    Ok(None)
}

pub(super) fn steps(tables: &Tables<impl Source>, name: &Name, from: u64, limit: usize) -> Try<Vec<Step>> {
    let Some(NameRecord { counters: numbers, actor: Some(actor), .. }) = head(tables, name)? else {
        return Ok(Vec::new());
    };
    let wanted = from.max(actor.first_step)..=numbers.steps;
    let mut steps = Vec::new();
    let mut found = tables.records::<StepRecord>(Key::steps_from(name, from))?;
    for number in wanted.take(limit) {
        match found.next().transpose()? {
            Some((_, record)) if record.step.number == number => steps.push(record.step),
            _ => return damaged(format!("step {number} of {name} is missing")),
        }
    }
    Ok(steps)
}

pub(super) fn step(tables: &Tables<impl Source>, name: &Name, number: u64) -> Try<StepRecord> {
    tables.must(&Key::step(name, number))
}

pub(super) fn checkpoint(tables: &Tables<impl Source>, name: &Name, at: u64) -> Try<Option<(u64, Vec<u8>)>> {
    let Some(NameRecord { counters: numbers, actor: Some(actor), .. }) = head(tables, name)? else { return Ok(None) };
    if at < actor.first_step {
        return Ok(None);
    }
    let number = step(tables, name, at.min(numbers.steps))?.checkpoint;
    if number < actor.first_step {
        return damaged(format!("the checkpoint of step {at} of {name} is before the actor's first step"));
    }
    let StepRecord { step, state, .. } = step(tables, name, number)?;
    let key = Key::checkpoint(name, number);
    let state = match state {
        Some(state) => Some(record::checked(&key, state.into_vec().into(), &step.state)?),
        None => tables.get_bytes(&key, |bytes| record::checked(&key, bytes, &step.state))?,
    };
    match state {
        Some(state) => Ok(Some((number, state))),
        None => damaged(format!("{} is missing", key.describe())),
    }
}
