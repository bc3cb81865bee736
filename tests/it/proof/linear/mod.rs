//! Concurrent calls of several threads and processes are linearizable (docs/concepts.md): they look
//! as if one happened after the other, each between its call and its answer. `VACTOR_SEED` replays
//! the choices; the scheduling of the machine differs.

mod checker;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use fastrand::Rng;
use serde_json::json;
use vactor::engine::{GroupCall, Options, Settings};
use vactor::sandbox::{Cache, Sandbox};
use vactor::store::{Mode, RedbStore};
use vactor::{Engine, Json};

use super::seed;
use crate::support::Vactor;
use checker::{Event, Object, is_linearizable};

/// A counter with keys.
struct Counter;

#[derive(Clone, Debug)]
enum Operation {
    /// The result is None if it was not returned.
    Incr {
        by: i64,
        key: Option<u64>,
        result: Option<i64>,
    },
    Get {
        result: i64,
    },
}

use Operation::{Get, Incr};

/// The value, and the answer of each key.
impl Object for Counter {
    type State = (i64, BTreeMap<u64, i64>);
    type Operation = Operation;

    fn apply((value, keys): &Self::State, operation: &Operation) -> Option<Self::State> {
        let (next, answer, told) = match operation {
            Get { result } => ((*value, keys.clone()), *value, Some(*result)),
            Incr { key: Some(key), result, .. } if keys.contains_key(key) => {
                ((*value, keys.clone()), keys[key], *result)
            }
            Incr { by, key, result } => {
                let mut keys = keys.clone();
                keys.extend(key.map(|key| (key, value + by)));
                ((value + by, keys), value + by, *result)
            }
        };
        told.is_none_or(|told| told == answer).then_some(next)
    }
}

const ACTORS: [&str; 3] = ["a", "b", "c"];

/// Histories, by actor.
#[derive(Default)]
struct Recorder {
    clock: AtomicU64,
    histories: [Mutex<Vec<Event<Operation>>>; ACTORS.len()],
}

impl Recorder {
    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    fn add(&self, actor: usize, called: u64, operation: Operation) {
        let event = Event { operation, called, returned: Some(self.tick()) };
        self.histories[actor].lock().unwrap().push(event);
    }
}

/// The next operation and its actor; its result is not known yet.
fn choose(random: &mut Rng, recorder: &Recorder) -> (usize, Operation) {
    let operation = match random.u8(..6) {
        0..2 => Get { result: 0 },
        // a recent key, so that others make the same call, concurrently or later
        2 => Incr { by: 1, key: Some(recorder.clock.load(Ordering::SeqCst) / 60 + random.u64(..2)), result: None },
        _ => Incr { by: random.i64(1..4), key: None, result: None },
    };
    (random.usize(..ACTORS.len()), operation)
}

fn number(result: &Json) -> i64 {
    result.as_str().parse().unwrap()
}

fn options(key: Option<u64>) -> Options {
    Options { key: key.map(|key| format!("k{key}")), ..Options::default() }
}

/// Operations of a thread with an engine of its own, which stands for a process.
fn by_library(engine: &Engine, random: &mut Rng, recorder: &Recorder) {
    let (actor, operation) = choose(random, recorder);
    let id = ACTORS[actor];
    let called = recorder.tick();
    let operation = match operation {
        Get { .. } => Get { result: number(&engine.get(id, "value", json!({})).unwrap().result) },
        Incr { by, key, .. } => {
            let arguments = json!({ "val": by });
            let reply = match random.u8(..4) {
                0 => {
                    let reference = engine.submit_call(id, "incr", arguments, &options(key)).unwrap();
                    engine.wait(&reference, None)
                }
                1 => {
                    let call =
                        GroupCall { id: id.to_owned(), method: "incr".to_owned(), arguments, options: options(key) };
                    engine.call_many(vec![call]).pop().unwrap()
                }
                _ => engine.call(id, "incr", arguments, &options(key)),
            };
            Incr { by, key, result: Some(number(&reply.unwrap().result)) }
        }
    };
    recorder.add(actor, called, operation);
}

fn by_process(vactor: &Vactor, random: &mut Rng, recorder: &Recorder) {
    let (actor, operation) = choose(random, recorder);
    let id = ACTORS[actor];
    let called = recorder.tick();
    let operation = match operation {
        Get { .. } => Get { result: vactor.run(["get", id, "value"]).ok().trim().parse().unwrap() },
        Incr { by, key, .. } => {
            let mut args = vec!["call".to_owned(), id.to_owned(), "incr".to_owned(), by.to_string()];
            args.extend(key.into_iter().flat_map(|key| ["--key".to_owned(), format!("k{key}")]));
            Incr { by, key, result: Some(vactor.run(args).ok().trim().parse().unwrap()) }
        }
    };
    recorder.add(actor, called, operation);
}

