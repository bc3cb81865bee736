//! Threads, each with an engine that stands for a process, that cancel, resume, remove and create
//! actors and calls of others. `VACTOR_SEED` replays the choices.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;
use vactor::engine::{Options, Phase, Until};
use vactor::{Category, Engine, Error, Reference};

use super::seed;
use crate::engine::Place;

const IDLE: Until = Until::Idle { ahead: Duration::ZERO };

fn none() -> Options {
    Options::default()
}

/// A cancel that is acknowledged has cancelled the call, and one that is refused finds its result
/// (docs/concepts.md).
#[test]
fn cancelled_call_has_no_effect_and_ended_call_has() {
    let mut random = Rng::with_seed(seed());
    let place = Place::new();
    let submitter = place.engine();
    let submitted: Mutex<Vec<Reference>> = Mutex::default();
    let told: Mutex<Vec<(Reference, bool)>> = Mutex::default();
    const CALLS: usize = 150;
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..CALLS {
                let reference = submitter.submit_call("c", "incr", json!({}), &none()).unwrap();
                submitted.lock().unwrap().push(reference);
            }
        });
        for _ in 0..2 {
            let mut random = random.fork();
            let (engine, submitted, told) = (place.engine(), &submitted, &told);
            scope.spawn(move || {
                // the newest call, which may be running
                while submitted.lock().unwrap().len() < CALLS {
                    let newest = submitted.lock().unwrap().last().cloned();
                    let Some(reference) = newest.filter(|_| random.bool()) else { continue };
                    match engine.cancel(&reference) {
                        Ok(()) => told.lock().unwrap().push((reference, true)),
                        Err(Error::AlreadyEnded { .. }) => told.lock().unwrap().push((reference, false)),
                        Err(error) => panic!("{error}"),
                    }
                }
            });
            let engine = place.engine();
            scope.spawn(move || {
                while submitted.lock().unwrap().len() < CALLS {
                    engine.work(1, IDLE).unwrap();
                }
            });
        }
    });
    submitter.work(2, IDLE).unwrap();
    let phase = |reference: &Reference| submitter.phase(&submitter.invocation(reference).unwrap()).unwrap();
    let submitted = submitted.into_inner().unwrap();
    let succeeded: Vec<_> = submitted.iter().filter(|reference| phase(reference) == Phase::Succeeded).collect();
    let told = told.into_inner().unwrap();
    let cancelled: HashSet<&Reference> = told.iter().filter(|(_, cancelled)| *cancelled).map(|(of, _)| of).collect();
    assert_eq!(told.iter().filter(|(_, cancelled)| *cancelled).count(), cancelled.len(), "one was cancelled twice");
    assert_eq!(cancelled.len() + succeeded.len(), submitted.len());
    assert!(cancelled.iter().all(|reference| phase(reference) == Phase::Cancelled));
    assert_eq!(submitter.get("c", "value", json!({})).unwrap().result.as_str(), succeeded.len().to_string());
    replay(&submitter, "c");
}

/// Asserts that the replay of each step gives its state.
fn replay(engine: &Engine, id: &str) {
    for step in engine.steps(id, 1, usize::MAX).unwrap() {
        engine.state_at(id, step.number).unwrap();
    }
}

#[test]
fn concurrent_resumes_resume_once() {
    let place = Place::new();
    let failed = place.engine().submit_call("h", "fail", json!({}), &none()).unwrap();
    place.engine().wait(&failed, None).unwrap_err();
    let resumed = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| match place.engine().resume(&failed) {
                Ok(_) => drop(resumed.fetch_add(1, Ordering::SeqCst)),
                Err(error) => assert!(matches!(error, Error::AlreadyResumed { .. }), "{error}"),
            });
        }
    });
    assert_eq!(resumed.into_inner(), 1);
    assert_eq!(place.engine().head("h").unwrap().counters.references, 3);
}

#[test]
fn concurrent_creates_create_once() {
    let place = Place::new();
    for round in 0..10 {
        let id = &format!("new{round}");
        let made = AtomicUsize::new(0);
        thread::scope(|scope| {
            for n in 0..4 {
                let (place, made) = (&place, &made);
                scope.spawn(move || {
                    let engine = place.engine();
                    let created = match n % 2 {
                        0 => engine.create_if_absent("counter", id, json!({"init_val": n}), &none()),
                        _ => engine.create("counter", id, json!({"init_val": n}), &none()).map(Some),
                    };
                    match created {
                        Ok(Some(_)) => drop(made.fetch_add(1, Ordering::SeqCst)),
                        Ok(None) => {}
                        // an actor whose construction is pending exists when that has ended
                        Err(Error::BeingMade { reference, .. }) => match engine.wait(&reference, None) {
                            Ok(_) => {}
                            Err(error) => assert_eq!(error.kind(), "exists"),
                        },
                        Err(error) => assert_eq!((error.kind(), error.category()), ("exists", Category::Conflict)),
                    }
                    engine.get(id, "value", json!({})).unwrap();
                });
            }
        });
        assert_eq!(made.into_inner(), 1);
        assert_eq!(place.engine().steps(id, 1, 9).unwrap().len(), 1);
    }
}

/// An actor is removed and created again while others call it: no reference and no step is given
/// twice, and the remaining data is consistent.
#[test]
fn recreated_actor_under_calls_gives_no_number_twice() {
    let place = Place::new();
    let done = AtomicUsize::new(0);
    let replies: Vec<(u64, u64)> = thread::scope(|scope| {
        let callers: Vec<_> = (0..3)
            .map(|n| {
                let (engine, done) = (place.engine(), &done);
                scope.spawn(move || {
                    let mut replies = Vec::new();
                    for _ in 0..60 {
                        let reply = match n {
                            0 => engine
                                .submit_call("c", "incr", json!({}), &none())
                                .and_then(|reference| engine.wait(&reference, None)),
                            _ => engine.call("c", "incr", json!({}), &none()),
                        };
                        match reply {
                            Ok(reply) => replies.push((reply.reference.unwrap().number, reply.step.unwrap())),
                            // the actor was missing, or was removed before the call ran, or its
                            // record was removed with it
                            Err(error) => assert!(
                                ["no-actor", "not-found", "cancelled", "no-invocation"].contains(&error.kind()),
                                "{error:?}"
                            ),
                        }
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                    replies
                })
            })
            .collect();
        let engine = place.engine();
        while done.load(Ordering::SeqCst) < 3 {
            engine.remove("c", true).unwrap();
            engine.create("counter", "c", json!({"init_val": 0}), &none()).unwrap();
        }
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    let references: HashSet<u64> = replies.iter().map(|(reference, _)| *reference).collect();
    let steps: HashSet<u64> = replies.iter().map(|(_, step)| *step).collect();
    assert_eq!((references.len(), steps.len()), (replies.len(), replies.len()));
    let engine = place.engine();
    engine.work(1, IDLE).unwrap();
    let last = engine.steps("c", 1, usize::MAX).unwrap();
    assert_eq!(engine.get("c", "value", json!({})).unwrap().result.as_str(), (last.len() - 1).to_string());
    replay(&engine, "c");
}
