//! Checks of a commit's source: whether the invocation is as its run expects it.

use crate::model::{CallKind, CallRequest, Invocation, Reference, Result};
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::{inbox, invocations};
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::records::Pending;
use crate::store::{CommitSource, NewEntry, Progress};

use super::writer::{Writer, stale};

/// The invocation of a commit.
pub struct CommitTarget {
    pub pending: Pending,
    /// None for a fresh one, which the commit accepts.
    pub number: Option<u64>,
}

pub enum CheckedSource {
    Valid(Box<CommitTarget>),
    /// This invocation used the key before.
    Duplicate(Box<Invocation>),
}

impl Writer<'_> {
    /// Checks the expectations of a run; nothing is written. `stays` says that the invocation goes
    /// on after the commit.
    pub(super) fn check_source(
        &mut self,
        source: &CommitSource,
        expected_steps: u64,
        progress: Option<&Progress>,
        stays: bool,
    ) -> TxResult<Result<CheckedSource>> {
        let target = match source {
            CommitSource::Fresh(request) => match self.check_fresh(request)? {
                Ok(None) => {
                    let request = (**request).clone();
                    let pending = Pending { request, position: None, attempts: 0, resume_point: None };
                    CommitTarget { pending, number: None }
                }
                Ok(Some(duplicate)) => return Ok(Ok(CheckedSource::Duplicate(Box::new(duplicate)))),
                Err(refused) => return Ok(Err(refused)),
            },
            CommitSource::Accepted { name, number } => {
                let reference = Reference { name: name.clone(), number: *number };
                match invocations::pending(&self.tables, &reference)? {
                    Some(pending) => CommitTarget { pending, number: Some(*number) },
                    None => return Ok(stale(name)),
                }
            }
        };
        let name = &target.pending.request.name;
        if let Some(progress) = progress
            && !self.continues(&target.pending, progress)?
        {
            return Ok(stale(name));
        }
        // a task has no steps, and no order
        if !matches!(target.pending.request.kind, CallKind::Task { .. })
            && (self.name_record(name)?.counters.steps != expected_steps || !self.may_commit(&target, stays)?)
        {
            return Ok(stale(name));
        }
        Ok(Ok(CheckedSource::Valid(Box::new(target))))
    }

    /// The duplicate of a fresh call's key, or the reason to refuse the call.
    fn check_fresh(&self, request: &CallRequest) -> TxResult<Result<Option<Invocation>>> {
        if let Some(key) = &request.key {
            let found = invocations::by_key(&self.tables, &request.name, &key.text)?;
            if !matches!(found, Ok(None)) {
                return Ok(found);
            }
        }
        Ok(self.resumption_refused(request)?.map_or(Ok(None), Err))
    }

    /// Whether progress continues the history as it is, and the events that it takes exist.
    fn continues(&self, pending: &Pending, progress: &Progress) -> TxResult<bool> {
        if pending.resume_point.as_ref().map_or(0, |point| point.history_len) != progress.expected_history {
            return Ok(false);
        }
        for entry in &progress.entries {
            if let NewEntry::TakeEvent { event, number, .. } = entry
                && !self.tables.has(&RecordKey::event(&pending.request.name, event, *number))?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether no other invocation of the actor has begun; and for one that stays, whether it may
    /// come before the others.
    fn may_commit(&mut self, target: &CommitTarget, stays: bool) -> TxResult<bool> {
        let CommitTarget { pending, number } = target;
        let name = &pending.request.name;
        if pending.resume_point.is_some() || self.name_record(name)?.queued == 0 {
            return Ok(true);
        }
        let Some((_, first)) = inbox::first(&self.tables, name)? else { return Ok(true) };
        if *number == Some(first) {
            return Ok(true);
        }
        let first = invocations::pending(&self.tables, &Reference { name: name.clone(), number: first })?;
        let first_has_begun = first.is_some_and(|first| first.resume_point.is_some());
        let may_stay = !stays || pending.position.is_none();
        Ok(!first_has_begun && may_stay)
    }

    /// Enqueues an invocation that stays before the others of its actor, and returns its reference.
    pub(super) fn enqueue_target(&mut self, target: &mut CommitTarget) -> TxResult<Reference> {
        let CommitTarget { pending, number } = target;
        let reference = self.reference(&pending.request, *number)?;
        if pending.position.is_some() {
            return Ok(reference);
        }
        if number.is_some() {
            self.dequeue(&pending.request, reference.number, None)?;
        }
        pending.position = Some(self.enqueue_first(&pending.request, reference.number)?);
        Ok(reference)
    }

    /// Dequeues an invocation that ends, and returns its reference.
    pub(super) fn dequeue_target(&mut self, target: &CommitTarget) -> TxResult<Reference> {
        let CommitTarget { pending, number } = target;
        if let Some(number) = *number {
            self.dequeue(&pending.request, number, pending.position)?;
        }
        self.reference(&pending.request, *number)
    }

    fn reference(&mut self, request: &CallRequest, number: Option<u64>) -> TxResult<Reference> {
        let number = number.map_or_else(|| self.give_number(request), Ok)?;
        Ok(Reference { name: request.name.clone(), number })
    }
}
