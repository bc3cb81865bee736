//! The input and the output of a run.

use std::time::{Duration, Instant};

use super::stop::StopSignal;
use crate::model::{
    ActorId, ClassName, Error, Fault, Json, Limits, Log, LogLine, Operation, Seed, Timestamp, WaitResult,
};

/// The input of one run of one method: it depends on nothing else.
pub struct Run<'a> {
    /// The method and its input.
    pub method: MethodCall<'a>,
    /// The names by which the guest is called.
    pub identity: Identity<'a>,
    /// The time of the guest's clock.
    pub now: Timestamp,
    /// The origin of the guest's random bytes.
    pub seed: Seed,
    /// The limits of the run.
    pub limits: &'a Limits,
    /// Ends the run from another thread.
    pub stop: &'a StopSignal,
    /// The run is aborted then, whatever the computing time of its guest.
    pub deadline: Option<Instant>,
    /// Gets each line of the log at once, up to the log's limit.
    pub on_log: &'a mut (dyn FnMut(&LogLine) + Send),
    /// Performs the operations of a mutation or a constructor. A run without it may perform none.
    pub operations: Option<&'a mut dyn Operations>,
}

/// Performs a guest's operations, in their order.
pub trait Operations: Send {
    /// Performs an operation. A wait and a query return their result, other operations None. The
    /// time of it is not the guest's. An error ends the run with that fault. `log` is the log since
    /// the beginning of the run or its last save; `computed` is the guest's computing time since
    /// the beginning.
    fn perform(&mut self, operation: Operation, log: &Log, computed: Duration) -> Result<Option<WaitResult>, Fault>;
}

/// A method and its input.
#[derive(Clone, Copy)]
pub enum MethodCall<'a> {
    /// `construct`, then `get-state`.
    Construct { arguments: &'a Json },
    /// `set-state`, `invoke`, `get-state`.
    Mutate { state: &'a [u8], name: &'a str, arguments: &'a Json },
    /// `set-state`, `invoke`.
    Query { state: &'a [u8], name: &'a str, arguments: &'a Json },
    /// `invoke` alone.
    Task { name: &'a str, arguments: &'a Json },
    /// `migrate` alone: the result is null, the state the migrated one.
    Migrate { from_version: u32, state: &'a [u8] },
}

/// The names of a run, as the guest can read them.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// The class.
    pub class: &'a ClassName,
    /// The version of the class, from 1 on.
    pub version: u32,
    /// None while a task runs.
    pub actor: Option<&'a ActorId>,
    /// The opaque id of the invocation.
    pub invocation: &'a str,
    /// The number of a task's attempt, from 1 on; 1 for other methods.
    pub attempt: u32,
}

/// The output of a run that ended.
pub struct RunOutput {
    /// The result and the state, or the fault.
    pub outcome: Result<Success, Fault>,
    /// The log since the beginning of the run or its last save.
    pub log: Log,
    /// Computing time of the guest, as processor time.
    pub computed: Duration,
    /// Whether the guest has read its opaque id.
    pub id_exposed: bool,
}

/// Ends a run, or the preparation of one, from outside.
#[derive(Clone, Copy)]
pub struct Bounds<'a> {
    /// Ends it from another thread.
    pub stop: &'a StopSignal,
    /// Ends it at this time.
    pub deadline: Option<Instant>,
}

impl<'a> From<&'a StopSignal> for Bounds<'a> {
    fn from(stop: &'a StopSignal) -> Bounds<'a> {
        Bounds { stop, deadline: None }
    }
}

impl Bounds<'_> {
    pub(super) fn check(self) -> Result<(), Aborted> {
        if self.stop.is_stopped() {
            return Err(Aborted::Stopped);
        }
        match self.deadline {
            Some(deadline) if deadline <= Instant::now() => Err(Aborted::Deadline),
            _ => Ok(()),
        }
    }
}

/// The reason for which a run did not end. It has no outcome.
#[derive(Debug, PartialEq)]
pub enum Aborted {
    /// Its [`StopSignal`] was stopped.
    Stopped,
    /// Its deadline passed.
    Deadline,
    /// The machine gives too little for the run, or vactor is at fault. The class is not.
    Failed(Error),
}

impl From<Error> for Aborted {
    fn from(error: Error) -> Aborted {
        Aborted::Failed(error)
    }
}

/// The outcome of a run that succeeded.
#[derive(Debug)]
pub struct Success {
    /// The result; `null` for a constructor.
    pub result: Json,
    /// The state to save; None for a query and a task.
    pub state: Option<Vec<u8>>,
}
