//! Eight processes of the real binary on one store, killed by SIGKILL at random moments. After each
//! round, without repair by hand: acknowledged effects are in the state, none is there twice, every
//! reference has ended, nothing is stuck.
//!
//! `VACTOR_KILLS=5000` sets the number of kills. `VACTOR_SEED` replays the choices, which are the
//! commands of the processes and the moments of the kills; the scheduling of the machine differs.
#![cfg(unix)]

mod commands;
mod journals;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use vactor::Reference;

use super::killed::{KilledProcesses, goal, rounds};
use super::seed;
use commands::Command;
use journals::Journals;

const PROCESSES: usize = 8;

/// Kills between two reads of the whole store.
const ROUND: u64 = 100;

/// The initial actors, counters at 0.
const COUNTERS: [&str; 4] = ["c0", "c1", "c2", "c3"];

/// The store, and the output of the processes on it.
struct Driver {
    processes: KilledProcesses,
    log: Mutex<Log>,
}

/// Commands of the processes, with their output.
#[derive(Default)]
struct Log {
    ops: Vec<Op>,
    /// References that were printed, and have not been seen to end.
    open: Vec<Reference>,
    /// Results of `wait`: None is `null`.
    waited: Vec<(Reference, Option<i64>)>,
    /// References of calls without a key.
    cancellable: Vec<Reference>,
    /// Cancelled references, and whether the cancel was acknowledged.
    cancels: HashMap<Reference, bool>,
    /// Actors whose creation was acknowledged.
    made: Vec<String>,
}

/// A call or a construction that changes the state. Its number is recorded in the journal.
struct Op {
    actor: String,
    key: Option<String>,
    told: Told,
}

/// The output of a process about an operation.
#[derive(Clone, PartialEq, Debug)]
enum Told {
    /// Unknown: it may have happened.
    Nothing,
    Result(i64),
    Reference(Reference),
}

impl Driver {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One process.
    fn play(&self, random: &mut Rng) {
        let command = Command::pick(random, self);
        let dies_after = command.is_killed(random).then(|| self.processes.moment(random));
        let ended = self.processes.run(command.args(), command.stdin(), dies_after, random.u8(..4) == 0);
        command.hear(self, &ended);
    }
}

#[test]
fn sigkill_at_any_moment_loses_and_repeats_nothing() {
    let goal = goal(400);
    let mut random = Rng::with_seed(seed());
    let driver = Driver { processes: KilledProcesses::default(), log: Mutex::default() };
    let vactor = &driver.processes.vactor;
    vactor.write("counter.wasm", include_bytes!("../../../contracts/counter-0.1.0.wasm"));
    vactor.line("register counter counter.wasm").ok();
    for counter in COUNTERS {
        vactor.run(["create", "counter", counter, "0"]).ok();
    }
    let mut journals = Journals::default();
    let play_round = |until| {
        driver.processes.play(PROCESSES, until, &mut random, |random| driver.play(random));
        let engine = driver.processes.settle();
        let log = driver.log();
        journals.read(&engine);
        journals.hold(&log);
    };
    let has_seen_all = || {
        let log = driver.log();
        let told_any = |told: fn(&Told) -> bool| log.ops.iter().any(|op| told(&op.told));
        told_any(|told| *told == Told::Nothing)
            && told_any(|told| matches!(told, Told::Result(_)))
            && told_any(|told| matches!(told, Told::Reference(_)))
            && !log.waited.is_empty()
    };
    rounds(goal, ROUND, play_round, has_seen_all);
    assert!(has_seen_all());
    let log = driver.log();
    let told = log.ops.iter().filter(|op| op.told != Told::Nothing).count();
    println!(
        "{}; {} calls, {told} acknowledged, {} steps; {} waited for, {} cancelled",
        driver.processes,
        log.ops.len(),
        journals.steps(),
        log.waited.len(),
        log.cancels.values().filter(|cancelled| **cancelled).count(),
    );
}
