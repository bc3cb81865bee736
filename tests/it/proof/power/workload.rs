//! The workload of the power cuts: every kind of act, in a fixed order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use vactor::engine::{GroupCall, Options, Until};
use vactor::{Engine, Timestamp};

use super::facts::{ACCOUNTS, Facts, OPENING};
use crate::{classes, raw};

type Run = Box<dyn Fn(&Engine, &Arc<AtomicU64>, &mut Facts)>;

/// An act, which is acknowledged when it returns.
pub struct Act {
    pub run: Run,
    /// The actor that it removes.
    pub removes: Option<&'static str>,
}

fn act(run: impl Fn(&Engine, &mut Facts) + 'static) -> Act {
    Act { run: Box::new(move |engine, _, facts| run(engine, facts)), removes: None }
}

fn none() -> Options {
    Options::default()
}

fn keyed(key: &str) -> Options {
    Options { key: Some(key.to_owned()), ..none() }
}

fn create(id: &'static str) -> Act {
    act(move |engine, facts| {
        let reply = engine.create("counter", id, json!({"init_val": 100}), &keyed("made")).unwrap();
        facts.replied(id, &reply);
    })
}

fn call(id: &'static str, by: i64) -> Act {
    act(move |engine, facts| facts.replied(id, &engine.call(id, "incr", json!({ "val": by }), &none()).unwrap()))
}

fn call_keyed(id: &'static str, key: &'static str, by: i64) -> Act {
    act(move |engine, facts| {
        let reply = engine.call(id, "incr", json!({ "val": by }), &keyed(key)).unwrap();
        facts.replied(id, &reply);
        facts.key(id, key, by, &reply);
    })
}

fn submit(id: &'static str, by: i64, after: u64) -> Act {
    Act {
        run: Box::new(move |engine, clock, facts| {
            let due = Some(Timestamp::from_millis(clock.load(Ordering::SeqCst) + after));
            let options = Options { due, ..none() };
            facts.accepted(engine.submit_call(id, "incr", json!({ "val": by }), &options).unwrap());
        }),
        removes: None,
    }
}

/// A call that fails and leaves a step.
fn fail() -> Act {
    act(|engine, facts| {
        let failed = engine.submit_call("h", "fail", json!({}), &none()).unwrap();
        facts.accepted(failed.clone());
        assert_eq!(engine.wait(&failed, None).unwrap_err().kind(), "unwilling");
        facts.failed(failed, "unwilling");
    })
}

/// Calls of several actors, in one commit if the actors are idle.
fn many() -> Act {
    act(|engine, facts| {
        let calls = ["c", "d", "c", "d", "c"].map(|id| GroupCall {
            id: id.to_owned(),
            method: "incr".to_owned(),
            arguments: json!({"val": 1}),
            options: none(),
        });
        for (call, reply) in calls.iter().zip(engine.call_many(calls.to_vec())) {
            facts.replied(&call.id, &reply.unwrap());
        }
    })
}

fn cancel_queued(id: &'static str) -> [Act; 2] {
    let accept = submit(id, 1000, 0);
    let cancel = act(move |engine, facts| {
        let pending = engine.pending(Some(&vactor::model::Name::new_unchecked(id)), None, 9).unwrap();
        let last = pending.last().unwrap().reference();
        engine.cancel(&last).unwrap();
        facts.failed(last, "cancelled");
    });
    [accept, cancel]
}

fn work() -> Act {
    act(|engine, _| engine.work(1, Until::Idle { ahead: Duration::ZERO }).unwrap())
}

fn remove(id: &'static str) -> Act {
    let run = act(move |engine, facts| {
        engine.remove(id, true).unwrap();
        facts.forget(id);
    });
    Act { removes: Some(id), ..run }
}

fn pass(millis: u64) -> Act {
    let run = move |_: &Engine, clock: &Arc<AtomicU64>, _: &mut Facts| {
        clock.fetch_add(millis, Ordering::SeqCst);
    };
    Act { run: Box::new(run), removes: None }
}

pub fn workload() -> Vec<Act> {
    let mut acts = vec![act(|engine, facts| {
        engine.register("counter", include_bytes!("../../../contracts/counter-0.1.0.wasm")).unwrap();
        engine.register("hostile", &raw::hostile().build()).unwrap();
        facts.replied("h", &engine.create("hostile", "h", json!({}), &none()).unwrap());
    })];
    acts.extend([create("c"), create("d"), call("c", 1), call_keyed("c", "first", 2), many(), fail()]);
    // the inbox grows
    acts.extend([submit("c", 3, 0), submit("c", 4, 5_000), submit("c", 5, 1_000)]);
    acts.extend(cancel_queued("c"));
    acts.push(call("c", 6));
    acts.push(act(|engine, facts| {
        facts.accepted(engine.submit_create("counter", "e", json!({"init_val": 100}), &keyed("made")).unwrap());
    }));
    acts.extend([submit("e", 7, 0), pass(1_500), call_keyed("c", "second", 8), many(), submit("d", 9, 0), work()]);
    acts.push(act(|engine, facts| {
        let failed = "h#2".parse().unwrap();
        facts.accepted(engine.resume(&failed).unwrap());
    }));
    // it is removed with its pending calls, and created again
    acts.extend([submit("d", 10, 0), submit("d", 11, 9_000), remove("d"), create("d"), many()]);
    acts.extend([submit("d", 12, 2_000), pass(9_000), call("d", 13), work(), many(), call("e", 14)]);
    acts.extend(transfers());
    acts
}

/// Actors that call others, save and wait: money moves between accounts, and from a missing account
/// nothing moves.
fn transfers() -> Vec<Act> {
    let make = |class: &'static str, id: &'static str, arguments: Value| {
        act(move |engine, facts| facts.replied(id, &engine.create(class, id, arguments.clone(), &none()).unwrap()))
    };
    let register = |class: &'static str| {
        let component = std::fs::read(classes::component(class)).unwrap();
        act(move |engine, _| drop(engine.register(class, &component).unwrap()))
    };
    let account = |id| make("account", id, json!({"owner": id, "opening": OPENING}));
    let transfer = |id, amount| make("transfer", id, json!({"from": ACCOUNTS[0], "to": ACCOUNTS[1], "amount": amount}));
    let run = |id: &'static str, refused: bool| {
        act(move |engine, facts| {
            let reference = engine.submit_call(id, "run", json!({}), &none()).unwrap();
            facts.accepted(reference.clone());
            match engine.wait(&reference, None) {
                Ok(reply) => facts.replied(id, &reply),
                Err(error) => {
                    assert!(refused && error.kind() == "refused", "{error}");
                    facts.failed(reference, "refused");
                }
            }
        })
    };
    let [from, to] = ACCOUNTS.map(account);
    let (small, large) = (transfer("small", OPENING - 1), transfer("large", OPENING));
    vec![register("account"), register("transfer"), from, to, small, large, run("small", false), run("large", true)]
}
