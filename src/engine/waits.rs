//! Waiting for an accepted invocation, and doing its work where nobody else does.

use std::time::{Duration, Instant};

use super::calls::one;
use super::run::{Bounds, snapshot};
use super::{Engine, Reply};
use crate::model::{Error, Invocation, Name, Reference, Result, Status};
use crate::store::{Hold, Turn, Watch};

/// Who waits looks again after so long even if nobody woke it: the process that held the actor may have been killed.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Engine {
    /// Waits for an accepted invocation's end. Does its work, and what stands before it, where nobody else does.
    pub fn wait(&self, reference: &Reference, deadline: Option<Instant>) -> Result<Reply> {
        self.answer(reference, deadline, false)
    }

    /// Waits for the first of some invocations to end, and gives its index with its end. Runs what stands before them, and
    /// themselves, where nobody else does.
    pub fn wait_any(&self, references: &[Reference], deadline: Option<Instant>) -> Result<(usize, Result<Reply>)> {
        let mut watch = self.store.watch()?;
        loop {
            for (n, reference) in references.iter().enumerate() {
                if matches!(self.invocation(reference)?.status, Status::Ended { .. }) {
                    return Ok((n, self.answer(reference, deadline, false)));
                }
            }
            let mut ran = false;
            for reference in references {
                // one at a time, so that the first that ends is the first that is told
                if !ran && let Some(hold) = self.store.hold(&reference.name, Some(Instant::now()))? {
                    ran = self.run_inbox(&reference.name, &hold, Some(reference.number), deadline)?;
                }
            }
            if !ran {
                self.wait_a_while(&mut *watch, references.first(), deadline)?;
            }
        }
    }

    /// The invocation once it has ended. Runs what stands before it and itself while the actor is free; else waits for who
    /// holds it.
    pub(super) fn wait_for(&self, reference: &Reference, deadline: Option<Instant>) -> Result<Invocation> {
        // made before the first look, so that no commit falls between a look and the wait
        let mut watch = self.store.watch()?;
        loop {
            let invocation = self.invocation(reference)?;
            if matches!(invocation.status, Status::Ended { .. }) {
                return Ok(invocation);
            }
            let left = |error| match error {
                Error::Interrupted => Error::LeftRunning { reference: reference.clone() },
                other => other,
            };
            if let Some(hold) = self.store.hold(&reference.name, Some(Instant::now()))?
                && self.run_inbox(&reference.name, &hold, Some(reference.number), deadline).map_err(left)?
            {
                continue;
            }
            self.wait_a_while(&mut *watch, Some(reference), deadline)?;
        }
    }

    /// Until something was committed somewhere, or it is time to look again.
    fn wait_a_while(&self, watch: &mut dyn Watch, waited: Option<&Reference>, deadline: Option<Instant>) -> Result<()> {
        if self.settings.stop.is_stopped() {
            let left = |reference: &Reference| Error::LeftRunning { reference: reference.clone() };
            return Err(waited.map_or(Error::Interrupted, left));
        }
        let now = Instant::now();
        if let (Some(reference), Some(_)) = (waited, deadline.filter(|deadline| *deadline <= now)) {
            return Err(Error::StillRunning { reference: reference.clone() });
        }
        let look_again = now + LOOK_AGAIN;
        watch.wait(deadline.map_or(look_again, |deadline| deadline.min(look_again)));
        Ok(())
    }

    /// An invocation by its reference.
    pub fn invocation(&self, reference: &Reference) -> Result<Invocation> {
        let found = self.store.invocation(reference)?;
        found.ok_or_else(|| Error::NoInvocation { reference: reference.clone() })
    }

    /// Runs what stands in the inbox of a held actor, in the order of turns, until it is empty, `last` has ended or `deadline`
    /// is there; what runs then is given up and stays accepted. Whether anything ended.
    pub(super) fn run_inbox(
        &self,
        name: &Name,
        _held: &Hold,
        last: Option<u64>,
        deadline: Option<Instant>,
    ) -> Result<bool> {
        let mut ended = false;
        while let Some(invocation) = self.store.next(name, self.now())? {
            let snapshot = snapshot(self, &name.actor()?)?;
            let run = self.running.enter(invocation.reference(), &self.settings.stop, &self.store);
            let executed = match self.execute(&invocation.new, &snapshot, Bounds { deadline, stop: &run.stop }) {
                Err(Error::NotAccepted { .. }) => break,
                // somebody cancelled it: it has ended, and what stands behind it goes on
                Err(Error::Interrupted) if !self.settings.stop.is_stopped() => {
                    ended = true;
                    continue;
                }
                executed => executed?,
            };
            let turn = Turn::Accepted { name: name.clone(), number: invocation.number };
            match one(self.store.commit(vec![executed.commit(turn, &snapshot.head)])?) {
                Ok(_) => ended = true,
                // somebody ran it without the lock: look again
                Err(Error::Stale { .. }) => {}
                Err(error) => return Err(error),
            }
            if last == Some(invocation.number) {
                break;
            }
        }
        Ok(ended)
    }
}
