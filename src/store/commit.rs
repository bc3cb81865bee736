//! What one commit says.

use crate::model::{
    CallRequest, ClassName, Fingerprint, HistoryEntry, Invocation, Log, Name, Outcome, ResolvedTarget, Timestamp,
    WaitResult,
};

/// The end of one invocation: its outcome, and the step that it leaves in the actor's journal.
#[derive(Clone, Debug)]
pub struct Commit {
    pub source: CommitSource,
    /// The actor's step counter when the run began. Another value at commit means that somebody else was
    /// faster: [`Stale`](crate::model::Error::Stale), and nothing is written.
    pub expected_steps: u64,
    /// When the run began, by the wall clock; None where none did.
    pub began: Option<Timestamp>,
    /// What the guest's clock answered last.
    pub now: Timestamp,
    pub outcome: Outcome,
    pub log: Log,
    /// How long the guest computed, in microseconds of processor time.
    pub micros: u64,
    pub end: End,
    /// What the run asked for beside its clock, if it did.
    pub progress: Option<Progress>,
    /// Whether the guest was told its opaque id: others may name it by that from now on.
    pub id_exposed: bool,
}

/// What a run asked for since its last commit.
#[derive(Clone, Debug)]
pub struct Progress {
    /// When the run began, by the wall clock.
    pub began: Timestamp,
    /// What the guest's clock answered first.
    pub first_now: Timestamp,
    /// Entries that the invocation's record had at the run's last commit. Another number means that somebody else went
    /// on with it: [`Stale`](crate::model::Error::Stale), and nothing is written.
    pub expected_history: u64,
    /// In order.
    pub entries: Vec<NewEntry>,
    /// Messages, in order; they are accepted with this commit. None at a wait.
    pub sends: Vec<NewCall>,
    /// The commit is a save: the invocation goes on after it, and this is the last entry.
    pub save: Option<Fingerprint>,
    /// What may stand in an inbox that a child or a message is put in.
    pub inbox_limit: u64,
}

/// An entry of a record that is to be.
#[derive(Clone, Debug)]
pub enum NewEntry {
    /// Accepts a child. One that cannot be accepted is recorded with the reason.
    Start { fingerprint: Fingerprint, child: Box<NewCall> },
    /// A start that is answered by a child which an earlier run of the method started: the guest knows it by this id, too.
    Reuse { fingerprint: Fingerprint, child: crate::model::Reference, opaque_id: String },
    /// Ends an invocation, and its children, if it has not ended. Who asks for it goes on, be it among them or not.
    Cancel { fingerprint: Fingerprint, target: ResolvedTarget },
    /// The wait was answered with an event, which is taken with this commit.
    TakeEvent { entry: HistoryEntry, event: String, number: u64 },
    /// Nothing beside the entry.
    Plain(HistoryEntry),
}

/// A child or a message to accept. Its caller is whoever commits it, whatever is said here.
#[derive(Clone, Debug)]
pub struct NewCall {
    /// Makes the actor; accepted before the call where the actor is not there and no construction of it is accepted.
    pub construction: Option<CallRequest>,
    pub call: CallRequest,
}

/// A run that waits.
#[derive(Clone, Debug)]
pub struct Suspend {
    pub source: CommitSource,
    pub expected_steps: u64,
    /// The time now.
    pub at: Timestamp,
    pub progress: Progress,
    pub id_exposed: bool,
    /// The wait.
    pub fingerprint: Fingerprint,
    pub targets: Vec<ResolvedTarget>,
}

/// What became of a wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suspended {
    /// The invocation has this number now (it was accepted with this if it was fresh), and what it asked for is recorded.
    Waiting { number: u64, result: Option<StoredResult> },
    /// The key was used before, by this invocation: nothing was written.
    Duplicate(Box<Invocation>),
}

/// The answer of a wait. An event is not taken yet: that is for the next commit ([`Entry::Taken`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResult {
    pub result: WaitResult,
    /// Name and number of the event that it is.
    pub event: Option<(String, u64)>,
}

/// An event to send.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub name: Name,
    pub event: String,
    pub payload: crate::model::Json,
    pub key: Option<crate::model::Key>,
    pub at: Timestamp,
}

/// Which invocation ends.
#[derive(Clone, Debug)]
pub enum CommitSource {
    /// A blocking call that found the inbox empty: it is accepted and ends in one commit. If something has entered
    /// the inbox meanwhile it stands behind this one.
    ///
    /// A key that somebody used meanwhile refuses the commit: [`Committed::Known`].
    Fresh(Box<CallRequest>),
    /// The accepted invocation of this number, whose turn it is. If it has ended meanwhile, the commit is stale.
    Accepted { name: Name, number: u64 },
}

impl CommitSource {
    /// The actor (or task) whose turn it is.
    pub fn name(&self) -> &crate::model::Name {
        match self {
            CommitSource::Fresh(request) => &request.name,
            CommitSource::Accepted { name, .. } => name,
        }
    }
}

/// What the end leaves in the store.
#[derive(Clone, Debug)]
pub enum End {
    /// The actor is there from now on, with this state; the step is its first.
    Created { class: ClassName, version: u32, state: Vec<u8> },
    /// A step of an actor that is there: with a new state, or (None) with the one it had.
    Step { version: u32, state: Option<Vec<u8>> },
    /// No step: a task, or a constructor that failed.
    WithoutStep,
    /// Not the end yet: the task failed and is tried again at this time.
    Retry { due: Timestamp },
}

/// What became of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    Done {
        /// The number of the reference.
        reference: u64,
        /// The number of the step, where there is one.
        step: Option<u64>,
    },
    /// The key was used before, by this invocation: nothing was written.
    Duplicate(Box<Invocation>),
}

/// What became of an acceptance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// A new invocation, of this number.
    New(u64),
    /// The key was used before, by this invocation: nothing was written.
    Duplicate(Box<Invocation>),
}
