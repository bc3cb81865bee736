//! Actors whose inboxes are never empty, and the actors beside them.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use vactor::engine::{Engine, Options, Settings, Until};
use vactor::{Error, Reference};

use super::{Place, sandbox};
use crate::raw::{NULL, RawClass};

/// A class whose method `spam` sends the actor another `spam`.
fn spammer() -> RawClass {
    let spam = "(call $actor-id (global.get $pair))
        (call $send-actor (call $pair) (call $text_spam) (call $text_none) (i64.const 0) (global.get $pair))";
    RawClass::new()
        .operations()
        .text("spam", "spam")
        .text("none", "{}")
        .mutation("spam", &format!("{spam} {NULL}"))
        .mutation("once", NULL)
}

/// A store with actors `a` and `b` that send themselves messages for ever, and a call of `z`.
fn crowded() -> (Place, Reference) {
    let place = Place::empty();
    let engine = place.engine();
    engine.register("spammer", &spammer().build()).unwrap();
    for id in ["a", "b", "z"] {
        engine.create("spammer", id, json!({}), &Options::default()).unwrap();
    }
    for id in ["a", "b"] {
        engine.submit_call(id, "spam", json!({}), &Options::default()).unwrap();
    }
    let called = engine.submit_call("z", "once", json!({}), &Options::default()).unwrap();
    (place, called)
}

fn ends(engine: &Engine, reference: &Reference) -> bool {
    // a bound against a hang, no measurement
    let until = Instant::now() + Duration::from_secs(120);
    let has_ended = || engine.invocation(reference).unwrap().ended_at().is_some();
    while !has_ended() && Instant::now() < until {
        thread::yield_now();
    }
    has_ended()
}

#[test]
fn worker_runs_actor_beside_self_sending_actors() {
    for jobs in [1, 2] {
        let (place, called) = crowded();
        let settings = Settings::default();
        let stop = settings.stop.clone();
        let worker = place.engine_with(settings);
        thread::scope(|scope| {
            let worker = scope.spawn(move || worker.work(jobs, Until::Stopped));
            let ended = ends(&place.engine(), &called);
            stop.stop();
            worker.join().unwrap().unwrap();
            assert!(ended, "with {jobs} jobs `z` never had its turn");
        });
    }
}

/// In one process some callers wait for calls behind endless inboxes, and one waits for a call that
/// can run.
#[test]
fn wait_ends_beside_waits_on_long_inboxes() {
    let (place, called) = crowded();
    let settings = Settings::default();
    let stop = settings.stop.clone();
    let engine = Engine::new(std::sync::Arc::new(place.store()), sandbox(), settings);
    thread::scope(|scope| {
        for id in ["a", "b"] {
            let engine = engine.clone();
            scope.spawn(move || {
                // each message is awaited in turn
                for number in 2.. {
                    let reference: Reference = format!("{id}#{number}").parse().unwrap();
                    match engine.wait(&reference, None) {
                        Ok(_) => {}
                        Err(Error::Interrupted | Error::LeftRunning { .. }) => return,
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        let waited = engine.wait(&called, Some(Instant::now() + Duration::from_secs(120)));
        stop.stop();
        waited.unwrap();
    });
}
