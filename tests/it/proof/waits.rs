//! Eight processes call methods that wait for children, tasks, events and saves, and are killed and
//! cancelled at random moments. In the end each call ran once, with exactly the children, messages
//! and events of its method.
//!
//! `VACTOR_KILLS` sets the number of kills, `VACTOR_SEED` replays the choices.
#![cfg(unix)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use fastrand::Rng;
use serde_json::{Value, json};
use vactor::model::{Invocation, Outcome, Status};
use vactor::{Engine, Reference};

use super::flows::facts::facts;
use super::killed::{KilledProcesses, goal, rounds};
use super::seed;
use crate::classes::component;

const PROCESSES: usize = 8;

/// Kills between two checks of the whole store.
const ROUND: u64 = 60;

/// Actors by kind of call. `gate` and `noted` are called by other actors alone.
const ACTORS: [&str; 9] = ["a0", "a1", "a2", "squares", "pipes", "notes", "takes", "gate", "noted"];

/// The plan of a call, which follows from its number, as its key does.
#[derive(Debug)]
enum Plan {
    /// An actor has another one, or itself, add; such calls may form a cycle.
    AddTo {
        from: &'static str,
        to: &'static str,
    },
    Squares(usize),
    /// A child, and a save, for each step.
    Pipeline(usize),
    /// Messages.
    Notes(usize),
    /// Waits for an event.
    Take,
    Emit,
    Task(i64),
}

fn plan(number: u64) -> Plan {
    let mut random = Rng::with_seed(number);
    let adder = |random: &mut Rng| ACTORS[random.usize(..3)];
    match random.u8(..10) {
        0..3 => Plan::AddTo { from: adder(&mut random), to: adder(&mut random) },
        3 => Plan::Squares(random.usize(1..6)),
        4 => Plan::Pipeline(random.usize(1..5)),
        5 => Plan::Notes(random.usize(1..5)),
        6 => Plan::Take,
        7..9 => Plan::Emit,
        _ => Plan::Task(random.i64(0..100)),
    }
}

impl Plan {
    fn words(&self, number: u64) -> Vec<String> {
        let line = match self {
            Plan::AddTo { from, to } => format!("call {from} add_to {to}"),
            Plan::Squares(n) => format!("call squares sum_of_squares {n}"),
            Plan::Pipeline(steps) => format!("call pipes pipeline {steps} gate"),
            Plan::Notes(n) => format!("call notes send_notes noted {n}"),
            // without an event it waits for ever
            Plan::Take => "call takes take go --async".to_owned(),
            Plan::Emit => format!("emit takes go e{number}"),
            Plan::Task(n) => format!("run probe square {n}"),
        };
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        words.extend(["--key".to_owned(), format!("k{number}")]);
        if !matches!(self, Plan::Emit) {
            words.extend(["--meta".to_owned(), format!("op={number}")]);
        }
        words
    }
}

/// The output of processes about each call.
#[derive(Default)]
struct Told {
    begun: u64,
    /// Results, and references of queued calls.
    lines: BTreeMap<u64, BTreeSet<String>>,
    references: Vec<String>,
}

/// One process.
fn play(processes: &KilledProcesses, told: &Mutex<Told>, random: &mut Rng) {
    let dies_after = (random.u8(..3) > 0).then(|| processes.moment(random));
    let worker = random.u8(..4) == 0;
    let number = {
        let mut told = told.lock().unwrap();
        match random.u8(..8) {
            0 => {
                drop(told);
                let work = ["worker", "--until-idle"].map(str::to_owned).into();
                processes.run(work, "", dies_after, worker).lines(&[0]).count();
                return;
            }
            1 if !told.references.is_empty() => {
                let newest = told.references.len().saturating_sub(4);
                let reference = told.references[random.usize(newest..told.references.len())].clone();
                drop(told);
                processes.run(vec!["cancel".to_owned(), reference], "", dies_after, worker).lines(&[0, 4]).count();
                return;
            }
            2..4 => random.u64(..told.begun.max(1)),
            _ => {
                told.begun += 1;
                told.begun - 1
            }
        }
    };
    let plan = plan(number);
    let mut words = plan.words(number);
    if !matches!(plan, Plan::Take | Plan::Emit) && random.bool() {
        words.push("--async".to_owned());
    }
    let asynchronous = words.iter().any(|word| word == "--async");
    let ended = processes.run(words, "", dies_after, worker);
    // it was cancelled (4), or was a deadlock (5)
    for line in ended.lines(&[0, 4, 5]) {
        let mut told = told.lock().unwrap();
        if asynchronous {
            told.references.push(line.to_owned());
        }
        told.lines.entry(number).or_default().insert(line.to_owned());
    }
}

