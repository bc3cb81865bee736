//! Workers whose clocks disagree. `VACTOR_SEED` replays the random one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;
use vactor::engine::{Observer, Options, Settings, Until};
use vactor::model::{LogLine, Name};
use vactor::{Engine, Timestamp};

use super::seed;
use crate::engine::Place;

const IDLE: Until = Until::Idle { ahead: Duration::ZERO };
const MINUTE: u64 = 60_000;
const BEGIN: u64 = 2_000_000_000_000;

/// An engine with a clock of its own, which notes the counter's value and its clock at each run.
struct Machine {
    engine: Engine,
    clock: Arc<AtomicU64>,
    ran: Arc<Ran>,
}

struct Ran {
    clock: Arc<AtomicU64>,
    said: Mutex<Vec<(u64, u64)>>,
}

impl Observer for Ran {
    fn logged(&self, _: &Name, line: &LogLine) {
        let now = self.clock.load(Ordering::SeqCst);
        // the host logs that one clock is behind the other
        if let Ok(value) = line.message.parse() {
            self.said.lock().unwrap().push((value, now));
        }
    }
}

impl Machine {
    fn new(place: &Place, now: u64) -> Machine {
        let clock = Arc::new(AtomicU64::new(now));
        let ran = Arc::new(Ran { clock: Arc::clone(&clock), said: Mutex::default() });
        let (told, observer) = (Arc::clone(&clock), Arc::clone(&ran) as Arc<dyn Observer>);
        let clock_of = Arc::new(move || Timestamp::from_millis(told.load(Ordering::SeqCst)));
        let engine = place.engine_with(Settings { clock: clock_of, observer, ..Settings::default() });
        Machine { engine, clock, ran }
    }

    /// Accepts an increment that is due at a time.
    fn submit(&self, due: u64) {
        let options = Options { due: Some(Timestamp::from_millis(due)), ..Options::default() };
        self.engine.submit_call("c", "incr", json!({}), &options).unwrap();
    }
}

#[test]
fn workers_with_different_clocks_run_delayed_call_once_and_not_early() {
    let place = Place::new();
    let (early, late) = (Machine::new(&place, BEGIN), Machine::new(&place, BEGIN + 10 * MINUTE));
    early.submit(BEGIN + 5 * MINUTE);
    let ran = |machine: &Machine| {
        machine.engine.work(1, IDLE).unwrap();
        machine.ran.said.lock().unwrap().len()
    };
    assert_eq!((ran(&early), ran(&late), ran(&early)), (0, 1, 0));
    // the late machine's due times are as far off by the early machine's clock
    late.submit(BEGIN + 15 * MINUTE);
    assert_eq!((ran(&early), ran(&late)), (0, 1));
    early.clock.fetch_add(15 * MINUTE, Ordering::SeqCst);
    assert_eq!((ran(&early), ran(&late)), (1, 1));
}

/// Accepting a call enqueues the calls that are due by the accepting machine's clock. No guest sees
/// a time before its due time, whichever machine runs it.
#[test]
fn call_due_by_other_clock_sees_its_due_time() {
    let place = Place::new();
    let (early, late) = (Machine::new(&place, BEGIN), Machine::new(&place, BEGIN + 10 * MINUTE));
    early.submit(BEGIN + 5 * MINUTE);
    late.engine.submit_call("c", "incr", json!({}), &Options::default()).unwrap();
    early.engine.work(1, IDLE).unwrap();
    let times: Vec<u64> =
        early.engine.steps("c", 2, 9).unwrap().iter().map(|step| step.times.now.as_millis()).collect();
    assert_eq!(times, [BEGIN + 5 * MINUTE, BEGIN + 5 * MINUTE]);
}

#[test]
fn delayed_calls_run_once_and_actor_clock_never_goes_back() {
    let mut random = Rng::with_seed(seed());
    let place = Place::new();
    let machines = [Machine::new(&place, BEGIN), Machine::new(&place, BEGIN + 10 * MINUTE)];
    let mut accepted = 0;
    for _ in 0..20 {
        for machine in &machines {
            for _ in 0..random.usize(..3) {
                machine.submit(machine.clock.load(Ordering::SeqCst) + random.u64(..20 * MINUTE));
                accepted += 1;
            }
        }
        std::thread::scope(|scope| {
            for machine in &machines {
                scope.spawn(|| machine.engine.work(1, IDLE).unwrap());
            }
        });
        let passed = random.u64(..5 * MINUTE);
        for machine in &machines {
            machine.clock.fetch_add(passed, Ordering::SeqCst);
        }
    }
    for machine in &machines {
        machine.clock.fetch_add(60 * MINUTE, Ordering::SeqCst);
        machine.engine.work(1, IDLE).unwrap();
    }

    let engine = &machines[0].engine;
    let steps = engine.steps("c", 2, 1000).unwrap();
    let mut references: Vec<u64> = steps.iter().map(|step| step.reference).collect();
    references.sort_unstable();
    assert_eq!(references, (2..accepted + 2).collect::<Vec<_>>(), "each ran once");
    assert!(steps.is_sorted_by_key(|step| step.times.now), "the actor's clock went back");
    let due = |reference: u64| {
        let invocation = engine.invocation(&format!("c#{reference}").parse().unwrap()).unwrap();
        invocation.request.due.unwrap().as_millis()
    };
    assert!(
        steps.iter().all(|step| step.times.now.as_millis() >= due(step.reference)),
        "a guest saw a time before it was due"
    );
    // the value after a step names the machine that ran it; overtaken runs are among them
    for (value, now) in machines.iter().flat_map(|machine| machine.ran.said.lock().unwrap().clone()) {
        let step = &steps[usize::try_from(value).unwrap() - 1];
        assert!(now + 10 * MINUTE >= due(step.reference), "early by every clock");
    }
}
