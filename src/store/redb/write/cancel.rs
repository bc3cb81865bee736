//! Ending invocations from outside.

use std::collections::BTreeSet;

use crate::model::{
    Error, Fault, HistoryEntry, HostFault, Log, Name, OperationResult, Outcome, Reference, RunProgress, Times,
    Timestamp,
};
use crate::store::End;
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::invocations;
use crate::store::redb::schema::key::{QueueKind, RecordKey};
use crate::store::redb::schema::record::{InvocationRecord, Pending};

use super::Writer;
use super::step::StepEntry;

/// How invocations are cancelled.
#[derive(Clone, Copy)]
pub struct CancelOptions<'a> {
    pub at: Timestamp,
    /// Some that run, and leave a step though they have committed nothing yet.
    pub running: &'a BTreeSet<Reference>,
    /// Who asks for it, and goes on though it be a child of one that is cancelled.
    pub asking: Option<&'a Reference>,
    /// An actor that is about to go, and needs no step any more.
    pub removed: Option<&'a Name>,
}

impl Writer<'_> {
    pub fn cancel(
        &mut self,
        reference: &Reference,
        at: Timestamp,
        fault: Fault,
        running: &BTreeSet<Reference>,
    ) -> TxResult<()> {
        if !self.is_open(reference)? {
            return Err(match invocations::invocation(&self.tables, &reference.name, reference.number)? {
                Some(_) => Error::AlreadyEnded { reference: reference.clone() },
                None => Error::NoInvocation { reference: reference.clone() },
            }
            .into());
        }
        self.cancel_all(reference.clone(), fault, CancelOptions { at, running, asking: None, removed: None })
    }

    fn is_open(&self, reference: &Reference) -> TxResult<bool> {
        Ok(invocations::open(&self.tables, &reference.name, reference.number)?.is_some())
    }

    /// Cancels an invocation and its children, and theirs, as far as they have not ended.
    pub fn cancel_all(&mut self, root: Reference, fault: Fault, how: CancelOptions<'_>) -> TxResult<()> {
        let mut left = vec![(root, fault)];
        while let Some((reference, fault)) = left.pop() {
            if how.asking == Some(&reference) {
                continue;
            }
            let Some(open) = invocations::open(&self.tables, &reference.name, reference.number)? else { continue };
            if open.begun.is_some() {
                let said = format!("its caller {reference} was cancelled");
                let children = self.children(&reference)?;
                left.extend(children.map(|child| (child, Fault::host(HostFault::Cancelled, said.clone()))));
            }
            self.cancel_one(&reference, open, fault, how)?;
        }
        Ok(())
    }

    /// What an invocation has started.
    fn children(&self, reference: &Reference) -> TxResult<impl Iterator<Item = Reference> + use<>> {
        let entries = self.tables.records(RecordKey::recorded_from(&reference.name, reference.number, 0))?;
        let mut children = Vec::new();
        for entry in entries {
            let (_, HistoryEntry { result: answer, .. }) = entry?;
            if let OperationResult::Started(Ok(child)) = answer {
                children.push(child);
            }
        }
        Ok(children.into_iter())
    }

    fn cancel_one(
        &mut self,
        reference: &Reference,
        mut open: Pending,
        fault: Fault,
        how: CancelOptions<'_>,
    ) -> TxResult<()> {
        self.end_run(reference, &mut open)?;
        self.leave(&open.request, reference.number, open.turn)?;
        self.construction_ended(&open.request, reference.number)?;
        let Pending { request, attempts, begun, .. } = open;
        let (outcome, log) = (Outcome::Failed(fault), Log::default());
        let began = begun.as_ref().map(|begun| begun.began);
        let times = Times::new(began, how.at, begun.as_ref().map_or(how.at, |begun| begun.clock));
        let ran = begun.is_some() || how.running.contains(reference);
        let actor = &self.head(&request.name)?.actor;
        if let Some(actor) = actor
            && ran
            && QueueKind::from(&request.kind) == QueueKind::Actor
            && how.removed != Some(&request.name)
        {
            let times = Times { now: times.now.max(actor.clock), ..times };
            let end = End::Step { version: actor.version, state: None };
            let run = begun.map(|begun| RunProgress {
                first_now: begun.first_now,
                history_len: begun.history_len,
                is_save: false,
            });
            let entry = StepEntry { times, outcome, log, micros: 0, end, hash: None, run };
            let step = self.take_step(entry, request, reference.number)?;
            return self.put_ended(reference, step, true);
        }
        let bare = InvocationRecord::WithoutStep { request, times, outcome, log, attempts };
        self.tables.put(&RecordKey::invocation(&reference.name, reference.number), &bare).map(drop)
    }
}
