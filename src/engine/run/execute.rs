//! Running one accepted (or just arriving) invocation: from a snapshot to its last commit. What comes before that, saves
//! and waits, [`Driver`] commits; the last one is the caller's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::classes::LoadedClass;
use crate::engine::core::history::History;
use crate::engine::run::operations::{Abort, Driver, JUMP, RunStart, went_back};
use crate::engine::schedule::executor::Permit;
use crate::engine::{Engine, Options};
use crate::model::{
    Actor, ActorId, CallKind, CallRequest, Error, Fault, HostFault, Invocation, Log, LogLine, MethodKind, Name,
    NameRecord, Outcome, Reference, Result, Step, Timestamp,
};
use crate::sandbox::{Identity, MethodCall, Run, RunOutput, StopSignal};
use crate::store::{Commit, CommitSource, End, Progress, Snapshot};

/// What ends a run from outside, and how it may run.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Bounds<'a> {
    /// A run that goes on at this time is given up.
    pub deadline: Option<Instant>,
    pub stop: &'a StopSignal,
    /// A permit that it gives up while it waits.
    pub permit: Option<&'a Permit>,
    /// It commits together with others, so it may not commit before its end.
    pub in_group: bool,
}

/// What is to be run.
#[derive(Clone, Copy)]
pub(in crate::engine) enum Invoked<'a> {
    /// A blocking call that nobody has accepted.
    Fresh(&'a CallRequest),
    Accepted(&'a Invocation),
}

/// What came of running an invocation to its end, ready to commit.
pub(in crate::engine) struct Executed {
    turn: CommitSource,
    expected_steps: u64,
    /// None where no guest ran.
    began: Option<Timestamp>,
    now: Timestamp,
    pub outcome: Outcome,
    log: Log,
    micros: u64,
    end: End,
    progress: Option<Progress>,
    known: bool,
}

/// A run that was broken off.
pub(in crate::engine) struct AbortedRun {
    pub why: Abort,
    /// Its number, where it is accepted, also by what it committed itself.
    pub number: Option<u64>,
}

impl Executed {
    pub fn commit(self) -> Commit {
        Commit {
            source: self.turn,
            expected_steps: self.expected_steps,
            began: self.began,
            now: self.now,
            outcome: self.outcome,
            log: self.log,
            micros: self.micros,
            end: self.end,
            progress: self.progress,
            id_exposed: self.known,
        }
    }

    /// An end that came before any guest ran.
    fn before_running(invoked: Invoked<'_>, head: &NameRecord, now: Timestamp, fault: Fault, end: End) -> Executed {
        Executed {
            turn: invoked.turn(),
            expected_steps: head.counters.steps,
            began: None,
            now,
            outcome: Outcome::Failed(fault),
            log: Log::default(),
            micros: 0,
            end,
            progress: None,
            known: false,
        }
    }

    /// Whether it started, sent, or waited for anything.
    pub fn asked_for_something(&self) -> bool {
        self.progress.is_some()
    }

    /// Whether it is the end of an invocation that the store has accepted already.
    pub fn accepted(&self) -> Option<Reference> {
        match &self.turn {
            CommitSource::Fresh(_) => None,
            CommitSource::Accepted { name, number } => Some(Reference { name: name.clone(), number: *number }),
        }
    }
}

impl<'a> Invoked<'a> {
    pub fn asked(self) -> &'a CallRequest {
        match self {
            Invoked::Fresh(request) => request,
            Invoked::Accepted(invocation) => &invocation.request,
        }
    }

    fn number(self) -> Option<u64> {
        match self {
            Invoked::Fresh(_) => None,
            Invoked::Accepted(invocation) => Some(invocation.number),
        }
    }

    fn turn(self) -> CommitSource {
        match self {
            Invoked::Fresh(request) => CommitSource::Fresh(Box::new(request.clone())),
            Invoked::Accepted(invocation) => {
                CommitSource::Accepted { name: invocation.request.name.clone(), number: invocation.number }
            }
        }
    }

    /// Whether it committed something of its run before.
    fn has_begun(self) -> bool {
        matches!(self, Invoked::Accepted(invocation) if invocation.resume_point.is_some())
    }
}

