//! Records: MessagePack behind a sum that binds it to its key.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::model::{
    Begun, Call, ClassName, Hash, Invocation, Json, Key as CallKey, Log, Name, NewInvocation, Outcome, Status, Step,
    Timestamp,
};
use crate::store::Version;

use super::boundary::{Try, damaged};
use super::key::Key;

const SUM: usize = 8;

/// Structures are written as arrays, so a field may be added behind the others (with `#[serde(default)]`).
pub(super) fn seal(key: &Key, record: &impl Serialize) -> Try<Vec<u8>> {
    let mut sealed = vec![0; SUM];
    if let Err(error) = rmp_serde::encode::write(&mut sealed, record) {
        return damaged(format!("{} cannot be written: {error}", key.describe()));
    }
    let sum = sum_of(key, &sealed[SUM..]);
    sealed[..SUM].copy_from_slice(&sum);
    Ok(sealed)
}

pub(super) fn unseal<T: DeserializeOwned>(key: &Key, sealed: &[u8]) -> Try<T> {
    let Some((sum, record)) = sealed.split_first_chunk::<SUM>() else {
        return damaged(format!("{} is too short", key.describe()));
    };
    if *sum != sum_of(key, record) {
        return damaged(format!("{} does not match its sum", key.describe()));
    }
    rmp_serde::from_slice(record).or_else(|error| damaged(format!("{} is not readable: {error}", key.describe())))
}

/// Over the key and the record, so that a record under another's key is damage too.
fn sum_of(key: &Key, record: &[u8]) -> [u8; SUM] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(key.bytes().len() as u64).to_be_bytes());
    hasher.update(key.bytes());
    hasher.update(record);
    *hasher.finalize().as_bytes().first_chunk().expect("a hash is longer")
}

/// Bytes that a hash speaks for.
pub(super) fn checked(key: &Key, bytes: Cow<'_, [u8]>, hash: &Hash) -> Try<Vec<u8>> {
    if Hash::of(&bytes) != *hash {
        return damaged(format!("{} does not match its hash", key.describe()));
    }
    Ok(bytes.into_owned())
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ClassRecord {
    pub current: u32,
    pub versions: u32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct VersionRecord {
    pub hash: Hash,
    pub component_bytes: u64,
    pub description: Json,
    pub registered: Timestamp,
}

impl VersionRecord {
    pub(super) fn version(self, class: &ClassName, number: u32) -> Version {
        let VersionRecord { hash, component_bytes, description, registered } = self;
        Version { class: class.clone(), number, hash, component_bytes, description, registered }
    }
}

/// A step, and what its invocation was besides.
#[derive(Serialize, Deserialize)]
pub(super) struct StepRecord {
    pub step: Step,
    pub call: Call,
    pub key: Option<CallKey>,
    pub accepted: Timestamp,
    pub due: Option<Timestamp>,
    pub resumes: Option<u64>,
    /// The last checkpoint at or before this step.
    pub checkpoint: u64,
    /// Where this step is the checkpoint and its state is short: the state.
    pub state: Option<ByteBuf>,
    #[serde(default)]
    pub depth: u32,
    #[serde(default)]
    pub retries: Option<u32>,
}

impl StepRecord {
    /// Whoever resumed it stands elsewhere.
    pub(super) fn invocation(self, name: Name) -> Invocation {
        let StepRecord { step, call, key, accepted, due, resumes, depth, retries, .. } = self;
        let Step { number, reference, method, arguments, caller, meta, at, seed, outcome, log, .. } = step;
        Invocation {
            number: reference,
            status: Status::Ended { at, outcome, log, step: Some(number) },
            new: NewInvocation {
                name,
                call,
                method,
                arguments,
                key,
                caller,
                meta,
                seed,
                accepted,
                due,
                resumes,
                depth,
                retries,
            },
            resumed_by: None,
            attempts: 0,
            begun: None,
        }
    }
}

/// An invocation that left no step, or none yet, or one of another number.
#[derive(Serialize, Deserialize)]
pub(super) enum InvocationRecord {
    Open(Open),
    /// It ended without a step.
    Bare {
        new: NewInvocation,
        at: Timestamp,
        outcome: Outcome,
        log: Log,
        #[serde(default)]
        attempts: u32,
    },
    /// It ended with this step.
    Step(u64),
}

/// One that has not ended.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Open {
    pub new: NewInvocation,
    /// Where it stands in the inbox; None where it is delayed.
    pub turn: Option<u64>,
    #[serde(default)]
    pub attempts: u32,
    /// Of an actor's invocations only the first in its inbox has begun.
    #[serde(default)]
    pub begun: Option<Begun>,
}

/// Who used a caller's key: an invocation of this number, or an event of it.
#[derive(Serialize, Deserialize)]
pub(super) struct Use {
    pub number: u64,
    pub at: Timestamp,
    /// Of an event: what makes it the same event.
    #[serde(default)]
    pub event: Option<Hash>,
}

/// An event that nobody has taken yet.
#[derive(Serialize, Deserialize)]
pub(super) struct EventRecord {
    pub at: Timestamp,
    pub payload: Json,
}
