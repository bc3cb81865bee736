//! The power fails between any two syncs of a flow, and the disk keeps some of the unsynced writes.
//! Acknowledged work is there, and the rest follows when the flow is played again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;
use serde_json::Value;
use vactor::Engine;
use vactor::model::{Reference, Status};
use vactor::store::{Mode, RedbStore};

use super::facts::{facts, told};
use super::player::Player;
use super::{Flow, InitialStore, sandbox, seed};
use crate::store::disk::{Disk, Op};
use crate::store::power::after_cut;

/// One in so many cuts is played to the end; all are read.
const ONE_IN: usize = 6;

/// Each reference that was returned, with its outcome if it has ended.
type Known = BTreeMap<Reference, Option<Value>>;

fn known(engine: &Engine) -> Known {
    let mut known = Known::new();
    for name in engine.names(None, usize::MAX).unwrap() {
        for invocation in engine.invocations(&name, None, usize::MAX).unwrap() {
            let outcome = match &invocation.status {
                Status::Ended { outcome, .. } => Some(told(outcome)),
                Status::Pending => None,
            };
            known.insert(invocation.reference(), outcome);
        }
    }
    known
}

pub fn power_cut_at_each_sync(flow: &'static Flow) {
    let mut random = Rng::with_seed(seed());
    let beginning = InitialStore::of(flow);
    let bytes = std::fs::read(beginning.folder.path().join("store.redb")).unwrap();
    let disk = Disk::holding(bytes.clone());
    let acknowledged = RefCell::new(vec![Known::new()]);
    let tell = |engine: &Engine| {
        let mut acknowledged = acknowledged.borrow_mut();
        // references are read first, because other threads may still be ending invocations
        acknowledged.push(known(engine));
        disk.acknowledge(acknowledged.len() - 1);
    };
    let player = Player::new(Arc::new(RedbStore::open_on(disk.clone(), Mode::Write).unwrap()), sandbox(), &tell);
    (flow.play)(&player);
    beginning.expect(&facts(&player.engine), "on a disk in memory");
    drop(player);

    let ops = disk.ops();
    let syncs: Vec<usize> = (0..ops.len()).filter(|n| matches!(ops[*n], Op::Sync)).collect();
    let played = random.usize(..ONE_IN);
    for (n, sync) in syncs.iter().enumerate() {
        // all writes before this sync, or fewer
        let before = if n == 0 { 0 } else { syncs[n - 1] + 1 };
        let cut = if random.bool() { *sync } else { random.usize(before..=*sync) };
        let done = ops[..cut].iter().rev().find_map(|op| match op {
            Op::Acknowledged(done) => Some(*done),
            _ => None,
        });
        let left = Disk::holding(after_cut(&bytes, &ops[..cut], &mut random));
        let after = format!("with a cut after {cut} operations of the disk");
        let store = Arc::new(RedbStore::open_on(left, Mode::Write).unwrap());
        let player = Player::new(store, sandbox(), &|_| {});
        let found = known(&player.engine);
        for (reference, outcome) in &acknowledged.borrow()[done.unwrap_or(0)] {
            let found = found.get(reference).unwrap_or_else(|| panic!("{reference} is lost, {after}"));
            assert!(outcome.is_none() || found == outcome, "{reference}: {found:?}, not {outcome:?}, {after}");
        }
        if n % ONE_IN == played {
            (flow.play)(&player);
            beginning.expect(&facts(&player.engine), &after);
        }
    }
}
