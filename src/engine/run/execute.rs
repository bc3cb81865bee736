//! Running a construction or a mutation: from a snapshot to the commit that ends it. The driver makes the commits of
//! saves and waits; the caller makes the last one.

use super::abort::{Abort, AbortedRun};
use super::bounds::RunBounds;
use super::operations::driver::{Driver, Invoked};
use super::{Runner, identity};
use crate::engine::classes::LoadedClass;
use crate::engine::classes::validate::check_again;
use crate::model::{
    Actor, CallKind, Error, Fault, FaultOrigin, HostFault, Log, NameRecord, Outcome, Reference, Result, Timestamp,
};
use crate::sandbox::{MethodCall, Run, RunOutput, StopSignal};
use crate::store::{Commit, CommitSource, End, Snapshot};

impl Runner {
    /// Runs an invocation on the snapshot of its actor. The commit ends the invocation.
    pub fn execute(
        &self,
        invoked: Invoked<'_>,
        snapshot: &Snapshot,
        bounds: RunBounds<'_>,
    ) -> Result<Commit, AbortedRun> {
        let record = &snapshot.record;
        let request = invoked.request();
        let refused = |kind, message: String| {
            let now = self.core.now()?;
            Ok(without_run(invoked, record, now, Fault::host(kind, message), End::WithoutStep))
        };
        match (&request.kind, &record.actor) {
            (CallKind::Construct { .. }, Some(_)) if !invoked.has_begun() => {
                refused(HostFault::Exists, format!("the actor {} exists already", request.name))
            }
            (CallKind::Construct { class, version }, actor) => {
                let loaded = self.classes.version(class, *version)?;
                let method = MethodCall::Construct { arguments: &request.arguments };
                self.run_invocation(invoked, record, actor.as_ref(), &loaded, method, bounds)
            }
            (CallKind::Mutate, Some(actor)) => self.execute_mutation(invoked, snapshot, actor, bounds),
            (CallKind::Mutate, None) => refused(HostFault::NotFound, self.core.no_actor_message(&request.name)?),
            (CallKind::Task { .. }, _) => {
                Err(Error::Damaged { what: format!("the inbox of {} has a task", request.name) }.into())
            }
        }
    }

    fn execute_mutation(
        &self,
        invoked: Invoked<'_>,
        snapshot: &Snapshot,
        actor: &Actor,
        bounds: RunBounds<'_>,
    ) -> Result<Commit, AbortedRun> {
        let request = invoked.request();
        let loaded = self.classes.version(&actor.class, actor.version)?;
        // the actor may be of another class than the one that checked the arguments
        if !invoked.has_begun()
            && !invoked.was_checked_by(&loaded)
            && let Err(reason) = check_again(&loaded, &request.method, &request.arguments)
        {
            let fault = Fault::host(HostFault::BadArguments, reason.to_string());
            let end = End::Step { version: actor.version, state: None };
            let now = invoked.time_at(self.core.now()?).max(actor.clock);
            return Ok(without_run(invoked, &snapshot.record, now, fault, end));
        }
        // a run that has saved is replayed from the state at its beginning
        let initial = match invoked.saved() {
            Some(reference) => self.core.store.initial_state(&reference)?,
            None => None,
        };
        let state = initial.as_deref().unwrap_or(&snapshot.state);
        let method = MethodCall::Mutate { state, name: &request.method, arguments: &request.arguments };
        self.run_invocation(invoked, &snapshot.record, Some(actor), &loaded, method, bounds)
    }

    fn run_invocation(
        &self,
        invoked: Invoked<'_>,
        record: &NameRecord,
        actor: Option<&Actor>,
        loaded: &LoadedClass,
        method: MethodCall<'_>,
        bounds: RunBounds<'_>,
    ) -> Result<Commit, AbortedRun> {
        let stop = bounds.stop.child();
        let mut driver = Driver::new(self, invoked, record, actor, loaded, bounds, &stop)?;
        let mut ran = match self.run_guest(loaded, method, &mut driver, &stop) {
            Ok(ran) => ran,
            Err(why) => return Err(AbortedRun { why, number: driver.number }),
        };
        let is_of_host = matches!(&ran.outcome, Err(fault) if fault.origin == FaultOrigin::Host);
        if !is_of_host && let Some(diverged) = driver.unreplayed()? {
            ran.outcome = Err(diverged);
        }
        driver.note_jump()?;
        let version = loaded.version.number;
        let (outcome, end) = match (ran.outcome, driver.actor_exists) {
            (Ok(success), true) => (Outcome::Succeeded(success.result), End::Step { version, state: success.state }),
            (Ok(success), false) => {
                let (class, state) = (loaded.version.class.clone(), success.state.unwrap_or_default());
                (Outcome::Succeeded(success.result), End::Created { class, version, state })
            }
            (Err(fault), true) => (Outcome::Failed(fault), End::Step { version, state: None }),
            (Err(fault), false) => (Outcome::Failed(fault), End::WithoutStep),
        };
        let progress = driver.last_progress(&outcome);
        Ok(Commit {
            source: driver.source(),
            expected_steps: driver.steps,
            began: Some(driver.clock.began),
            now: driver.clock.now,
            outcome,
            log: driver.with_notes(ran.log),
            micros: driver.micros_since_step(ran.computed),
            end,
            progress,
            id_exposed: ran.id_exposed,
        })
    }

    /// Runs the guest once.
    fn run_guest(
        &self,
        loaded: &LoadedClass,
        method: MethodCall<'_>,
        driver: &mut Driver<'_>,
        stop: &StopSignal,
    ) -> Result<RunOutput, Abort> {
        let request = driver.request;
        let actor = request.name.actor().map_err(Error::from)?;
        let ran = self.run_class(
            loaded,
            Run {
                method,
                identity: identity(loaded, Some(&actor), &request.seed.opaque_id(), 1),
                now: driver.clock.now,
                seed: request.seed,
                limits: &request.limits.limits(),
                stop,
                deadline: driver.bounds.deadline,
                on_log: &mut self.log_listener(&request.name, driver.replaying.clone()),
                operations: Some(driver),
            },
        );
        match driver.abort.take() {
            Some(abort) => Err(abort),
            None => Ok(ran?),
        }
    }
}

/// The end of an invocation whose guest did not run.
fn without_run(invoked: Invoked<'_>, record: &NameRecord, now: Timestamp, fault: Fault, end: End) -> Commit {
    Commit {
        source: invoked.source(),
        expected_steps: record.counters.steps,
        began: None,
        now,
        outcome: Outcome::Failed(fault),
        log: Log::default(),
        micros: 0,
        end,
        progress: None,
        id_exposed: false,
    }
}

/// The reference of a commit's invocation, if the store has accepted it before.
pub fn accepted(commit: &Commit) -> Option<Reference> {
    match &commit.source {
        CommitSource::Fresh(_) => None,
        CommitSource::Accepted { name, number } => Some(Reference { name: name.clone(), number: *number }),
    }
}
