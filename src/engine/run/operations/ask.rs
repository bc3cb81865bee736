//! Performing a query of another actor.

use std::sync::Arc;
use std::thread;

use super::driver::{Driver, Performed};
use super::outbound::{fault_of, over_limit};
use crate::engine::classes::LoadedClass;
use crate::engine::classes::validate::checked_text;
use crate::engine::run::abort::Abort;
use crate::engine::run::query::QueryRun;
use crate::model::{
    Actor, ActorId, Error, Fault, FaultOrigin, Fingerprint, HistoryEntry, Json, Limit, Limits, MethodKind,
    OperationResult, QueryCall, Result, WaitResult,
};
use crate::store::{NewEntry, Snapshot};

/// A checked query and the state that it runs on.
struct PreparedQuery {
    id: ActorId,
    snapshot: Snapshot,
    actor: Actor,
    loaded: Arc<LoadedClass>,
    query: String,
    arguments: Json,
}

impl Driver<'_> {
    /// Runs a query on its actor's last committed state. Its result is recorded like that of a wait for one target.
    pub fn ask(&mut self, fingerprint: Fingerprint, query: &QueryCall) -> Performed {
        if self.bounds.in_group {
            // the state would lack what the group has not committed yet
            return Err(Abort::NotInGroup);
        }
        let result = match self.prepare_query(query) {
            Ok(prepared) => self.run_query(&prepared)?,
            Err(error) => Err(fault_of(error)?),
        };
        self.query_bytes += result.as_ref().map_or_else(bytes_of, |json| json.as_str().len()) as u64;
        if self.query_bytes > self.limits.memory {
            let what = "what the invocation was answered between two waits takes more than its memory";
            return Ok(Err(over_limit(Limit::Memory, what.to_owned())));
        }
        let result = WaitResult { index: 0, result, at: self.clock.now };
        let entry = HistoryEntry { fingerprint, result: OperationResult::Waited(result.clone()) };
        self.entries.push(NewEntry::Plain(entry));
        Ok(Ok(Some(result)))
    }

    fn prepare_query(&self, call: &QueryCall) -> Result<PreparedQuery> {
        let id = ActorId::new(&call.id)?;
        let (snapshot, actor) = self.runner.core.existing_snapshot(&id)?;
        let loaded = self.runner.classes.version(&actor.class, actor.version)?;
        let allowed = Limits::default().arguments;
        let (method, arguments) = checked_text(&loaded, &call.query, &call.arguments, allowed, MethodKind::Query)?;
        let query = method.name.clone();
        Ok(PreparedQuery { id, snapshot, actor, loaded, query, arguments })
    }

    /// Runs the query on a thread of its own, because the stack of this thread is the asking guest's. The asking guest waits,
    /// so the two share one permit.
    fn run_query(&self, prepared: &PreparedQuery) -> Result<Result<Json, Fault>, Abort> {
        let PreparedQuery { id, snapshot, actor, loaded, query, arguments } = prepared;
        let query = QueryRun {
            id,
            state: &snapshot.state,
            clock: actor.clock,
            loaded,
            query,
            arguments,
            limits: &Limits::default(),
            stop: self.stop,
            deadline: self.bounds.deadline,
        };
        let ran = thread::scope(|scope| {
            let thread = thread::Builder::new().name("vactor-query".to_owned());
            let ran = thread.spawn_scoped(scope, || self.runner.query(&query)).map_err(|error| {
                let action = format!("start a thread for {} of {}", query.query, query.id);
                Abort::Failed(Error::shortage(action, error))
            })?;
            ran.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).map_err(Abort::from)
        })?;
        Ok(match ran.outcome {
            Ok(success) => Ok(success.result),
            Err(fault) => Err(within_default_limits(fault)),
        })
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
