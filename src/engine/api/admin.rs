//! Looking after accepted invocations: listing, cancelling, resuming.

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use crate::engine::api::calls::one;
use crate::engine::{Engine, new_seed};
use crate::model::{
    CallKind, CallRequest, ClassName, Error, Fault, HostFault, Invocation, Limit, MethodKind, Name, Outcome, Process,
    Reference, ResolvedTarget, Result, Status, Timestamp, similar,
};
use crate::store::{Accepted, NameLock};

/// Invocations that are read from the store at once.
const PAGE: usize = 256;

/// What an invocation is doing, for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It stands in the inbox, or is not due yet.
    Queued,
    Running,
    /// It waits for its children, a timer or an event.
    Waiting,
    Succeeded,
    Failed,
    Cancelled,
}

/// What an invocation waits for, for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitReason {
    Invocation(Reference),
    /// The one whose turn it is, of the same actor.
    Turn(Reference),
    Timer(Timestamp),
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
    /// Ends an invocation that has not ended, and its children: one that is queued at once, one that waits at its wait, one
    /// that runs by interrupting the guest. What it changed since its last save is dropped.
    pub fn cancel(&self, reference: &Reference) -> Result<()> {
        if matches!(self.invocation(reference)?.status, Status::Ended { .. }) {
            return Err(Error::AlreadyEnded { reference: reference.clone() });
        }
        let fault = Fault::host(HostFault::Cancelled, format!("{reference} was cancelled"));
        self.store.cancel(reference, self.now()?, fault, &self.running_below(reference)?)
    }

    /// Which of an invocation and its children, and theirs, somebody runs at the moment: those leave a step.
    fn running_below(&self, reference: &Reference) -> Result<BTreeSet<Reference>> {
        let mut running = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![reference.clone()];
        while let Some(reference) = open.pop() {
            // a store that another program wrote may have an invocation start itself
            if !seen.insert(reference.clone()) {
                continue;
            }
            let Some(invocation) = self.store.invocation(&reference)? else { continue };
            if !matches!(invocation.status, Status::Pending) {
                continue;
            }
            if let Some(begun) = &invocation.resume_point {
                open.extend(self.children_of(&reference, 0, begun.history_len)?);
            }
            if self.runner(&reference).is_some() {
                running.insert(reference);
            }
        }
        Ok(running)
    }

    /// Accepts a failed or cancelled invocation anew, with a reference of its own: the same method and arguments, on the
    /// current state, under the limits that its caller named, but where this engine's settings name others. The old
    /// reference and key keep their answer.
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
        self.class_of_invocation(&old.request)?;
        let limits = self.settings.limits.over(&old.request.limits);
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
        match one(self.store.accept(vec![again], self.limits().inbox)?)? {
            Accepted::New(number) => Ok(Reference { name, number }),
            Accepted::Duplicate(known) => Ok(known.reference()),
        }
    }

    /// Accepted invocations that have not ended, of one name or of all; at most `limit` after `after`.
    pub fn pending(&self, name: Option<&Name>, after: Option<&Reference>, limit: usize) -> Result<Vec<Invocation>> {
        self.store.pending(name, after, limit)
    }

    /// Constructions and tasks of a class that have not ended.
    pub fn pending_of(&self, class: &ClassName) -> Result<Vec<Reference>> {
        let is_of_class = |request: &CallRequest| match &request.kind {
            CallKind::Construct { class: of, .. } | CallKind::Task { class: of, .. } => of == class,
            CallKind::Mutate => false,
        };
        let mut found = Vec::new();
        let mut after: Option<Reference> = None;
        loop {
            let page = self.pending(None, after.as_ref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(found) };
            after = Some(last.reference());
            found.extend(page.iter().filter(|one| is_of_class(&one.request)).map(Invocation::reference));
        }
    }

    /// Refuses a name under which the store knows nothing: no actor, no task of a class, no invocation.
    pub fn expect_known(&self, name: &Name) -> Result<()> {
        let has_actor = self.store.name_record(name)?.is_some_and(|head| head.actor.is_some());
        if has_actor || !self.store.invocations(name, None, 1)?.is_empty() {
            return Ok(());
        }
        let tasks = self.tasks_beside(name)?;
        if tasks.contains(name) {
            return Ok(());
        }
        match self.no_actor(&name.actor()?) {
            Error::NoActor { id, similar: None } => {
                let similar = similar(&id, tasks.iter().map(Name::as_str));
                Err(Error::NoActor { id, similar })
            }
            error => Err(error),
        }
    }

    /// The tasks of the class that a name of the form `CLASS/TASK` names; none if the store has no such class.
    pub(in crate::engine) fn tasks_beside(&self, name: &Name) -> Result<Vec<Name>> {
        let Some((Ok(class), _)) = name.as_str().split_once('/').map(|(class, task)| (ClassName::new(class), task))
        else {
            return Ok(Vec::new());
        };
        let Some(class) = self.store.class(&class)? else { return Ok(Vec::new()) };
        let loaded = self.loaded(&class.name, class.current)?;
        let tasks = loaded.description.methods.iter().filter(|method| method.kind == MethodKind::Task);
        Ok(tasks.map(|task| Name::task(&class.name, &task.name)).collect())
    }

    /// All invocations of a name with numbers below `before`, newest first; at most `limit`.
    pub fn invocations(&self, name: &Name, before: Option<u64>, limit: usize) -> Result<Vec<Invocation>> {
        self.store.invocations(name, before, limit)
    }

    /// What an invocation waits for, or stands behind; nothing where it can run or has ended.
    pub fn waits_for(&self, invocation: &Invocation) -> Result<Vec<WaitReason>> {
        let Some(waiting) = invocation.pending_wait() else { return self.stands_behind(invocation) };
        let mut all = Vec::with_capacity(waiting.targets.len());
        for on in &waiting.targets {
            match on {
                ResolvedTarget::Timer(time) => all.push(WaitReason::Timer(*time)),
                ResolvedTarget::Event { name, .. } => all.push(WaitReason::Event(name.clone())),
                ResolvedTarget::Itself => all.push(WaitReason::Invocation(invocation.reference())),
                ResolvedTarget::Invocation(reference) => all.push(WaitReason::Invocation(reference.clone())),
                ResolvedTarget::Child(index) => {
                    let children = self.children_of(&invocation.reference(), *index, 1)?;
                    all.extend(children.into_iter().map(WaitReason::Invocation));
                }
            }
        }
        Ok(all)
    }

    fn stands_behind(&self, invocation: &Invocation) -> Result<Vec<WaitReason>> {
        if !matches!(invocation.status, Status::Pending) || matches!(invocation.request.kind, CallKind::Task { .. }) {
            return Ok(Vec::new());
        }
        let now = self.now()?;
        if !invocation.queued && invocation.request.due.is_some_and(|due| due > now) {
            return Ok(Vec::new());
        }
        let first = self.store.pending(Some(&invocation.request.name), None, 1)?.pop();
        Ok(first
            .map(|first| first.reference())
            .filter(|first| first.number != invocation.number)
            .map(WaitReason::Turn)
            .into_iter()
            .collect())
    }

    /// The children that an invocation has started so far, in order.
    pub fn children(&self, invocation: &Invocation) -> Result<Vec<Reference>> {
        self.children_of(&invocation.reference(), 0, u64::MAX)
    }

    /// Whether an invocation started something that has not ended.
    pub fn has_open_children(&self, reference: &Reference) -> Result<bool> {
        for child in self.children_of(reference, 0, u64::MAX)? {
            if self.store.invocation(&child)?.is_some_and(|child| matches!(child.status, Status::Pending)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What an invocation is doing.
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

    /// The living process that says that it runs an invocation.
    pub fn runner(&self, reference: &Reference) -> Option<Process> {
        let announced = self.store.announcements(Some(&reference.name));
        let runs = announced.into_iter().find(|announced| announced.number == Some(reference.number));
        runs.map(|announced| announced.process)
    }

    /// The process that is in a write transaction, if it is another one and is stopped: until it goes on or ends, nothing
    /// can be written.
    pub fn stopped_writer(&self) -> Option<Process> {
        self.store.writer().filter(|writer| writer.stopped)
    }

    /// Whether a queued invocation could have run for this long.
    pub fn is_overdue(&self, invocation: &Invocation, since: Duration) -> Result<bool> {
        let due = invocation.request.due.unwrap_or(invocation.request.accepted);
        Ok(due.after(since) <= self.now()? && self.waits_for(invocation)?.is_empty())
    }

    /// Locks an actor, without waiting, so that this process runs its inbox.
    ///
    /// A process that was stopped keeps its lock. If all that it says that it runs there was cancelled, its commit will be
    /// refused, so its lock is passed over: processes that do so exclude each other by a lock of the cancelled invocation.
    pub(in crate::engine) fn hold_inbox(&self, name: &Name) -> Result<Option<NameLock>> {
        if let Some(hold) = self.store.lock(name, Some(Instant::now()))? {
            return Ok(Some(hold));
        }
        match self.cancelled_run(name)? {
            Some(cancelled) => {
                self.store.lock(&Name::new_unchecked(&format!("{cancelled} after")), Some(Instant::now()))
            }
            None => Ok(None),
        }
    }

    /// Whether a process that may still commit has the lock of an actor.
    pub(in crate::engine) fn is_inbox_held(&self, name: &Name) -> Result<bool> {
        Ok(self.store.is_locked(name)? && self.cancelled_run(name)?.is_none())
    }

    /// The last invocation that is said to run under a name, if all of those were cancelled.
    fn cancelled_run(&self, name: &Name) -> Result<Option<Reference>> {
        let mut last = None;
        for announced in self.store.announcements(Some(name)) {
            let Some(number) = announced.number else { continue };
            let reference = Reference { name: name.clone(), number };
            match self.store.invocation(&reference)?.map(|invocation| invocation.status) {
                Some(Status::Ended { outcome: Outcome::Failed(fault), .. }) if fault.is_host(HostFault::Cancelled) => {
                    last = last.max(Some(reference));
                }
                _ => return Ok(None),
            }
        }
        Ok(last)
    }

    fn class_of_invocation(&self, request: &CallRequest) -> Result<()> {
        match &request.kind {
            CallKind::Construct { class, version } => self.loaded(class, *version).map(drop),
            CallKind::Task { class, version } => self.loaded(class, *version).map(drop),
            CallKind::Mutate => self.class_of(&request.name.actor()?).map(drop),
        }
    }
}
