//! The power fails at any moment of a workload of every kind, and the disk keeps some of the
//! unsynced writes. Acknowledged work is there; of the rest, each transaction is there wholly or
//! not at all; and the store continues from there.
//!
//! `VACTOR_SEED` replays the writes that the disk kept.

mod facts;
mod workload;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use vactor::engine::{Settings, Until};
use vactor::sandbox::{Cache, Sandbox};
use vactor::store::{Mode, RedbStore};
use vactor::{Engine, Timestamp};

use super::seed;
use crate::store::disk::{Disk, Op};
use crate::store::power::after_cut;
use facts::Facts;
use workload::workload;

const BEGIN: u64 = 2_000_000_000_000;

/// One in so many cuts is worked on to the end; all are read.
const ONE_IN: usize = 8;

#[test]
fn acknowledged_work_survives_power_cut() {
    let mut random = Rng::with_seed(seed());
    let disk = Disk::default();
    let clock = Arc::new(AtomicU64::new(BEGIN));
    let mut engine = open(&disk, &clock);
    let (mut facts, mut known) = (Facts::default(), Vec::new());
    let acts = workload();
    for (n, act) in acts.iter().enumerate() {
        // some acts by processes that come and go
        if n % 5 == 4 {
            engine = open(&disk, &clock);
        }
        (act.run)(&engine, &clock, &mut facts);
        disk.acknowledge(n);
        facts.check(&engine);
        known.push(facts.clone());
    }

    let ops = disk.ops();
    let first = ops.iter().position(|op| matches!(op, Op::Acknowledged(0))).unwrap();
    for cut in first + 1..=ops.len() {
        let acknowledged = ops[..cut].iter().rev().find_map(|op| match op {
            Op::Acknowledged(n) => Some(*n),
            _ => None,
        });
        let acknowledged = acknowledged.unwrap();
        let mut facts = known[acknowledged].clone();
        if let Some(removed) = acts.get(acknowledged + 1).and_then(|next| next.removes) {
            facts.forget(removed);
        }
        let left = Disk::holding(after_cut(&[], &ops[..cut], &mut random));
        println!("cut after {cut} operations of the disk, {acknowledged} acts acknowledged");
        let clock = Arc::new(AtomicU64::new(BEGIN));
        let engine = open(&left, &clock);
        facts.check(&engine);
        if matches!(ops[cut - 1], Op::Sync) || cut % ONE_IN == 0 {
            clock.fetch_add(24 * 3600 * 1000, Ordering::SeqCst);
            engine.work(1, Until::Idle { ahead: Duration::ZERO }).unwrap();
            facts.check(&engine);
            facts.have_ended(&engine);
            facts.keys_answer(&engine);
        }
    }
}

fn open(disk: &Disk, clock: &Arc<AtomicU64>) -> Engine {
    let store = RedbStore::open_on(disk.clone(), Mode::Write).unwrap();
    let clock = Arc::clone(clock);
    let clock = Arc::new(move || Timestamp::from_millis(clock.load(Ordering::SeqCst)));
    let cache = Cache::at(Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
    Engine::new(Arc::new(store), Sandbox::new(cache), Settings { clock, ..Settings::default() })
}
