//! What goes into a run, and what comes out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use crate::model::{
    ActorId, ClassName, Error, Fault, Json, Limits, Log, LogLine, Operation, Seed, Timestamp, WaitResult, lock,
};

/// Everything that one run of one method depends on.
pub struct Run<'a> {
    pub method: MethodCall<'a>,
    pub identity: Identity<'a>,
    /// What the guest's clock answers.
    pub now: Timestamp,
    /// What the guest's random bytes come from.
    pub seed: Seed,
    pub limits: &'a Limits,
    /// Ends the run from another thread.
    pub stop: &'a StopSignal,
    /// When the run is given up, however little its guest has computed.
    pub deadline: Option<Instant>,
    /// Sees each line of the log as the guest says it, up to the log's limit.
    pub on_log: &'a mut (dyn FnMut(&LogLine) + Send),
    /// Performs what a mutation or a constructor asks for; a run without one may ask for nothing.
    pub operations: Option<&'a mut dyn Operations>,
}

/// Performs a guest's operations, in the order in which it asks.
pub trait Operations: Send {
    /// The answer of a wait, and None of all else. The time that it takes is not the guest's. An error ends the run with that
    /// fault. `log` is what the guest said since the run began or its last save, `computed` how long it has computed since
    /// the run began.
    fn perform(&mut self, operation: Operation, log: &Log, computed: Duration) -> Result<Option<WaitResult>, Fault>;
}

/// What is run.
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

/// Who runs, as the guest is told.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    pub class: &'a ClassName,
    pub version: u32,
    /// None while a task runs.
    pub actor: Option<&'a ActorId>,
    /// The opaque id of the invocation.
    pub invocation: &'a str,
    /// 1 for the first try of a task, and always 1 elsewhere.
    pub attempt: u32,
}

/// What came of a run.
pub struct RunOutput {
    pub outcome: Result<Success, Fault>,
    pub log: Log,
    /// How long the guest computed.
    pub computed: Duration,
    /// Whether the guest was told its opaque id.
    pub id_exposed: bool,
}

/// What ends a run, or what has to be done before one, from outside.
#[derive(Clone, Copy)]
pub struct Bounds<'a> {
    pub stop: &'a StopSignal,
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

/// Why a run did not end. Nothing of it is an outcome of its method.
#[derive(Debug, PartialEq)]
pub enum Aborted {
    /// Its [`Stop`] was stopped.
    Stopped,
    /// Its deadline passed.
    Deadline,
    /// It could not be run: the machine did not give what that takes. The class is not at fault.
    Failed(Error),
}

impl From<Error> for Aborted {
    fn from(error: Error) -> Aborted {
        Aborted::Failed(error)
    }
}

/// A run that ended well.
#[derive(Debug)]
pub struct Success {
    /// `null` for a constructor.
    pub result: Json,
    /// The state to save; None for a query and a task.
    pub state: Option<Vec<u8>>,
}

/// Ends runs from another thread, as [`Aborted::Stopped`]. One that was stopped stays so, and ends whatever is given it
/// later.
#[derive(Clone, Default)]
pub struct StopSignal(Arc<Stopping>);

#[derive(Default)]
struct Stopping {
    stopped: AtomicBool,
    /// Stopping it stops this one too.
    parent: Option<StopSignal>,
    /// Who watches its runs, or waits beside them, or did.
    sleepers: Mutex<Vec<Weak<dyn Wake>>>,
}

/// Sleeps until something happens; being stopped is such a thing.
pub trait Wake: Send + Sync {
    /// Does not wait.
    fn wake(&self);
}

impl StopSignal {
    /// Does not wait. May be called from any thread, but not from within a signal handler.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Release);
        for sleeper in lock(&self.0.sleepers).iter().filter_map(Weak::upgrade) {
            sleeper.wake();
        }
    }

    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire) || self.0.parent.as_ref().is_some_and(StopSignal::is_stopped)
    }

    /// One that is stopped with this one, and can be stopped alone.
    pub fn child(&self) -> StopSignal {
        StopSignal(Arc::new(Stopping { parent: Some(self.clone()), ..Stopping::default() }))
    }

    /// From now on, stopping wakes this one.
    pub fn wakes(&self, sleeper: &Arc<dyn Wake>) {
        if let Some(parent) = &self.0.parent {
            parent.wakes(sleeper);
        }
        let mut sleepers = lock(&self.0.sleepers);
        let known = sleepers.iter().any(|known| std::ptr::addr_eq(known.as_ptr(), Arc::as_ptr(sleeper)));
        if !known {
            sleepers.retain(|known| known.strong_count() > 0);
            sleepers.push(Arc::downgrade(sleeper));
        }
    }
}
