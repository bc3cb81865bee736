//! Children: started and awaited.

use serde_json::json;
use vactor::engine::Phase;
use vactor::model::Limit;

use super::{Flow, kind};

#[test]
fn blocking_call_waits_for_child() {
    let flow = Flow::new(&["a", "b"]);
    assert_eq!(flow.call("a", "add_to", json!({"other": "b", "n": 5})).unwrap(), 5);
    assert_eq!(flow.get("b", "value"), 5);
    let steps = flow.engine.steps("b", 2, 9).unwrap();
    assert_eq!(steps[0].request.caller.as_ref().unwrap().to_string(), "a#2");
    flow.replays("a");
}

#[test]
fn child_creates_missing_actor() {
    let flow = Flow::new(&["a"]);
    assert_eq!(flow.call("a", "add_to_new", json!({"other": "b", "n": 5})).unwrap(), 105);
    assert_eq!(flow.call("a", "add_to_new", json!({"other": "b", "n": 5})).unwrap(), 110);
    let calls =
        flow.engine.invocations(&"b".parse::<vactor::ActorId>().map(|id| (&id).into()).unwrap(), None, 9).unwrap();
    assert_eq!(calls.len(), 3, "one construction, two calls");
}

#[test]
fn children_run_in_parallel_and_are_joined() {
    let flow = Flow::new(&["a"]);
    assert_eq!(flow.call("a", "sum_of_squares", json!({"n": 20})).unwrap(), 2870);
    flow.replays("a");
}

#[test]
fn invalid_child_call_is_host_fault() {
    let flow = Flow::new(&["a"]);
    for (other, expected) in [("missing", "not-found"), ("not an id", "child-bad-arguments")] {
        assert_eq!(kind(flow.call("a", "add_to", json!({"other": other}))), expected, "{other}");
    }
    assert_eq!(flow.get("a", "value"), 0);
}

#[test]
fn one_permit_serves_parent_and_child() {
    let flow = Flow::new(&["a", "b", "c"]);
    let root = flow.submit("a", "meet_row", json!({"row": ["b", "c"]}));
    flow.work();
    assert_eq!(flow.wait(&root).unwrap(), "met");
}

#[test]
fn children_are_joined_in_any_order() {
    let others = ["p", "q", "r", "s", "t"];
    let flow = Flow::new(&[&["a"][..], &others[..]].concat());
    let race = flow.submit("a", "race", json!({"others": others}));
    flow.work();
    for id in ["r", "t", "p", "s", "q"] {
        assert_eq!(flow.phase(&race), Phase::Waiting);
        flow.emit(id, "go", json!(id));
        flow.work();
    }
    assert_eq!(flow.wait(&race).unwrap(), json!(["r r", "t t", "p p", "s s", "q q"]));
    flow.replays("a");
}

#[test]
fn child_is_awaited_by_later_method() {
    let flow = Flow::new(&["a", "b"]);
    flow.call("a", "begin", json!({"other": "b"})).unwrap();
    flow.emit("b", "go", json!("there"));
    assert_eq!(flow.call("a", "collect", json!({})).unwrap(), "there");
}

#[test]
fn child_is_cancelled_by_parent() {
    let flow = Flow::new(&["a", "b"]);
    let gives_up = flow.submit("a", "give_up", json!({"other": "b"}));
    flow.work();
    flow.pass(std::time::Duration::from_millis(20));
    assert_eq!(flow.wait(&gives_up).unwrap(), "cancelled");
    assert_eq!(flow.phase(&"b#2".parse().unwrap()), Phase::Cancelled);
    // the calls behind it continue
    assert_eq!(flow.call("b", "add", json!({})).unwrap(), 1);
}

#[test]
fn actor_of_other_class_is_refused_by_start_or_create() {
    let flow = Flow::new(&["a"]);
    let bytes = std::fs::read(crate::classes::component("probe")).unwrap();
    flow.engine.register("other", &bytes).unwrap();
    flow.engine.create("other", "o", json!({}), &vactor::Options::default()).unwrap();
    let outcome = flow.call("a", "add_to_new", json!({"other": "o", "n": 5}));
    let Err(vactor::Error::Failed { fault, .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(
        (fault.kind.as_str(), fault.message.as_str()),
        ("exists", "the actor o is of the class other, not of probe")
    );
    assert_eq!(flow.get("o", "value"), 0);
    // also with a pending construction
    flow.engine.submit_create("other", "p", json!({}), &vactor::Options::default()).unwrap();
    assert_eq!(kind(flow.call("a", "add_to_new", json!({"other": "p", "n": 5}))), "exists");
}

#[test]
fn calls_nest_up_to_depth_limit() {
    let ids: Vec<String> = (0..66).map(|n| format!("n{n}")).collect();
    let flow = Flow::new(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let row = |to: usize| json!({"row": ids[1..=to]});
    assert_eq!(flow.call("n0", "meet_row", row(64)).unwrap(), "met");
    assert_eq!(kind(flow.call("n0", "meet_row", row(65))), "limit");
}

#[test]
fn invocation_has_children_up_to_limit() {
    let flow = Flow::new(&["a"]);
    let engine = flow.with_limit(Limit::Children, 5);
    let squares = |n: i64| {
        let none = vactor::Options::default();
        engine.call("a", "sum_of_squares", json!({"n": n}), &none).map(|reply| reply.result.value())
    };
    assert_eq!(squares(5).unwrap(), 55);
    assert_eq!(kind(squares(6)), "limit");
}

#[test]
fn invocation_has_operations_up_to_limit() {
    let flow = Flow::new(&["a"]);
    let engine = flow.with_limit(Limit::Operations, 2000);
    let ticks = |times: u64| {
        let none = vactor::Options::default();
        engine.call("a", "tick", json!({"times": times}), &none).map(|reply| reply.result.value())
    };
    assert_eq!(ticks(2000).unwrap(), json!(null));
    flow.replays("a");
    assert_eq!(kind(ticks(2001)), "limit");
    assert_eq!(flow.call("a", "add", json!({})).unwrap(), 1);
}
