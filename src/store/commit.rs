//! What one commit says.

use crate::model::{ClassName, Invocation, Log, NewInvocation, Outcome, Timestamp};

/// The end of one invocation: its outcome, and the step that it leaves in the actor's journal.
#[derive(Clone, Debug)]
pub struct Commit {
    pub turn: Turn,
    /// The actor's step counter when the run began. Another value at commit means that somebody else was
    /// faster: [`Stale`](crate::model::Error::Stale), and nothing is written.
    pub expected_steps: u64,
    /// When the run began.
    pub at: Timestamp,
    pub outcome: Outcome,
    pub log: Log,
    /// How long the guest ran, in microseconds.
    pub micros: u64,
    pub end: End,
}

/// Which invocation ends.
#[derive(Clone, Debug)]
pub enum Turn {
    /// A blocking call that found the inbox empty: it is accepted and ends in one commit. If something has entered
    /// the inbox meanwhile it stands behind this one.
    ///
    /// A key that somebody used meanwhile refuses the commit: [`Committed::Known`].
    Fresh(Box<NewInvocation>),
    /// The accepted invocation of this number, whose turn it is. If it has ended meanwhile, the commit is stale.
    Accepted { name: crate::model::Name, number: u64 },
}

impl Turn {
    /// The actor (or task) whose turn it is.
    pub fn name(&self) -> &crate::model::Name {
        match self {
            Turn::Fresh(new) => &new.name,
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
