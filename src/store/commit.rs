//! What one commit says.

use crate::model::{Answered, Asked, ClassName, Invocation, Log, Name, On, Outcome, Recorded, Request, Timestamp};

/// The end of one invocation: its outcome, and the step that it leaves in the actor's journal.
#[derive(Clone, Debug)]
pub struct Commit {
    pub turn: Turn,
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
    pub known: bool,
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
    pub expected_record: u64,
    /// In order.
    pub entries: Vec<Entry>,
    /// Messages, in order; they are accepted with this commit. None at a wait.
    pub sends: Vec<Child>,
    /// The commit is a save: the invocation goes on after it, and this is the last entry.
    pub save: Option<Asked>,
    /// What may stand in an inbox that a child or a message is put in.
    pub inbox_limit: u64,
}

/// An entry of a record that is to be.
#[derive(Clone, Debug)]
pub enum Entry {
    /// Accepts a child. One that cannot be accepted is recorded with the reason.
    Start { asked: Asked, child: Box<Child> },
    /// A start that is answered by a child which an earlier run of the method started: the guest knows it by this id, too.
    Again { asked: Asked, child: crate::model::Reference, opaque_id: String },
    /// Ends an invocation, and its children, if it has not ended. Who asks for it goes on, be it among them or not.
    Cancel { asked: Asked, target: On },
    /// The wait was answered with an event, which is taken with this commit.
    Taken { recorded: Recorded, event: String, number: u64 },
    /// Nothing beside the entry.
    Done(Recorded),
}

/// A child or a message to accept. Its caller is whoever commits it, whatever is said here.
#[derive(Clone, Debug)]
pub struct Child {
    /// Makes the actor; accepted before the call where the actor is not there and no construction of it is accepted.
    pub create: Option<Request>,
    pub call: Request,
}

/// A run that waits.
#[derive(Clone, Debug)]
pub struct Suspend {
    pub turn: Turn,
    pub expected_steps: u64,
    /// The time now.
    pub at: Timestamp,
    pub progress: Progress,
    pub known: bool,
    /// The wait.
    pub asked: Asked,
    pub on: Vec<On>,
}

/// What became of a wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suspended {
    /// The invocation has this number now (it was accepted with this if it was fresh), and what it asked for is recorded.
    Waits { number: u64, found: Option<Found> },
    /// The key was used before, by this invocation: nothing was written.
    Known(Box<Invocation>),
}

/// The answer of a wait. An event is not taken yet: that is for the next commit ([`Entry::Taken`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub answered: Answered,
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
pub enum Turn {
    /// A blocking call that found the inbox empty: it is accepted and ends in one commit. If something has entered
    /// the inbox meanwhile it stands behind this one.
    ///
    /// A key that somebody used meanwhile refuses the commit: [`Committed::Known`].
    Fresh(Box<Request>),
    /// The accepted invocation of this number, whose turn it is. If it has ended meanwhile, the commit is stale.
    Accepted { name: Name, number: u64 },
}

impl Turn {
    /// The actor (or task) whose turn it is.
    pub fn name(&self) -> &crate::model::Name {
        match self {
            Turn::Fresh(request) => &request.name,
            Turn::Accepted { name, .. } => name,
        }
    }
}

/// What the end leaves in the store.
#[derive(Clone, Debug)]
pub enum End {
    /// The actor is there from now on, with this state; the step is its first.
    Made { class: ClassName, version: u32, state: Vec<u8> },
    /// A step of an actor that is there: with a new state, or (None) with the one it had.
    Step { version: u32, state: Option<Vec<u8>> },
    /// No step: a task, or a constructor that failed.
    Bare,
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
    Known(Box<Invocation>),
}

/// What became of an acceptance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// A new invocation, of this number.
    New(u64),
    /// The key was used before, by this invocation: nothing was written.
    Known(Box<Invocation>),
}
