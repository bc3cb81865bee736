//! Invocations: calls of methods, from their acceptance to their end.

use serde::{Deserialize, Serialize};

use super::{
    ClassName, Fingerprint, Hash, Json, LimitOverrides, Log, Name, Outcome, Reference, ResolvedTarget, Seed, Timestamp,
};

/// A call for a store to accept. Its invocation and its steps keep it whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRequest {
    /// The actor, or `CLASS/TASK`.
    pub name: Name,
    /// The kind of the called method.
    pub kind: CallKind,
    /// The name of the method.
    pub method: String,
    /// The arguments, with defaults filled in.
    pub arguments: Json,
    /// The caller's key, which makes a second call of it a duplicate.
    pub key: Option<Key>,
    /// The invocation that made the call; None for a call from outside.
    pub caller: Option<Reference>,
    /// Metadata: names and values, each name once.
    pub meta: Vec<(String, String)>,
    /// The origin of its random bytes and opaque id.
    pub seed: Seed,
    /// The time of its acceptance, by the wall clock.
    pub accepted: Timestamp,
    /// The time at which it enters the inbox; None is at once.
    pub due: Option<Timestamp>,
    /// The number of the failed invocation of the same name that this one resumes.
    pub resumes: Option<u64>,
    /// The length of the chain of invocations that wait for this one: 0 for a call from outside,
    /// and one more for a child.
    pub depth: u32,
    /// The number of retries of a failed task; None is the number of its class.
    pub retries: Option<u32>,
    /// The limits that its caller named. Defaults hold for the others.
    pub limits: LimitOverrides,
    /// The delay in milliseconds, at whose end it is due. None if its caller named a time, or no
    /// delay.
    #[serde(default)]
    pub delay_ms: Option<u64>,
}

impl CallRequest {
    /// A call from outside without a key, accepted at once, with the default limits.
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

/// The kind of a called method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallKind {
    /// The constructor of this version; its end makes the actor.
    Construct {
        /// The class of the new actor.
        class: ClassName,
        /// The version of the class.
        version: u32,
    },
    /// A mutation of the actor.
    Mutate,
    /// A task of this version; it has no actor.
    Task {
        /// The class of the task.
        class: ClassName,
        /// The version of the class.
        version: u32,
    },
}

/// A caller's own name for a call, unique for its actor, or for its class and task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The key itself.
    pub text: String,
    /// The hash of the method and the arguments as sent, as canonical JSON. Two calls with equal
    /// hashes are the same call.
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
    /// The number among the invocations of its name, from 1 on.
    pub number: u64,
    /// Whether it has ended, and how.
    pub status: Status,
    /// The call.
    pub request: CallRequest,
    /// The number of the invocation that resumed this one. There is at most one.
    pub resumed_by: Option<u64>,
    /// Whether it is in the inbox: it is pending, and its delay has ended by the clock of some
    /// machine.
    pub queued: bool,
    /// The number of failed attempts of a task.
    pub attempts: u32,
    /// The progress of a pending invocation that has committed a wait or a save.
    pub resume_point: Option<ResumePoint>,
}

/// The progress of a pending invocation, from which it is run again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumePoint {
    /// The beginning of its run, by the wall clock.
    pub began: Timestamp,
    /// The first time of the guest's clock.
    pub first_now: Timestamp,
    /// The time of the guest's clock at its last commit. The clock does not go back.
    pub clock: Timestamp,
    /// The length of its history.
    pub history_len: u64,
    /// The number of its saves. From the first save on, the store keeps its initial state beside
    /// the state of the actor.
    pub saves: u64,
    /// Its wait; None if it computes, or computed when its process ended.
    pub wait: Option<PendingWait>,
}

impl ResumePoint {
    /// The progress of a run that has committed nothing yet.
    pub fn new(began: Timestamp, first_now: Timestamp) -> ResumePoint {
        ResumePoint { began, first_now, clock: first_now, history_len: 0, saves: 0, wait: None }
    }
}

/// A wait without a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingWait {
    /// The operation.
    pub fingerprint: Fingerprint,
    /// The targets, of which the first result counts.
    pub targets: Vec<ResolvedTarget>,
    /// The time of the commit of the wait, by the wall clock.
    pub since: Timestamp,
}

/// The times of an invocation or a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// The beginning of the run, by the wall clock; None if the invocation ended before a run.
    pub began: Option<Timestamp>,
    /// The commit, by the wall clock. In an actor's journal it never goes back.
    pub committed: Timestamp,
    /// The last time of the guest's clock. A run without waits is replayed with it.
    pub now: Timestamp,
}

impl Times {
    /// The commit is not before the beginning, also if the clock of the machine went back.
    pub fn new(began: Option<Timestamp>, committed: Timestamp, now: Timestamp) -> Times {
        Times { began, committed: began.map_or(committed, |began| committed.max(began)), now }
    }
}

/// One attempt of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The number of the attempt, from 1 on.
    pub number: u32,
    /// Its times.
    pub times: Times,
    /// Its outcome.
    pub outcome: Outcome,
    /// Its log.
    pub log: Log,
}

/// The status of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is in the inbox, or not due yet. [`Invocation::resume_point`] is its progress.
    Pending,
    /// It has ended.
    Ended {
        /// The times of its last run.
        times: Times,
        /// Its outcome.
        outcome: Outcome,
        /// The log since its last step.
        log: Log,
        /// The number of its step in the journal; None for a task, and if it ended before a run.
        step: Option<u64>,
    },
}

impl Invocation {
    /// The reference, which names it in its store.
    pub fn reference(&self) -> Reference {
        Reference { name: self.request.name.clone(), number: self.number }
    }

    /// The beginning of its run, if it has begun.
    pub fn began_at(&self) -> Option<Timestamp> {
        match &self.status {
            Status::Pending => self.resume_point.as_ref().map(|begun| begun.began),
            Status::Ended { times, .. } => times.began,
        }
    }

    /// The time of its end, if it has ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match &self.status {
            Status::Pending => None,
            Status::Ended { times, .. } => Some(times.committed),
        }
    }

    /// Its wait, if it waits.
    pub fn pending_wait(&self) -> Option<&PendingWait> {
        self.resume_point.as_ref()?.wait.as_ref()
    }
}