impl From<Error> for AbortedRun {
    fn from(error: Error) -> AbortedRun {
        AbortedRun { why: Abort::Failed(error), number: None }
    }
}

impl Engine {
    /// Runs an invocation on its actor as the snapshot has it.
    pub(in crate::engine) fn execute(
        &self,
        invoked: Invoked<'_>,
        at: &Snapshot,
        bounds: Bounds<'_>,
    ) -> Result<Executed, AbortedRun> {
        let head = &at.record;
        let request = invoked.asked();
        let refused = |kind, what: String, end| {
            Ok(Executed::before_running(invoked, head, self.now()?, Fault::host(kind, what), end))
        };
        match (&request.kind, &head.actor) {
            (CallKind::Construct { .. }, Some(_)) if !invoked.has_begun() => {
                refused(HostFault::Exists, format!("the actor {} exists already", request.name), End::WithoutStep)
            }
            (CallKind::Construct { class, version }, actor) => {
                let loaded = self.loaded(class, *version)?;
                let method = MethodCall::Construct { arguments: &request.arguments };
                self.execute_on(invoked, head, actor.as_ref(), &loaded, method, bounds)
            }
            (CallKind::Mutate, Some(actor)) => self.execute_mutation(invoked, head, actor, &at.state, bounds),
            (CallKind::Mutate, None) => {
                refused(HostFault::NotFound, self.why_not_there(&request.name)?, End::WithoutStep)
            }
            (CallKind::Task { .. }, _) => {
                Err(Error::Damaged { what: format!("a task stands in the inbox of {}", request.name) }.into())
            }
        }
    }

    fn execute_mutation(
        &self,
        invoked: Invoked<'_>,
        head: &NameRecord,
        actor: &Actor,
        state: &[u8],
        bounds: Bounds<'_>,
    ) -> Result<Executed, AbortedRun> {
        let request = invoked.asked();
        let loaded = self.loaded(&actor.class, actor.version)?;
        if !invoked.has_begun()
            && let Err(reason) = self.still_fits(request, &loaded)
        {
            let fault = Fault::host(HostFault::BadArguments, reason.to_string());
            let end = End::Step { version: actor.version, state: None };
            let now = time_of(request, self.now()?).max(actor.clock);
            return Ok(Executed::before_running(invoked, head, now, fault, end));
        }
        // one that saved goes on from the state that it began with
        let beginning = match invoked {
            Invoked::Accepted(invocation) if invocation.resume_point.as_ref().is_some_and(|begun| begun.saves > 0) => {
                self.store.initial_state(&invocation.reference())?
            }
            _ => None,
        };
        let state = beginning.as_deref().unwrap_or(state);
        let method = MethodCall::Mutate { state, name: &request.method, arguments: &request.arguments };
        self.execute_on(invoked, head, Some(actor), &loaded, method, bounds)
    }

