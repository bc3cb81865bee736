//! Methods that call others and wait for them.

use serde_json::{Value, json};

use super::{Probes, ended};
use crate::support::signal;

#[test]
fn self_sending_method_called_twice_counts_to_twenty() {
    let probes = Probes::new(&["a"]);
    probes.line("call a count 10 --async").ok();
    probes.line("call a count 10").ok();
    probes.work();
    assert_eq!(probes.get("a", "value"), 20);
    assert_eq!(probes.steps("a").len(), 21, "a creation, and each count once");
}

/// A message of a blocking call is left to a detached worker.
#[test]
fn message_of_call_is_run_by_worker() {
    let probes = Probes::new(&["a", "b"]);
    probes.0.line("call a count 10").ok();
    while probes.get("a", "value") != 10 {}
    let lines = r#"{"actor":"a","method":"send","args":["b",7]}"#;
    probes.0.fed(["batch"], lines).ok();
    while probes.get("b", "value") != 7 {}
}

#[test]
fn failed_pipeline_is_resumed_at_failed_step() {
    let probes = Probes::new(&["a", "gate"]);
    probes.line("call gate open 3").ok();
    probes.line("call a pipeline 5 gate paced=true --async").ok();
    for did in 1..=3 {
        probes.work();
        probes.line("emit a next").ok();
        probes.work();
        assert_eq!(probes.get("a", "status"), format!("did {did}"), "while it waits");
        assert_eq!(probes.listed("--actor a")[0], "a#2 waiting");
    }
    probes.line("emit a next").ok();
    let waited = probes.line("wait a#2");
    assert_eq!((waited.code, waited.stdout.as_str()), (1, "null\n"));
    assert!(waited.stderr.contains("error: a#2: 4 is too far\ncause: closed"), "{}", waited.stderr);
    probes.line("call gate open 5").ok();
    assert_eq!(probes.line("resume a#2").ok(), "a#3\n");
    for _ in 0..5 {
        probes.line("emit a next").ok();
    }
    // on the saved state, which is 6
    assert_eq!(probes.line("wait a#3").ok(), "21\n");
    assert_eq!(probes.steps("gate"), ["new", "open", "pass", "pass", "pass", "open", "pass", "pass"]);
    probes.line("resume a#2").refuses(4, "a#2 was resumed already, as a#3", "");
}

#[test]
fn method_that_creates_actor_with_id_like_flag_is_refused() {
    let probes = Probes::new(&["a"]);
    let ran = probes.line("call a add_to_new other=-x n=1");
    assert!(ran.stderr.contains("begins with `-`, as a flag does"), "{ran:?}");
    probes.line("show -- -x").refuses(3, "there is no actor -x", "");
}

