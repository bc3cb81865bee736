//! What a run asks of the host that others see, or that takes its time: operations, and their
//! answers.

use serde::{Deserialize, Serialize};

use super::{Fault, Hash, Json, Reference, Timestamp};

/// What a mutation or a constructor asks for while it runs, each in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A child that can be waited for.
    Start(OutgoingCall),
    /// A message, so many milliseconds delayed.
    Send(OutgoingCall, u64),
    /// Ends what has this opaque id, and its children.
    Cancel(String),
    /// This state is the actor's from now on.
    Save(Vec<u8>),
    /// The first of these to be answered. Never empty.
    Wait(Vec<WaitTarget>),
    /// The result of a query, now.
    Ask(QueryCall),
}

/// A query that a run asks; names are as the guest gave them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryCall {
    /// The actor.
    pub id: String,
    pub query: String,
    /// As the guest gave them, which may be no JSON.
    pub arguments: String,
}

/// A call that a run makes of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingCall {
    /// Counts the starts and sends of the run, from 1.
    pub ordinal: u64,
    pub target: CallTarget,
    pub method: String,
    /// As the guest gave them, which may be no JSON.
    pub arguments: String,
    /// For people; no part of what makes it the same call.
    pub meta: Vec<(String, String)>,
    /// Limits that are lowered for it, by name; no part of that either.
    pub limits: Vec<(String, u64)>,
}

/// Whom a run calls; names are as the guest gave them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallTarget {
    Actor {
        id: String,
    },
    /// An actor that is made if it is not there.
    ActorOrNew {
        class: String,
        id: String,
        arguments: String,
    },
    Task {
        class: String,
    },
}

/// Something that will be answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WaitTarget {
    /// The end of the invocation with this opaque id.
    Invocation(String),
    Timer(Timestamp),
    /// The next event of this name.
    Event(String),
}

/// What a wait is answered, or an ask, which is answered as a wait for one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitResult {
    /// Which of what was awaited.
    pub index: u32,
    /// A result, a payload, null for a timer.
    pub result: Result<Json, Fault>,
    /// What the guest's clock answers from now on.
    pub at: Timestamp,
}

impl WaitResult {
    /// Whether this can be the answer of a wait for these.
    pub fn is_for(&self, awaited: &[WaitTarget]) -> bool {
        usize::try_from(self.index).is_ok_and(|index| index < awaited.len())
    }
}

/// An operation in an invocation's record, which answers it when the invocation is run again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    pub fingerprint: Fingerprint,
    pub result: OperationResult,
}

/// What was asked for, so that another run can be held against it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// For a person, in a few words: `start account/bob.deposit {"amount":5}`.
    pub summary: String,
    /// Of all of it.
    pub hash: Hash,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationResult {
    /// Of a cancel, and of a send without a delay.
    Done,
    /// Of a start: the child, or why it could not be accepted.
    Started(Result<Reference, Fault>),
    /// Of a save: the step that it made.
    Saved(u64),
    Waited(WaitResult),
    /// Of a send with a delay, which counts from this time by the wall clock.
    Sent(Timestamp),
}

/// What an invocation waits for, as the store sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResolvedTarget {
    /// The child that the entry of this index (from 0) in the invocation's record started.
    Child(u64),
    /// The waiting invocation itself: a wait that never ends.
    Itself,
    Invocation(Reference),
    Timer(Timestamp),
    /// The first event of this name whose number is over `after`.
    Event {
        name: String,
        after: u64,
    },
}

/// An event that was sent to an actor and not taken yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub name: String,
    /// Counts the events of the actor, from 1.
    pub number: u64,
    pub at: Timestamp,
    pub payload: Json,
}

impl Event {
    /// Whether a text can name an event: 1 to 255 bytes without white space and control characters.
    pub fn is_name(text: &str) -> bool {
        (1..=255).contains(&text.len()) && !text.contains(|c: char| c.is_whitespace() || c.is_control())
    }
}
