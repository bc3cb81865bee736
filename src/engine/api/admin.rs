//! Listing, cancelling and resuming accepted invocations, and the work of workers.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::Engine;
use crate::engine::core::new_seed;
use crate::engine::schedule::worker::Until;
use crate::model::{
    ActorId, Attempt, CallKind, CallRequest, Error, Fault, HostFault, Invocation, Limit, Name, NameRecord, Outcome,
    Process, Reference, ResolvedTarget, Result, Status, Timestamp, similar,
};
use crate::store::Accepted;

/// Invocations of one page.
const PAGE: usize = 256;

/// The state of an invocation, for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It is in the inbox, or its due time has not come.
    Queued,
    /// A process runs it.
    Running,
    /// It waits for children, a timer or an event.
    Waiting,
    /// It ended with a result.
    Succeeded,
    /// It ended with a failure.
    Failed,
    /// It was cancelled, or its actor was removed.
    Cancelled,
}

/// A reason why an invocation waits, for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitReason {
    /// It waits for the end of this invocation.
    Invocation(Reference),
    /// This invocation of the same actor goes first.
    Turn(Reference),
    /// It waits for this time.
    Timer(Timestamp),
    /// It waits for an event of this name.
    Event(String),
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitReason::Invocation(reference) => reference.fmt(f),
            WaitReason::Turn(reference) => write!(f, "its turn behind {reference}"),
            WaitReason::Timer(time) => time.fmt(f),
            WaitReason::Event(name) => write!(f, "the event {name}"),
        }
    }
}

impl Engine {
    /// Actors whose id begins with `prefix`, in order, after the id `after`; at most `limit`.
    pub fn actors(&self, prefix: &str, after: Option<&ActorId>, limit: usize) -> Result<Vec<(ActorId, NameRecord)>> {
        self.core.store.actors(prefix, after, limit)
    }

    /// All names under which invocations are counted, in order, after the name `after`; at most `limit`. They are of actors,
    /// of tasks, and of actors that were removed or never made.
    pub fn names(&self, after: Option<&Name>, limit: usize) -> Result<Vec<Name>> {
        self.core.store.names(after, limit)
    }

    /// Refuses a name that no actor, no task of a class and no invocation has.
    pub fn expect_known(&self, name: &Name) -> Result<()> {
        let has_actor = self.core.store.name_record(name)?.is_some_and(|record| record.actor.is_some());
        if has_actor || !self.core.store.invocations(name, None, 1)?.is_empty() {
            return Ok(());
        }
        let tasks = self.classes.tasks_beside(name)?;
        if tasks.contains(name) {
            return Ok(());
        }
        match self.core.no_actor(&name.actor()?) {
            Error::NoActor { id, similar: None } => {
                let similar = similar(&id, tasks.iter().map(Name::as_str));
                Err(Error::NoActor { id, similar })
            }
            error => Err(error),
        }
    }

    /// Whether a name of the form `CLASS/TASK` is that of a task: its class has the task, or there are calls of it.
    pub fn is_task(&self, name: &Name) -> Result<bool> {
        if self.classes.tasks_beside(name)?.contains(name) {
            return Ok(true);
        }
        let mut before = None;
        loop {
            let page = self.core.store.invocations(name, before, PAGE)?;
            if page.iter().any(|one| matches!(one.request.kind, CallKind::Task { .. })) {
                return Ok(true);
            }
            let Some(last) = page.last() else { return Ok(false) };
            before = Some(last.number);
        }
    }

    /// The invocation that a text names: by its reference, or by the opaque id that guests see.
    pub fn reference(&self, text: &str) -> Result<Reference> {
        self.core.reference(text)
    }

    /// An invocation by its reference.
    pub fn invocation(&self, reference: &Reference) -> Result<Invocation> {
        self.core.invocation(reference)
    }

    /// All invocations of a name with numbers below `before`, newest first; at most `limit`.
    pub fn invocations(&self, name: &Name, before: Option<u64>, limit: usize) -> Result<Vec<Invocation>> {
        self.core.store.invocations(name, before, limit)
    }

    /// Pending invocations, of one name or of all, after `after`; at most `limit`.
    pub fn pending(&self, name: Option<&Name>, after: Option<&Reference>, limit: usize) -> Result<Vec<Invocation>> {
        self.core.store.pending(name, after, limit)
    }

