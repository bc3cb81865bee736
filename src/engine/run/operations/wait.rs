//! Waiting: asking the store, telling it, and standing by until there is an answer.

use std::time::{Duration, Instant};

use super::{Abort, Driver, Performed};
use crate::model::{
    Error, Fault, Fingerprint, HistoryEntry, HostFault, OperationResult, Reference, ResolvedTarget, Result, Timestamp,
    WaitResult, WaitTarget,
};
use crate::store::{NewEntry, StoredResult, Suspend, Suspended};

/// A guest waits in memory for at least so long, and for longer the longer it computed: it is dropped when running it
/// again would have cost less than its wait did.
const PATIENCE: Duration = Duration::from_millis(50);

/// Entries that wait for the next commit at most.
const FEW: usize = 1000;

/// Who waits looks again after so long even if nobody woke it.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

impl Driver<'_> {
    /// `recorded` is what the store has of the wait, where the invocation waits already.
    pub(in crate::engine) fn wait(
        &mut self,
        asked: Fingerprint,
        awaited: &[WaitTarget],
        recorded: Option<Vec<ResolvedTarget>>,
    ) -> Performed {
        if self.bounds.in_group {
            return Err(Abort::NotInGroup);
        }
        let on = match recorded {
            Some(recorded) => recorded,
            None => {
                let wall = self.engine.now()?;
                let mut on = Vec::with_capacity(awaited.len());
                for (index, one) in awaited.iter().enumerate() {
                    match self.on(one, wall)? {
                        Some(one) => on.push(one),
                        None => return self.take(asked, awaited, unknown(index, one, self.now)),
                    }
                }
                on
            }
        };
        if let Some(found) = self.look(&on)? {
            return self.take(asked, awaited, found);
        }
        let found = match self.suspend(&asked, &on)? {
            Some(found) => found,
            None => self.stand_by(&on)?,
        };
        self.take(asked, awaited, found)
    }

    /// What it is in the store. None where nothing has this opaque id. A timer is due so long after it was asked for, by the
    /// wall clock, however far the guest's clock is ahead of that.
    fn on(&self, awaited: &WaitTarget, wall: Timestamp) -> Result<Option<ResolvedTarget>> {
        Ok(Some(match awaited {
            WaitTarget::Timer(time) => ResolvedTarget::Timer(self.asked_at(wall).after(time.since(self.now))),
            WaitTarget::Event(name) => {
                ResolvedTarget::Event { name: name.clone(), after: self.taken.get(name).copied().unwrap_or_default() }
            }
            WaitTarget::Invocation(id) => match self.children.get(id) {
                Some(index) => ResolvedTarget::Child(*index),
                None if *id == self.request.seed.opaque_id() => ResolvedTarget::Itself,
                None => return Ok(self.engine.store.reference_of(id)?.map(ResolvedTarget::Invocation)),
            },
        }))
    }

    /// Its own reference; the number 0 stands for one that the store has not given yet.
    fn reference(&self) -> Reference {
        Reference { name: self.request.name.clone(), number: self.number.unwrap_or_default() }
    }

    /// An answer that is there already costs no commit: it is recorded with the next one, and until then nobody has seen
    /// what came of it.
    fn look(&self, on: &[ResolvedTarget]) -> Result<Option<StoredResult>, Abort> {
        let changes_nothing = |entry: &NewEntry| matches!(entry, NewEntry::Plain(_) | NewEntry::TakeEvent { .. });
        let is_stored = |on: &ResolvedTarget| !matches!(on, ResolvedTarget::Child(index) if *index >= self.recorded);
        // one that is answered at once again and again is to commit now and then: running it again would cost ever more
        let few = self.entries.len() < FEW;
        match self.number {
            Some(_) if few && self.entries.iter().all(changes_nothing) && on.iter().all(is_stored) => self.found(on),
            _ => Ok(None),
        }
    }

    /// The answer, if there is one. Somebody may have ended the invocation itself.
    fn found(&self, on: &[ResolvedTarget]) -> Result<Option<StoredResult>, Abort> {
        self.engine.store.wait_result(&self.reference(), on, self.engine.now()?).map_err(|error| match error {
            Error::AlreadyEnded { .. } | Error::NoInvocation { .. } => Abort::Stopped,
            error => Abort::Failed(error),
        })
    }

    fn suspend(&mut self, asked: &Fingerprint, on: &[ResolvedTarget]) -> Result<Option<StoredResult>, Abort> {
        let new_entries = self.entries.len() as u64;
        let suspend = Suspend {
            source: self.turn(),
            expected_steps: self.steps,
            at: self.engine.now()?,
            progress: self.progress(Vec::new(), None),
            id_exposed: true,
            fingerprint: asked.clone(),
            targets: on.to_vec(),
        };
        match self.engine.store.suspend(suspend)? {
            Suspended::Waiting { number, result: found } => {
                self.accepted(number);
                self.committed(new_entries)?;
                Ok(found)
            }
            Suspended::Duplicate(invocation) => Err(Abort::Known(invocation)),
        }
    }

    fn take(&mut self, asked: Fingerprint, awaited: &[WaitTarget], found: StoredResult) -> Performed {
        let StoredResult { result: mut answered, event } = found;
        let mut now = self.guest_time(self.engine.now()?).max(answered.at);
        if let Some(WaitTarget::Timer(due)) = awaited.get(answered.index as usize)
            && answered.result.is_ok()
        {
            now = now.max(*due);
        }
        (answered.at, self.now) = (now, now);
        let recorded = HistoryEntry { fingerprint: asked, result: OperationResult::Waited(answered.clone()) };
        self.entries.push(match event {
            Some((event, number)) => {
                self.taken.insert(event.clone(), number);
                NewEntry::TakeEvent { entry: recorded, event, number }
            }
            None => NewEntry::Plain(recorded),
        });
        Ok(Ok(Some(answered)))
    }

    /// Waits in memory until there is an answer. The permit is free meanwhile.
    fn stand_by(&self, on: &[ResolvedTarget]) -> Result<StoredResult, Abort> {
        let engine = self.engine;
        let Some(yielded) = engine.executor.yield_permit(self.bounds.permit) else { return Err(Abort::Suspended) };
        let patience = Instant::now() + PATIENCE + 2 * self.computed;
        let mut listener = engine.notifier.subscribe(&engine.store, self.stop)?;
        let reference = self.reference();
        let _root = engine.executor.root(&reference);
        loop {
            let time = engine.now()?;
            if let Some(found) = self.found(on)? {
                drop(yielded);
                return Ok(found);
            }
            if self.stop.is_stopped() {
                return Err(Abort::Stopped);
            }
            let now = Instant::now();
            if self.bounds.deadline.is_some_and(|deadline| deadline <= now) {
                return Err(Abort::Deadline);
            }
            if patience <= now {
                return Err(Abort::Suspended);
            }
            if !engine.spawn_helper() {
                // the thread of this guest is needed for what it waits for
                return Err(Abort::Suspended);
            }
            let again = engine.look_again(time, self.until_timer(on, time).min(LOOK_AGAIN))?;
            listener.wait(self.bounds.deadline.map_or(again, |deadline| again.min(deadline)).min(patience));
        }
    }

    fn until_timer(&self, on: &[ResolvedTarget], now: Timestamp) -> Duration {
        let timers = on.iter().filter_map(|on| match on {
            ResolvedTarget::Timer(due) => Some(due.since(now)),
            _ => None,
        });
        timers.min().unwrap_or(Duration::MAX)
    }
}

fn unknown(index: usize, awaited: &WaitTarget, at: Timestamp) -> StoredResult {
    let id = match awaited {
        WaitTarget::Invocation(id) => id.as_str(),
        WaitTarget::Timer(_) | WaitTarget::Event(_) => "",
    };
    let fault = Fault::host(HostFault::NotFound, format!("there is no invocation {id}"));
    StoredResult { result: WaitResult { index: index as u32, result: Err(fault), at }, event: None }
}
