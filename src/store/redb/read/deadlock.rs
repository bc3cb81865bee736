//! Who waits for whom, and whether that goes round in a circle.
//!
//! A waiter has an edge to each invocation that it awaits, one that stands in an inbox an edge to the first in it. An
//! invocation can go on if it computes, if its turn has come, if it is a task, if it is delayed and not due, if it awaits a
//! timer or an event, or if something that it awaits has ended. A wait is for ever where none of those is to be reached from it.
//!
//! Edges come with a wait, or when a delayed invocation takes its place, and both look: so at any time one that can go on is
//! to be reached from every waiter. Whoever looked first and found none is told so, and goes on.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;

use crate::model::{Reference, ResolvedTarget, Timestamp};

use super::invocations;
use super::waits::{self, TargetInvocation};
use crate::store::redb::errors::TxResult;
use crate::store::redb::schema::key::QueueKind;
use crate::store::redb::schema::record::Pending;
use crate::store::redb::schema::tables::{TableSource, Tables};

/// Links of a cycle that are told in words.
const TOLD: usize = 8;

enum GraphNode {
    /// It can go on.
    Free,
    Awaits(Vec<Reference>),
    /// It stands in an inbox behind the first.
    Behind(Reference),
}

/// The cycle that a wait closes, in words. None where one that can go on is to be reached from it, and where it stands
/// outside of a cycle that another's wait closes.
pub fn cycle(
    tables: &Tables<impl TableSource>,
    waiter: &Reference,
    on: &[ResolvedTarget],
    now: Timestamp,
) -> TxResult<Option<String>> {
    let Some(first) = awaited(tables, waiter, on)? else { return Ok(None) };
    // each with the one that led to it
    let mut from: BTreeMap<Reference, (Reference, &str)> = BTreeMap::new();
    let mut closing = None;
    let mut queue = VecDeque::from([(waiter.clone(), GraphNode::Awaits(first))]);
    while let Some((at, node)) = queue.pop_front() {
        let (next, how) = match node {
            GraphNode::Free => return Ok(None),
            GraphNode::Awaits(next) => (next, "waits for"),
            GraphNode::Behind(first) => (vec![first], "stands behind"),
        };
        for next in next {
            if next == *waiter {
                closing = closing.or(Some((at.clone(), how)));
            } else if !from.contains_key(&next) {
                from.insert(next.clone(), (at.clone(), how));
                let node = look(tables, &next, now)?;
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

/// `links` are, in order, who waits and how; each for the next, the last for the first again.
fn in_words(waiter: &Reference, links: &[(Reference, &str)]) -> String {
    let mut words = waiter.to_string();
    for (n, (_, how)) in links.iter().enumerate() {
        let next = links.get(n + 1).map_or(waiter, |(next, _)| next);
        let left = links.len() - n;
        if n == TOLD && left > 1 {
            let _ = write!(words, ", and so on over {left} more until {waiter}");
            break;
        }
        let (comma, place) =
            (if n > 0 { ", which" } else { "" }, if *how == "stands behind" { " in its inbox" } else { "" });
        let _ = write!(words, "{comma} {how} {next}{place}");
    }
    words
}

fn look(tables: &Tables<impl TableSource>, reference: &Reference, now: Timestamp) -> TxResult<GraphNode> {
    let Some(Pending { request, turn, begun, .. }) = invocations::open(tables, &reference.name, reference.number)?
    else {
        return Ok(GraphNode::Free);
    };
    if QueueKind::from(&request.kind) == QueueKind::Task || (turn.is_none() && request.due.is_some_and(|due| due > now))
    {
        return Ok(GraphNode::Free);
    }
    match invocations::first(tables, &reference.name)? {
        Some((_, first)) if first != reference.number => {
            return Ok(GraphNode::Behind(Reference { name: reference.name.clone(), number: first }));
        }
        // it is due, and nothing stands before it
        None => return Ok(GraphNode::Free),
        Some(_) => {}
    }
    Ok(match begun.and_then(|begun| begun.wait) {
        Some(waiting) => awaited(tables, reference, &waiting.targets)?.map_or(GraphNode::Free, GraphNode::Awaits),
        None => GraphNode::Free,
    })
}

/// The invocations that a wait is for; None where something else can answer it.
fn awaited(
    tables: &Tables<impl TableSource>,
    waiter: &Reference,
    on: &[ResolvedTarget],
) -> TxResult<Option<Vec<Reference>>> {
    if on.iter().any(|on| matches!(on, ResolvedTarget::Timer(_) | ResolvedTarget::Event { .. })) {
        return Ok(None);
    }
    let mut references = Vec::new();
    for on in on {
        match waits::target(tables, waiter, on)? {
            Some(TargetInvocation::Invocation(reference)) => references.push(reference),
            Some(TargetInvocation::Refused(_)) | None => return Ok(None),
        }
    }
    Ok(Some(references))
}

/// Whether a wait is for an invocation that was delayed and is due, by this clock or that of another machine: that takes its place in an inbox later than any wait
/// for it may have looked.
pub fn waits_for_a_delayed(
    tables: &Tables<impl TableSource>,
    waiter: &Reference,
    on: &[ResolvedTarget],
    now: Timestamp,
) -> TxResult<bool> {
    for awaited in awaited(tables, waiter, on)?.unwrap_or_default() {
        if let Some(open) = invocations::open(tables, &awaited.name, awaited.number)?
            && open.request.due.is_some_and(|due| open.turn.is_some() || due <= now)
        {
            return Ok(true);
        }
    }
    Ok(false)
}
