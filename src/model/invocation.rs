//! Invocations: one call of one method, from its acceptance to its end.

use serde::{Deserialize, Serialize};

use super::{
    ClassName, Fingerprint, Hash, Json, LimitOverrides, Log, Name, Outcome, Reference, ResolvedTarget, Seed, Timestamp,
};

/// A call that a store is asked to accept. It is kept whole with its invocation and with its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRequest {
    /// The actor, or `CLASS/TASK`.
    pub name: Name,
    pub kind: CallKind,
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
    pub resumes: Option<u64>,
    /// How many invocations wait for this one, one for the other: 0 for a call from outside, one
    /// more for a child.
    pub depth: u32,
    /// How often a task that failed is tried again, where its caller said so; else its class says
    /// it.
    pub retries: Option<u32>,
    /// The limits that its caller named; the defaults hold for the others.
    pub limits: LimitOverrides,
    /// By how many milliseconds it was delayed; `due` is so much later than the time at which that
    /// was asked for. None where its caller named a time, or nothing.
    #[serde(default)]
    pub delay_ms: Option<u64>,
}

impl CallRequest {
    /// A call from outside without a key, accepted at once, under the default limits.
    pub fn new(
        name: Name,
        call: CallKind,
        method: impl Into<String>,
        arguments: Json,
        seed: Seed,
        accepted: Timestamp,
    ) -> CallRequest {
        CallRequest {
            name,
            kind: call,
            method: method.into(),
            arguments,
            key: None,
            caller: None,
            meta: Vec::new(),
            seed,
            accepted,
            due: None,
            resumes: None,
            depth: 0,
            retries: None,
            limits: LimitOverrides::default(),
            delay_ms: None,
        }
    }
}

/// What is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallKind {
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
    /// Of the method and the arguments as they were sent, as canonical JSON: what makes a call the
    /// same call.
    pub fingerprint: Hash,
}

impl Key {
    /// Whether a text can be a caller's key: 1 to 255 bytes.
    pub fn is_valid(text: &str) -> bool {
        (1..=255).contains(&text.len())
    }
}

/// An accepted invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    pub number: u64,
    pub status: Status,
    pub request: CallRequest,
    /// The number of the invocation that took this one up again after it failed; at most one ever
    /// does.
    pub resumed_by: Option<u64>,
    /// Whether it has its place in the inbox: it has not ended and is not delayed any more, by
    /// whichever machine's clock.
    pub queued: bool,
    /// How often it was tried and failed; only a task is tried again.
    pub attempts: u32,
    /// Of one that has not ended and has committed something of its run: a wait, a save.
    pub resume_point: Option<ResumePoint>,
}

/// An invocation on its way: what it takes to run it again to where it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumePoint {
    /// When its run began, by the wall clock.
    pub began: Timestamp,
    /// What the guest's clock answered first.
    pub first_now: Timestamp,
    /// What the guest's clock answered at its last commit; no later answer is of an earlier time.
    pub clock: Timestamp,
    /// Entries in its record.
    pub history_len: u64,
    /// Steps that it has saved. The state that it began with is kept beside the actor's from the
    /// first one on.
    pub saves: u64,
    /// What it waits for; None while it computes, or did when its process died.
    pub wait: Option<PendingWait>,
}

impl ResumePoint {
    /// A run that has committed nothing yet.
    pub fn new(began: Timestamp, first_now: Timestamp) -> ResumePoint {
        ResumePoint { began, first_now, clock: first_now, history_len: 0, saves: 0, wait: None }
    }
}

/// A wait that is not answered yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingWait {
    pub fingerprint: Fingerprint,
    pub targets: Vec<ResolvedTarget>,
    pub since: Timestamp,
}

/// When an invocation, or a step of it, ran, and what its guest saw of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// When the run began, by the wall clock; None where the invocation ended before it ran.
    pub began: Option<Timestamp>,
    /// When it was committed, by the wall clock. In an actor's journal this never goes back.
    pub committed: Timestamp,
    /// What the guest's clock answered last. A run that waited for nothing is replayed with this.
    pub now: Timestamp,
}

impl Times {
    /// An end is not before its beginning, also where the clock of the machine went back.
    pub fn new(began: Option<Timestamp>, committed: Timestamp, now: Timestamp) -> Times {
        Times { began, committed: began.map_or(committed, |began| committed.max(began)), now }
    }
}

/// One try of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// From 1 on.
    pub number: u32,
    pub times: Times,
    pub outcome: Outcome,
    pub log: Log,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It stands in the inbox, or it is not due yet. [`Invocation::begun`] says how far it came.
    Pending,
    Ended {
        times: Times,
        outcome: Outcome,
        log: Log,
        /// The journal's entry; none for a task, and where it ended before it ran.
        step: Option<u64>,
    },
}

impl Invocation {
    pub fn reference(&self) -> Reference {
        Reference { name: self.request.name.clone(), number: self.number }
    }

    /// When its run began, if it has.
    pub fn began_at(&self) -> Option<Timestamp> {
        match &self.status {
            Status::Pending => self.resume_point.as_ref().map(|begun| begun.began),
            Status::Ended { times, .. } => times.began,
        }
    }

    /// When it ended, if it has.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match &self.status {
            Status::Pending => None,
            Status::Ended { times, .. } => Some(times.committed),
        }
    }

    /// What it waits for, if it does.
    pub fn pending_wait(&self) -> Option<&PendingWait> {
        self.resume_point.as_ref()?.wait.as_ref()
    }
}
