//! Progress of runs: operations of a run, as they are added to the history.

use std::collections::BTreeSet;

use serde_bytes::ByteBuf;

use crate::model::{
    CallKind, CallRequest, Error, Fault, FaultOrigin, Fingerprint, HistoryEntry, HostFault, Json, OperationResult,
    Outcome, Reference, ResolvedTarget, ResumePoint, RunProgress, Times, Timestamp, WaitResult,
};
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::wait_targets::{TargetInvocation, target_invocation};
use crate::store::redb::schema::key::{QueueKind, RecordKey};
use crate::store::redb::schema::records::Pending;
use crate::store::{Accepted, NewCall, NewEntry, Progress};

use super::cancel::CancelOptions;
use super::step::NewStep;
use super::writer::Writer;

impl Writer<'_> {
    /// Performs operations and adds them to the history. The wait of the invocation ends.
    pub(super) fn add_progress(
        &mut self,
        caller: &Reference,
        pending: &mut Pending,
        at: Timestamp,
        progress: Progress,
    ) -> TxResult<()> {
        self.end_wait(caller, pending)?;
        let Progress { began, first_now, entries, sends, inbox_limit, .. } = progress;
        let mut point = pending.resume_point.take().unwrap_or_else(|| ResumePoint::new(began, first_now));
        for entry in entries {
            let entry = self.perform(caller, at, entry, inbox_limit)?;
            if let OperationResult::Waited(WaitResult { at, .. }) = entry.result {
                point.clock = point.clock.max(at);
            }
            self.add_to_history(caller, &mut point, &entry)?;
        }
        pending.resume_point = Some(point);
        for message in sends {
            // a message that cannot be accepted is dropped: its sender has no way to see the error
            let _dropped = self.start(caller, message, inbox_limit)?;
        }
        Ok(())
    }

    fn perform(
        &mut self,
        caller: &Reference,
        at: Timestamp,
        entry: NewEntry,
        inbox_limit: u64,
    ) -> TxResult<HistoryEntry> {
        Ok(match entry {
            NewEntry::Start { fingerprint, child } => {
                let result = OperationResult::Started(self.start(caller, *child, inbox_limit)?);
                HistoryEntry { fingerprint, result }
            }
            NewEntry::Reuse { fingerprint, child, opaque_id } => {
                // it stays when the child is removed, and then leads to no invocation
                self.tables.put(&RecordKey::opaque_id(&opaque_id), &child)?;
                HistoryEntry { fingerprint, result: OperationResult::Started(Ok(child)) }
            }
            NewEntry::Cancel { fingerprint, target } => {
                self.cancel_for(caller, &target, at)?;
                HistoryEntry { fingerprint, result: OperationResult::Done }
            }
            NewEntry::TakeEvent { entry, event, number } => {
                self.tables.delete(&RecordKey::event(&caller.name, &event, number))?;
                let record = self.name_record_mut(&caller.name)?;
                record.events = record.events.saturating_sub(1);
                entry
            }
            NewEntry::Plain(entry) => entry,
        })
    }

    fn add_to_history(&mut self, reference: &Reference, point: &mut ResumePoint, entry: &HistoryEntry) -> TxResult<()> {
        self.tables.put(&RecordKey::history(&reference.name, reference.number, point.history_len), entry)?;
        point.history_len += 1;
        Ok(())
    }

    /// Accepts a child or a message, and before it the construction of its actor, if there is none.
    fn start(&mut self, caller: &Reference, new: NewCall, limit: u64) -> TxResult<Result<Reference, Fault>> {
        let by_caller = |request| CallRequest { caller: Some(caller.clone()), ..request };
        let NewCall { construction, call } = new;
        if let Some(CallRequest { kind: CallKind::Construct { class: wanted, .. }, .. }) = &construction
            && let Some(actor) = &self.name_record(&call.name)?.actor
            && actor.class != *wanted
        {
            let (id, class, wanted) = (call.name.to_string(), actor.class.clone(), wanted.clone());
            let error = Error::OtherClass { id, class, wanted };
            return Ok(Err(Fault::host(HostFault::Exists, error.to_string())));
        }
        if let Some(construction) = construction
            && self.needs_construction(&construction)?
            && let Err(fault) = self.accept_for(by_caller(construction), limit)?
        {
            return Ok(Err(fault));
        }
        self.accept_for(by_caller(call), limit)
    }

    /// Whether the actor of a construction does not exist, and no other construction of it is
    /// queued.
    fn needs_construction(&mut self, construction: &CallRequest) -> TxResult<bool> {
        let name = &construction.name;
        self.enqueue_due(name, QueueKind::Actor, construction.accepted)?;
        Ok(self.name_record(name)?.actor.is_none() && self.queued_construction(name)?.is_none())
    }

    fn accept_for(&mut self, request: CallRequest, limit: u64) -> TxResult<Result<Reference, Fault>> {
        let name = request.name.clone();
        Ok(match self.accept(request, limit)? {
            Ok(Accepted::New(number)) => Ok(Reference { name, number }),
            Ok(Accepted::Duplicate(duplicate)) => Ok(duplicate.reference()),
            Err(error) => {
                let (kind, message) = (error.kind().to_owned(), error.to_string());
                let origin = FaultOrigin::Host;
                Err(Fault { origin, kind, message, details: None, permanent: false, resumable: true })
            }
        })
    }

    /// Cancels the invocation of a target, if it is pending.
    fn cancel_for(&mut self, caller: &Reference, target: &ResolvedTarget, at: Timestamp) -> TxResult<()> {
        let target = target_invocation(&self.tables, caller, target)?;
        let Some(TargetInvocation::Accepted(target)) = target else { return Ok(()) };
        let fault = Fault::host(HostFault::Cancelled, format!("{caller} cancelled it"));
        let options = CancelOptions { at, running: &BTreeSet::new(), asking: Some(caller), removed: None };
        self.cancel_all(target, fault, options)
    }

    /// Adds a step in the middle of a run, and its entry in the history. Returns the number of the
    /// step.
    pub(super) fn save(
        &mut self,
        reference: &Reference,
        mut pending: Pending,
        new: NewStep,
        fingerprint: Fingerprint,
    ) -> TxResult<u64> {
        let Times { began, committed, now } = new.times;
        let mut point =
            pending.resume_point.take().unwrap_or_else(|| ResumePoint::new(began.unwrap_or(committed), now));
        if point.saves == 0
            && let Some(actor) = self.name_record(&reference.name)?.actor.clone()
        {
            let state = ByteBuf::from(self.state_of(&reference.name, &actor)?);
            self.tables.put(&RecordKey::initial_state(&reference.name, reference.number), &state)?;
        }
        let run = RunProgress { first_now: point.first_now, history_len: point.history_len + 1, is_save: true };
        let new = NewStep { outcome: Outcome::Succeeded(Json::null()), run: Some(run), ..new };
        let step = self.add_step(new, pending.request.clone(), reference.number)?;
        let entry = HistoryEntry { fingerprint, result: OperationResult::Saved(step) };
        self.add_to_history(reference, &mut point, &entry)?;
        point.saves += 1;
        pending.resume_point = Some(point);
        self.put_pending(reference.number, pending)?;
        self.wake(&reference.name)?;
        Ok(step)
    }
}
