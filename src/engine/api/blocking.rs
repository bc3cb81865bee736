//! Blocking calls: the fast path of one commit, and the way through the inbox.

use std::time::Instant;

use super::accept::{CheckedRequest, Keyed, same_call};
use super::{Engine, Options, Reply};
use crate::engine::core::lookup::refused_without_cause;
use crate::engine::run::abort::{Abort, AbortedRun};
use crate::engine::run::execute::accepted;
use crate::engine::run::operations::driver::Invoked;
use crate::engine::schedule::await_end::goes_on;
use crate::model::{
    ActorId, CallKind, CallRequest, Error, Fault, HostFault, Invocation, Method, Name, NameRecord, Outcome, Reference,
    Result, Status,
};
use crate::store::{Commit, Committed};

/// The end of a fresh call's run.
enum FreshEnd {
    /// The run ended here, and is committed.
    Committed(Reply),
    /// The call is accepted, and goes on without this thread.
    Elsewhere(Reference),
    /// Another call used the key in the meantime.
    Duplicate(Box<Invocation>),
    /// The actor was run without the lock, so its record has changed.
    Stale,
}

impl Engine {
    /// If the actor is not locked and its inbox is empty, runs the call on this thread, with one commit. Otherwise accepts it
    /// into the inbox and waits for it.
    pub(super) fn run_blocking(&self, id: &ActorId, checked: CheckedRequest, options: &Options) -> Result<Reply> {
        let _participant = self.scheduler.enter_caller(options.deadline);
        let name = Name::from(id);
        let mut stale_at = None;
        while let Some(lock) = self.core.lock_inbox(&name)? {
            let snapshot = self.core.snapshot(id)?;
            if stale_at.as_ref() == Some(&snapshot.record) {
                return Err(refused_without_cause(&name));
            }
            if self.core.inbox_has_next(&name, &snapshot.record)? {
                break;
            }
            self.expect_possible(id, &checked.request, &snapshot.record)?;
            let scheduling = self.scheduler.scheduling(None);
            let bounds = scheduling.bounds(options.deadline, &self.core.settings.stop);
            let invoked = Invoked::Fresh(&checked.request, &checked.loaded);
            let ended = match self.runner.execute(invoked, &snapshot, bounds) {
                Ok(commit) => self.commit_fresh(commit, checked.method()?)?,
                Err(aborted) => self.end_of_aborted(&name, aborted)?,
            };
            drop(lock);
            match ended {
                FreshEnd::Committed(reply) => return Ok(reply),
                FreshEnd::Elsewhere(reference) => return self.answer(&reference, options.deadline, false),
                FreshEnd::Duplicate(earlier) => {
                    let no_key = || Error::internal("a call without a key is called a duplicate");
                    let key = checked.request.key.as_ref().ok_or_else(no_key)?;
                    let reference = same_call(&earlier, &key.fingerprint, options)?;
                    return self.answer(&reference, options.deadline, true);
                }
                FreshEnd::Stale => stale_at = Some(snapshot.record),
            }
        }
        match self.accept(checked, options)? {
            Keyed::New(reference) => self.answer_accepted(&reference, options.deadline, false),
            Keyed::Duplicate(reference) => self.answer(&reference, options.deadline, true),
        }
    }

    /// The checks that came before the lock, again.
    fn expect_possible(&self, id: &ActorId, request: &CallRequest, record: &NameRecord) -> Result<()> {
        match (&request.kind, &record.actor) {
            (CallKind::Construct { .. }, Some(_)) => Err(Error::ActorExists { id: id.to_string() }),
            (CallKind::Mutate, None) => Err(self.core.no_actor(id)),
            _ => Ok(()),
        }
    }

