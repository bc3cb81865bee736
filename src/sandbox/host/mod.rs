//! The host's side of the contract: what a guest may ask for, and how much it may take.

mod calls;
mod context;
mod guest_types;
mod handles;
mod limits;
mod operations;
mod said;

use scoped_tls_hkt::scoped_thread_local;
use wasmtime::component::ResourceTable;
use wasmtime::{StoreContextMut, UpdateDeadline};

use super::Aborted;
use super::fault::{self, Export};
use super::guard::Guard;
use super::run::{Identity, MethodCall, Operations, Run};
use crate::model::{Fault, Limits, Log, LogLine, Seed, Timestamp};
use said::Said;

pub use context::link;
pub use guest_types::{GuestFailure, GuestFailure01};

// What a run borrows from its caller, which what a wasmtime store owns may not. A run within another on the same thread has its
// own.
scoped_thread_local!(
    /// Who sees the log of the run on this thread.
    pub static mut ON_LOG: for<'a> &'a mut (dyn FnMut(&LogLine) + Send + 'a)
);
scoped_thread_local!(
    /// Who performs what the run on this thread asks for, where somebody does.
    pub static mut OPERATIONS: for<'a> &'a mut (dyn Operations + 'a)
);

/// Why the host ended a guest.
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
    #[error("`{0}` was called in a run whose calls nobody performs")]
    NotPerformed(&'static str),
    #[error("`ctx.random` was asked for {0} bytes at once; the host gives 1 MiB")]
    Random(u32),
    #[error("`ctx.wait_any` was given no handle, and nothing would ever answer")]
    NothingToWaitFor,
    #[error("a state of {0} bytes is over the limit")]
    State(usize),
    /// Whoever performs the run's operations ended it.
    #[error("{}", .0.message)]
    Fault(Box<Fault>),
    /// A state that cannot occur.
    #[error("{0}")]
    Internal(String),
}

/// What one run's guest can reach.
pub struct Host {
    /// None while a class is asked for its description: it may log and nothing else.
    known: Option<Known>,
    /// What of the class runs.
    export: Export,
    said: Said,
    /// Handles, and calls that are not made yet.
    resources: ResourceTable,
    memory_left: u64,
    /// The longest state, in bytes.
    state: u64,
    pub guard: Guard,
}

/// What the guest of a run is told.
struct Known {
    class: String,
    version: u32,
    actor: String,
    invocation: String,
    /// Whether it asked for that.
    told_invocation: bool,
    attempt: u32,
    now: Timestamp,
    seed: Seed,
    random: Option<Box<blake3::OutputReader>>,
    /// What its method is, if it may ask for nothing that others see.
    only: Option<&'static str>,
    /// Whether somebody performs what it asks for.
    performed: bool,
    /// How much it started and sent.
    outgoing: u64,
    /// Metadata of the next of those.
    meta: Vec<(String, String)>,
}

impl Host {
    /// Of a run of a method.
    pub fn of(run: &Run<'_>, guard: Guard) -> Host {
        let Identity { class, version, actor, invocation, attempt } = run.identity;
        let known = Known {
            class: class.as_str().to_owned(),
            version,
            actor: actor.map_or_else(String::new, |id| id.as_str().to_owned()),
            invocation: invocation.to_owned(),
            told_invocation: false,
            attempt,
            now: run.now,
            seed: run.seed,
            random: None,
            only: match run.method {
                MethodCall::Construct { .. } | MethodCall::Mutate { .. } => None,
                MethodCall::Query { .. } => Some("a query"),
                MethodCall::Task { .. } => Some("a task"),
                MethodCall::Migrate { .. } => Some("`migrate`"),
            },
            performed: run.operations.is_some(),
            outgoing: 0,
            meta: Vec::new(),
        };
        Host { known: Some(known), ..Host::describing(run.limits, guard) }
    }

    /// Of a class that says what it is.
    pub fn describing(limits: &Limits, guard: Guard) -> Host {
        Host {
            known: None,
            export: Export::Start,
            said: Said::within(limits.log),
            resources: handles::table(),
            memory_left: limits.memory,
            state: limits.state,
            guard,
        }
    }

    /// The guest's next export begins.
    pub fn enter(&mut self, export: Export) {
        self.export = export;
    }

    /// Whether a guest goes on; asked whenever the engine's epoch has risen as often as it was told to wait for.
    pub fn check(mut store: StoreContextMut<'_, Host>) -> wasmtime::Result<UpdateDeadline> {
        Ok(UpdateDeadline::Continue(store.data_mut().guard.check()?))
    }

    /// Whether the guest asked for the opaque id of its invocation.
    pub fn told_invocation(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.told_invocation)
    }

    /// How long the guest computed, once it has ended.
    pub fn computed(&mut self, method: &str) -> Result<std::time::Duration, Aborted> {
        self.guard.pause().map_err(|halt| fault::shortage(method, halt))?;
        Ok(self.guard.computed())
    }

    pub fn has_said(&self) -> bool {
        !self.said.log.lines.is_empty()
    }

    /// What the guest said since the run began or its last save.
    pub fn into_log(self) -> Log {
        self.said.log
    }

    fn known(&mut self, function: &'static str) -> Result<&mut Known, Halt> {
        self.known.as_mut().ok_or(Halt::InDescribe(function))
    }
}
