//! Claiming an inbox or a task's call: its lock, so that other threads and processes need not try to run it.

use std::time::Instant;

use super::Scheduler;
use super::backoff::Readiness;
use crate::engine::run::bounds::RunBounds;
use crate::model::{CallKind, Error, Invocation, Name, Reference, Result, Status};
use crate::store::{NameLock, Runnable};

/// Names or calls of a task that are read at once.
const PAGE: usize = 64;

/// An inbox or a task's call that is about to run. Dropping it without a run lets others claim it.
pub struct Claim {
    name: Name,
    work: ClaimedWork,
    lock: NameLock,
}

enum ClaimedWork {
    /// The actor's inbox, up to and with the invocation of the number `last`, or all of it.
    Inbox { last: Option<u64> },
    /// The call of a task.
    Task { number: u64 },
}

/// The result of a search among all runnable names.
#[derive(Default)]
pub struct ClaimSearch {
    pub claim: Option<Claim>,
    /// Another process or thread has claimed something, or a name is tried again soon.
    pub more_later: bool,
    /// The error of a name that failed again and again.
    pub failed: Option<Error>,
}

impl Scheduler {
    /// Claims a pending invocation, with the ones before it in its inbox, if it can run now and no other thread or process
    /// has claimed it.
    pub fn claim(&self, invocation: &Invocation) -> Result<Option<Claim>> {
        let name = &invocation.request.name;
        if self.failed.contains(&self.core, name) {
            return Ok(None);
        }
        if matches!(invocation.request.kind, CallKind::Task { .. }) {
            return self.claim_task(invocation);
        }
        if self.core.store.next_in_inbox(name, self.core.now()?)?.is_none() {
            return Ok(None);
        }
        self.claim_inbox(name, Some(invocation.number))
    }

    fn claim_inbox(&self, name: &Name, last: Option<u64>) -> Result<Option<Claim>> {
        let lock = self.core.lock_inbox(name)?;
        // the thread that had the lock until now may have marked the name as failed
        let lock = lock.filter(|_| !self.failed.contains(&self.core, name));
        Ok(lock.map(|lock| Claim { name: name.clone(), work: ClaimedWork::Inbox { last }, lock }))
    }

    fn claim_task(&self, task: &Invocation) -> Result<Option<Claim>> {
        let now = self.core.now()?;
        if !task.queued && task.request.due.is_some_and(|due| due > now) {
            return Ok(None);
        }
        let (reference, number) = (task.reference(), task.number);
        let name = Name::new_unchecked(&reference.to_string());
        let Some(lock) = self.core.store.lock(&name, Some(Instant::now()))? else { return Ok(None) };
        // it may have ended before it was locked
        let task = self.core.store.invocation(&reference)?;
        let is_pending = task.is_some_and(|task| matches!(task.status, Status::Pending));
        Ok(is_pending.then(|| Claim { name: reference.name, work: ClaimedWork::Task { number }, lock }))
    }

    /// Claims one of all runnable names. A search begins after the name that the last search claimed.
    pub fn claim_any(&self) -> Result<ClaimSearch> {
        let mut search = ClaimSearch::default();
        while let Some(name) = self.rotation.next_name() {
            search.claim = self.claim_name(&name, &mut ClaimSearch::default())?;
            if search.claim.is_some() {
                return Ok(search);
            }
        }
        let mut after = self.rotation.next_page();
        let mut at_last_page = after.is_none();
        loop {
            let Runnable { names, next } = self.core.store.runnable(after.as_ref(), self.core.now()?, PAGE)?;
            let mut names = names.into_iter();
            while let Some(name) = names.next() {
                search.claim = self.claim_name(&name, &mut search)?;
                if search.claim.is_some() {
                    self.rotation.keep(names, next);
                    return Ok(search);
                }
            }
            match next {
                None if at_last_page => return Ok(search),
                // the names before the first page of this search follow
                None => at_last_page = true,
                Some(_) => {}
            }
            after = next;
        }
    }

    /// Claims a name that may have something to run.
    fn claim_name(&self, name: &Name, search: &mut ClaimSearch) -> Result<Option<Claim>> {
        if self.failed.contains(&self.core, name) {
            return Ok(None);
        }
        match self.backoff.readiness(name) {
            Readiness::Ready => {}
            Readiness::Paused => {
                search.more_later = true;
                return Ok(None);
            }
            Readiness::KeepsFailing(error) => {
                search.failed = Some(error);
                return Ok(None);
            }
        }
        let claim = match self.claim_first_task(name)? {
            Some(claim) => Some(claim),
            None if self.core.store.next_in_inbox(name, self.core.now()?)?.is_some() => self.claim_inbox(name, None)?,
            None => None,
        };
        search.more_later |= claim.is_none();
        Ok(claim)
    }

    fn claim_first_task(&self, name: &Name) -> Result<Option<Claim>> {
        let mut after = None;
        loop {
            let tasks = self.core.store.runnable_tasks(name, after, self.core.now()?, PAGE)?;
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

    /// Runs a claimed inbox or task. If a name cannot be run, this is no error: the failure is kept for the callers that wait
    /// for it, or the name is tried again later.
    pub fn run_claim(&self, claim: Claim, bounds: RunBounds<'_>) -> Result<()> {
        let Claim { name, work, lock } = claim;
        let task = match work {
            ClaimedWork::Inbox { .. } => None,
            ClaimedWork::Task { number } => Some(number),
        };
        tracing::debug!(%name, task, "claimed");
        let ran = match work {
            ClaimedWork::Inbox { last } => self.run_inbox(&name, &lock, last, bounds),
            ClaimedWork::Task { number } => self.run_task(&Reference { name: name.clone(), number }, &lock, bounds),
        };
        let observer = &self.core.settings.observer;
        match ran {
            Ok(()) => self.backoff.succeeded(&name),
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            // a waiting caller receives the error; without one the name is tried again
            Err(error) if error.is_of_machine() && !self.executor.has_worker() => return Err(error),
            Err(error) if error.is_of_machine() => {
                if self.backoff.failed(&name, &error) {
                    observer.will_retry(&name, &error);
                }
            }
            Err(error) => {
                observer.cannot_run(&name, &error);
                self.failed.insert(&self.core, &name, &error);
            }
        }
        Ok(())
    }
}
