//! Cycles of waits.

use std::time::Duration;

use serde_json::json;

use super::{Flow, kind};

#[test]
fn wait_for_own_actor_is_deadlock() {
    let flow = Flow::new(&["a"]);
    assert_eq!(flow.call("a", "meet", json!({"other": "a"})).unwrap(), "deadlock");
    flow.work();
    assert_eq!(flow.call("a", "value", json!({})).unwrap(), 2, "the child ran when its parent had ended");
}

#[test]
fn wait_for_own_invocation_is_deadlock() {
    let flow = Flow::new(&["a"]);
    let deadlock = |number: u64| json!(format!("deadlock: this would wait for ever: a#{number} waits for a#{number}"));
    assert_eq!(flow.call("a", "wait_for_itself", json!({})).unwrap(), deadlock(2));
    let accepted = flow.submit("a", "wait_for_itself", json!({}));
    flow.work();
    assert_eq!(flow.wait(&accepted).unwrap(), deadlock(3));
    flow.replays("a");
}

#[test]
fn cancel_of_own_invocation_has_no_effect() {
    let flow = Flow::new(&["a"]);
    assert_eq!(flow.call("a", "cancel_itself", json!({})).unwrap(), 1);
    let accepted = flow.submit("a", "cancel_itself", json!({}));
    flow.work();
    assert_eq!(flow.wait(&accepted).unwrap(), 2);
    flow.replays("a");
}

#[test]
fn cycle_of_waits_is_reported_by_name() {
    let flow = Flow::new(&["a", "b", "c"]);
    for row in [&["b", "a"][..], &["b", "c", "a"][..]] {
        let outcome = flow.call("a", "meet_row", json!({"row": row}));
        let Err(vactor::Error::Failed { fault, .. }) = &outcome else { panic!("{outcome:?}") };
        assert!(fault.message.contains("waits for"), "{}", fault.message);
        assert_eq!(kind(outcome), "deadlock");
    }
    flow.work();
    for id in ["a", "b", "c"] {
        assert_eq!(flow.call(id, "add", json!({})).unwrap(), 1, "{id} is free again");
    }
}

#[test]
fn crossing_waits_of_two_roots_are_deadlock() {
    let flow = Flow::new(&["a", "b"]);
    let roots = [flow.submit("a", "meet", json!({"other": "b"})), flow.submit("b", "meet", json!({"other": "a"}))];
    let engines = [flow.another(), flow.another()];
    std::thread::scope(|scope| {
        for engine in &engines {
            scope.spawn(|| engine.work(2, super::IDLE).unwrap());
        }
    });
    let outcomes: Vec<_> = roots.iter().map(|root| flow.wait(root).unwrap()).collect();
    assert!(outcomes.iter().all(|outcome| outcome == "met" || outcome == "deadlock"), "{outcomes:?}");
}

#[test]
fn wait_for_own_message_is_deadlock_once_due() {
    let flow = Flow::new(&["a"]);
    let waits = flow.submit("a", "wait_for_own_message", json!({"delay_ms": 1000}));
    flow.work();
    assert_eq!(flow.phase(&waits), vactor::engine::Phase::Waiting, "it may still be cancelled");
    flow.pass(Duration::from_secs(2));
    flow.work();
    assert_eq!(flow.wait(&waits).unwrap(), "deadlock");
    flow.work();
    assert_eq!(flow.get("a", "value"), 1);
}

#[test]
fn mutual_calls_never_hang() {
    let flow = Flow::new(&["a", "b"]);
    std::thread::scope(|scope| {
        for (id, other) in [("a", "b"), ("b", "a")] {
            let engine = flow.another();
            scope.spawn(move || {
                for _ in 0..100 {
                    let options = vactor::Options::default();
                    let met = engine.call(id, "meet", json!({"other": other}), &options).unwrap();
                    let met = met.result.value();
                    assert!(met == "met" || met == "deadlock", "{met}");
                }
            });
        }
    });
    flow.work();
    let sum = flow.get("a", "value").as_i64().unwrap() + flow.get("b", "value").as_i64().unwrap();
    assert_eq!(sum, 400, "each call adds one to its own and one to the other");
}
