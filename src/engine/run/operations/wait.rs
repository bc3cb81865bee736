//! Performing a wait: reading its result, committing the wait, and standing by in memory until there is a result.

use std::time::{Duration, Instant};

use super::driver::{Driver, Performed};
use crate::engine::run::abort::Abort;
use crate::model::{
    Error, Fault, Fingerprint, HistoryEntry, HostFault, OperationResult, Reference, ResolvedTarget, Result, Timestamp,
    WaitResult, WaitTarget,
};
use crate::store::{NewEntry, StoredResult, Suspend, Suspended};

/// A guest waits in memory for at least this time, and for longer the longer it computed: it leaves memory when its
/// replay would cost less than its wait did.
const PATIENCE: Duration = Duration::from_millis(50);

/// Entries that wait for the next commit, at most.
const MAX_NEW_ENTRIES: usize = 1000;

/// A waiting guest looks again after this time, also if no commit woke it.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

impl Driver<'_> {
    /// `resolved` are the targets as the store has them, if the invocation waits already.
    pub fn wait(
        &mut self,
        fingerprint: Fingerprint,
        targets: &[WaitTarget],
        resolved: Option<Vec<ResolvedTarget>>,
    ) -> Performed {
        if self.bounds.in_group {
            return Err(Abort::NotInGroup);
        }
        let resolved = match resolved {
            Some(resolved) => resolved,
            None => {
                let wall = self.runner.core.now()?;
                let mut resolved = Vec::with_capacity(targets.len());
                for (index, target) in targets.iter().enumerate() {
                    match self.resolve(target, wall)? {
                        Some(target) => resolved.push(target),
                        None => {
                            let missing = missing(index, target, self.clock.now);
                            return self.take(fingerprint, targets, missing);
                        }
                    }
                }
                resolved
            }
        };
        let mut result = self.result_without_commit(&resolved)?;
        if result.is_none() {
            result = self.suspend(&fingerprint, &resolved)?;
        }
        let result = match result {
            Some(result) => result,
            None => self.stand_by(&resolved)?,
        };
        self.take(fingerprint, targets, result)
    }

    /// A target as the store sees it; None if no invocation has the opaque id. A timer is due as long after `wall` as the
    /// guest asked for, however far the guest's clock is ahead.
    fn resolve(&self, target: &WaitTarget, wall: Timestamp) -> Result<Option<ResolvedTarget>> {
        Ok(Some(match target {
            WaitTarget::Timer(time) => {
                ResolvedTarget::Timer(self.clock.wall_of_now(wall).after(time.since(self.clock.now)))
            }
            WaitTarget::Event(name) => {
                ResolvedTarget::Event { name: name.clone(), after: self.taken.get(name).copied().unwrap_or_default() }
            }
            WaitTarget::Invocation(id) => match self.children.get(id) {
                Some(index) => ResolvedTarget::Child(*index),
                None if *id == self.request.seed.opaque_id() => ResolvedTarget::Itself,
                None => return Ok(self.runner.core.store.reference_of(id)?.map(ResolvedTarget::Invocation)),
            },
        }))
    }

    /// The result that the store has already. It costs no commit: it is recorded with the next one, and no other
    /// invocation sees its consequences before.
    fn result_without_commit(&self, targets: &[ResolvedTarget]) -> Result<Option<StoredResult>, Abort> {
        let Some(reference) = self.reference() else { return Ok(None) };
        let changes_nothing = |entry: &NewEntry| matches!(entry, NewEntry::Plain(_) | NewEntry::TakeEvent { .. });
        let is_stored = |target: &ResolvedTarget| !matches!(target, ResolvedTarget::Child(index) if *index >= self.committed_entries);
        // without commits in between, the replay of a guest whose waits have results at once would cost ever more
        let is_short = self.entries.len() < MAX_NEW_ENTRIES;
        match is_short && self.entries.iter().all(changes_nothing) && targets.iter().all(is_stored) {
            true => self.stored_result(&reference, targets),
            false => Ok(None),
        }
    }

    /// None while the store has not accepted the invocation.
    fn reference(&self) -> Option<Reference> {
        self.number.map(|number| Reference { name: self.request.name.clone(), number })
    }

    /// The result, if there is one. The invocation may have been ended from elsewhere.
    fn stored_result(&self, own: &Reference, targets: &[ResolvedTarget]) -> Result<Option<StoredResult>, Abort> {
        let core = &self.runner.core;
        core.store.wait_result(own, targets, core.now()?).map_err(|error| match error {
            Error::AlreadyEnded { .. } | Error::NoInvocation { .. } => Abort::Stopped,
            error => Abort::Failed(error),
        })
    }

    /// Commits the wait; the result, if there is one by now.
    fn suspend(
        &mut self,
        fingerprint: &Fingerprint,
        targets: &[ResolvedTarget],
    ) -> Result<Option<StoredResult>, Abort> {
        let new_entries = self.entries.len() as u64;
        let suspend = Suspend {
            source: self.source(),
            expected_steps: self.steps,
            at: self.runner.core.now()?,
            progress: self.progress(Vec::new(), None),
            id_exposed: true,
            fingerprint: fingerprint.clone(),
            targets: targets.to_vec(),
        };
        match self.runner.core.store.suspend(suspend)? {
            Suspended::Waiting { number, result } => {
                self.accepted(number);
                tracing::debug!(name = %self.request.name, number, "suspended");
                self.committed(new_entries)?;
                Ok(result)
            }
            Suspended::Duplicate(invocation) => Err(Abort::Duplicate(invocation)),
        }
    }

    /// Gives a result to the guest, and has the next commit record it.
    fn take(&mut self, fingerprint: Fingerprint, targets: &[WaitTarget], stored: StoredResult) -> Performed {
        let StoredResult { mut result, event } = stored;
        let mut now = self.clock.at(self.runner.core.now()?).max(result.at);
        if let Some(WaitTarget::Timer(due)) = targets.get(result.index as usize)
            && result.result.is_ok()
        {
            now = now.max(*due);
        }
        result.at = now;
        self.clock.advance(now);
        let entry = HistoryEntry { fingerprint, result: OperationResult::Waited(result.clone()) };
        self.entries.push(match event {
            Some((event, number)) => {
                self.taken.insert(event.clone(), number);
                NewEntry::TakeEvent { entry, event, number }
            }
            None => NewEntry::Plain(entry),
        });
        Ok(Ok(Some(result)))
    }

    /// Waits in memory until there is a result. The permit is free meanwhile.
    fn stand_by(&self, targets: &[ResolvedTarget]) -> Result<StoredResult, Abort> {
        let (core, scheduling) = (&self.runner.core, self.bounds.scheduling);
        let reference = self.reference().ok_or_else(|| Error::internal("a waiting invocation has no number"))?;
        let patience = Instant::now() + PATIENCE + 2 * self.computed;
        let mut subscription = core.subscribe(self.stop)?;
        let Some(yielded) = scheduling.yield_permit(&reference) else { return Err(Abort::Suspended) };
        loop {
            let wall = core.now()?;
            if let Some(result) = self.stored_result(&reference, targets)? {
                drop(yielded);
                return Ok(result);
            }
            if self.stop.is_stopped() {
                return Err(Abort::Stopped);
            }
            let now = Instant::now();
            if self.bounds.deadline.is_some_and(|deadline| deadline <= now) {
                return Err(Abort::Deadline);
            }
            // if no helper thread can be started, the awaited invocation needs the thread of this guest
            if patience <= now || !scheduling.spawn_helper() {
                return Err(Abort::Suspended);
            }
            let check = core.next_check(wall, until_timer(targets, wall).min(CHECK_INTERVAL))?;
            subscription.wait(self.bounds.deadline.map_or(check, |deadline| check.min(deadline)).min(patience));
        }
    }
}

fn until_timer(targets: &[ResolvedTarget], now: Timestamp) -> Duration {
    let timers = targets.iter().filter_map(|target| match target {
        ResolvedTarget::Timer(due) => Some(due.since(now)),
        _ => None,
    });
    timers.min().unwrap_or(Duration::MAX)
}

/// The result of a wait for an invocation that does not exist.
fn missing(index: usize, target: &WaitTarget, at: Timestamp) -> StoredResult {
    let id = match target {
        WaitTarget::Invocation(id) => id.as_str(),
        WaitTarget::Timer(_) | WaitTarget::Event(_) => "",
    };
    let fault = Fault::host(HostFault::NotFound, format!("there is no invocation {id}"));
    StoredResult { result: WaitResult { index: index as u32, result: Err(fault), at }, event: None }
}
