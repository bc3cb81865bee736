//! Results of waits.

use crate::model::{
    Fault, HostFault, Json, Outcome, PendingWait, Reference, ResolvedTarget, Status, Timestamp, WaitResult,
};
use crate::store::StoredResult;
use crate::store::redb::errors::TxResult;
use crate::store::redb::schema::records::Pending;
use crate::store::redb::schema::tables::{TableSource, Tables};

use super::wait_targets::{TargetInvocation, target_invocation};
use super::{deadlock, events, invocations};

/// The present wait of a pending invocation.
pub fn wait_of(pending: &Pending) -> Option<&PendingWait> {
    pending.resume_point.as_ref()?.wait.as_ref()
}

/// The result of a pending invocation's wait.
pub fn wait_result(
    tables: &Tables<impl TableSource>,
    reference: &Reference,
    targets: &[ResolvedTarget],
    now: Timestamp,
) -> TxResult<Option<StoredResult>> {
    let pending = invocations::must_be_pending(tables, reference)?;
    let clock = guest_clock(&pending, now);
    if let Some(result) = result_of(tables, reference, targets, now, clock)? {
        return Ok(Some(result));
    }
    // every other cycle was found when the wait that closed it was committed
    if !deadlock::waits_for_a_delayed(tables, reference, targets, now)? {
        return Ok(None);
    }
    Ok(deadlock::cycle(tables, reference, targets, now)?.map(|cycle| deadlock_result(cycle, clock)))
}

/// The result of a new wait: that of a target, or that of a deadlock.
pub fn result_of_new_wait(
    tables: &Tables<impl TableSource>,
    reference: &Reference,
    pending: &Pending,
    targets: &[ResolvedTarget],
    now: Timestamp,
) -> TxResult<Option<StoredResult>> {
    let clock = guest_clock(pending, now);
    if let Some(result) = result_of(tables, reference, targets, now, clock)? {
        return Ok(Some(result));
    }
    Ok(deadlock::cycle(tables, reference, targets, now)?.map(|cycle| deadlock_result(cycle, clock)))
}

/// The answer of the guest's clock after a wait that ends now. It never goes back.
fn guest_clock(pending: &Pending, now: Timestamp) -> Timestamp {
    pending.resume_point.as_ref().map_or(now, |point| point.clock.max(now))
}

fn deadlock_result(cycle: String, at: Timestamp) -> StoredResult {
    let fault = Fault::host(HostFault::Deadlock, format!("this would wait for ever: {cycle}"));
    StoredResult { result: WaitResult { index: 0, result: Err(fault), at }, event: None }
}

/// The earliest result of the targets; of two with one time, that of the lower index.
fn result_of(
    tables: &Tables<impl TableSource>,
    waiter: &Reference,
    targets: &[ResolvedTarget],
    now: Timestamp,
    clock: Timestamp,
) -> TxResult<Option<StoredResult>> {
    let mut first: Option<(Timestamp, StoredResult)> = None;
    for (index, target) in (0..).zip(targets) {
        let Some((at, result, event)) = target_result(tables, waiter, target, now)? else { continue };
        if first.as_ref().is_none_or(|(before, _)| at < *before) {
            first = Some((at, StoredResult { result: WaitResult { index, result, at: clock }, event }));
        }
    }
    Ok(first.map(|(_, result)| result))
}

/// The time of a target's result, the result, and name and number of the event, if it is one.
type TargetResult = (Timestamp, std::result::Result<Json, Fault>, Option<(String, u64)>);

fn target_result(
    tables: &Tables<impl TableSource>,
    waiter: &Reference,
    target: &ResolvedTarget,
    now: Timestamp,
) -> TxResult<Option<TargetResult>> {
    // before the time of any other result
    const AT_ONCE: Timestamp = Timestamp::from_millis(0);
    match target {
        // the waiting invocation has not ended
        ResolvedTarget::Itself => return Ok(None),
        ResolvedTarget::Timer(time) if *time <= now => return Ok(Some((*time, Ok(Json::null()), None))),
        ResolvedTarget::Event { name, after } => {
            let event = events::first_event(tables, &waiter.name, name, *after)?;
            return Ok(event.map(|(number, event)| (event.at, Ok(event.payload), Some((name.clone(), number)))));
        }
        _ => {}
    }
    let awaited = match target_invocation(tables, waiter, target)? {
        None => return Ok(None),
        Some(TargetInvocation::Refused(fault)) => return Ok(Some((AT_ONCE, Err(fault), None))),
        Some(TargetInvocation::Accepted(reference)) => reference,
    };
    let Some(invocation) = invocations::invocation(tables, &awaited.name, awaited.number)? else {
        let fault = Fault::host(HostFault::NotFound, format!("there is no invocation {awaited}"));
        return Ok(Some((AT_ONCE, Err(fault), None)));
    };
    Ok(match invocation.status {
        Status::Pending => None,
        Status::Ended { times, outcome: Outcome::Succeeded(result), .. } => Some((times.committed, Ok(result), None)),
        Status::Ended { times, outcome: Outcome::Failed(fault), .. } => Some((times.committed, Err(fault), None)),
    })
}
