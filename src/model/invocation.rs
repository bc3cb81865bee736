//! Invocations: one call of one method, from its acceptance to its end.

use serde::{Deserialize, Serialize};

use super::{Asked, ClassName, Hash, Json, Log, Name, On, Outcome, Reference, Seed, Timestamp};

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
    /// How many invocations wait for this one, one for the other: 0 for a call from outside, one more for a child.
    #[serde(default)]
    pub depth: u32,
    /// How often a task that failed is tried again, where its caller said so; else its class says it.
    #[serde(default)]
    pub retries: Option<u32>,
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
    /// How often it was tried and failed; only a task is tried again.
    pub attempts: u32,
    /// Of one that has not ended and has committed something of its run: a wait, a save.
    pub begun: Option<Begun>,
}

/// An invocation on its way: what it takes to run it again to where it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// When its run began, which is what the guest's clock answered first.
    pub at: Timestamp,
    /// What the guest's clock answered at its last commit; no later answer is of an earlier time.
    pub clock: Timestamp,
    /// Entries in its record.
    pub recorded: u64,
    /// Steps that it has saved. The state that it began with is kept beside the actor's from the first one on.
    pub saved: u64,
    /// What it waits for; None while it computes, or did when its process died.
    pub waiting: Option<Waiting>,
}

/// A wait that is not answered yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub asked: Asked,
    pub on: Vec<On>,
    pub since: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It stands in the inbox, or it is not due yet. [`Invocation::begun`] says how far it came.
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

    /// What it waits for, if it does.
    pub fn waiting(&self) -> Option<&Waiting> {
        self.begun.as_ref()?.waiting.as_ref()
    }
}
