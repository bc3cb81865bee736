//! What somebody is about to run: an actor's inbox, or one task, held so that others need not try.

use std::time::Instant;

use crate::engine::Engine;
use crate::engine::core::history::History;
use crate::engine::run::execute::Bounds;
use crate::engine::schedule::backoff::State;
use crate::engine::schedule::executor::Permit;
use crate::model::{CallKind, Error, Invocation, Name, OperationResult, Reference, Result, Status};
use crate::sandbox::StopSignal;
use crate::store::{NameLock, Runnable};

/// Names or tasks that are looked at before more are asked for.
const PAGE: usize = 64;

/// Dropping it lets others try.
pub(in crate::engine) struct Claim {
    pub name: Name,
    work: Work,
    hold: NameLock,
}

enum Work {
    /// The actor's inbox, up to and with the invocation of this number, or all of it.
    Inbox {
        last: Option<u64>,
    },
    Task {
        number: u64,
    },
}

/// What a look at all that can run found.
#[derive(Default)]
pub(in crate::engine) struct Found {
    pub claim: Option<Claim>,
    /// There is something that another process or thread has, or that is tried again soon.
    pub elsewhere: bool,
    /// Why something could not be run here, again and again.
    pub failed: Option<Error>,
}

impl Engine {
    /// Claims an accepted invocation, and what stands before it, if it can run now and nobody has it.
    pub(in crate::engine) fn claim(&self, invocation: &Invocation) -> Result<Option<Claim>> {
        let name = &invocation.request.name;
        if self.has_failed(name) {
            return Ok(None);
        }
        if matches!(invocation.request.kind, CallKind::Task { .. }) {
            return self.claim_task(invocation);
        }
        if self.store.next_in_inbox(name, self.now()?)?.is_none() {
            return Ok(None);
        }
        self.claim_inbox(name, Some(invocation.number))
    }

    fn claim_inbox(&self, name: &Name, last: Option<u64>) -> Result<Option<Claim>> {
        let hold = self.hold_inbox(name)?;
        // who held it until now may have given it up
        let hold = hold.filter(|_| !self.has_failed(name));
        Ok(hold.map(|hold| Claim { name: name.clone(), work: Work::Inbox { last }, hold }))
    }

    fn claim_task(&self, task: &Invocation) -> Result<Option<Claim>> {
        let now = self.now()?;
        if !task.queued && task.request.due.is_some_and(|due| due > now) {
            return Ok(None);
        }
        let (reference, number) = (task.reference(), task.number);
        let name = Name::new_unchecked(&reference.to_string());
        let Some(hold) = self.store.lock(&name, Some(Instant::now()))? else { return Ok(None) };
        // it may have ended before it was held
        let open = self.store.invocation(&reference)?.is_some_and(|task| matches!(task.status, Status::Pending));
        Ok(open.then(|| Claim { name: reference.name, work: Work::Task { number }, hold }))
    }

    /// Claims something of all that can run. Looks go round: one begins behind the name that the look before it claimed.
    pub(in crate::engine) fn claim_anything(&self) -> Result<Found> {
        let mut found = Found::default();
        while let Some(name) = self.round.name() {
            found.claim = self.claim_name(&name, &mut Found::default())?;
            if found.claim.is_some() {
                return Ok(found);
            }
        }
        let mut after = self.round.next_page();
        let mut at_last_page = after.is_none();
        loop {
            let Runnable { names, next } = self.store.runnable(after.as_ref(), self.now()?, PAGE)?;
            let mut names = names.into_iter();
            while let Some(name) = names.next() {
                found.claim = self.claim_name(&name, &mut found)?;
                if found.claim.is_some() {
                    self.round.keep(names, next);
                    return Ok(found);
                }
            }
            match next {
                None if at_last_page => return Ok(found),
                // from the first page on: what this look passed over may be there
                None => at_last_page = true,
                Some(_) => {}
            }
            after = next;
        }
    }

    /// Claims something of a name that may have something to run.
    fn claim_name(&self, name: &Name, found: &mut Found) -> Result<Option<Claim>> {
        if self.has_failed(name) {
            return Ok(None);
        }
        match self.resting.state(name) {
            State::Awake => {}
            State::Rests => {
                found.elsewhere = true;
                return Ok(None);
            }
            State::Failed(error) => {
                found.failed = Some(error);
                return Ok(None);
            }
        }
        let claim = match self.claim_first_task(name)? {
            Some(claim) => Some(claim),
            None if self.store.next_in_inbox(name, self.now()?)?.is_some() => self.claim_inbox(name, None)?,
            None => None,
        };
        found.elsewhere |= claim.is_none();
        Ok(claim)
    }

    fn claim_first_task(&self, name: &Name) -> Result<Option<Claim>> {
        let mut after = None;
        loop {
            let tasks = self.store.runnable_tasks(name, after, self.now()?, PAGE)?;
            for task in &tasks {
                if let Some(claim) = self.claim_task(task)? {
                    return Ok(Some(claim));
                }
            }
            match tasks.last() {
                Some(last) if tasks.len() == PAGE => after = Some(last.number),
                _ => return Ok(None),
            }
        }
    }

    /// Runs what was claimed, and gives it up at `deadline`, or when `stop` is stopped. Whether anything ended.
    pub(in crate::engine) fn run_claim(
        &self,
        claim: Claim,
        permit: Option<&Permit>,
        deadline: Option<Instant>,
        stop: &StopSignal,
    ) -> Result<bool> {
        let bounds = Bounds { deadline, stop, permit, in_group: false };
        let Claim { name, work, hold } = claim;
        let ran = match work {
            Work::Inbox { last } => self.run_inbox(&name, &hold, last, bounds),
            Work::Task { number } => self.try_task(&Reference { name: name.clone(), number }, &hold, bounds),
        };
        match ran {
            Err(Error::Interrupted) => Err(Error::Interrupted),
            // a caller that waits is told; without one it is tried again
            Err(error) if error.is_of_machine() && !self.executor.works_on_all() => Err(error),
            Err(error) if error.is_of_machine() => {
                if self.resting.failed(&name, &error) {
                    self.settings.observer.will_retry(&name, &error);
                }
                Ok(false)
            }
            Err(error) => {
                self.settings.observer.cannot_run(&name, &error);
                self.mark_failed(&name, &error);
                Ok(false)
            }
            ran => {
                self.resting.succeeded(&name);
                ran
            }
        }
    }

    /// The children that so many entries of a record started, from an index on.
    pub(in crate::engine) fn children_of(
        &self,
        reference: &Reference,
        from: u64,
        entries: u64,
    ) -> Result<Vec<Reference>> {
        let mut history = History::between(self, reference.clone(), from, from.saturating_add(entries));
        let mut children = Vec::new();
        while let Some(entry) = history.next()? {
            if let OperationResult::Started(Ok(child)) = entry.result {
                children.push(child);
            }
        }
        Ok(children)
    }
}
