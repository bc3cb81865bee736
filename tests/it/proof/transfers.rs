//! Money moved between accounts by eight processes that are killed at random moments, with
//! cancelled runs: every account has its opening balance, less the withdrawals and plus the
//! deposits.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;
use serde_json::Value;

use super::killed::{KilledProcesses, goal, rounds};
use super::seed;
use crate::classes;

const PROCESSES: usize = 8;

/// Kills between two checks of all accounts.
const ROUND: u64 = 50;

/// Opening balances. The last account is full: transfers to it go back.
const ACCOUNTS: [(&str, i64); 4] = [("a0", 1000), ("a1", 1000), ("a2", 10), ("full", i64::MAX)];

/// The id of a missing account.
const NOWHERE: &str = "nowhere";

/// A transfer that may exist, by the number in its id.
struct Plan {
    from: &'static str,
    to: &'static str,
    amount: i64,
}

/// Each transfer follows from its number, so that no state of a killed process is needed.
fn plan(number: u64) -> Plan {
    let mut random = Rng::with_seed(number);
    let from = ACCOUNTS[random.usize(..3)].0;
    let others: Vec<_> = ACCOUNTS.iter().map(|(id, _)| *id).chain([NOWHERE]).filter(|id| *id != from).collect();
    Plan { from, to: others[random.usize(..others.len())], amount: random.i64(1..=300) }
}

/// One process: a new transfer, or the run or cancellation of an old one.
fn play(processes: &KilledProcesses, begun: &AtomicU64, random: &mut Rng) {
    let words = |words: &[&str]| words.iter().map(|word| word.to_string()).collect::<Vec<_>>();
    let chosen = match random.u8(..3) {
        0 => begun.fetch_add(1, Ordering::SeqCst),
        _ => random.u64(..begun.load(Ordering::SeqCst).max(1)),
    };
    let id = format!("t/{chosen}");
    let Plan { from, to, amount } = plan(chosen);
    let create = words(&["create", "--if-absent", "transfer", &id, from, to, &amount.to_string()]);
    let moment = |random: &mut Rng| (random.u8(..3) > 0).then(|| processes.moment(random));
    let worker = random.u8(..4) == 0;
    // 4: it was queued and was cancelled
    processes.run(create, "", moment(random), worker).lines(&[0, 4]).count();
    let reference = format!("{id}#{}", random.u64(2..5));
    let (args, codes) = match random.u8(..5) {
        0 => (words(&["cancel", &reference]), [0, 3, 4]),
        1 => (words(&["call", "--async", &id, "run"]), [0, 3, 4]),
        // 1: the money did not arrive; 4: it was cancelled
        _ => (words(&["call", &id, "run"]), [0, 1, 4]),
    };
    let codes: Vec<i32> = codes.into_iter().chain([3]).collect();
    processes.run(args, "", moment(random), worker).lines(&codes).count();
}

#[test]
fn kills_and_cancels_lose_no_money() {
    let mut random = Rng::with_seed(seed());
    let goal = goal(150);
    let processes = KilledProcesses::default();
    let vactor = &processes.vactor;
    for class in ["account", "transfer"] {
        let component = classes::component(class);
        vactor.run(["register".as_ref(), class.as_ref(), component.as_os_str()]).ok();
    }
    for (id, opening) in ACCOUNTS {
        vactor.run(["create", "account", id, id, &opening.to_string()]).ok();
    }
    let begun = AtomicU64::new(0);
    let stages = RefCell::new(BTreeMap::new());
    let play_round = |until| {
        processes.play(PROCESSES, until, &mut random, |random| play(&processes, &begun, random));
        processes.settle();
        stages.replace(hold(&processes, begun.load(Ordering::SeqCst)));
    };
    let both = || ["done", "returned"].iter().all(|stage| stages.borrow().contains_key(*stage));
    rounds(goal, ROUND, play_round, both);
    processes.replay();
    println!("{processes}; {:?}", stages.borrow());
    assert!(both(), "{:?}", stages.borrow());
}

/// Runs each transfer to its end, then compares the accounts with the transfers. Returns the number
/// of transfers by outcome.
fn hold(processes: &KilledProcesses, begun: u64) -> BTreeMap<String, usize> {
    let mut expected: BTreeMap<_, _> = ACCOUNTS.into_iter().map(|(id, opening)| (id, i128::from(opening))).collect();
    let mut stages = BTreeMap::new();
    for number in 0..begun {
        let id = format!("t/{number}");
        let mut ended = processes.vactor.run(["call", &id, "run"]);
        if ended.code == 3 {
            continue;
        }
        let stage = || {
            let stage: Value = serde_json::from_str(&processes.vactor.run(["get", &id, "stage"]).ok()).unwrap();
            stage["stage"].as_str().unwrap().to_owned()
        };
        // a cancel ended the refund with the run: the next run refunds
        if stage() == "owed" {
            ended = processes.vactor.run(["call", &id, "run"]);
        }
        let stage = stage();
        assert_eq!(ended.code, i32::from(stage != "done"), "{id} is {stage}: {}", ended.stderr);
        if stage == "done" {
            let Plan { from, to, amount } = plan(number);
            *expected.get_mut(from).unwrap() -= i128::from(amount);
            *expected.get_mut(to).unwrap() += i128::from(amount);
        }
        *stages.entry(stage).or_default() += 1;
    }
    assert!(stages.keys().all(|stage| ["done", "refused", "returned"].contains(&stage.as_str())), "{stages:?}");
    for (id, balance) in expected {
        assert_eq!(processes.vactor.run(["get", id, "balance"]).ok().trim(), balance.to_string(), "{id}: {stages:?}");
    }
    stages
}
