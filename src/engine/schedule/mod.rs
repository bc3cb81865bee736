//! Which accepted invocation runs when, and on which thread.

pub mod await_end;
mod backoff;
mod claim;
mod executor;
mod failed_names;
mod find_work;
mod heartbeat;
mod helpers;
mod inbox;
mod rotation;
mod task;
mod wanted;
pub mod worker;
mod worker_slots;

use crate::engine::core::Core;
use crate::engine::run::Runner;
use backoff::Backoff;
use executor::Executor;
use failed_names::FailedNames;
use rotation::Rotation;

/// Runs accepted invocations on the threads of this process. A clone is the same.
#[derive(Clone)]
pub struct Scheduler {
    core: Core,
    runner: Runner,
    executor: Executor,
    failed: FailedNames,
    backoff: Backoff,
    rotation: Rotation,
}

impl Scheduler {
    pub fn new(runner: Runner) -> Scheduler {
        Scheduler {
            core: runner.core.clone(),
            runner,
            executor: Executor::default(),
            failed: FailedNames::default(),
            backoff: Backoff::default(),
            rotation: Rotation::default(),
        }
    }
}
