//! Running one accepted (or just arriving) invocation: from a snapshot to a commit. Nothing here writes.

use std::sync::Arc;
use std::time::Instant;

use super::classes::LoadedClass;
use super::{Engine, Options};
use crate::model::{
    Actor, ActorId, Call, Error, Fault, Head, HostFault, Limit, Limits, Log, LogLine, MethodKind, Name, NewInvocation,
    Outcome, Result, Timestamp,
};
use crate::sandbox::{Identity, Method, Ran, Run, Stop};
use crate::store::{Commit, End, Snapshot, Turn};

/// What ends a run from outside.
#[derive(Clone, Copy)]
pub(super) struct Bounds<'a> {
    /// A run that goes on at this time is given up, as if it had not begun.
    pub deadline: Option<Instant>,
    pub stop: &'a Stop,
}

/// What came of running an invocation, ready to commit.
pub(super) struct Executed {
    at: Timestamp,
    pub outcome: Outcome,
    log: Log,
    micros: u64,
    end: End,
}

impl Executed {
    pub fn commit(self, turn: Turn, head: &Head) -> Commit {
        Commit {
            turn,
            expected_steps: head.numbers.steps,
            at: self.at,
            outcome: self.outcome,
            log: self.log,
            micros: self.micros,
            end: self.end,
        }
    }

    /// An end that came before any guest ran.
    fn before_running(at: Timestamp, fault: Fault, end: End) -> Executed {
        Executed { at, outcome: Outcome::Failed(fault), log: Log::default(), micros: 0, end }
    }
}

impl Engine {
    /// Runs an invocation on its actor as the snapshot has it. One that runs still at its deadline is given up, as if it had
    /// not begun: [`Error::NotAccepted`].
    pub(super) fn execute(&self, new: &NewInvocation, at: &Snapshot, bounds: Bounds<'_>) -> Result<Executed> {
        let Snapshot { head, state } = at;
        match (&new.call, &head.actor) {
            (Call::Construct { .. }, Some(_)) => Ok(Executed::before_running(
                self.now(),
                Fault::host(HostFault::Exists, format!("the actor {} exists already", new.name)),
                End::Bare,
            )),
            (Call::Construct { class, version }, None) => {
                let loaded = self.loaded(class, *version)?;
                self.execute_construction(new, &loaded, bounds)
            }
            (Call::Mutate, Some(actor)) => self.execute_mutation(new, actor, state, bounds),
            (Call::Mutate, None) => Ok(Executed::before_running(
                self.now(),
                Fault::host(HostFault::NotFound, format!("there is no actor {}", new.name)),
                End::Bare,
            )),
            (Call::Task { .. }, _) => Err(Error::Damaged { what: format!("{} holds a task", new.name) }),
        }
    }

    fn execute_construction(&self, new: &NewInvocation, loaded: &LoadedClass, bounds: Bounds<'_>) -> Result<Executed> {
        let at = self.time_of(new);
        let ran = self.run(new, loaded, at, Method::Construct { arguments: &new.arguments }, bounds)?;
        let micros = ran.took.as_micros() as u64;
        let version = &loaded.version;
        let (outcome, end) = match ran.outcome {
            Ok(success) => {
                let state = success.state.unwrap_or_default();
                let end = End::Made { class: version.class.clone(), version: version.number, state };
                (Outcome::Succeeded(success.result), end)
            }
            Err(fault) => (Outcome::Failed(fault), End::Bare),
        };
        Ok(Executed { at, outcome, log: ran.log, micros, end })
    }

    fn execute_mutation(
        &self,
        new: &NewInvocation,
        actor: &Actor,
        state: &[u8],
        bounds: Bounds<'_>,
    ) -> Result<Executed> {
        // the clock of an actor never goes back, whichever machine's clock it was before
        let at = self.time_of(new).max(actor.updated);
        let loaded = self.loaded(&actor.class, actor.version)?;
        let version = actor.version;
        if let Err(reason) = self.still_fits(new, &loaded) {
            let fault = Fault::host(HostFault::BadArguments, reason.to_string());
            return Ok(Executed::before_running(at, fault, End::Step { version, state: None }));
        }
        let method = Method::Mutate { state, name: &new.method, arguments: &new.arguments };
        let ran = self.run(new, &loaded, at, method, bounds)?;
        let micros = ran.took.as_micros() as u64;
        let (outcome, state) = match ran.outcome {
            Ok(success) => (Outcome::Succeeded(success.result), success.state),
            Err(fault) => (Outcome::Failed(fault), None),
        };
        Ok(Executed { at, outcome, log: ran.log, micros, end: End::Step { version, state } })
    }

