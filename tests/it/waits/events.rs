//! Events, timers and messages.

use std::time::Duration;

use serde_json::json;
use vactor::Error;
use vactor::engine::Phase;

use super::{BEGIN, Flow};

#[test]
fn event_is_taken_when_sent_before_or_after_wait() {
    let flow = Flow::new(&["a"]);
    flow.emit("a", "go", json!("before"));
    assert_eq!(flow.call("a", "take", json!({"event": "go"})).unwrap(), "before");
    let takes = flow.submit("a", "take", json!({"event": "go"}));
    flow.work();
    assert_eq!(flow.phase(&takes), Phase::Waiting);
    flow.emit("a", "other", json!("not this one"));
    flow.work();
    assert_eq!(flow.phase(&takes), Phase::Waiting);
    flow.emit("a", "go", json!("after"));
    flow.work();
    assert_eq!(flow.wait(&takes).unwrap(), "after");
    let left = flow.engine.events("a", 0, 9).unwrap();
    assert_eq!(left.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), ["other"]);
    flow.replays("a");
}

#[test]
fn events_are_taken_once_and_in_order() {
    let flow = Flow::new(&["a"]);
    for n in 0..5 {
        flow.emit("a", "go", json!(n.to_string()));
    }
    assert_eq!(flow.call("a", "take_all", json!({"event": "go", "n": 3})).unwrap(), json!(["0", "1", "2"]));
    assert_eq!(flow.call("a", "take_all", json!({"event": "go", "n": 2})).unwrap(), json!(["3", "4"]));
}

#[test]
fn event_with_used_key_is_sent_once() {
    let flow = Flow::new(&["a"]);
    let emit = |payload: &str| flow.engine.emit("a", "go", json!(payload), Some("k"));
    assert_eq!((emit("x").unwrap(), emit("x").unwrap()), (1, 1));
    assert!(matches!(emit("y"), Err(Error::KeyTakenByEvent { .. })));
    assert_eq!(flow.engine.events("a", 0, 9).unwrap().len(), 1);
    // the key of a taken event is used, too
    flow.call("a", "take", json!({"event": "go"})).unwrap();
    emit("x").unwrap();
    assert_eq!(flow.engine.events("a", 0, 9).unwrap(), []);
}

#[test]
fn event_without_receiver_is_refused() {
    let flow = Flow::new(&["a"]);
    assert!(matches!(flow.engine.emit("b", "go", json!(1), None), Err(Error::NoActor { .. })));
    assert!(matches!(flow.engine.emit("a", "two words", json!(1), None), Err(Error::InvalidEvent { .. })));
    assert!(matches!(flow.engine.emit("a", "", json!(1), None), Err(Error::InvalidEvent { .. })));
}

#[test]
fn wait_any_of_events_and_timer_returns_first() {
    for (event, expected) in [(Some("yes"), "yes"), (Some("no"), "no"), (None, "late")] {
        let flow = Flow::new(&["a"]);
        let decides = flow.submit("a", "decide", json!({"deadline_ms": 86_400_000}));
        flow.work();
        flow.pass(Duration::from_hours(23));
        flow.work();
        assert_eq!(flow.phase(&decides), Phase::Waiting, "{expected}");
        if let Some(event) = event {
            flow.emit("a", event, json!(null));
        }
        flow.pass(Duration::from_hours(2));
        // an event that was sent before the deadline is the first, however late the wait is read
        flow.work();
        assert_eq!(flow.wait(&decides).unwrap(), expected);
        flow.replays("a");
    }
}

#[test]
fn timer_is_never_early_and_sets_guest_clock() {
    let flow = Flow::new(&["a"]);
    let sleeps = flow.submit("a", "sleep", json!({"ms": 5000}));
    flow.work();
    flow.pass(Duration::from_millis(4999));
    flow.work();
    assert_eq!(flow.phase(&sleeps), Phase::Waiting);
    flow.pass(Duration::from_millis(1));
    flow.work();
    assert_eq!(flow.wait(&sleeps).unwrap(), 5000);
    let step = flow.engine.steps("a", 2, 1).unwrap().remove(0);
    assert_eq!((step.times.now.as_millis(), step.run.unwrap().first_now.as_millis()), (BEGIN + 5000, BEGIN));
}

#[test]
fn messages_arrive_once_and_in_order_on_success() {
    let flow = Flow::new(&["a", "b"]);
    flow.call("a", "send_notes", json!({"other": "b", "n": 5})).unwrap();
    flow.call("a", "send_notes", json!({"other": "b", "n": 2})).unwrap();
    flow.work();
    assert_eq!(flow.get("b", "status"), "new 0 1 2 3 4 0 1");
    assert_eq!(super::kind(flow.call("a", "send_and_fail", json!({"other": "b"}))), "told-to");
    flow.work();
    assert_eq!(flow.get("b", "value"), 0);
}

#[test]
fn delayed_message_arrives_when_due() {
    let flow = Flow::new(&["a", "b"]);
    flow.call("a", "send", json!({"other": "b", "n": 7, "delay_ms": 1000})).unwrap();
    flow.work();
    assert_eq!(flow.get("b", "value"), 0);
    flow.pass(Duration::from_secs(1));
    flow.work();
    assert_eq!(flow.get("b", "value"), 7);
}

#[test]
fn undeliverable_message_is_logged() {
    let flow = Flow::new(&["a"]);
    flow.call("a", "send", json!({"other": "missing", "n": 7})).unwrap();
    let step = flow.engine.steps("a", 2, 1).unwrap().remove(0);
    let said: Vec<String> = step.log.lines.into_iter().map(|line| line.message).collect();
    assert_eq!(said, ["a message for missing.add was not accepted: there is no actor missing"]);
}

#[test]
fn messages_to_own_actor_run_once_each() {
    let flow = Flow::new(&["a"]);
    flow.submit("a", "count", json!({"n": 10}));
    flow.call("a", "count", json!({"n": 10})).unwrap();
    flow.work();
    assert_eq!(flow.get("a", "value"), 20);
}
