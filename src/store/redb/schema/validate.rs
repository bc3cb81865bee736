//! What a record must hold beside its types before anything is done with it.
//!
//! A record's sum says that it is as it was written, and not that this program wrote it. Types check themselves as they are
//! read; here stands what takes more than one field, or the record's key: numbers that can be counted on from, and records
//! that say the same as the key that they stand under.

use serde_bytes::ByteBuf;

use crate::model::{
    Actor, CallKind, CallRequest, Counters, HistoryEntry, Key as CallerKey, Name, NameRecord, Reference, RunProgress,
    Seed, is_identifier,
};

use super::key::RecordKey;
use super::record::{
    AttemptRecord, ClassRecord, CountsRecord, EventRecord, InvocationRecord, KeyUse, Pending, StepRecord, VersionRecord,
};

/// No store counts so far: at a million a second it takes nine years. So what is read can be added to.
pub const MOST: u64 = 1 << 48;

/// The same for attempts, depths and versions.
const FEW: u32 = 1 << 31;

/// Whether a record can be what stands under its key. The error says what cannot be.
pub trait Validate {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str>;
}

fn must(holds: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(otherwise) }
}

/// A number that was given to something: they begin at 1.
fn given(number: u64) -> bool {
    (1..MOST).contains(&number)
}

/// Whether a key is the one of its name and the number that it ends with.
fn is_key(key: &RecordKey, of: impl Fn(&Name, u64) -> RecordKey) -> bool {
    let made = key.name().zip(key.last_number()).map(|(name, number)| of(&Name::new_unchecked(name), number));
    made.is_some_and(|made| made == *key)
}

impl Validate for NameRecord {
    fn validate(&self, _: &RecordKey) -> Result<(), &'static str> {
        let NameRecord { counters: numbers, queued, delayed, actor, construction: making, events } = self;
        let Counters { steps, references, positions: turns, events: last_event } = numbers;
        let counts = [steps, references, turns, last_event, queued, delayed, events];
        must(counts.into_iter().all(|count| *count < MOST), "a number in it is too large")?;
        must(making.is_none_or(given), "what makes its actor is no invocation")?;
        let Some(Actor { version, first_step, state_bytes, checkpoint, since_checkpoint, .. }) = actor else {
            return Ok(());
        };
        must(*state_bytes < MOST && *since_checkpoint < MOST, "a number in it is too large")?;
        must((1..FEW).contains(version), "its version is none")?;
        must(1 <= *first_step && first_step <= checkpoint && checkpoint <= steps, "its steps contradict each other")
    }
}

impl Validate for StepRecord {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str> {
        let step = &self.step;
        must(is_key(key, RecordKey::step) && key.last_number() == Some(step.number), "it has another number")?;
        must(given(step.number) && given(step.reference), "a number in it is too large, or 0")?;
        must((1..=step.number).contains(&self.checkpoint), "its checkpoint is after it")?;
        must((1..FEW).contains(&step.version), "its version is none")?;
        let recorded = step.run.map_or(0, |RunProgress { history_len: recorded, .. }| recorded);
        must(recorded < MOST, "a number in it is too large")?;
        step.request.validate(key)
    }
}

impl Validate for InvocationRecord {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str> {
        must(is_key(key, RecordKey::invocation) && key.last_number().is_some_and(given), "its number is none")?;
        match self {
            InvocationRecord::Pending(Pending { request, turn, attempts, begun }) => {
                must(turn.is_none_or(|turn| turn < MOST), "its place in the inbox is none")?;
                must(turn.is_some() || request.due.is_some(), "it stands nowhere")?;
                let (recorded, saved) = begun.as_ref().map_or((0, 0), |begun| (begun.history_len, begun.saves));
                must(*attempts < FEW && recorded < MOST && saved < MOST, "a number in it is too large")?;
                request.validate(key)
            }
            InvocationRecord::WithoutStep { request, attempts, .. } => {
                must(*attempts < FEW, "a number in it is too large")?;
                request.validate(key)
            }
            InvocationRecord::Step(step) => must(given(*step), "its step is none"),
        }
    }
}

impl Validate for CallRequest {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str> {
        let CallRequest { name, kind: call, method, key: used, resumes, depth, .. } = self;
        must(key.name() == Some(name.as_str()), "it has another name")?;
        must(name.actor().is_ok() || matches!(call, CallKind::Task { .. }), "its name is no actor's")?;
        must(is_identifier(method), "its method is no name")?;
        must(used.as_ref().is_none_or(|used| CallerKey::is_valid(&used.text)), "its key is none")?;
        must(resumes.is_none_or(given), "what it resumes is no invocation")?;
        must(*depth < FEW, "a number in it is too large")?;
        match call {
            CallKind::Construct { version, .. } | CallKind::Task { version, .. } => {
                must((1..FEW).contains(version), "its version is none")
            }
            CallKind::Mutate => Ok(()),
        }
    }
}

impl Validate for ClassRecord {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str> {
        must(key.class_name().is_some(), "its name is none")?;
        let ClassRecord { current, first, last } = *self;
        must(last < FEW && (1..=last + 1).contains(&first), "its versions contradict each other")?;
        must(current.is_none_or(|current| (first..=last).contains(&current)), "its current version is none")
    }
}

impl Validate for CountsRecord {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str> {
        must(key.class_name().is_some(), "the name of its class is none")?;
        must(key.last_number().is_some_and(|version| version < u64::from(FEW)), "its version is none")?;
        must(self.actors < MOST && self.pending < MOST, "a number in it is too large")
    }
}

impl Validate for VersionRecord {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str> {
        must(key.class_name().is_some(), "the name of its class is none")?;
        must(self.component_bytes < MOST, "a number in it is too large")
    }
}

impl Validate for AttemptRecord {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str> {
        must(key.last_number().is_some_and(|number| (1..FEW.into()).contains(&number)), "its number is none")
    }
}

impl Validate for KeyUse {
    fn validate(&self, _: &RecordKey) -> Result<(), &'static str> {
        must(given(self.number), "a number in it is too large, or 0")
    }
}

impl Validate for EventRecord {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str> {
        must(key.last_number().is_some_and(given), "its number is too large, or 0")
    }
}

impl Validate for HistoryEntry {
    fn validate(&self, key: &RecordKey) -> Result<(), &'static str> {
        must(key.last_number().is_some_and(|index| index < MOST), "its index is too large")
    }
}

/// The number of an invocation.
impl Validate for u64 {
    fn validate(&self, _: &RecordKey) -> Result<(), &'static str> {
        must(given(*self), "a number in it is too large, or 0")
    }
}

impl Validate for Reference {
    fn validate(&self, _: &RecordKey) -> Result<(), &'static str> {
        must(given(self.number), "a number in it is too large, or 0")
    }
}

/// An opaque id.
impl Validate for String {
    fn validate(&self, _: &RecordKey) -> Result<(), &'static str> {
        must(Seed::is_opaque_id(self), "it is no opaque id")
    }
}

/// A state, which its class judges.
impl Validate for ByteBuf {
    fn validate(&self, _: &RecordKey) -> Result<(), &'static str> {
        Ok(())
    }
}