    /// What time it is for a run: never before it was due, by whichever machine's clock that was found.
    fn time_of(&self, new: &NewInvocation) -> Timestamp {
        let now = self.now();
        new.due.map_or(now, |due| now.max(due))
    }

    /// Whether the call that was checked when it was accepted fits the class that the actor has now.
    fn still_fits(&self, new: &NewInvocation, loaded: &LoadedClass) -> Result<()> {
        let method = loaded.method(&new.method)?;
        super::prepare::expect_kind(method, &[MethodKind::Mutation])?;
        let sent = super::prepare::object(method, new.arguments.value())?;
        method.complete(&sent).map(drop)
    }

    /// One run of the invocation in the sandbox. An interrupt from outside is an error and not an outcome: nothing
    /// is to be committed.
    fn run(
        &self,
        new: &NewInvocation,
        loaded: &LoadedClass,
        at: Timestamp,
        method: Method<'_>,
        bounds: Bounds<'_>,
    ) -> Result<Ran> {
        let actor = new.name.actor()?;
        let invocation = new.seed.opaque_id(0);
        let compiled = self.compiled(loaded)?;
        let (limits, hurried) = self.limits_until(bounds.deadline);
        let ran = compiled.run(Run {
            method,
            identity: identity(loaded, &actor, &invocation),
            now: at,
            seed: new.seed,
            limits: &limits,
            stop: bounds.stop,
            on_log: &mut self.listener(&new.name),
        });
        match &ran.outcome {
            Err(fault) if fault.is_host(HostFault::Cancelled) => Err(Error::Interrupted),
            Err(fault) if hurried && fault.is_host(HostFault::Limit(Limit::Time)) && ran.took >= limits.time => {
                Err(Error::NotAccepted { id: new.name.to_string() })
            }
            _ => Ok(ran),
        }
    }

    /// The limits of a run that is given up at `deadline`, and whether that comes before the limit on its time.
    fn limits_until(&self, deadline: Option<Instant>) -> (Limits, bool) {
        let limits = self.settings.limits.clone();
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match left {
            Some(left) if left < limits.time => (Limits { time: left, ..limits }, true),
            _ => (limits, false),
        }
    }

    /// The bounds of a run in a call's own process.
    pub(super) fn bounds(&self, options: &Options) -> Bounds<'_> {
        Bounds { deadline: options.deadline, stop: &self.settings.stop }
    }

    /// Passes what a guest says on to the observer.
    pub(super) fn listener(&self, name: &Name) -> impl FnMut(&LogLine) + Send + use<> {
        let (observer, name) = (Arc::clone(&self.settings.observer), name.clone());
        move |line| observer.said(&name, line)
    }
}

/// Who runs, for a run of an actor's own.
pub(super) fn identity<'a>(loaded: &'a LoadedClass, actor: &'a ActorId, invocation: &'a str) -> Identity<'a> {
    Identity {
        class: &loaded.version.class,
        version: loaded.version.number,
        actor: Some(actor),
        invocation,
        attempt: 1,
    }
}

/// Head and (empty where there is no actor) state, as one read.
pub(super) fn snapshot(engine: &Engine, id: &ActorId) -> Result<Snapshot> {
    if let Some(snapshot) = engine.store.load(id)? {
        return Ok(snapshot);
    }
    let head = engine.store.head(&Name::from(id))?.unwrap_or_default();
    match head.actor {
        // made between the two reads
        Some(_) => snapshot(engine, id),
        None => Ok(Snapshot { head, state: Vec::new() }),
    }
}