/// The histories of four threads and two chains of processes, by actor.
fn histories(random: &mut Rng) -> Vec<Vec<Event<Operation>>> {
    let vactor = Vactor::new();
    vactor.write("counter.wasm", include_bytes!("../../../contracts/counter-0.1.0.wasm"));
    vactor.line("register counter counter.wasm").ok();
    for actor in ACTORS {
        vactor.run(["create", "counter", actor, "0"]).ok();
    }
    let recorder = Recorder::default();
    thread::scope(|scope| {
        for _ in 0..4 {
            let mut random = random.fork();
            let (recorder, engine) = (&recorder, engine(&vactor.path(".vactor")));
            scope.spawn(move || (0..60).for_each(|_| by_library(&engine, &mut random, recorder)));
        }
        for _ in 0..2 {
            let mut random = random.fork();
            let (recorder, vactor) = (&recorder, &vactor);
            scope.spawn(move || (0..30).for_each(|_| by_process(vactor, &mut random, recorder)));
        }
    });
    recorder.histories.into_iter().map(|history| history.into_inner().unwrap()).collect()
}

fn engine(folder: &Path) -> Engine {
    let store = RedbStore::open(folder, Mode::Write).unwrap();
    let cache = Cache::at(Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
    Engine::new(Arc::new(store), Sandbox::new(cache), Settings::default())
}

#[test]
fn concurrent_histories_are_linearizable() {
    let mut random = Rng::with_seed(seed());
    for (actor, history) in ACTORS.iter().zip(histories(&mut random)) {
        let shown = |event: &Event<Operation>| format!("{:?} {:?}", (event.called, event.returned), event.operation);
        let all: Vec<String> = history.iter().map(shown).collect();
        assert!(is_linearizable::<Counter>(&history), "the history of {actor}:\n{}", all.join("\n"));
        // a history with one foreign answer is refused
        let spoiled = spoil(history);
        assert!(!is_linearizable::<Counter>(&spoiled), "the lost update of {actor} is not found");
    }
}

/// Gives two increments the same result.
fn spoil(mut history: Vec<Event<Operation>>) -> Vec<Event<Operation>> {
    let mut plain = history.iter_mut().filter_map(|event| match &mut event.operation {
        Incr { key: None, result, .. } => Some(result),
        _ => None,
    });
    let (first, second) = (plain.next().unwrap(), plain.next().unwrap());
    *first = *second;
    history
}

#[test]
fn checker_accepts_linearizable_histories_only() {
    let incr = |result| Incr { by: 1, key: None, result };
    let keyed = |result| Incr { by: 1, key: Some(7), result: Some(result) };
    let holds = |history: Vec<(u64, Option<u64>, Operation)>| {
        let event = |(called, returned, operation)| Event { operation, called, returned };
        is_linearizable::<Counter>(&history.into_iter().map(event).collect::<Vec<_>>())
    };
    // one after the other
    assert!(holds(vec![(0, Some(1), incr(Some(1))), (2, Some(3), Get { result: 1 })]));
    assert!(!holds(vec![(0, Some(1), incr(Some(1))), (2, Some(3), Get { result: 0 })]), "a stale read");
    assert!(!holds(vec![(0, Some(1), Get { result: 1 }), (2, Some(3), incr(Some(1)))]), "a read of the future");
    assert!(!holds(vec![(0, Some(1), incr(Some(1))), (2, Some(3), incr(Some(1)))]), "a lost update");
    // concurrent: either order, but one
    assert!(holds(vec![(0, Some(3), incr(Some(1))), (1, Some(2), Get { result: 0 })]));
    assert!(holds(vec![(0, Some(3), incr(Some(1))), (1, Some(2), Get { result: 1 })]));
    assert!(!holds(vec![(0, Some(3), incr(Some(1))), (1, Some(2), incr(Some(1)))]), "a lost update");
    let both = [(0, Some(9), incr(Some(1))), (1, Some(2), Get { result: 1 }), (3, Some(4), Get { result: 0 })];
    assert!(!holds(both.to_vec()), "a read that goes back");
    // a key
    assert!(holds(vec![(0, Some(1), keyed(1)), (2, Some(3), incr(Some(2))), (4, Some(5), keyed(1))]));
    assert!(!holds(vec![(0, Some(1), keyed(1)), (2, Some(3), keyed(2))]), "a call with a key that ran twice");
    // an operation without a return
    for result in [0, 1] {
        assert!(holds(vec![(0, None, incr(None)), (1, Some(2), Get { result })]));
    }
    assert!(!holds(vec![(0, None, incr(None)), (1, Some(2), Get { result: 1 }), (3, Some(4), Get { result: 0 })]));
}