    /// The ended attempts of a task's call, in order, from the number `from` on; at most `limit`.
    pub fn attempts(&self, reference: &Reference, from: u32, limit: usize) -> Result<Vec<Attempt>> {
        self.core.store.attempts(reference, from, limit)
    }

    /// The state of an invocation.
    pub fn phase(&self, invocation: &Invocation) -> Result<Phase> {
        Ok(match &invocation.status {
            Status::Pending if invocation.pending_wait().is_some() => Phase::Waiting,
            Status::Pending if self.runner(&invocation.reference()).is_some() => Phase::Running,
            Status::Pending => Phase::Queued,
            Status::Ended { outcome: Outcome::Succeeded(_), .. } => Phase::Succeeded,
            Status::Ended { outcome: Outcome::Failed(fault), .. } if fault.is_host(HostFault::Cancelled) => {
                Phase::Cancelled
            }
            Status::Ended { .. } => Phase::Failed,
        })
    }

    /// The reasons why an invocation waits; none if it can run or has ended.
    pub fn waits_for(&self, invocation: &Invocation) -> Result<Vec<WaitReason>> {
        let Some(wait) = invocation.pending_wait() else { return self.first_of_inbox(invocation) };
        let mut all = Vec::with_capacity(wait.targets.len());
        for target in &wait.targets {
            match target {
                ResolvedTarget::Timer(time) => all.push(WaitReason::Timer(*time)),
                ResolvedTarget::Event { name, .. } => all.push(WaitReason::Event(name.clone())),
                ResolvedTarget::Itself => all.push(WaitReason::Invocation(invocation.reference())),
                ResolvedTarget::Invocation(reference) => all.push(WaitReason::Invocation(reference.clone())),
                ResolvedTarget::Child(index) => {
                    let children = self.core.children_of(&invocation.reference(), *index, 1)?;
                    all.extend(children.into_iter().map(WaitReason::Invocation));
                }
            }
        }
        Ok(all)
    }

    fn first_of_inbox(&self, invocation: &Invocation) -> Result<Vec<WaitReason>> {
        if !matches!(invocation.status, Status::Pending) || matches!(invocation.request.kind, CallKind::Task { .. }) {
            return Ok(Vec::new());
        }
        let now = self.now()?;
        if !invocation.queued && invocation.request.due.is_some_and(|due| due > now) {
            return Ok(Vec::new());
        }
        let first = self.core.store.pending(Some(&invocation.request.name), None, 1)?.pop();
        let first = first.map(|first| first.reference()).filter(|first| first.number != invocation.number);
        Ok(first.map(WaitReason::Turn).into_iter().collect())
    }

    /// The children that an invocation has started so far, in order.
    pub fn children(&self, invocation: &Invocation) -> Result<Vec<Reference>> {
        self.core.children_of(&invocation.reference(), 0, u64::MAX)
    }

