//! The flows: each is played from its beginning, in the order of its acts, whatever was played
//! before.

use std::time::Duration;

use serde_json::json;

use super::player::Player;

pub fn tasks_are_joined(flow: &Player) {
    flow.probes(&["a", "b"]);
    assert_eq!(flow.call("a", "sum_of_squares", json!({"n": 4})).unwrap(), 30);
    let later = flow.submit("b", "sum_of_squares", json!({"n": 2}));
    flow.work();
    assert_eq!(flow.end_of(&later).unwrap(), 5);
}

pub fn tasks_are_retried(flow: &Player) {
    let (third, never) =
        (flow.run("probe", "flaky", json!({"tries": 3})), flow.run("probe", "flaky", json!({"tries": 9})));
    flow.work();
    for _ in 0..3 {
        flow.pass(Duration::from_secs(1));
    }
    assert_eq!(flow.end_of(&third).unwrap(), 3);
    assert_eq!(flow.end_of(&never).unwrap_err(), "flaky");
}

pub fn children_create_their_actors(flow: &Player) {
    flow.probes(&["a", "b", "c"]);
    assert_eq!(flow.call("a", "add_to_new", json!({"other": "new", "n": 5})).unwrap(), 105);
    assert_eq!(flow.call("a", "add_to_new", json!({"other": "new", "n": 5})).unwrap(), 110);
    assert_eq!(flow.call("a", "meet_row", json!({"row": ["b", "c"]})).unwrap(), "met");
    let twice = [1, 2].map(|n| flow.submit("b", "add_to", json!({"other": "c", "n": n})));
    flow.work();
    assert_eq!(twice.map(|reference| flow.end_of(&reference).unwrap()), [1, 3]);
}

pub fn pipeline_is_resumed(flow: &Player) {
    flow.probes(&["a", "gate"]);
    flow.call("gate", "open", json!({"up_to": 2})).unwrap();
    let failed = flow.submit("a", "pipeline", json!({"steps": 4, "gate": "gate"}));
    flow.work();
    assert_eq!(flow.end_of(&failed).unwrap_err(), "closed");
    flow.call("gate", "open", json!({"up_to": 4})).unwrap();
    let again = flow.resume(&failed);
    flow.work();
    // on the saved state: 3, and all four again
    assert_eq!(flow.end_of(&again).unwrap(), 13);
    assert_eq!(flow.get("gate", "status"), "new++++", "each step passed the gate once");
}

pub fn events_decide_race(flow: &Player) {
    flow.probes(&["a", "p", "q", "r"]);
    let race = flow.submit("a", "race", json!({"others": ["p", "q", "r"]}));
    flow.work();
    for id in ["r", "p", "q"] {
        flow.emit(id, "go", json!(id));
        flow.work();
    }
    assert_eq!(flow.end_of(&race).unwrap(), json!(["r r", "p p", "q q"]));
}

pub fn deadline_passes(flow: &Player) {
    flow.probes(&["a", "b", "c"]);
    let decides = ["a", "b"].map(|id| flow.submit(id, "decide", json!({"deadline_ms": 86_400_000})));
    let sleeps = flow.submit("c", "sleep", json!({"ms": 3_600_000}));
    flow.work();
    flow.pass(Duration::from_hours(23));
    flow.emit("b", "no", json!(null));
    flow.pass(Duration::from_hours(2));
    assert_eq!(decides.map(|reference| flow.end_of(&reference).unwrap()), ["late", "no"]);
    assert!(flow.end_of(&sleeps).unwrap().as_u64().unwrap() >= 3_600_000);
}

pub fn events_are_taken(flow: &Player) {
    flow.probes(&["a", "b"]);
    flow.emit("a", "go", json!("0"));
    let takes = flow.submit("a", "take_all", json!({"event": "go", "n": 3}));
    let boots = flow.submit("b", "boot", json!({}));
    flow.work();
    flow.emit("a", "go", json!("1"));
    flow.work();
    flow.emit("b", "checked", json!("fine"));
    for payload in ["2", "3"] {
        flow.emit("a", "go", json!(payload));
    }
    flow.work();
    assert_eq!(flow.end_of(&takes).unwrap(), json!(["0", "1", "2"]));
    flow.end_of(&boots).unwrap();
    assert_eq!(flow.call("a", "take", json!({"event": "go"})).unwrap(), "3");
}

pub fn method_fails_after_save(flow: &Player) {
    flow.probes(&["a", "b"]);
    flow.emit("a", "taken", json!("once"));
    assert_eq!(flow.call("a", "save_and_fail", json!({"other": "b"})).unwrap_err(), "told-to");
    flow.work();
    let later = flow.submit("a", "save_and_fail", json!({"other": "b"}));
    flow.work();
    flow.emit("a", "taken", json!("twice"));
    flow.work();
    assert_eq!(flow.end_of(&later).unwrap_err(), "told-to");
    assert_eq!((flow.get("a", "value"), flow.get("b", "value")), (json!(1), json!(2)));
}

pub fn messages_are_sent(flow: &Player) {
    flow.probes(&["a", "b"]);
    flow.call("a", "count", json!({"n": 4})).unwrap();
    flow.work();
    flow.submit("a", "send_notes", json!({"other": "b", "n": 3}));
    flow.work();
    flow.call("a", "send", json!({"other": "b", "n": 7, "delay_ms": 1000})).unwrap();
    assert_eq!(flow.call("a", "send_and_fail", json!({"other": "b"})).unwrap_err(), "told-to");
    flow.pass(Duration::from_secs(1));
    assert_eq!(flow.get("a", "value"), 4);
    assert_eq!((flow.get("b", "value"), flow.get("b", "status")), (json!(7), json!("new 0 1 2")));
}

