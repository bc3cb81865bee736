//! The content of each commit, and the effects of failures. `proof::flows` plays such flows in
//! processes that are killed at each write.

use serde_json::json;
use vactor::engine::Phase;

use super::{Flow, kind};

#[test]
fn query_sees_saved_state_while_method_waits() {
    let flow = Flow::new(&["a"]);
    let boots = flow.submit("a", "boot", json!({}));
    flow.work();
    assert_eq!(flow.get("a", "status"), "starting");
    flow.emit("a", "checked", json!("by Ada"));
    flow.work();
    assert_eq!(flow.get("a", "status"), "up");
    flow.wait(&boots).unwrap();
    flow.replays("a");
}

#[test]
fn failure_returns_to_last_save() {
    let flow = Flow::new(&["a", "b"]);
    flow.emit("a", "taken", json!("once"));
    assert_eq!(kind(flow.call("a", "save_and_fail", json!({"other": "b"}))), "told-to");
    flow.work();
    assert_eq!(flow.get("a", "value"), 1, "as it was saved");
    assert_eq!(flow.get("b", "value"), 1, "the message before the save, and nothing after it");
    assert_eq!(flow.engine.events("a", 0, 9).unwrap(), [], "what was taken stays taken");
    flow.replays("a");
}

#[test]
fn mutations_queue_behind_waiting_method_and_queries_do_not() {
    let flow = Flow::new(&["a"]);
    let takes = flow.submit("a", "take", json!({"event": "go"}));
    flow.work();
    let behind = flow.submit("a", "add", json!({"n": 5}));
    flow.work();
    assert_eq!((flow.phase(&takes), flow.phase(&behind)), (Phase::Waiting, Phase::Queued));
    assert_eq!(flow.get("a", "value"), 0);
    flow.emit("a", "go", json!("x"));
    assert_eq!(flow.wait(&behind).unwrap(), 6);
    assert_eq!(flow.wait(&takes).unwrap(), "x");
}

#[test]
fn cancel_cancels_children() {
    let flow = Flow::new(&["a", "b", "c"]);
    let race = flow.submit("a", "race", json!({"others": ["b", "c"]}));
    flow.work();
    flow.engine.cancel(&race).unwrap();
    assert_eq!(kind(flow.wait(&race)), "cancelled");
    for child in ["b#2", "c#2"] {
        assert_eq!(flow.phase(&child.parse().unwrap()), Phase::Cancelled, "{child}");
    }
    for id in ["a", "b", "c"] {
        assert_eq!(flow.call(id, "add", json!({})).unwrap(), 1, "{id} is free again, as it was");
        flow.replays(id);
    }
}

#[test]
fn failure_leaves_children_running() {
    let flow = Flow::new(&["a", "b"]);
    // the child waits, and the parent does not wait for it
    flow.call("a", "begin", json!({"other": "b"})).unwrap();
    flow.work();
    assert_eq!(flow.phase(&"b#2".parse().unwrap()), Phase::Waiting);
}

#[test]
fn resume_keeps_successful_children() {
    let flow = Flow::new(&["a", "gate"]);
    flow.call("gate", "open", json!({"up_to": 3})).unwrap();
    let failed = flow.submit("a", "pipeline", json!({"steps": 5, "gate": "gate"}));
    flow.work();
    assert_eq!(kind(flow.wait(&failed)), "closed");
    assert_eq!(flow.get("a", "status"), "did 3");
    flow.call("gate", "open", json!({"up_to": 5})).unwrap();
    let again = flow.engine.resume(&failed).unwrap();
    flow.work();
    // on the saved state: 6, and all five again
    assert_eq!(flow.wait(&again).unwrap(), 21);
    assert_eq!(flow.get("gate", "status"), "new+++++", "each step passed the gate once");
    flow.replays("a");
    assert!(flow.engine.resume(&failed).is_err(), "a second resume");
}

#[test]
fn reused_child_keeps_exposed_id() {
    let flow = Flow::new(&["a", "b", "gate"]);
    flow.emit("b", "go", json!("there"));
    let failed = flow.submit("a", "keep", json!({"other": "b", "gate": "gate", "step": 1}));
    flow.work();
    assert_eq!(kind(flow.wait(&failed)), "closed");
    flow.call("gate", "open", json!({"up_to": 1})).unwrap();
    let again = flow.engine.resume(&failed).unwrap();
    assert_eq!(flow.wait(&again).unwrap(), 1);
    assert_eq!(flow.call("a", "collect", json!({})).unwrap(), "there");
    let calls = flow.engine.invocations(&(&"b".parse::<vactor::ActorId>().unwrap()).into(), None, 9).unwrap();
    assert_eq!(calls.len(), 2, "its creation, and one call");
    flow.replays("a");
}

#[test]
fn suspended_guest_continues_at_resume_point() {
    let flow = Flow::new(&["a"]);
    let takes = flow.submit("a", "take_all", json!({"event": "go", "n": 5}));
    for n in 0..5 {
        // each engine is new
        flow.work();
        assert_eq!(flow.phase(&takes), Phase::Waiting);
        flow.emit("a", "go", json!(n.to_string()));
    }
    flow.work();
    assert_eq!(flow.wait(&takes).unwrap(), json!(["0", "1", "2", "3", "4"]));
}

#[test]
fn removal_of_actor_ends_its_wait() {
    let flow = Flow::new(&["a", "b"]);
    let asks = flow.submit("a", "race", json!({"others": ["b"]}));
    flow.work();
    assert!(flow.engine.remove("b", false).is_err(), "it is busy");
    flow.engine.remove("b", true).unwrap();
    assert_eq!(flow.wait(&asks).unwrap(), json!(["b cancelled"]));
}
