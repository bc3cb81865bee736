//! Running one invocation. This layer knows the scheduling of runs by one trait, [`Scheduling`](bounds::Scheduling).

pub mod abort;
pub mod bounds;
pub mod execute;
pub mod operations;
pub mod query;
pub mod replay;
pub mod task;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::engine::classes::{ClassVersions, LoadedClass};
use crate::engine::core::Core;
use crate::model::{ActorId, Error, LogLine, Name, Result};
use crate::sandbox::{Aborted, Identity, Run, RunOutput};

/// Runs single invocations. A clone is the same.
#[derive(Clone)]
pub struct Runner {
    pub core: Core,
    pub classes: ClassVersions,
}

impl Runner {
    pub fn new(core: Core, classes: ClassVersions) -> Runner {
        Runner { core, classes }
    }

    /// Runs one method of a class version in the sandbox.
    pub fn run_class(&self, loaded: &LoadedClass, run: Run<'_>) -> Result<RunOutput, Aborted> {
        let version = &loaded.version;
        let component = || {
            let what = || format!("the component of {} version {} is missing", version.class, version.number);
            self.core.store.component(&version.hash)?.ok_or_else(|| Error::Damaged { what: what() })
        };
        let mut on_compile = || self.core.settings.observer.compiling(&version.class);
        let (began, invocation) = (Instant::now(), run.identity.invocation);
        let actor = run.identity.actor.map(ActorId::as_str);
        tracing::debug!(class = version.class.as_str(), version = version.number, actor, invocation, "run began");
        let ran = self.core.sandbox.run(&version.hash, component, &mut on_compile, run);
        tracing::debug!(invocation, duration = ?began.elapsed(), "run ended");
        ran
    }

    /// Passes the log lines of a guest on to the observer, but not those that a replay repeats.
    pub fn log_listener(&self, name: &Name, replaying: Replaying) -> impl FnMut(&LogLine) + Send + use<> {
        let (observer, name) = (Arc::clone(&self.core.settings.observer), name.clone());
        move |line| {
            if !replaying.get() {
                observer.logged(&name, line);
            }
        }
    }
}

/// Whether the operations of a run are answered from its history at the moment.
#[derive(Clone, Default)]
pub struct Replaying(Arc<AtomicBool>);

impl Replaying {
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub fn set(&self, replaying: bool) {
        self.0.store(replaying, Ordering::Relaxed);
    }
}

/// The identity that a guest is told.
pub fn identity<'a>(
    loaded: &'a LoadedClass,
    actor: Option<&'a ActorId>,
    invocation: &'a str,
    attempt: u32,
) -> Identity<'a> {
    Identity { class: &loaded.version.class, version: loaded.version.number, actor, invocation, attempt }
}

/// The error of an aborted run that belongs to no invocation.
pub fn error_of(aborted: Aborted) -> Error {
    match aborted {
        Aborted::Stopped | Aborted::Deadline => Error::Interrupted,
        Aborted::Failed(error) => error,
    }
}