#[test]
fn one_job_serves_parent_and_child() {
    let probes = Probes::new(&["a", "b", "c"]);
    let words = ["call", "--async", "a", "meet_row", r#"["b","c"]"#];
    assert_eq!(probes.run(&words).ok(), "a#2\n");
    probes.line("worker --until-idle --jobs 1").ok();
    let listed = probes.listed("--status succeeded --actor a");
    assert_eq!(listed, ["a#2 succeeded", "a#1 succeeded"]);
}

/// VACTOR_SEED replays the order.
#[test]
fn five_children_are_joined_in_any_order() {
    let seed = std::env::var("VACTOR_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("VACTOR_SEED={seed}");
    let mut others = ["p", "q", "r", "s", "t"];
    let probes = Probes::new(&[&["a"][..], &others].concat());
    let words = ["call", "--async", "a", "race", &json!(others).to_string()];
    probes.run(&words).ok();
    probes.work();
    fastrand::Rng::with_seed(seed).shuffle(&mut others);
    for other in others {
        assert_eq!(probes.listed("--actor a")[0], "a#2 waiting");
        probes.run(&["emit", other, "go", other]).ok();
        probes.work();
    }
    let order: Vec<String> = serde_json::from_str(&probes.line("wait a#2").ok()).unwrap();
    assert_eq!(order, others.map(|other| format!("{other} {other}")));
}

#[test]
fn created_actor_is_called_exactly_once() {
    let probes = Probes::new(&[]);
    probes.line("create probe a 5 partner=b").ok();
    for _ in 0..10 {
        probes.line("call --async a add_to b 3").ok();
    }
    for _ in 0..9 {
        probes.line("call a add_to b 2").ok();
    }
    probes.work();
    assert_eq!(probes.get("b", "value"), 5 + 10 * 3 + 9 * 2);
    assert_eq!(probes.steps("b").len(), 1 + 1 + 19);
}

#[test]
fn mutual_calls_end_in_result_or_deadlock() {
    let probes = Probes::new(&["a", "b"]);
    let lines = |id: &str, other: &str| {
        let line = json!({"actor": id, "method": "meet_row", "args": {"row": [other]}}).to_string() + "\n";
        probes.0.write(id, line.repeat(100));
        probes.start(&format!("batch {id}"))
    };
    for child in [lines("a", "b"), lines("b", "a")] {
        let ran = ended(child);
        assert!([0, 5].contains(&ran.code), "{ran:?}");
        let answers: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(answers.len(), 100);
        for answer in answers {
            let error = &answer["error"];
            let is_deadlock = error["kind"] == "deadlock"
                && error["message"].as_str().unwrap().contains(" waits for ")
                && error["reference"].is_string();
            assert!(answer["result"] == "met" || is_deadlock, "{answer}");
        }
    }
}

#[test]
fn deadlock_is_explained() {
    let probes = Probes::new(&["a", "b"]);
    for row in [r#"["a"]"#, r#"["b","a"]"#] {
        let ran = probes.run(&["call", "a", "meet_row", row]);
        assert_eq!((ran.code, ran.stdout.as_str()), (5, ""), "{ran:?}");
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(" waits for a#"), "{ran:?}");
        assert!(ran.stderr.contains("cause: deadlock"), "{ran:?}");
    }
    probes.work();
    assert_eq!(probes.line("ps").ok().lines().count(), 1, "the header alone");
}

#[test]
fn child_fault_is_value_or_failure_of_parent() {
    let probes = Probes::new(&["a", "b"]);
    assert_eq!(probes.line("call a meet missing").ok(), "\"not-found\"\n");
    probes.line("call a add_to missing").refuses(1, "there is no actor missing", "");
    let failed = probes.line("call a pipeline 1 b --json").fails(1);
    let error: Value = serde_json::from_str(failed.lines().last().unwrap()).unwrap();
    let error = &error["error"];
    assert_eq!((&error["kind"], &error["message"]), (&json!("closed"), &json!("1 is too far")));
    assert_eq!(error["reference"], "a#4");
}

#[test]
fn expired_wait_leaves_call_running() {
    let probes = Probes::new(&["a"]);
    // a call whose timeout ends before its acceptance leaves nothing
    let mut timeouts = (0..).map(|n| probes.line(&format!("call a take go --timeout {}s", 1 << n)));
    let ran = timeouts.find(|ran| !ran.stderr.contains("nothing happened"));
    ran.unwrap().refuses(4, "a#2 had not ended when the time ran out; it goes on", "`vactor wait a#2`");
    let waits = probes.start("call a take go");
    probes.until("a#3", "queued");
    signal(&waits, "INT");
    ended(waits).refuses(130, "interrupted; a#3 was accepted and goes on", "`vactor wait a#3`");
    for payload in ["x", "y"] {
        probes.line(&format!("emit a go {payload}")).ok();
    }
    assert_eq!(probes.line("wait a#2 a#3").ok(), "\"x\"\n\"y\"\n");
    // and a call that is running
    let waits = probes.start("call a take go");
    probes.until("a#4", "waiting");
    signal(&waits, "INT");
    ended(waits).refuses(130, "interrupted; a#4 was accepted and goes on", "`vactor wait a#4`");
    assert_eq!(probes.listed("--actor a")[0], "a#4 waiting");
    // a detached worker continues it
    probes.0.line("emit a go z").ok();
    while probes.get("a", "status") != "z" {}
}

#[test]
fn query_sees_saved_state_while_task_runs() {
    let probes = Probes::new(&["a"]);
    probes.line("call a warm_up 1000").ok();
    assert_eq!(probes.get("a", "status"), "up");
    let waits = probes.start(&format!("call a warm_up {} --max-time 1h", u64::MAX));
    while probes.get("a", "status") != "starting" {}
    probes.until("probe/spin#2", "running");
    probes.line("cancel probe/spin#2").ok();
    ended(waits).ok();
    assert_eq!(probes.get("a", "status"), "cold");
}
