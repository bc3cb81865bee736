//! Operations of a run, and their results.

use serde::{Deserialize, Serialize};

use super::{Fault, Hash, Json, Reference, Timestamp};

/// An operation of a mutation or a constructor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Starts a child.
    Start(OutgoingCall),
    /// Sends a message, delayed by so many milliseconds.
    Send(OutgoingCall, u64),
    /// Cancels the invocation with this opaque id, and its children.
    Cancel(String),
    /// Saves this state as the actor's.
    Save(Vec<u8>),
    /// Waits for the first result of these targets. It has one target at least.
    Wait(Vec<WaitTarget>),
    /// Asks a query, whose result is there at once.
    Ask(QueryCall),
}

/// A query of a run, with the names of the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryCall {
    /// The id of the actor.
    pub id: String,
    /// The name of the query.
    pub query: String,
    /// The text of the guest, which may be no JSON.
    pub arguments: String,
}

/// A start or a send of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingCall {
    /// The number among the starts and sends of the run, from 1 on.
    pub ordinal: u64,
    /// The actor or the class that is called.
    pub target: CallTarget,
    /// The name of the method.
    pub method: String,
    /// The text of the guest, which may be no JSON.
    pub arguments: String,
    /// Metadata, which is no part of the fingerprint.
    pub meta: Vec<(String, String)>,
    /// Lowered limits by name, which are no part of the fingerprint, either.
    pub limits: Vec<(String, u64)>,
}

/// The target of a start or a send, with the names of the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallTarget {
    /// An actor.
    Actor {
        /// The id of the actor.
        id: String,
    },
    /// An actor that is made if it does not exist.
    ActorOrNew {
        /// The class of a new actor.
        class: String,
        /// The id of the actor.
        id: String,
        /// The arguments of the constructor, as text.
        arguments: String,
    },
    /// A task.
    Task {
        /// The class of the task.
        class: String,
    },
}

/// The target of a wait, as the guest names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WaitTarget {
    /// The end of the invocation with this opaque id.
    Invocation(String),
    /// This time of the guest's clock.
    Timer(Timestamp),
    /// The next event of this name.
    Event(String),
}

/// The result of a wait, or of a query, which is that of a wait for one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitResult {
    /// The index of the target that has the result.
    pub index: u32,
    /// The result of an invocation, the payload of an event, or null for a timer.
    pub result: Result<Json, Fault>,
    /// The time of the guest's clock from now on.
    pub at: Timestamp,
}

impl WaitResult {
    /// Whether it can be the result of a wait for these targets.
    pub fn is_for(&self, awaited: &[WaitTarget]) -> bool {
        usize::try_from(self.index).is_ok_and(|index| index < awaited.len())
    }
}

/// An operation in an invocation's history, with the result that a replay gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The operation.
    pub fingerprint: Fingerprint,
    /// Its result.
    pub result: OperationResult,
}

/// The identity of an operation, by which a replay compares it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The operation in a few words: `start account/bob.deposit {"amount":5}`.
    pub summary: String,
    /// The hash of the whole operation.
    pub hash: Hash,
}

/// The result of an operation, as the history has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationResult {
    /// The result of a cancel, and of a send without a delay.
    Done,
    /// The result of a start: the child, or the fault for which it is not accepted.
    Started(Result<Reference, Fault>),
    /// The result of a save: the number of its step.
    Saved(u64),
    /// The result of a wait or a query.
    Waited(WaitResult),
    /// The result of a send with a delay, which counts from this time by the wall clock.
    Sent(Timestamp),
}

/// The target of a wait, as the store sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResolvedTarget {
    /// The child that the entry of this index, from 0 on, in the invocation's history started.
    Child(u64),
    /// The waiting invocation itself: a wait that never ends.
    Itself,
    /// The end of an invocation.
    Invocation(Reference),
    /// This time of the guest's clock.
    Timer(Timestamp),
    /// The first event of this name whose number is over `after`.
    Event {
        /// The name of the event.
        name: String,
        /// Events up to this number are passed over.
        after: u64,
    },
}

/// An event of an actor that no method has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The name, by which methods wait.
    pub name: String,
    /// The number among the events of the actor, from 1 on.
    pub number: u64,
    /// The time at which it was sent, by the wall clock.
    pub at: Timestamp,
    /// The payload.
    pub payload: Json,
}

impl Event {
    /// Whether a text can name an event: 1 to 255 bytes without white space and control characters.
    pub fn is_name(text: &str) -> bool {
        (1..=255).contains(&text.len()) && !text.contains(|c: char| c.is_whitespace() || c.is_control())
    }
}
