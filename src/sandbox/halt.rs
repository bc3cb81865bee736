//! The reasons for which the host ends a guest.

use crate::model::Fault;

/// The reason for which the host ended a guest.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    #[error("the time is up")]
    Time,
    #[error("the deadline has passed")]
    Deadline,
    #[error("the run was stopped")]
    Stopped,
    #[error("cannot read the processor time of a thread: {0}")]
    Clock(std::io::Error),
    #[error("the memory is used up")]
    Memory,
    #[error("cannot give a class more memory: {0}")]
    MachineMemory(String),
    #[error("`describe` called `{0}`, and may call `ctx.log` alone")]
    InDescribe(&'static str),
    #[error("{who} may not call `{function}`; a mutation and a constructor may")]
    Forbidden { who: &'static str, function: &'static str },
    #[error("`{0}` was called in a run that performs no operations")]
    NotPerformed(&'static str),
    #[error("`ctx.random` was asked for {0} bytes at once; the host gives 1 MiB")]
    Random(u32),
    #[error("`ctx.wait_any` was called without a handle, and such a wait never ends")]
    NothingToWaitFor,
    #[error("a state of {0} bytes is over the limit")]
    State(usize),
    /// The run's [`Operations`](super::run::Operations) ended it with this fault.
    #[error("{}", .0.message)]
    Fault(Box<Fault>),
    /// A state that cannot occur.
    #[error("{0}")]
    Internal(String),
}