#[test]
fn waiting_methods_run_once_under_kills() {
    let goal = goal(120);
    let mut random = Rng::with_seed(seed());
    let processes = KilledProcesses::default();
    let class = component("probe");
    processes.vactor.run(["register".as_ref(), "probe".as_ref(), class.as_os_str()]).ok();
    for id in ACTORS {
        processes.vactor.run(["create", "probe", id, if id == "gate" { "1000" } else { "0" }]).ok();
    }
    let told = Mutex::new(Told::default());
    let mut extra = 0;
    let play_round = |until| {
        processes.play(PROCESSES, until, &mut random, |random| play(&processes, &told, random));
        let engine = end_what_takes(&processes, &mut extra);
        facts(&engine);
        let all = All::of(&engine);
        all.hold(&engine, &told.lock().unwrap(), extra);
        println!("{processes}; {} calls, {} of them cancelled", all.calls.len(), all.cancelled());
    };
    let enough = || told.lock().unwrap().lines.len() > 20;
    rounds(goal, ROUND, play_round, enough);
    assert!(enough());
}

/// Runs all calls, and sends events while calls wait for them.
fn end_what_takes(processes: &KilledProcesses, extra: &mut u64) -> Engine {
    loop {
        processes.run(["worker", "--until-idle"].map(str::to_owned).into(), "", None, false).lines(&[0]).count();
        let engine = processes.engine();
        let pending = engine.pending(None, None, 9).unwrap();
        if pending.is_empty() {
            return engine;
        }
        assert!(pending.iter().all(|open| open.request.name.as_str() == "takes"), "cannot be run: {pending:?}");
        processes.vactor.run(["emit", "takes", "go", &format!("x{extra}")]).ok();
        *extra += 1;
    }
}

/// All accepted invocations.
struct All {
    calls: BTreeMap<u64, Invocation>,
    /// The children and messages of each caller.
    called: BTreeMap<Reference, Vec<Invocation>>,
}

impl All {
    fn of(engine: &Engine) -> All {
        let mut all = All { calls: BTreeMap::new(), called: BTreeMap::new() };
        for name in engine.names(None, usize::MAX).unwrap() {
            let mut invocations = engine.invocations(&name, None, usize::MAX).unwrap();
            invocations.reverse();
            for invocation in invocations {
                if let Some((_, op)) = invocation.request.meta.iter().find(|(name, _)| name == "op") {
                    let before = all.calls.insert(op.parse().unwrap(), invocation);
                    assert!(before.is_none(), "{before:?} is there twice");
                } else if let Some(caller) = invocation.request.caller.clone() {
                    all.called.entry(caller).or_default().push(invocation);
                }
            }
        }
        all
    }

    fn cancelled(&self) -> usize {
        self.calls.values().filter(|call| result(call).is_err_and(|kind| kind == "cancelled")).count()
    }

