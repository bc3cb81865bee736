//! Checks of records beyond their types.
//!
//! A right sum shows that a record was not changed, and not that vactor wrote it. Types check
//! themselves when they are read. This module checks that numbers are small enough to be added to,
//! that fields agree with each other, and that a record agrees with its key.

use serde_bytes::ByteBuf;

use crate::model::{
    Actor, CallKind, CallRequest, Counters, HistoryEntry, Key as CallerKey, Name, NameRecord, Reference, RunProgress,
    Seed, is_identifier,
};

use super::key::{MAX_NUMBER, RecordKey};
use super::records::{
    AttemptRecord, ClassRecord, EventRecord, InvocationRecord, KeyUse, Pending, StepRecord, UsageRecord, VersionRecord,
};

/// The limit of attempts, depths and versions.
const MAX_COUNT: u32 = 1 << 31;

/// A record that can be checked. The error names the property that it lacks.
pub trait Validate {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str>;
}

fn must(holds: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(otherwise) }
}

/// Whether a number was given to an invocation, a step or an event. These numbers begin at 1.
fn is_given(number: u64) -> bool {
    (1..MAX_NUMBER).contains(&number)
}

/// Whether a key is that of its name and its last number.
fn is_key(key: &RecordKey, of: impl Fn(&Name, u64) -> RecordKey) -> bool {
    let made = key.name().zip(key.last_number()).map(|(name, number)| of(&Name::new_unchecked(name), number));
    made.is_some_and(|made| made == *key)
}

impl Validate for NameRecord {
    fn validate(&self, _: &RecordKey) -> Result<(), &'static str> {
        let NameRecord { counters, queued, delayed, actor, construction, events } = self;
        let Counters { steps, references, positions, events: last_event } = counters;
        let counts = [steps, references, positions, last_event, queued, delayed, events];
        must(counts.into_iter().all(|count| *count < MAX_NUMBER), "a number in it is too large")?;
        must(construction.is_none_or(is_given), "the number of its construction is invalid")?;
        let Some(Actor { version, first_step, state_bytes, checkpoint, since_checkpoint, .. }) = actor else {
            return Ok(());
        };
        must(*state_bytes < MAX_NUMBER && *since_checkpoint < MAX_NUMBER, "a number in it is too large")?;
        must((1..MAX_COUNT).contains(version), "its version is invalid")?;
        must(1 <= *first_step && first_step <= checkpoint && checkpoint <= steps, "its steps contradict each other")
    }
}

impl Validate for StepRecord {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str> {
        let step = &self.step;
        must(is_key(key, RecordKey::step) && key.last_number() == Some(step.number), "it has another number")?;
        must(is_given(step.number) && is_given(step.reference), "a number in it is too large, or 0")?;
        must((1..=step.number).contains(&self.checkpoint), "its checkpoint is after it")?;
        must((1..MAX_COUNT).contains(&step.version), "its version is invalid")?;
        let history = step.run.map_or(0, |RunProgress { history_len, .. }| history_len);
        must(history < MAX_NUMBER, "a number in it is too large")?;
        step.request.validate(key)
    }
}

impl Validate for InvocationRecord {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str> {
        must(is_key(key, RecordKey::invocation) && key.last_number().is_some_and(is_given), "its number is invalid")?;
        match self {
            InvocationRecord::Pending(Pending { request, position, attempts, resume_point }) => {
                must(position.is_none_or(|position| position < MAX_NUMBER), "its position in the inbox is too large")?;
                must(position.is_some() || request.due.is_some(), "it is neither queued nor delayed")?;
                let (history, saves) = resume_point.as_ref().map_or((0, 0), |point| (point.history_len, point.saves));
                must(
                    *attempts < MAX_COUNT && history < MAX_NUMBER && saves < MAX_NUMBER,
                    "a number in it is too large",
                )?;
                request.validate(key)
            }
            InvocationRecord::WithoutStep { request, attempts, .. } => {
                must(*attempts < MAX_COUNT, "a number in it is too large")?;
                request.validate(key)
            }
            InvocationRecord::Step(step) => must(is_given(*step), "its step is invalid"),
        }
    }
}

impl Validate for CallRequest {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str> {
        let CallRequest { name, kind, method, key: used, resumes, depth, .. } = self;
        must(key.name() == Some(name.as_str()), "it has another name")?;
        must(name.actor().is_ok() || matches!(kind, CallKind::Task { .. }), "its name is no actor's id")?;
        must(is_identifier(method), "its method is no identifier")?;
        must(used.as_ref().is_none_or(|used| CallerKey::is_valid(&used.text)), "its key is invalid")?;
        must(resumes.is_none_or(is_given), "the number of the invocation that it resumes is invalid")?;
        must(*depth < MAX_COUNT, "a number in it is too large")?;
        match kind {
            CallKind::Construct { version, .. } | CallKind::Task { version, .. } => {
                must((1..MAX_COUNT).contains(version), "its version is invalid")
            }
            CallKind::Mutate => Ok(()),
        }
    }
}

impl Validate for ClassRecord {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str> {
        must(key.class_name().is_some(), "its name is invalid")?;
        let ClassRecord { current, first, last } = *self;
        must(last < MAX_COUNT && (1..=last + 1).contains(&first), "its versions contradict each other")?;
        must(current.is_none_or(|current| (first..=last).contains(&current)), "its current version is invalid")
    }
}

impl Validate for UsageRecord {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str> {
        must(key.class_name().is_some(), "the name of its class is invalid")?;
        must(key.last_number().is_some_and(|version| version < u64::from(MAX_COUNT)), "its version is invalid")?;
        must(self.actors < MAX_NUMBER && self.pending < MAX_NUMBER, "a number in it is too large")
    }
}

impl Validate for VersionRecord {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str> {
        must(key.class_name().is_some(), "the name of its class is invalid")?;
        must(self.component_bytes < MAX_NUMBER, "a number in it is too large")
    }
}

impl Validate for AttemptRecord {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str> {
        must(key.last_number().is_some_and(|number| (1..MAX_COUNT.into()).contains(&number)), "its number is invalid")
    }
}

impl Validate for KeyUse {
    fn validate(&self, _: &RecordKey) -> Result<(), &'static str> {
        must(is_given(self.number), "a number in it is too large, or 0")
    }
}

impl Validate for EventRecord {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str> {
        must(key.last_number().is_some_and(is_given), "its number is too large, or 0")
    }
}

impl Validate for HistoryEntry {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str> {
        must(key.last_number().is_some_and(|index| index < MAX_NUMBER), "its index is too large")
    }
}

/// The number of an invocation.
impl Validate for u64 {
    fn validate(&self, _: &RecordKey) -> Result<(), &'static str> {
        must(is_given(*self), "a number in it is too large, or 0")
    }
}

impl Validate for Reference {
    fn validate(&self, _: &RecordKey) -> Result<(), &'static str> {
        must(is_given(self.number), "a number in it is too large, or 0")
    }
}

/// An opaque id.
impl Validate for String {
    fn validate(&self, _: &RecordKey) -> Result<(), &'static str> {
        must(Seed::is_opaque_id(self), "it is no opaque id")
    }
}

/// A state, which its class checks.
impl Validate for ByteBuf {
    fn validate(&self, _: &RecordKey) -> Result<(), &'static str> {
        Ok(())
    }
}