    fn commit_fresh(&self, commit: Commit, method: &Method) -> Result<FreshEnd> {
        let (accepted, name) = (accepted(&commit), commit.source.name().clone());
        if accepted.is_none()
            && let Some(fault) = refused_arguments(&commit.outcome)
        {
            return Err(method.refuse(fault.message.clone()));
        }
        let (outcome, leaves_work) = (commit.outcome.clone(), commit.progress.is_some());
        match (self.core.commit(commit), accepted) {
            (Ok(Committed::Done { reference, step }), _) => {
                let reference = Reference { name, number: reference };
                let reply = Reply::of(reference, step, outcome, &method.name, method.result.is_some())?;
                Ok(FreshEnd::Committed(Reply { leaves_work, ..reply }))
            }
            (Ok(Committed::Duplicate(earlier)), _) => Ok(FreshEnd::Duplicate(earlier)),
            // the run was accepted when it waited or saved, and was ended from elsewhere since
            (Err(Error::Stale { .. }), Some(reference)) => Ok(FreshEnd::Elsewhere(reference)),
            (Err(Error::Stale { .. }), None) => Ok(FreshEnd::Stale),
            (Err(Error::StoreBusy { .. }), Some(reference)) => Err(Error::StillRunning { reference }),
            (Err(error), _) => Err(error),
        }
    }

    /// A call that was accepted during its run goes on after the run was aborted.
    fn end_of_aborted(&self, name: &Name, aborted: AbortedRun) -> Result<FreshEnd> {
        let reference = aborted.number.map(|number| Reference { name: name.clone(), number });
        match (aborted.why, reference) {
            (Abort::Duplicate(earlier), _) => Ok(FreshEnd::Duplicate(earlier)),
            (Abort::Deadline, None) => Err(Error::NotAccepted { id: name.to_string() }),
            (Abort::Deadline, Some(reference)) => Err(Error::StillRunning { reference }),
            (Abort::Stopped, None) => Err(Error::Interrupted),
            (Abort::Stopped, Some(reference)) if self.core.settings.stop.is_stopped() => {
                Err(Error::LeftRunning { reference })
            }
            (Abort::Failed(Error::Stale { .. }) | Abort::Suspended | Abort::Stopped, Some(reference)) => {
                Ok(FreshEnd::Elsewhere(reference))
            }
            (Abort::Failed(Error::Stale { .. }), None) => Ok(FreshEnd::Stale),
            (Abort::Failed(Error::StoreBusy { .. }), Some(reference)) => Err(Error::StillRunning { reference }),
            (Abort::Failed(error), _) => Err(error),
            (Abort::Suspended, None) => Err(Error::internal("a run waits that the store has not accepted")),
            (Abort::NotInGroup, _) => Err(Error::internal("a single call was run as one of a group")),
        }
    }

    /// Waits for the end of an invocation that this call has accepted.
    pub(super) fn answer_accepted(
        &self,
        reference: &Reference,
        deadline: Option<Instant>,
        is_duplicate: bool,
    ) -> Result<Reply> {
        self.answer(reference, deadline, is_duplicate).map_err(|error| goes_on(error, reference))
    }

    /// Waits for the end of an invocation.
    pub(super) fn answer(&self, reference: &Reference, deadline: Option<Instant>, is_duplicate: bool) -> Result<Reply> {
        let ended = self.scheduler.await_end(reference, deadline)?;
        let Status::Ended { outcome, step, .. } = ended.status else {
            return Err(Error::internal(format!("{reference} has ended, and is pending")));
        };
        let has_result = self.has_result(&ended.request, &outcome);
        let leaves_work = !is_duplicate && !self.core.store.history(reference, 0, 1)?.is_empty();
        let reply = Reply::of(reference.clone(), step, outcome, &ended.request.method, has_result)?;
        Ok(Reply { is_duplicate, leaves_work, ..reply })
    }

    /// Whether the method of a recorded call declares a result, in the class that the actor has now.
    fn has_result(&self, request: &CallRequest, outcome: &Outcome) -> bool {
        if !matches!(outcome, Outcome::Succeeded(result) if result.is_null()) {
            return true;
        }
        let loaded = match &request.kind {
            CallKind::Construct { .. } => return false,
            CallKind::Task { class, version } => self.classes.version(class, *version),
            CallKind::Mutate => request.name.actor().map_err(Error::from).and_then(|id| self.classes.of_actor(&id)),
        };
        loaded.is_ok_and(|loaded| loaded.method(&request.method).is_ok_and(|method| method.result.is_some()))
    }
}

/// The fault of a class that refused its arguments. A fresh call is refused with it, as if the host had checked them.
pub(super) fn refused_arguments(outcome: &Outcome) -> Option<&Fault> {
    match outcome {
        Outcome::Failed(fault) if fault.is_host(HostFault::BadArguments) => Some(fault),
        _ => None,
    }
}
