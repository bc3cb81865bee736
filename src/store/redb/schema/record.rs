//! Records: MessagePack behind a sum that binds it to its key.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::model::{
    CallRequest, ClassName, Hash, Invocation, Json, Log, Outcome, ResumePoint, Status, Step, Times, Timestamp,
};
use crate::store::{ClassVersion, RegisteredClass};

use super::key::RecordKey;
use super::validate::Validate;
use crate::store::redb::errors::{TxResult, damaged};

const SUM: usize = 8;

/// How deep values may lie in each other; no record is half as deep.
const DEPTH: usize = 32;

/// Structures are written as arrays, so a field may be added behind the others (with `#[serde(default)]`).
pub fn seal(key: &RecordKey, record: &impl Serialize) -> TxResult<Vec<u8>> {
    let mut sealed = vec![0; SUM];
    if let Err(error) = rmp_serde::encode::write(&mut sealed, record) {
        return damaged(format!("{} cannot be written: {error}", key.describe()));
    }
    let sum = sum_of(key, &sealed[SUM..]);
    sealed[..SUM].copy_from_slice(&sum);
    Ok(sealed)
}

pub fn unseal<T: DeserializeOwned + Validate>(key: &RecordKey, sealed: &[u8]) -> TxResult<T> {
    let Some((sum, record)) = sealed.split_first_chunk::<SUM>() else {
        return damaged(format!("{} is too short", key.describe()));
    };
    if *sum != sum_of(key, record) {
        return damaged(format!("{} does not match its sum", key.describe()));
    }
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(record);
    deserializer.set_max_depth(DEPTH);
    let read = T::deserialize(&mut deserializer).map_err(|error| error.to_string());
    let sound = read.and_then(|record| record.validate(key).map(|()| record).map_err(str::to_owned));
    sound.or_else(|reason| damaged(format!("{} is not readable: {reason}", key.describe())))
}

/// Over the key and the record, so that a record under another's key is damage too.
fn sum_of(key: &RecordKey, record: &[u8]) -> [u8; SUM] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(key.bytes().len() as u64).to_be_bytes());
    hasher.update(key.bytes());
    hasher.update(record);
    *hasher.finalize().as_bytes().first_chunk().expect("a hash is longer")
}

/// Bytes that a hash speaks for.
pub fn checked(key: &RecordKey, bytes: Cow<'_, [u8]>, hash: &Hash) -> TxResult<Vec<u8>> {
    if Hash::of(&bytes) != *hash {
        return damaged(format!("{} does not match its hash", key.describe()));
    }
    Ok(bytes.into_owned())
}

/// What stays of a class for good: its versions are never numbered anew, so that a name and a number always mean the
/// same code.
#[derive(Clone, Serialize, Deserialize)]
pub struct ClassRecord {
    /// The version that new actors get; None after the class was removed.
    pub current: Option<u32>,
    /// The number of the last version that there ever was.
    pub last: u32,
    /// The number of the first version since the class was last removed.
    pub first: u32,
}

#[derive(Serialize, Deserialize)]
pub struct VersionRecord {
    pub hash: Hash,
    pub component_bytes: u64,
    pub description: Json,
    pub registered: Timestamp,
}

/// How much is on a class version; without this record it is nothing.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountsRecord {
    pub actors: u64,
    /// Constructions and tasks that were accepted with it and have not ended.
    pub pending: u64,
}

impl ClassRecord {
    /// The class, if it is there.
    pub fn class(self, name: ClassName) -> Option<RegisteredClass> {
        let ClassRecord { current, last, first } = self;
        Some(RegisteredClass { name, current: current?, versions: last.saturating_sub(first).saturating_add(1) })
    }
}

impl VersionRecord {
    pub fn version(self, class: &ClassName, number: u32) -> ClassVersion {
        let VersionRecord { hash, component_bytes, description, registered } = self;
        ClassVersion { class: class.clone(), number, hash, component_bytes, description, registered }
    }
}

/// A step, and where the state before it is to be had.
#[derive(Serialize, Deserialize)]
pub struct StepRecord {
    pub step: Step,
    /// The last checkpoint at or before this step.
    pub checkpoint: u64,
    /// Where this step is the checkpoint and its state is short: the state.
    pub state: Option<ByteBuf>,
}

impl StepRecord {
    /// The invocation that the step ended. Which invocation resumed it has a record of its own.
    pub fn invocation(self) -> Invocation {
        let Step { number, reference, request, times, outcome, log, .. } = self.step;
        Invocation {
            number: reference,
            status: Status::Ended { times, outcome, log, step: Some(number) },
            request,
            resumed_by: None,
            queued: false,
            attempts: 0,
            resume_point: None,
        }
    }
}

/// An invocation that left no step, or none yet, or one of another number.
#[derive(Serialize, Deserialize)]
pub enum InvocationRecord {
    Pending(Pending),
    /// It ended without a step.
    WithoutStep {
        request: CallRequest,
        times: Times,
        outcome: Outcome,
        log: Log,
        attempts: u32,
    },
    /// It ended with this step.
    Step(u64),
}

/// One that has not ended.
#[derive(Clone, Serialize, Deserialize)]
pub struct Pending {
    pub request: CallRequest,
    /// Where it stands in the inbox; None where it is delayed.
    pub turn: Option<u64>,
    pub attempts: u32,
    /// Of an actor's invocations only the first in its inbox has begun.
    pub begun: Option<ResumePoint>,
}

/// A try of a task that failed, and was tried again.
#[derive(Serialize, Deserialize)]
pub struct AttemptRecord {
    pub times: Times,
    pub outcome: Outcome,
    pub log: Log,
}

/// Who used a caller's key: an invocation of this number, or an event of it.
#[derive(Serialize, Deserialize)]
pub struct KeyUse {
    pub number: u64,
    pub at: Timestamp,
    /// Of an event: what makes it the same event.
    pub event: Option<Hash>,
}

/// An event that nobody has taken yet.
#[derive(Serialize, Deserialize)]
pub struct EventRecord {
    pub at: Timestamp,
    pub payload: Json,
}
