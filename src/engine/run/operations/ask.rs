//! Queries that a method asks of actors.

use std::sync::Arc;
use std::thread;

use super::{Abort, Driver, Performed};
use crate::engine::classes::LoadedClass;
use crate::engine::run::execute::{Replays, identity};
use crate::engine::run::operations::outbound::{checked, fault_of};
use crate::engine::{Engine, new_seed};
use crate::model::{
    ActorId, Error, Fault, FaultOrigin, Fingerprint, HistoryEntry, HostFault, Json, Limit, Limits, MethodKind, Name,
    OperationResult, QueryCall, Result, Timestamp, WaitResult,
};
use crate::sandbox::{self, Aborted, Run, RunOutput};
use crate::store::NewEntry;

/// A query that can be run.
struct Prepared {
    id: ActorId,
    state: Vec<u8>,
    /// What the guest's clock answered at the actor's last step.
    clock: Timestamp,
    loaded: Arc<LoadedClass>,
    query: String,
    arguments: Json,
}

impl Driver<'_> {
    /// Runs a query on its actor's last committed state. Its answer is recorded, as that of a wait for one thing is.
    pub(in crate::engine) fn ask(&mut self, asked: Fingerprint, question: &QueryCall) -> Performed {
        if self.bounds.in_group {
            // what the group has not committed yet would be missing from the state
            return Err(Abort::NotInGroup);
        }
        let answer = match self.engine.prepare_query(question) {
            Ok(prepared) => self.run_query(&prepared)?,
            Err(error) => Err(fault_of(error)?),
        };
        let bytes = answer.as_ref().map_or_else(bytes_of, |json| json.as_str().len());
        self.asked_bytes += bytes as u64;
        if self.asked_bytes > self.limits.memory {
            let limit = Limit::Memory;
            let message = "what the invocation was answered between two waits takes more than its memory";
            return Ok(Err(Fault::host(HostFault::Limit(limit), message)));
        }
        let answered = WaitResult { index: 0, result: answer, at: self.now };
        self.entries.push(NewEntry::Plain(HistoryEntry {
            fingerprint: asked,
            result: OperationResult::Waited(answered.clone()),
        }));
        Ok(Ok(Some(answered)))
    }

    /// On a thread of its own: the one of the asking guest has that guest's stack. It waits, so the two use one permit.
    fn run_query(&self, prepared: &Prepared) -> Result<Result<Json, Fault>, Abort> {
        let ran = thread::scope(|scope| {
            let thread = thread::Builder::new().name("vactor-query".to_owned());
            let ran = thread.spawn_scoped(scope, || self.run_here(prepared)).map_err(|error| {
                let action = format!("start a thread for {} of {}", prepared.query, prepared.id);
                Abort::Failed(Error::shortage(action, error))
            })?;
            ran.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).map_err(Abort::from)
        })?;
        Ok(match ran.outcome {
            Ok(success) => Ok(success.result),
            Err(fault) => Err(within_default_limits(fault)),
        })
    }

    fn run_here(&self, prepared: &Prepared) -> Result<RunOutput, Aborted> {
        let Prepared { id, state, clock, loaded, query, arguments } = prepared;
        let seed = new_seed()?;
        self.engine.run_class(
            loaded,
            Run {
                method: sandbox::MethodCall::Query { state, name: query, arguments },
                identity: identity(loaded, Some(id), &seed.opaque_id(), 1),
                now: self.engine.now()?.max(*clock),
                seed,
                limits: &Limits::default(),
                stop: self.stop,
                deadline: self.bounds.deadline,
                on_log: &mut self.engine.listener(&Name::from(id), Replays::default()),
                operations: None,
            },
        )
    }
}

impl Engine {
    /// A query of a method on the last committed state, checked.
    fn prepare_query(&self, question: &QueryCall) -> Result<Prepared> {
        let id = ActorId::new(&question.id)?;
        let snapshot = self.store.load(&id)?.ok_or_else(|| self.no_actor(&id))?;
        let actor = snapshot.record.actor.as_ref().ok_or_else(|| self.no_actor(&id))?;
        let loaded = self.loaded(&actor.class, actor.version)?;
        let allowed = Limits::default().arguments;
        let (method, arguments) = checked(&loaded, &question.query, &question.arguments, allowed, MethodKind::Query)?;
        let (query, clock) = (method.name.clone(), actor.clock);
        Ok(Prepared { id, state: snapshot.state, clock, loaded, query, arguments })
    }
}

/// No flag raises the limits of a query that a method asks.
fn within_default_limits(mut fault: Fault) -> Fault {
    if fault.origin == FaultOrigin::Host && fault.limit().is_some() {
        fault.message += "; a query that a method asks has the default limits";
        fault.details = None;
    }
    fault
}

fn bytes_of(fault: &Fault) -> usize {
    fault.kind.len() + fault.message.len() + fault.details.as_ref().map_or(0, |details| details.as_str().len())
}