    /// Whether an invocation has started a child that has not ended.
    pub fn has_open_children(&self, reference: &Reference) -> Result<bool> {
        for child in self.core.children_of(reference, 0, u64::MAX)? {
            if self.core.store.invocation(&child)?.is_some_and(|child| matches!(child.status, Status::Pending)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The process that announces that it runs an invocation, if it is alive.
    pub fn runner(&self, reference: &Reference) -> Option<Process> {
        let announced = self.core.store.announcements(Some(&reference.name));
        let runs = announced.into_iter().find(|announced| announced.number == Some(reference.number));
        runs.map(|announced| announced.process)
    }

    /// The process that is in a write transaction, if it is another one and is stopped. Until it goes on or ends, no process
    /// can write.
    pub fn stopped_writer(&self) -> Option<Process> {
        self.core.store.writer().filter(|writer| writer.stopped)
    }

    /// Whether a queued invocation could have run for the time `since`.
    pub fn is_overdue(&self, invocation: &Invocation, since: Duration) -> Result<bool> {
        let due = invocation.request.due.unwrap_or(invocation.request.accepted);
        Ok(due.after(since) <= self.now()? && self.waits_for(invocation)?.is_empty())
    }

    /// Ends a pending invocation and its children as cancelled, whether it is queued, runs or waits. The changes since its
    /// last save are dropped.
    pub fn cancel(&self, reference: &Reference) -> Result<()> {
        if matches!(self.invocation(reference)?.status, Status::Ended { .. }) {
            return Err(Error::AlreadyEnded { reference: reference.clone() });
        }
        let fault = Fault::host(HostFault::Cancelled, format!("{reference} was cancelled"));
        self.core.store.cancel(reference, self.now()?, fault, &self.running_below(reference)?)
    }

    /// The invocation and those below it that a process runs at the moment: they leave a step.
    fn running_below(&self, reference: &Reference) -> Result<BTreeSet<Reference>> {
        let mut running = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut to_visit = vec![reference.clone()];
        while let Some(reference) = to_visit.pop() {
            // in a store that another program wrote, an invocation may be its own child
            if !seen.insert(reference.clone()) {
                continue;
            }
            let Some(invocation) = self.core.store.invocation(&reference)? else { continue };
            if !matches!(invocation.status, Status::Pending) {
                continue;
            }
            if let Some(resume_point) = &invocation.resume_point {
                to_visit.extend(self.core.children_of(&reference, 0, resume_point.history_len)?);
            }
            if self.runner(&reference).is_some() {
                running.insert(reference);
            }
        }
        Ok(running)
    }

    /// Accepts a failed or cancelled invocation anew, with a reference of its own: the same method and arguments, on the
    /// current state, with the limits of the old one except for those that this engine's settings name. The old reference
    /// and its key keep their result.
    pub fn resume(&self, reference: &Reference) -> Result<Reference> {
        let old = self.invocation(reference)?;
        match &old.status {
            Status::Pending => return Err(Error::NotEnded { reference: reference.clone() }),
            Status::Ended { outcome: Outcome::Succeeded(_), .. } => {
                return Err(Error::Succeeded { reference: reference.clone() });
            }
            Status::Ended { outcome: Outcome::Failed(fault), .. } if !fault.resumable => {
                return Err(Error::NotResumable { reference: reference.clone() });
            }
            Status::Ended { .. } => {}
        }
        self.expect_class_of(&old.request)?;
        let limits = self.core.settings.limits.over(&old.request.limits);
        let allowed = limits.limits().arguments;
        if old.request.arguments.as_str().len() as u64 > allowed {
            return Err(Error::OverLimit { limit: Limit::Arguments, allowed });
        }
        let again = CallRequest {
            key: None,
            seed: new_seed()?,
            accepted: self.now()?,
            due: None,
            delay_ms: None,
            resumes: Some(old.number),
            limits,
            ..old.request
        };
        let name = again.name.clone();
        match self.core.accept(again)? {
            Accepted::New(number) => Ok(Reference { name, number }),
            Accepted::Duplicate(_) => Err(Error::internal("a call without a key is called a duplicate")),
        }
    }

    fn expect_class_of(&self, request: &CallRequest) -> Result<()> {
        match &request.kind {
            CallKind::Construct { class, version } | CallKind::Task { class, version } => {
                self.classes.version(class, *version).map(drop)
            }
            CallKind::Mutate => self.classes.of_actor(&request.name.actor()?).map(drop),
        }
    }

    /// Works on the store on `jobs` threads, which run all accepted invocations: actors beside each other, and each actor's
    /// invocations in order. A waiting guest does not count among the jobs.
    ///
    /// If the class or the record of an actor cannot be used, the observer is told, and the other actors go on. When this
    /// returns, nothing runs on its behalf.
    pub fn work(&self, jobs: usize, until: Until) -> Result<()> {
        self.scheduler.work(jobs, until)
    }

    /// Works until no invocation can run and none comes due within a day, as the one detached worker of the store; if there
    /// is one already, returns at once. When it has nothing to do, it yields to a worker of a newer release.
    pub fn work_detached(&self, jobs: usize) -> Result<()> {
        self.scheduler.work_detached(jobs)
    }

    /// Whether an invocation can run that has not failed in this engine, or comes due within a day.
    pub fn has_work(&self) -> Result<bool> {
        self.scheduler.has_work()
    }

    /// Whether a detached worker of this release or a newer one works on the store.
    pub fn has_detached_worker(&self) -> Result<bool> {
        self.scheduler.has_detached_worker()
    }

    /// Whether a worker works on the store, of any kind and release.
    pub fn has_worker(&self) -> bool {
        self.scheduler.has_worker()
    }
}
