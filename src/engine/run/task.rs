//! Running one attempt of a task.

use std::time::Duration;

use super::abort::Abort;
use super::bounds::RunBounds;
use super::{Replaying, Runner, identity};
use crate::model::{CallKind, Error, Fault, HostFault, Invocation, Method, Outcome, Result};
use crate::sandbox::{MethodCall, Run};
use crate::store::{Commit, CommitSource, End};

impl Runner {
    /// Runs a pending task once. The commit ends it, or has it run again later.
    pub fn attempt(&self, task: &Invocation, bounds: RunBounds<'_>) -> Result<Commit, Abort> {
        let request = &task.request;
        let CallKind::Task { class, version } = &request.kind else {
            return Err(Error::internal(format!("{} is run as a task, and is none", task.reference())).into());
        };
        let began = self.core.now()?;
        let loaded = self.classes.version(class, *version)?;
        let method = loaded.method(&request.method)?;
        let stop = bounds.stop.child();
        let _cancel_guard = self.core.watch_for_cancel(task.reference(), stop.clone());
        let ran = self.run_class(
            &loaded,
            Run {
                method: MethodCall::Task { name: &request.method, arguments: &request.arguments },
                identity: identity(&loaded, None, &request.seed.opaque_id(), task.attempts + 1),
                now: began,
                seed: request.seed,
                limits: &request.limits.limits(),
                stop: &stop,
                deadline: bounds.deadline,
                on_log: &mut self.log_listener(&request.name, Replaying::default()),
                operations: None,
            },
        )?;
        let (outcome, end) = match ran.outcome {
            Ok(success) => (Outcome::Succeeded(success.result), End::WithoutStep),
            Err(fault) => {
                let end = self.end_after_failure(task, method, &fault)?;
                (Outcome::Failed(fault), end)
            }
        };
        let expected_steps = self.core.store.name_record(&request.name)?.unwrap_or_default().counters.steps;
        Ok(Commit {
            source: CommitSource::Accepted { name: request.name.clone(), number: task.number },
            expected_steps,
            began: Some(began),
            now: began,
            outcome,
            log: ran.log,
            micros: ran.computed.as_micros() as u64,
            end,
            progress: None,
            id_exposed: ran.id_exposed,
        })
    }

    /// Another attempt, if one is left and the arguments fit.
    fn end_after_failure(&self, task: &Invocation, method: &Method, fault: &Fault) -> Result<End> {
        let retries = task.request.retries.unwrap_or(method.retries);
        if task.attempts >= retries || fault.permanent || fault.is_host(HostFault::BadArguments) {
            return Ok(End::WithoutStep);
        }
        let pause = pause_before(Duration::from_millis(method.backoff_ms), task.attempts + 1);
        Ok(End::Retry { due: self.core.now()?.after(pause) })
    }
}

/// The pause before an attempt: the class's pause, doubled with each further attempt.
fn pause_before(first: Duration, failed: u32) -> Duration {
    first.saturating_mul(1_u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX))
}
