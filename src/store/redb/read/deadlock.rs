//! Cycles of waits.
//!
//! In the graph of waits, a waiting invocation leads to each invocation that it awaits, and a
//! queued one to the first of its inbox. An invocation is free if it can run without another one:
//! if it computes, is the first of its inbox and does not wait, is a task, is delayed and not due,
//! waits for a timer or an event, or awaits an invocation that has ended. If no free invocation is
//! reachable from a wait, it is a deadlock.
//!
//! An edge is added by a new wait, or when a delayed invocation is enqueued. Both look for a cycle
//! in their transaction, so at any time a free invocation is reachable from every wait. The wait
//! that closes a cycle gets the fault.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Display, Write};

use crate::model::{Reference, ResolvedTarget, Timestamp};
use crate::store::redb::errors::TxResult;
use crate::store::redb::schema::key::QueueKind;
use crate::store::redb::schema::records::Pending;
use crate::store::redb::schema::tables::{TableSource, Tables};

use super::inbox;
use super::invocations::pending;
use super::wait_targets::{TargetInvocation, target_invocation};

/// A longer cycle is described up to this link.
const DESCRIBED_LINKS: usize = 8;

enum GraphNode {
    Free,
    Awaits(Vec<Reference>),
    /// Queued behind the first invocation of its inbox.
    Behind(Reference),
}

/// The reason of an edge.
#[derive(Clone, Copy)]
enum Edge {
    Awaits,
    Behind,
}

impl Edge {
    fn describe(self, next: &impl Display) -> impl Display {
        fmt::from_fn(move |f| match self {
            Edge::Awaits => write!(f, "waits for {next}"),
            Edge::Behind => write!(f, "is queued behind {next} in its inbox"),
        })
    }
}

/// The cycle that a wait closes, in words. None if a free invocation is reachable from it, or if it
/// leads to a cycle and is no part of it.
pub fn cycle(
    tables: &Tables<impl TableSource>,
    waiter: &Reference,
    targets: &[ResolvedTarget],
    now: Timestamp,
) -> TxResult<Option<String>> {
    let Some(first) = awaited(tables, waiter, targets)? else { return Ok(None) };
    // the edge by which each invocation was reached
    let mut from: BTreeMap<Reference, (Reference, Edge)> = BTreeMap::new();
    let mut closing = None;
    let mut queue = VecDeque::from([(waiter.clone(), GraphNode::Awaits(first))]);
    while let Some((at, node)) = queue.pop_front() {
        let (next, edge) = match node {
            GraphNode::Free => return Ok(None),
            GraphNode::Awaits(next) => (next, Edge::Awaits),
            GraphNode::Behind(first) => (vec![first], Edge::Behind),
        };
        for next in next {
            if next == *waiter {
                closing = closing.or(Some((at.clone(), edge)));
            } else if !from.contains_key(&next) {
                from.insert(next.clone(), (at.clone(), edge));
                let node = node_of(tables, &next, now)?;
                if matches!(node, GraphNode::Free) {
                    return Ok(None);
                }
                queue.push_back((next, node));
            }
        }
    }
    let Some(last) = closing else { return Ok(None) };
    let mut links = vec![last];
    while let Some(link) = links.last().and_then(|(at, _)| from.get(at)) {
        links.push(link.clone());
    }
    links.reverse();
    Ok(Some(in_words(waiter, &links)))
}

/// Describes the links of a cycle; each leads to the next, and the last to `waiter`.
fn in_words(waiter: &Reference, links: &[(Reference, Edge)]) -> String {
    let mut words = waiter.to_string();
    for (n, (_, edge)) in links.iter().enumerate() {
        let next = links.get(n + 1).map_or(waiter, |(next, _)| next);
        let left = links.len() - n;
        if n == DESCRIBED_LINKS && left > 1 {
            let _ = write!(words, ", and so on over {left} more until {waiter}");
            break;
        }
        let comma = if n > 0 { ", which" } else { "" };
        let _ = write!(words, "{comma} {}", edge.describe(next));
    }
    words
}

fn node_of(tables: &Tables<impl TableSource>, reference: &Reference, now: Timestamp) -> TxResult<GraphNode> {
    let Some(Pending { request, position, resume_point, .. }) = pending(tables, reference)? else {
        return Ok(GraphNode::Free);
    };
    let is_delayed = position.is_none() && request.due.is_some_and(|due| due > now);
    if QueueKind::from(&request.kind) == QueueKind::Task || is_delayed {
        return Ok(GraphNode::Free);
    }
    match inbox::first(tables, &reference.name)? {
        Some((_, first)) if first != reference.number => {
            return Ok(GraphNode::Behind(Reference { name: reference.name.clone(), number: first }));
        }
        // it is due, and its inbox is empty
        None => return Ok(GraphNode::Free),
        Some(_) => {}
    }
    Ok(match resume_point.and_then(|point| point.wait) {
        Some(wait) => awaited(tables, reference, &wait.targets)?.map_or(GraphNode::Free, GraphNode::Awaits),
        None => GraphNode::Free,
    })
}

/// The invocations of a wait's targets; None if another target, or a refused child, can end the
/// wait.
fn awaited(
    tables: &Tables<impl TableSource>,
    waiter: &Reference,
    targets: &[ResolvedTarget],
) -> TxResult<Option<Vec<Reference>>> {
    if targets.iter().any(|target| matches!(target, ResolvedTarget::Timer(_) | ResolvedTarget::Event { .. })) {
        return Ok(None);
    }
    let mut references = Vec::new();
    for target in targets {
        match target_invocation(tables, waiter, target)? {
            Some(TargetInvocation::Accepted(reference)) => references.push(reference),
            Some(TargetInvocation::Refused(_)) | None => return Ok(None),
        }
    }
    Ok(Some(references))
}

/// Whether a wait is for an invocation that was delayed and is due, by this clock or by that of
/// another machine. Such an invocation may have been enqueued after the wait looked for a cycle.
pub fn waits_for_a_delayed(
    tables: &Tables<impl TableSource>,
    waiter: &Reference,
    targets: &[ResolvedTarget],
    now: Timestamp,
) -> TxResult<bool> {
    for awaited in awaited(tables, waiter, targets)?.unwrap_or_default() {
        if let Some(pending) = pending(tables, &awaited)?
            && pending.request.due.is_some_and(|due| pending.position.is_some() || due <= now)
        {
            return Ok(true);
        }
    }
    Ok(false)
}
