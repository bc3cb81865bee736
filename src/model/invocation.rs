//! Invocations: one call of one method, from its acceptance to its end.

use serde::{Deserialize, Serialize};

use super::{ClassName, Hash, Json, Log, Name, Outcome, Reference, Seed, Timestamp};

/// An invocation that a store is asked to accept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewInvocation {
    /// The actor, or `CLASS/TASK`.
    pub name: Name,
    pub call: Call,
    pub method: String,
    /// With defaults filled in.
    pub arguments: Json,
    pub key: Option<Key>,
    pub caller: Option<Reference>,
    pub meta: Vec<(String, String)>,
    pub seed: Seed,
    pub accepted: Timestamp,
    /// When it takes its place in the inbox; at once where there is none.
    pub due: Option<Timestamp>,
    /// The number of the failed invocation of the same name that this one takes up again.
    #[serde(default)]
    pub resumes: Option<u64>,
}

/// What is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// The constructor of this version; its end makes the actor.
    Construct { class: ClassName, version: u32 },
    /// A mutation of the actor.
    Mutate,
    /// A task of this version; it has no actor.
    Task { class: ClassName, version: u32 },
}

/// A caller's own name for a call, good for one call of its actor (or class and task).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub text: String,
    /// Of the method and the arguments as they were sent, as canonical JSON: what makes a call the same call.
    pub fingerprint: Hash,
}

/// An accepted invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    pub number: u64,
    pub status: Status,
    pub new: NewInvocation,
    /// The number of the invocation that took this one up again after it failed; at most one ever does.
    pub resumed_by: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It stands in the inbox, or it is not due yet.
    Accepted,
    Ended {
        at: Timestamp,
        outcome: Outcome,
        log: Log,
        /// The journal's entry; none for a task, and where it ended before it ran.
        step: Option<u64>,
    },
}

impl Invocation {
    pub fn reference(&self) -> Reference {
        Reference { name: self.new.name.clone(), number: self.number }
    }

    /// When it ended, if it has.
    pub fn ended(&self) -> Option<Timestamp> {
        match &self.status {
            Status::Accepted => None,
            Status::Ended { at, .. } => Some(*at),
        }
    }
}
