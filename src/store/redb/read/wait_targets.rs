//! Targets of waits.

use crate::model::{Fault, HistoryEntry, OperationResult, Reference, ResolvedTarget, Timestamp};
use crate::store::redb::errors::{TxResult, damaged};
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::tables::{TableSource, Tables};

/// The target of a wait for an invocation.
pub enum TargetInvocation {
    Accepted(Reference),
    /// A child that was refused.
    Refused(Fault),
}

/// The invocation of a target; None if the target is a timer or an event.
pub fn target_invocation(
    tables: &Tables<impl TableSource>,
    waiter: &Reference,
    target: &ResolvedTarget,
) -> TxResult<Option<TargetInvocation>> {
    Ok(match target {
        ResolvedTarget::Timer(_) | ResolvedTarget::Event { .. } => None,
        ResolvedTarget::Itself => Some(TargetInvocation::Accepted(waiter.clone())),
        ResolvedTarget::Invocation(reference) => Some(TargetInvocation::Accepted(reference.clone())),
        ResolvedTarget::Child(index) => {
            let entry: HistoryEntry = tables.must(&RecordKey::history(&waiter.name, waiter.number, *index))?;
            match entry.result {
                OperationResult::Started(Ok(child)) => Some(TargetInvocation::Accepted(child)),
                OperationResult::Started(Err(fault)) => Some(TargetInvocation::Refused(fault)),
                _ => return damaged(format!("entry {index} of the history of {waiter} starts no child")),
            }
        }
    })
}

/// The first timer of a wait.
pub fn first_timer(targets: &[ResolvedTarget]) -> Option<Timestamp> {
    let timers = targets.iter().filter_map(|target| match target {
        ResolvedTarget::Timer(time) => Some(*time),
        _ => None,
    });
    timers.min()
}
