//! Running a query.

use std::time::Instant;

use super::{Replaying, Runner, identity};
use crate::engine::classes::LoadedClass;
use crate::engine::core::new_seed;
use crate::model::{ActorId, Json, Limits, Name, Timestamp};
use crate::sandbox::{Aborted, MethodCall, Run, RunOutput, StopSignal};

/// A query on a state.
pub struct QueryRun<'a> {
    pub id: &'a ActorId,
    pub state: &'a [u8],
    /// The guest's clock at the actor's last step.
    pub clock: Timestamp,
    pub loaded: &'a LoadedClass,
    pub query: &'a str,
    pub arguments: &'a Json,
    pub limits: &'a Limits,
    pub stop: &'a StopSignal,
    pub deadline: Option<Instant>,
}

impl Runner {
    /// Runs a query. Changes that it makes to the state are discarded.
    pub fn query(&self, query: &QueryRun<'_>) -> Result<RunOutput, Aborted> {
        let QueryRun { id, state, clock, loaded, query, arguments, limits, stop, deadline } = *query;
        let seed = new_seed()?;
        self.run_class(
            loaded,
            Run {
                method: MethodCall::Query { state, name: query, arguments },
                identity: identity(loaded, Some(id), &seed.opaque_id(), 1),
                now: self.core.now()?.max(clock),
                seed,
                limits,
                stop,
                deadline,
                on_log: &mut self.log_listener(&Name::from(id), Replaying::default()),
                operations: None,
            },
        )
    }
}
