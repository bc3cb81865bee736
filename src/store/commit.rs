//! Values of commits: ends of invocations, progress of runs, waits and events.

use crate::model::{
    CallRequest, ClassName, Fingerprint, HistoryEntry, Invocation, Json, Key, Log, Name, Outcome, Reference,
    ResolvedTarget, Timestamp, WaitResult,
};

/// The end of one invocation: its outcome, and its step in the actor's journal.
#[derive(Clone, Debug)]
pub struct Commit {
    pub source: CommitSource,
    /// The actor's step counter when the run began. If it has another value at the commit, the
    /// commit is [`Stale`](crate::model::Error::Stale) and writes nothing.
    pub expected_steps: u64,
    /// The begin of the run by the wall clock; None if nothing ran.
    pub began: Option<Timestamp>,
    /// The last answer of the guest's clock.
    pub now: Timestamp,
    pub outcome: Outcome,
    pub log: Log,
    /// Processor time of the guest, in microseconds.
    pub micros: u64,
    pub end: End,
    /// The operations of the run since its last commit; None if there are none.
    pub progress: Option<Progress>,
    /// Whether the guest has seen its opaque id, so that other guests may use it from now on.
    pub id_exposed: bool,
}

/// The operations of a run since its last commit.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The begin of the run by the wall clock.
    pub began: Timestamp,
    /// The first answer of the guest's clock.
    pub first_now: Timestamp,
    /// The length of the history at the run's last commit. If it has another value at this commit,
    /// the commit is [`Stale`](crate::model::Error::Stale) and writes nothing.
    pub expected_history: u64,
    /// In order.
    pub entries: Vec<NewEntry>,
    /// Messages, in order; they are accepted with this commit. A wait has none.
    pub sends: Vec<NewCall>,
    /// The fingerprint of the save, if the commit is one: the invocation goes on after it, and the
    /// save is the last entry.
    pub save: Option<Fingerprint>,
    /// The limit of each inbox that gets a child or a message.
    pub inbox_limit: u64,
}

/// An operation to perform and to add to a history.
#[derive(Clone, Debug)]
pub enum NewEntry {
    /// Accepts a child. If that is refused, the entry has the fault.
    Start { fingerprint: Fingerprint, child: Box<NewCall> },
    /// Reuses the child of an earlier run of the method, which the guest knows by this id too.
    Reuse { fingerprint: Fingerprint, child: Reference, opaque_id: String },
    /// Cancels an invocation and its descendants, except the one that asks for it.
    Cancel { fingerprint: Fingerprint, target: ResolvedTarget },
    /// Takes the event that is the result of the wait.
    TakeEvent { entry: HistoryEntry, event: String, number: u64 },
    /// An entry without an effect on the store.
    Plain(HistoryEntry),
}

/// A child or a message to accept. The store sets its caller.
#[derive(Clone, Debug)]
pub struct NewCall {
    /// Accepted before the call if the actor does not exist and has no construction in its inbox.
    pub construction: Option<CallRequest>,
    pub call: CallRequest,
}

/// A run that waits.
#[derive(Clone, Debug)]
pub struct Suspend {
    pub source: CommitSource,
    /// As in a [`Commit`].
    pub expected_steps: u64,
    /// The present time.
    pub at: Timestamp,
    pub progress: Progress,
    /// As in a [`Commit`].
    pub id_exposed: bool,
    /// The fingerprint of the wait.
    pub fingerprint: Fingerprint,
    pub targets: Vec<ResolvedTarget>,
}

/// The result of [`Store::suspend`](super::Store::suspend).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suspended {
    /// The progress is committed. The invocation has this number; a fresh one was accepted. It
    /// waits if there is no result.
    Waiting { number: u64, result: Option<StoredResult> },
    /// This invocation used the key before; nothing was written.
    Duplicate(Box<Invocation>),
}

/// The result of a wait. An event is not taken yet: the next commit does that
/// ([`NewEntry::TakeEvent`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResult {
    pub result: WaitResult,
    /// Name and number of the event, if the result is one.
    pub event: Option<(String, u64)>,
}

/// An event to send.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub name: Name,
    pub event: String,
    pub payload: Json,
    pub key: Option<Key>,
    pub at: Timestamp,
}

/// The invocation of a commit.
#[derive(Clone, Debug)]
pub enum CommitSource {
    /// A blocking call that found the inbox empty: it is accepted and ends in one commit, before
    /// invocations that were enqueued meanwhile. If its key was used meanwhile, the commit is
    /// refused as a duplicate.
    Fresh(Box<CallRequest>),
    /// The pending invocation with this number. If it is no longer pending, the commit is stale.
    Accepted { name: Name, number: u64 },
}

impl CommitSource {
    /// The name of the invocation's actor or task.
    pub fn name(&self) -> &Name {
        match self {
            CommitSource::Fresh(request) => &request.name,
            CommitSource::Accepted { name, .. } => name,
        }
    }
}

/// The effect of an invocation's end.
#[derive(Clone, Debug)]
pub enum End {
    /// Creates the actor with this state; the step is its first.
    Created { class: ClassName, version: u32, state: Vec<u8> },
    /// A step of an existing actor, with a new state or (None) with the same.
    Step { version: u32, state: Option<Vec<u8>> },
    /// No step: a task, or a constructor that failed.
    WithoutStep,
    /// The attempt of a task failed, and the next one is due at this time.
    Retry { due: Timestamp },
}

/// The result of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    Done {
        /// The number of the reference.
        reference: u64,
        /// The number of the step, if there is one.
        step: Option<u64>,
    },
    /// This invocation used the key before; nothing was written.
    Duplicate(Box<Invocation>),
}

/// The result of an acceptance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// A new invocation with this number.
    New(u64),
    /// This invocation used the key before; nothing was written.
    Duplicate(Box<Invocation>),
}
