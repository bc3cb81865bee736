//! Looking after accepted invocations: listing, cancelling, resuming.

use super::calls::one;
use super::{Engine, new_seed};
use crate::model::{
    Call, Error, Fault, HostFault, Invocation, Log, Name, NewInvocation, Outcome, Reference, Result, Status,
};
use crate::store::{Accepted, Commit, End, Turn};

/// What an invocation is doing, for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It stands in the inbox, or is not due yet.
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl Engine {
    /// Ends an invocation that has not ended: one that is queued at once, one that runs by interrupting the guest. What it
    /// changed is dropped.
    pub fn cancel(&self, reference: &Reference) -> Result<()> {
        loop {
            if matches!(self.invocation(reference)?.status, Status::Ended { .. }) {
                return Err(Error::AlreadyEnded { reference: reference.clone() });
            }
            let outcome = Outcome::Failed(Fault::host(HostFault::Cancelled, format!("{reference} was cancelled")));
            let ended = match self.runs(reference)? {
                true => self.commit_cancel(reference, outcome),
                false => self.store.settle(reference, self.now(), outcome),
            };
            match ended {
                // it ended, or its actor went on, since we looked
                Err(Error::Stale { .. }) => {}
                ended => return ended,
            }
        }
    }

    /// Accepts a failed invocation anew, with a reference of its own: the same method and arguments, on the current state. The
    /// old reference and key keep their answer.
    pub fn resume(&self, reference: &Reference) -> Result<Reference> {
        let old = self.invocation(reference)?;
        match &old.status {
            Status::Accepted => return Err(Error::NotEnded { reference: reference.clone() }),
            Status::Ended { outcome: Outcome::Succeeded(_), .. } => {
                return Err(Error::AlreadyEnded { reference: reference.clone() });
            }
            Status::Ended { .. } => {}
        }
        self.class_of_invocation(&old.new)?;
        let again = NewInvocation {
            key: None,
            seed: new_seed()?,
            accepted: self.now(),
            due: None,
            resumes: Some(old.number),
            ..old.new
        };
        let name = again.name.clone();
        match one(self.store.accept(vec![again], self.settings.limits.inbox)?)? {
            Accepted::New(number) => Ok(Reference { name, number }),
            Accepted::Known(known) => Ok(known.reference()),
        }
    }

    /// Accepted invocations that have not ended, of one name or of all; at most `limit` after `after`.
    pub fn pending(&self, name: Option<&Name>, after: Option<&Reference>, limit: usize) -> Result<Vec<Invocation>> {
        self.store.pending(name, after, limit)
    }

    /// All invocations of a name with numbers below `before`, newest first; at most `limit`.
    pub fn invocations(&self, name: &Name, before: Option<u64>, limit: usize) -> Result<Vec<Invocation>> {
        self.store.invocations(name, before, limit)
    }

    /// What an invocation is doing.
    pub fn phase(&self, invocation: &Invocation) -> Result<Phase> {
        Ok(match &invocation.status {
            Status::Accepted if self.runs(&invocation.reference())? => Phase::Running,
            Status::Accepted => Phase::Queued,
            Status::Ended { outcome: Outcome::Succeeded(_), .. } => Phase::Succeeded,
            Status::Ended { outcome: Outcome::Failed(fault), .. } if fault.is_host(HostFault::Cancelled) => {
                Phase::Cancelled
            }
            Status::Ended { .. } => Phase::Failed,
        })
    }

    /// Whether somebody holds the actor and this invocation is the one whose turn it is.
    fn runs(&self, reference: &Reference) -> Result<bool> {
        let next = self.store.next(&reference.name, self.now())?;
        if next.is_none_or(|next| next.number != reference.number) {
            return Ok(false);
        }
        self.store.is_held(&reference.name)
    }

    /// A mutation that has begun leaves a step that says how it ended.
    fn commit_cancel(&self, reference: &Reference, outcome: Outcome) -> Result<()> {
        let head = self.store.head(&reference.name)?.unwrap_or_default();
        let at = self.now();
        let (at, end) = match &head.actor {
            Some(actor) => (at.max(actor.updated), End::Step { version: actor.version, state: None }),
            None => (at, End::Bare),
        };
        one(self.store.commit(vec![Commit {
            turn: Turn::Accepted { name: reference.name.clone(), number: reference.number },
            expected_steps: head.numbers.steps,
            at,
            outcome,
            log: Log::default(),
            micros: 0,
            end,
        }])?)
        .map(drop)
    }

    fn class_of_invocation(&self, new: &NewInvocation) -> Result<()> {
        match &new.call {
            Call::Construct { class, version } => self.loaded(class, *version).map(drop),
            Call::Task { class, version } => self.loaded(class, *version).map(drop),
            Call::Mutate => self.class_of(&new.name.actor()?).map(drop),
        }
    }
}
