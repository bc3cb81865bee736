//! The host of one run.

use scoped_tls_hkt::scoped_thread_local;
use wasmtime::component::ResourceTable;
use wasmtime::{StoreContextMut, UpdateDeadline};

use super::guest_log::GuestLog;
use crate::model::{Limits, Log, LogLine, Seed, Timestamp};
use crate::sandbox::fault::{self, Export};
use crate::sandbox::guard::Guard;
use crate::sandbox::halt::Halt;
use crate::sandbox::run::{Aborted, Identity, MethodCall, Operations, Run};

// A run borrows these from its caller, and data of a wasmtime store may borrow nothing. A run
// inside of another one on the same thread has its own.
scoped_thread_local!(
    /// The listener to the log of the run on this thread.
    pub static mut ON_LOG: for<'a> &'a mut (dyn FnMut(&LogLine) + Send + 'a)
);
scoped_thread_local!(
    /// The performer of the operations of the run on this thread.
    pub static mut OPERATIONS: for<'a> &'a mut (dyn Operations + 'a)
);

/// The host of one run: all that its guest can reach.
pub struct Host {
    /// None during `describe`, which may only log.
    pub(super) context: Option<GuestContext>,
    /// The export that runs.
    pub(super) export: Export,
    pub(super) log: GuestLog,
    /// Handles, and calls that are not made yet.
    pub(super) resources: ResourceTable,
    /// Bytes that the guest may still take.
    pub(super) memory_left: u64,
    /// The longest state, in bytes.
    pub(super) max_state: u64,
    pub guard: Guard,
}

/// The data that the guest of a run can read, and its counters.
pub struct GuestContext {
    pub(super) class: String,
    pub(super) version: u32,
    /// Empty for a task.
    pub(super) actor: String,
    /// The opaque id of the invocation.
    pub(super) invocation: String,
    /// Whether the guest has read the opaque id.
    pub(super) id_exposed: bool,
    pub(super) attempt: u32,
    pub(super) now: Timestamp,
    pub(super) seed: Seed,
    pub(super) random: Option<Box<blake3::OutputReader>>,
    /// The kind of a method that may perform no operation, as the subject of a sentence.
    pub(super) without_operations: Option<&'static str>,
    /// Whether the run has a performer of operations.
    pub(super) has_performer: bool,
    /// The number of starts and sends so far.
    pub(super) outgoing: u64,
    /// Metadata of the next start or send, in contract 0.1.
    pub(super) meta: Vec<(String, String)>,
}

impl Host {
    /// The host of a method's run.
    pub fn for_run(run: &Run<'_>, guard: Guard) -> Host {
        let Identity { class, version, actor, invocation, attempt } = run.identity;
        let context = GuestContext {
            class: class.as_str().to_owned(),
            version,
            actor: actor.map_or_else(String::new, |id| id.as_str().to_owned()),
            invocation: invocation.to_owned(),
            id_exposed: false,
            attempt,
            now: run.now,
            seed: run.seed,
            random: None,
            without_operations: match run.method {
                MethodCall::Construct { .. } | MethodCall::Mutate { .. } => None,
                MethodCall::Query { .. } => Some("a query"),
                MethodCall::Task { .. } => Some("a task"),
                MethodCall::Migrate { .. } => Some("`migrate`"),
            },
            has_performer: run.operations.is_some(),
            outgoing: 0,
            meta: Vec::new(),
        };
        Host { context: Some(context), ..Host::for_describe(run.limits, guard) }
    }

    /// The host of `describe`.
    pub fn for_describe(limits: &Limits, guard: Guard) -> Host {
        let mut resources = ResourceTable::new();
        // the limit on memory bounds it
        resources.set_max_capacity(usize::MAX);
        Host {
            context: None,
            export: Export::Start,
            log: GuestLog::new(limits.log),
            resources,
            memory_left: limits.memory,
            max_state: limits.state,
            guard,
        }
    }

    /// Notes which export runs next.
    pub fn enter(&mut self, export: Export) {
        self.export = export;
    }

    /// Ends the guest, or returns the number of epochs until the next check. Wasmtime calls it when
    /// that number has passed.
    pub fn check(mut store: StoreContextMut<'_, Host>) -> wasmtime::Result<UpdateDeadline> {
        Ok(UpdateDeadline::Continue(store.data_mut().guard.check()?))
    }

    /// Whether the guest has read the opaque id of its invocation.
    pub fn id_exposed(&self) -> bool {
        self.context.as_ref().is_some_and(|context| context.id_exposed)
    }

    /// The computing time of a guest that has ended.
    pub fn computed(&mut self, method: &str) -> Result<std::time::Duration, Aborted> {
        self.guard.pause().map_err(|halt| fault::shortage(method, halt))?;
        Ok(self.guard.computed())
    }

    /// Whether the guest has logged anything.
    pub fn has_logged(&self) -> bool {
        !self.log.log.lines.is_empty()
    }

    /// The log since the beginning of the run or its last save.
    pub fn into_log(self) -> Log {
        self.log.log
    }

    /// The data of the run for a function, which `describe` may not call.
    pub(super) fn context(&mut self, function: &'static str) -> Result<&mut GuestContext, Halt> {
        self.context.as_mut().ok_or(Halt::InDescribe(function))
    }
}
