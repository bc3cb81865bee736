//! What a run asks for, as it enters its record.

use std::collections::BTreeSet;

use serde_bytes::ByteBuf;

use crate::model::{
    CallKind, CallRequest, Error, Fault, FaultOrigin, Fingerprint, HistoryEntry, HostFault, Json, OperationResult,
    Outcome, Reference, ResolvedTarget, ResumePoint, RunProgress, Times, Timestamp, WaitResult,
};
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::waits::{self, TargetInvocation};
use crate::store::redb::schema::key::{QueueKind, RecordKey};
use crate::store::redb::schema::record::Pending;
use crate::store::{Accepted, NewCall, NewEntry, Progress};

use super::Writer;
use super::cancel::CancelOptions;
use super::step::StepEntry;

impl Writer<'_> {
    /// Does what a run asked for, and puts it in the invocation's record. Its wait, if it had one, is over.
    pub fn go_on(&mut self, me: &Reference, open: &mut Pending, at: Timestamp, progress: Progress) -> TxResult<()> {
        self.end_wait(me, open)?;
        let Progress { began, first_now, entries, sends, inbox_limit, .. } = progress;
        let mut begun = open.begun.take().unwrap_or_else(|| ResumePoint::new(began, first_now));
        for entry in entries {
            let recorded = match entry {
                NewEntry::Start { fingerprint: asked, child } => HistoryEntry {
                    fingerprint: asked,
                    result: OperationResult::Started(self.start(me, *child, inbox_limit)?),
                },
                NewEntry::Reuse { fingerprint: asked, child, opaque_id } => {
                    // it is not forgotten with the child, and names what is not there then
                    self.tables.put(&RecordKey::opaque(&opaque_id), &child)?;
                    HistoryEntry { fingerprint: asked, result: OperationResult::Started(Ok(child)) }
                }
                NewEntry::Cancel { fingerprint: asked, target } => {
                    self.cancel_for(me, &target, at)?;
                    HistoryEntry { fingerprint: asked, result: OperationResult::Done }
                }
                NewEntry::TakeEvent { entry: recorded, event, number } => {
                    self.tables.delete(&RecordKey::event(&me.name, &event, number))?;
                    let head = self.head_mut(&me.name)?;
                    head.events = head.events.saturating_sub(1);
                    recorded
                }
                NewEntry::Plain(recorded) => recorded,
            };
            if let OperationResult::Waited(WaitResult { at, .. }) = recorded.result {
                begun.clock = begun.clock.max(at);
            }
            self.record(me, &mut begun, &recorded)?;
        }
        open.begun = Some(begun);
        for message in sends {
            // what cannot be accepted is dropped: nobody can be told any more
            let _dropped = self.start(me, message, inbox_limit)?;
        }
        Ok(())
    }

    fn record(&mut self, me: &Reference, begun: &mut ResumePoint, recorded: &HistoryEntry) -> TxResult<()> {
        self.tables.put(&RecordKey::recorded(&me.name, me.number, begun.history_len), recorded)?;
        begun.history_len += 1;
        Ok(())
    }

    /// Accepts a child or a message, and before it the making of its actor where there is none.
    fn start(&mut self, me: &Reference, child: NewCall, limit: u64) -> TxResult<Result<Reference, Fault>> {
        let by = |request| CallRequest { caller: Some(me.clone()), ..request };
        let NewCall { construction: create, call } = child;
        if let Some(CallRequest { kind: CallKind::Construct { class: wanted, .. }, .. }) = &create
            && let Some(actor) = &self.head(&call.name)?.actor
            && actor.class != *wanted
        {
            let (id, class, wanted) = (call.name.to_string(), actor.class.clone(), wanted.clone());
            let error = Error::OtherClass { id, class, wanted };
            return Ok(Err(Fault::host(HostFault::Exists, error.to_string())));
        }
        if let Some(create) = create
            && self.is_to_be_made_for(&create)?
            && let Err(fault) = self.accept_for(by(create), limit)?
        {
            return Ok(Err(fault));
        }
        self.accept_for(by(call), limit)
    }

    /// Whether an actor that a run calls is neither there nor being made.
    fn is_to_be_made_for(&mut self, create: &CallRequest) -> TxResult<bool> {
        // what is due stands in the inbox from now on
        self.enter_due(&create.name, QueueKind::Actor, create.accepted)?;
        Ok(self.head(&create.name)?.actor.is_none() && self.queued_construction(&create.name)?.is_none())
    }

    fn accept_for(&mut self, request: CallRequest, limit: u64) -> TxResult<Result<Reference, Fault>> {
        let name = request.name.clone();
        Ok(match self.accept(request, limit)? {
            Ok(Accepted::New(number)) => Ok(Reference { name, number }),
            Ok(Accepted::Duplicate(known)) => Ok(known.reference()),
            Err(error) => {
                let (kind, message) = (error.kind().to_owned(), error.to_string());
                let origin = FaultOrigin::Host;
                Err(Fault { origin, kind, message, details: None, permanent: false, resumable: true })
            }
        })
    }

    /// Cancels what a run names, if it has not ended.
    fn cancel_for(&mut self, me: &Reference, target: &ResolvedTarget, at: Timestamp) -> TxResult<()> {
        let Some(TargetInvocation::Invocation(target)) = waits::target(&self.tables, me, target)? else {
            return Ok(());
        };
        let fault = Fault::host(HostFault::Cancelled, format!("{me} cancelled it"));
        let how = CancelOptions { at, running: &BTreeSet::new(), asking: Some(me), removed: None };
        self.cancel_all(target, fault, how)
    }

    /// A step that is not the end: it is the last entry of the record so far. Answers its number.
    pub fn save(&mut self, me: &Reference, mut open: Pending, entry: StepEntry, asked: Fingerprint) -> TxResult<u64> {
        let Times { began, committed, now } = entry.times;
        let mut begun = open.begun.take().unwrap_or_else(|| ResumePoint::new(began.unwrap_or(committed), now));
        if begun.saves == 0
            && let Some(actor) = self.head(&me.name)?.actor.clone()
        {
            let state = ByteBuf::from(self.state_of(&me.name, &actor)?);
            self.tables.put(&RecordKey::beginning(&me.name, me.number), &state)?;
        }
        let run = RunProgress { first_now: begun.first_now, history_len: begun.history_len + 1, is_save: true };
        let entry = StepEntry { outcome: Outcome::Succeeded(Json::null()), run: Some(run), ..entry };
        let step = self.take_step(entry, open.request.clone(), me.number)?;
        self.record(me, &mut begun, &HistoryEntry { fingerprint: asked, result: OperationResult::Saved(step) })?;
        begun.saves += 1;
        open.begun = Some(begun);
        self.put_open(me.number, open)?;
        self.wake(&me.name)?;
        Ok(step)
    }

    /// Forgets for what an invocation waited, if it did.
    pub fn end_wait(&mut self, me: &Reference, open: &mut Pending) -> TxResult<()> {
        let Some(waiting) = open.begun.as_mut().and_then(|begun| begun.wait.take()) else { return Ok(()) };
        for on in &waiting.targets {
            if let Some(TargetInvocation::Invocation(awaited)) = waits::target(&self.tables, me, on)? {
                self.tables.delete(&RecordKey::waiter(&awaited, me))?;
            }
        }
        self.forget_timer(&me.name, me.number, &waiting)
    }

    /// Forgets what only an accepted invocation that has not ended needs, and notes that who waits for it is answered.
    pub fn end_run(&mut self, me: &Reference, open: &mut Pending) -> TxResult<()> {
        self.end_wait(me, open)?;
        if open.begun.as_ref().is_some_and(|begun| begun.saves > 0) {
            self.tables.delete(&RecordKey::beginning(&me.name, me.number))?;
        }
        for waiter in self.waiters(me)? {
            self.wake(&waiter.name)?;
        }
        Ok(())
    }
}