    fn execute_on(
        &self,
        invoked: Invoked<'_>,
        head: &NameRecord,
        actor: Option<&Actor>,
        loaded: &LoadedClass,
        method: MethodCall<'_>,
        bounds: Bounds<'_>,
    ) -> Result<Executed, AbortedRun> {
        let stop = bounds.stop.child();
        let beginning = self.beginning(invoked, head, actor)?;
        let mut driver = Driver::new(self, invoked.asked(), loaded, bounds, &stop, beginning)?;
        let ran = self.run(invoked.asked(), loaded, method, &mut driver, bounds, &stop);
        let mut ran = match ran {
            Ok(ran) => ran,
            Err(why) => return Err(AbortedRun { why, number: driver.number }),
        };
        if !is_of_host(&ran)
            && let Some(diverged) = driver.left_over()?
        {
            ran.outcome = Err(diverged);
        }
        driver.note_jump()?;
        let version = loaded.version.number;
        let (outcome, end) = match (ran.outcome, driver.made) {
            (Ok(success), true) => (Outcome::Succeeded(success.result), End::Step { version, state: success.state }),
            (Ok(success), false) => {
                let (class, state) = (loaded.version.class.clone(), success.state.unwrap_or_default());
                (Outcome::Succeeded(success.result), End::Created { class, version, state })
            }
            (Err(fault), true) => (Outcome::Failed(fault), End::Step { version, state: None }),
            (Err(fault), false) => (Outcome::Failed(fault), End::WithoutStep),
        };
        let progress = driver.last_progress(&outcome);
        Ok(Executed {
            turn: driver.turn(),
            expected_steps: driver.steps,
            began: Some(driver.began),
            now: driver.now,
            outcome,
            log: driver.with_notes(ran.log),
            micros: driver.micros(ran.computed),
            end,
            progress,
            known: ran.id_exposed,
        })
    }

