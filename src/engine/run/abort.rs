//! Runs that did not end.

use crate::model::{Error, Invocation};
use crate::sandbox::Aborted;

/// The reason why a run was aborted. Nothing more of it can be committed.
pub enum Abort {
    /// The invocation waits and left memory. When the wait has a result, a worker runs it again.
    Suspended,
    /// Another invocation used the key of the call in the meantime.
    Duplicate(Box<Invocation>),
    /// The run would have to commit before its end, which a call of a group cannot do.
    NotInGroup,
    /// The caller's deadline passed.
    Deadline,
    /// The engine was stopped, or the invocation was ended from elsewhere.
    Stopped,
    Failed(Error),
}

/// An aborted run.
pub struct AbortedRun {
    pub why: Abort,
    /// The number of the invocation, if it is accepted, also by a commit of the run itself.
    pub number: Option<u64>,
}

impl From<Aborted> for Abort {
    fn from(aborted: Aborted) -> Abort {
        match aborted {
            Aborted::Stopped => Abort::Stopped,
            Aborted::Deadline => Abort::Deadline,
            Aborted::Failed(error) => Abort::Failed(error),
        }
    }
}

impl From<Error> for Abort {
    fn from(error: Error) -> Abort {
        Abort::Failed(error)
    }
}

impl From<Error> for AbortedRun {
    fn from(error: Error) -> AbortedRun {
        AbortedRun { why: Abort::Failed(error), number: None }
    }
}