    /// Asserts that each call ran as often as its method requires, and that all processes got the
    /// same result.
    fn hold(&self, engine: &Engine, told: &Told, extra: u64) {
        let mut taken = BTreeSet::new();
        for (number, call) in &self.calls {
            if let Some(payload) = self.holds(*number, call) {
                assert!(taken.insert(payload.clone()), "{payload} was taken twice");
            }
        }
        let callers: BTreeSet<Reference> = self.calls.values().map(Invocation::reference).collect();
        assert!(self.called.keys().all(|caller| callers.contains(caller)), "a call has an unknown caller");
        let mut sent = taken;
        for event in engine.events("takes", 0, usize::MAX).unwrap() {
            let payload = event.payload.value().as_str().unwrap().to_owned();
            assert!(sent.insert(payload.clone()), "{payload} was taken and is there still");
        }
        for number in 0..extra {
            assert!(sent.remove(&format!("x{number}")), "the event x{number} is lost");
        }
        for (number, lines) in &told.lines {
            if matches!(plan(*number), Plan::Emit) {
                assert!(sent.contains(&format!("e{number}")), "the event e{number} is lost");
                continue;
            }
            let call =
                self.calls.get(number).unwrap_or_else(|| panic!("{:?} was acknowledged: {lines:?}", plan(*number)));
            let result = result(call).map_or_else(|_| String::new(), |result| result.to_string());
            let is_true = |line: &String| *line == call.reference().to_string() || *line == result;
            assert!(lines.iter().all(is_true), "{} gave {result}, and told was {lines:?}", call.reference());
        }
        let events = (0..told.begun).filter(|number| sent.contains(&format!("e{number}"))).count();
        assert_eq!(events, sent.len(), "unexpected messages: {sent:?}");
    }

    /// Checks one call with its calls. The payload that it took, if any.
    fn holds(&self, number: u64, call: &Invocation) -> Option<String> {
        let me = call.reference();
        let outcome = result(call);
        let cancelled = outcome.as_ref().is_err_and(|kind| kind == "cancelled");
        let called: &[Invocation] = self.called.get(&me).map_or(&[], |called| called);
        let results: Vec<_> = called.iter().map(result).collect();
        let as_asked = |asked: usize| {
            let enough = if cancelled { called.len() <= asked } else { called.len() == asked };
            assert!(enough, "{me} was to call {asked}, and called {results:?}; it ended as {outcome:?}");
        };
        match plan(number) {
            Plan::AddTo { to, .. } => {
                as_asked(1);
                match &outcome {
                    Ok(sum) => assert_eq!((called[0].request.name.as_str(), Ok(sum.clone())), (to, results[0].clone())),
                    Err(kind) => assert!(cancelled || kind == "deadlock", "{me}: {kind}"),
                }
            }
            Plan::Squares(n) => {
                as_asked(n);
                let squares: Vec<_> = (1..=n).map(|n| Ok(json!(n * n))).collect();
                let sum = (1..=n).map(|n| n * n).sum::<usize>();
                assert!(cancelled || (results == squares && outcome == Ok(json!(sum))), "{me}: {results:?}");
            }
            Plan::Pipeline(steps) => {
                as_asked(steps);
                assert!(cancelled || outcome.is_ok(), "{me}: {outcome:?}");
                assert!(cancelled || results == (1..=steps).map(|step| Ok(json!(step))).collect::<Vec<_>>());
            }
            Plan::Notes(n) => {
                as_asked(n);
                let words: Vec<_> = called.iter().map(|note| note.request.arguments.value()["word"].clone()).collect();
                assert_eq!(words, (0..called.len()).map(|n| json!(n.to_string())).collect::<Vec<_>>(), "{me}");
                assert!(called.is_empty() || outcome.is_ok(), "{me} was cancelled, and its messages left");
            }
            Plan::Take => {
                as_asked(0);
                return outcome.ok().map(|payload| payload.as_str().unwrap().to_owned());
            }
            Plan::Task(n) => assert!(cancelled || outcome == Ok(json!(n * n)), "{me}: {outcome:?}"),
            Plan::Emit => panic!("{me} is no call"),
        }
        None
    }
}

fn result(invocation: &Invocation) -> Result<Value, String> {
    match &invocation.status {
        Status::Ended { outcome: Outcome::Succeeded(result), .. } => Ok(result.value()),
        Status::Ended { outcome: Outcome::Failed(fault), .. } => Err(fault.kind.clone()),
        Status::Pending => panic!("{} has not ended", invocation.reference()),
    }
}