    fn beginning(&self, invoked: Invoked<'_>, head: &NameRecord, actor: Option<&Actor>) -> Result<RunStart<'_>> {
        let begun = match invoked {
            Invoked::Accepted(invocation) => {
                invocation.resume_point.as_ref().map(|begun| (invocation.reference(), begun))
            }
            Invoked::Fresh(_) => None,
        };
        // the clock of an actor never goes back, whichever machine's clock it was before
        let wall = self.now()?;
        let now = time_of(invoked.asked(), wall);
        let now = actor.map_or(now, |actor| now.max(actor.clock));
        let began = begun.as_ref().map_or(wall, |(_, begun)| begun.began);
        let notes = self.note_of_clock(&invoked.asked().name, head, began, begun.is_none())?;
        let history = match &begun {
            Some((reference, begun)) => History::of_begun(self, reference.clone(), begun),
            None => History::none(self),
        };
        Ok(RunStart {
            number: invoked.number(),
            steps: head.counters.steps,
            began,
            first_now: begun.as_ref().map_or(now, |(_, begun)| begun.first_now),
            made: actor.is_some(),
            history,
            notes,
            waiting: begun.and_then(|(_, begun)| begun.wait.clone()),
        })
    }

    /// What the log of a run says where the wall clock went back since the actor's last step; the steps after it do not say so
    /// again. Observers hear it when the run is `fresh`, and not when it is replayed.
    fn note_of_clock(&self, name: &Name, head: &NameRecord, began: Timestamp, fresh: bool) -> Result<Vec<LogLine>> {
        let Some(actor) = &head.actor else { return Ok(Vec::new()) };
        let behind = actor.clock.since(began);
        if behind < JUMP {
            return Ok(Vec::new());
        }
        // in a group of calls that are not committed yet the first one says it
        let last = self.store.steps(&name.actor()?, head.counters.steps, 1)?.pop();
        let was_behind = |step: Step| match (step.times.began, step.run) {
            (Some(began), Some(run)) => run.first_now.since(began),
            (Some(began), None) => step.times.now.since(began),
            (None, _) => Duration::ZERO,
        };
        match last.map(was_behind) {
            Some(was_behind) if behind >= was_behind + JUMP => {
                let line = went_back(behind, actor.clock);
                if fresh {
                    self.settings.observer.logged(name, &line);
                }
                Ok(vec![line])
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Whether the call that was checked when it was accepted fits the class that the actor has now.
    fn still_fits(&self, request: &CallRequest, loaded: &LoadedClass) -> Result<()> {
        let method = loaded.method(&request.method)?;
        crate::engine::classes::validate::expect_kind(method, &[MethodKind::Mutation])?;
        let sent = crate::engine::classes::validate::object(method, request.arguments.value())?;
        method.complete(&sent).map(drop)
    }

    /// One run of the invocation in the sandbox.
    fn run(
        &self,
        request: &CallRequest,
        loaded: &LoadedClass,
        method: MethodCall<'_>,
        driver: &mut Driver<'_>,
        bounds: Bounds<'_>,
        stop: &StopSignal,
    ) -> Result<RunOutput, Abort> {
        let actor = request.name.actor().map_err(Error::from)?;
        let invocation = request.seed.opaque_id();
        let now = driver.now;
        let replays = driver.replays();
        let mut listener = self.listener(&request.name, replays);
        let ran = self.run_class(
            loaded,
            Run {
                method,
                identity: identity(loaded, Some(&actor), &invocation, 1),
                now,
                seed: request.seed,
                limits: &request.limits.limits(),
                stop,
                deadline: bounds.deadline,
                on_log: &mut listener,
                operations: Some(driver),
            },
        );
        if let Some(broken) = driver.broken.take() {
            return Err(broken);
        }
        Ok(ran?)
    }

    /// The bounds of a run in a call's own process.
    pub(in crate::engine) fn bounds(&self, options: &Options) -> Bounds<'_> {
        Bounds { deadline: options.deadline, stop: &self.settings.stop, permit: None, in_group: false }
    }

    /// Passes what a guest says on to the observer; what it said before, and says again in a replay, it does not.
    pub(in crate::engine) fn listener(&self, name: &Name, replays: Replays) -> impl FnMut(&LogLine) + Send + use<> {
        let (observer, name) = (Arc::clone(&self.settings.observer), name.clone());
        move |line| {
            if !replays.now() {
                observer.logged(&name, line);
            }
        }
    }

    /// Why a call finds no actor: its construction may have failed.
    fn why_not_there(&self, name: &Name) -> Result<String> {
        let newest = self.store.invocations(name, None, 16)?;
        let failed = newest.into_iter().find_map(|invocation| match (&invocation.request.kind, &invocation.status) {
            (CallKind::Construct { .. }, crate::model::Status::Ended { outcome: Outcome::Failed(fault), .. }) => {
                Some(format!(": making it failed as {}: {}", invocation.reference(), fault.message))
            }
            _ => None,
        });
        Ok(format!("there is no actor {name}{}", failed.unwrap_or_default()))
    }
}

/// What time it is for a run where the wall clock says `now`: never before it was due, by whichever machine's clock that was
/// found.
fn time_of(request: &CallRequest, now: Timestamp) -> Timestamp {
    request.due.map_or(now, |due| now.max(due))
}

fn is_of_host(ran: &RunOutput) -> bool {
    matches!(&ran.outcome, Err(fault) if fault.origin == crate::model::FaultOrigin::Host)
}

/// Whether a run is answered from its record at the moment.
#[derive(Clone, Default)]
pub(in crate::engine) struct Replays(Arc<std::sync::atomic::AtomicBool>);

impl Replays {
    pub fn now(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }

    pub fn set(&self, replays: bool) {
        self.0.store(replays, std::sync::atomic::Ordering::Relaxed);
    }
}

/// Who runs.
pub(in crate::engine) fn identity<'a>(
    loaded: &'a LoadedClass,
    actor: Option<&'a ActorId>,
    invocation: &'a str,
    attempt: u32,
) -> Identity<'a> {
    Identity { class: &loaded.version.class, version: loaded.version.number, actor, invocation, attempt }
}

/// Head and (empty where there is no actor) state, as one read.
pub(in crate::engine) fn snapshot(engine: &Engine, id: &ActorId) -> Result<Snapshot> {
    if let Some(snapshot) = engine.store.load(id)? {
        return Ok(snapshot);
    }
    let head = engine.store.name_record(&Name::from(id))?.unwrap_or_default();
    match head.actor {
        // made between the two reads
        Some(_) => snapshot(engine, id),
        None => Ok(Snapshot { record: head, state: Vec::new() }),
    }
}
