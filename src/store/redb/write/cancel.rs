//! Cancellation of invocations.

use std::collections::BTreeSet;

use crate::model::{Fault, HostFault, Log, Name, Outcome, Reference, RunProgress, Times, Timestamp};
use crate::store::End;
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::{history, invocations};
use crate::store::redb::schema::key::{QueueKind, RecordKey};
use crate::store::redb::schema::records::{InvocationRecord, Pending};

use super::step::NewStep;
use super::writer::Writer;

#[derive(Clone, Copy)]
pub struct CancelOptions<'a> {
    pub at: Timestamp,
    /// Running invocations, which leave a step though they have no history yet.
    pub running: &'a BTreeSet<Reference>,
    /// The invocation that asks for it. It is not cancelled, also if it is a descendant.
    pub asking: Option<&'a Reference>,
    /// An actor under removal, which needs no step.
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
        invocations::must_be_pending(&self.tables, reference)?;
        self.cancel_all(reference.clone(), fault, CancelOptions { at, running, asking: None, removed: None })
    }

    /// Cancels a pending invocation and its pending descendants.
    pub(super) fn cancel_all(&mut self, root: Reference, fault: Fault, options: CancelOptions<'_>) -> TxResult<()> {
        let mut left = vec![(root, fault)];
        while let Some((reference, fault)) = left.pop() {
            if options.asking == Some(&reference) {
                continue;
            }
            let Some(pending) = invocations::pending(&self.tables, &reference)? else { continue };
            if pending.resume_point.is_some() {
                let fault = Fault::host(HostFault::Cancelled, format!("its caller {reference} was cancelled"));
                let children = history::children(&self.tables, &reference)?;
                left.extend(children.into_iter().map(|child| (child, fault.clone())));
            }
            self.cancel_one(&reference, pending, fault, options)?;
        }
        Ok(())
    }

    fn cancel_one(
        &mut self,
        reference: &Reference,
        mut pending: Pending,
        fault: Fault,
        options: CancelOptions<'_>,
    ) -> TxResult<()> {
        self.end_run(reference, &mut pending)?;
        self.dequeue(&pending.request, reference.number, pending.position)?;
        self.construction_ended(&pending.request, reference.number)?;
        let Pending { request, attempts, resume_point, .. } = pending;
        let (outcome, log) = (Outcome::Failed(fault), Log::default());
        let began = resume_point.as_ref().map(|point| point.began);
        let times = Times::new(began, options.at, resume_point.as_ref().map_or(options.at, |point| point.clock));
        let has_run = resume_point.is_some() || options.running.contains(reference);
        let actor = &self.name_record(&request.name)?.actor;
        if let Some(actor) = actor
            && has_run
            && QueueKind::from(&request.kind) == QueueKind::Actor
            && options.removed != Some(&request.name)
        {
            let times = Times { now: times.now.max(actor.clock), ..times };
            let end = End::Step { version: actor.version, state: None };
            let run = resume_point.map(|point| RunProgress {
                first_now: point.first_now,
                history_len: point.history_len,
                is_save: false,
            });
            let new = NewStep { times, outcome, log, micros: 0, end, hash: None, run };
            let step = self.add_step(new, request, reference.number)?;
            return self.put_ended(reference, step, true);
        }
        let record = InvocationRecord::WithoutStep { request, times, outcome, log, attempts };
        self.tables.put(&RecordKey::invocation(&reference.name, reference.number), &record).map(drop)
    }
}