pub fn cancel_cancels_children(flow: &Player) {
    flow.probes(&["a", "b", "c", "d"]);
    let race = flow.submit("a", "race", json!({"others": ["b", "c"]}));
    let gives_up = flow.submit("d", "give_up", json!({"other": "d2"}));
    flow.work();
    flow.cancel(&race);
    assert_eq!(flow.end_of(&race).unwrap_err(), "cancelled");
    for id in ["a", "b", "c"] {
        assert_eq!(flow.call(id, "add", json!({})).unwrap(), 1);
    }
    flow.pass(Duration::from_secs(1));
    assert_eq!(flow.end_of(&gives_up).unwrap(), "not-found");
    let gives_up = flow.submit("d", "give_up", json!({"other": "b"}));
    flow.work();
    flow.pass(Duration::from_secs(1));
    assert_eq!(flow.end_of(&gives_up).unwrap(), "cancelled");
    assert_eq!(flow.call("b", "add", json!({})).unwrap(), 2);
}

pub fn child_outlives_parent(flow: &Player) {
    flow.probes(&["a", "b"]);
    flow.call("a", "begin", json!({"other": "b"})).unwrap();
    let collects = flow.submit("a", "collect", json!({}));
    flow.work();
    flow.emit("b", "go", json!("there"));
    flow.work();
    assert_eq!(flow.end_of(&collects).unwrap(), "there");
}

pub fn failure_leaves_children(flow: &Player) {
    flow.probes(&["a", "b", "c"]);
    assert_eq!(flow.call("a", "leave_behind", json!({"other": "b"})).unwrap_err(), "not-found");
    let fails = flow.submit("a", "leave_behind", json!({"other": "c"}));
    flow.work();
    assert_eq!(flow.end_of(&fails).unwrap_err(), "not-found");
    for id in ["b", "c"] {
        flow.emit(id, "go", json!("alone"));
    }
    flow.work();
    assert_eq!((flow.get("b", "status"), flow.get("c", "status")), (json!("alone"), json!("alone")));
}

pub fn cycle_is_reported(flow: &Player) {
    flow.probes(&["a", "b", "c"]);
    assert_eq!(flow.call("a", "meet", json!({"other": "a"})).unwrap(), "deadlock");
    flow.work();
    assert_eq!(flow.call("b", "meet_row", json!({"row": ["c", "b"]})).unwrap_err(), "deadlock");
    flow.work();
    let waits = flow.submit("c", "wait_for_own_message", json!({"delay_ms": 1000}));
    flow.work();
    flow.pass(Duration::from_secs(2));
    assert_eq!(flow.end_of(&waits).unwrap(), "deadlock");
    flow.work();
    assert_eq!(flow.get("c", "value"), 1);
}

pub fn money_is_moved(flow: &Player) {
    for (id, opening) in [("ada", json!(500)), ("bob", json!(20)), ("full", json!(i64::MAX))] {
        flow.create("account", id, json!({"owner": id, "opening": opening}));
    }
    let plans = [("ada", "bob", 120), ("bob", "ada", 1000), ("ada", "full", 7), ("ada", "missing", 5)];
    for (n, (from, to, amount)) in (1..).zip(plans) {
        flow.create("transfer", &format!("t{n}"), json!({"from": from, "to": to, "amount": amount}));
    }
    flow.call("t1", "run", json!({})).unwrap();
    for (id, kind) in [("t2", "refused"), ("t3", "returned"), ("t4", "returned")] {
        let runs = flow.submit(id, "run", json!({}));
        flow.work();
        assert_eq!(flow.end_of(&runs).unwrap_err(), kind);
    }
    // repeated calls return the same
    flow.call("t1", "run", json!({})).unwrap();
    assert_eq!(flow.call("t3", "run", json!({})).unwrap_err(), "returned");
    let balances = ["ada", "bob", "full"].map(|id| flow.get(id, "balance"));
    assert_eq!(balances, [json!(380), json!(140), json!(i64::MAX)]);
}

pub fn request_is_decided(flow: &Player) {
    let day = Duration::from_hours(24);
    for id in ["desk", "chair"] {
        flow.create("approval", id, json!({"request": id}));
    }
    let [desk, chair] = ["desk", "chair"].map(|id| flow.submit(id, "submit", json!({})));
    flow.work();
    flow.pass(day);
    flow.emit("desk", "rejected", json!("this is no decision"));
    flow.work();
    flow.emit("desk", "approved", json!({"by": "Ada"}));
    flow.work();
    flow.cancel(&chair);
    flow.pass(day);
    let chair = flow.submit("chair", "submit", json!({}));
    flow.work();
    flow.pass(day);
    assert_eq!(flow.end_of(&desk).unwrap()["status"], "approved");
    assert_eq!(flow.end_of(&chair).unwrap()["status"], "expired");
}

/// One trial at a time, because either of two may end first.
pub fn models_are_trained(flow: &Player) {
    flow.create("trainer", "iris", json!({"folds": 2}));
    let search = |rate: f64| json!({"rates": [rate], "penalties": [0.01], "epochs": 3});
    let best = flow.call("iris", "search", search(0.3)).unwrap();
    let fails = flow.submit("iris", "search", search(1e300));
    flow.work();
    flow.pass(Duration::from_secs(1));
    flow.pass(Duration::from_secs(1));
    assert_eq!(flow.end_of(&fails).unwrap_err(), "no-trial");
    assert_eq!(flow.call("iris", "search", search(0.3)).unwrap(), best);
    assert_eq!(flow.get("iris", "progress")["tried"], 1);
}
