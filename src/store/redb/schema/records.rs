//! Types of records. They are written as arrays of their fields, so a field may be added behind the
//! others (with `#[serde(default)]`).

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::model::{
    CallRequest, ClassName, Hash, Invocation, Json, Log, Outcome, ResumePoint, Status, Step, Times, Timestamp,
};
use crate::store::{ClassVersion, RegisteredClass};

/// A class, also after its removal: its versions are never numbered anew, so that a name and a
/// number always mean the same code.
#[derive(Clone, Serialize, Deserialize)]
pub struct ClassRecord {
    /// The version of new actors; None after the removal of the class.
    pub current: Option<u32>,
    /// The number of the last version of all time.
    pub last: u32,
    /// The number of the first version since the last removal.
    pub first: u32,
}

#[derive(Serialize, Deserialize)]
pub struct VersionRecord {
    pub hash: Hash,
    pub component_bytes: u64,
    pub description: Json,
    pub registered: Timestamp,
}

/// The usage of a class version. There is no record without any.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    pub actors: u64,
    /// Pending constructions and tasks that were accepted with the version.
    pub pending: u64,
}

impl ClassRecord {
    /// None after the removal of the class.
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

#[derive(Serialize, Deserialize)]
pub struct StepRecord {
    pub step: Step,
    /// The last checkpoint at or before this step.
    pub checkpoint: u64,
    /// The state, if this step is a checkpoint and the state is short.
    pub state: Option<ByteBuf>,
}

impl StepRecord {
    /// The invocation that the step ended, without its resumption, which has a record of its own.
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

/// An invocation. One whose step has its own number needs no record.
#[derive(Serialize, Deserialize)]
pub enum InvocationRecord {
    Pending(Pending),
    /// Ended without a step.
    WithoutStep {
        request: CallRequest,
        times: Times,
        outcome: Outcome,
        log: Log,
        attempts: u32,
    },
    /// Ended with the step of this number.
    Step(u64),
}

/// A pending invocation.
#[derive(Clone, Serialize, Deserialize)]
pub struct Pending {
    pub request: CallRequest,
    /// The position in the inbox; None if it is delayed.
    pub position: Option<u64>,
    pub attempts: u32,
    /// Of an actor's invocations, only the first in the inbox has one.
    pub resume_point: Option<ResumePoint>,
}

/// A failed attempt of a task, before the last one.
#[derive(Serialize, Deserialize)]
pub struct AttemptRecord {
    pub times: Times,
    pub outcome: Outcome,
    pub log: Log,
}

/// The use of a caller's key, by an invocation or an event.
#[derive(Serialize, Deserialize)]
pub struct KeyUse {
    /// The number of the invocation or the event.
    pub number: u64,
    pub at: Timestamp,
    /// The fingerprint of the event; None for an invocation.
    pub event: Option<Hash>,
}

/// An event that no method has taken yet.
#[derive(Serialize, Deserialize)]
pub struct EventRecord {
    pub at: Timestamp,
    pub payload: Json,
}
