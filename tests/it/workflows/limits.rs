//! Limits of methods that call others, by flags.

use super::Probes;

#[test]
fn children_are_limited_by_flag() {
    let probes = Probes::new(&["a"]);
    assert_eq!(probes.line("call a sum_of_squares 5 --max-children 5").ok(), "55\n");
    let said = probes.line("call a sum_of_squares 6 --max-children 5").fails(1);
    assert!(said.contains("more than 5") && said.contains("`--max-children`"), "{said}");
    let mut command = probes.command();
    let output = command.env("VACTOR_MAX_CHILDREN", "5").args(["call", "a", "sum_of_squares", "6"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(probes.get("a", "value"), 55);
}

#[test]
fn operations_are_limited_by_flag() {
    let probes = Probes::new(&["a"]);
    for _ in 0..5 {
        probes.line("emit a go x").ok();
    }
    assert_eq!(probes.line("call a take_all go 2 --max-operations 2").ok(), "[\"x\",\"x\"]\n");
    let ran = probes.line("call a take_all go 3 --max-operations 2");
    assert!(ran.code != 0 && ran.stderr.contains("`--max-operations`"), "{ran:?}");
}

#[test]
fn depth_is_limited_by_flag() {
    let probes = Probes::new(&["a", "b", "c"]);
    let call = |row: &str| probes.run(&["call", "a", "meet_row", row, "--max-depth", "1"]);
    assert_eq!(call(r#"["b"]"#).ok(), "\"met\"\n");
    let ran = call(r#"["b","c"]"#);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("`--max-depth`") && ran.stderr.contains("cause: limit"), "{ran:?}");
}

// Limits of accepted calls

#[test]
fn accepted_call_keeps_limits_of_caller() {
    let probes = Probes::new(&["a"]);
    assert_eq!(probes.line("call a tick 50 --async --max-operations 10").ok(), "a#2\n");
    assert_eq!(probes.line("call a tick 5 --async --max-operations 10").ok(), "a#3\n");
    probes.work();
    let ran = probes.line("wait a#2");
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.stderr.contains("more than 10") && ran.stderr.contains("`--max-operations`"), "{ran:?}");
    assert_eq!(probes.line("wait a#3").ok(), "null\n");
}

#[test]
fn accepted_call_ignores_limits_of_running_process() {
    let probes = Probes::new(&["a"]);
    let with_variable = |line: &str| {
        let mut command = probes.command();
        command.env("VACTOR_MAX_OPERATIONS", "1").env("VACTOR_MAX_RESULT", "1").args(line.split_whitespace());
        crate::support::Ran::from(command.output().unwrap())
    };
    assert_eq!(probes.line("call a tick 5 --async").ok(), "a#2\n");
    with_variable("worker --until-idle").ok();
    assert_eq!(probes.line("wait a#2").ok(), "null\n");
    assert_eq!(probes.line("call a tick 5 --async").ok(), "a#3\n");
    assert_eq!(with_variable("wait a#3").ok(), "null\n");
    assert_eq!(probes.line("run probe square 12 --async").ok(), "probe/square#1\n");
    let ran = probes.line("worker --until-idle --max-result 1");
    assert!(ran.code == 0 && ran.stderr.contains("`--max-result` has no effect here"), "{ran:?}");
    assert_eq!(probes.line("wait probe/square#1").ok(), "144\n");
    // at acceptance, variables count as flags do
    assert_eq!(with_variable("call a tick 5 --async").ok(), "a#4\n");
    probes.work();
    assert_eq!(probes.line("wait a#4").code, 5);
}

#[test]
fn children_and_messages_inherit_limits() {
    let probes = Probes::new(&["a", "b", "c"]);
    let is_cut = |id: &str| {
        let steps = probes.line(&format!("log {id} -n 1 --json")).ok();
        serde_json::from_str::<serde_json::Value>(&steps).unwrap()["log_cut"] == true
    };
    probes.line("call a add_to b --max-log 3").ok();
    assert!(is_cut("b"));
    probes.line("call a add_to b").ok();
    assert!(!is_cut("b"));
    probes.line("call a send c 1 --max-log 3").ok();
    probes.work();
    assert!(is_cut("c"));
}

#[test]
fn class_lowers_a_limit_of_its_call() {
    let probes = Probes::new(&["a"]);
    let ran = probes.line("call a hurry 1");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("computed for longer than 1 ms"), "{ran:?}");
}

#[test]
fn resume_keeps_limits_that_it_does_not_name() {
    let probes = Probes::new(&["a"]);
    probes.line("call a tick 50 --async --max-operations 10 --max-log 3").ok();
    probes.work();
    assert_eq!(probes.line("resume a#2").ok(), "a#3\n");
    assert_eq!(probes.line("wait a#3").code, 5);
    assert_eq!(probes.line("resume a#3 --max-operations 60").ok(), "a#4\n");
    assert_eq!(probes.line("wait a#4").ok(), "null\n");
}

#[test]
fn used_key_with_other_limits_is_duplicate() {
    let probes = Probes::new(&["a"]);
    assert_eq!(probes.line("call a add 1 --key k --max-time 20s").ok(), "1\n");
    assert_eq!(probes.line("call a add 1 --key k --max-time 10s").ok(), "1\n");
    assert_eq!(probes.line("call a add 1 --key k").ok(), "1\n");
}

#[test]
fn limit_over_maximum_is_refused() {
    let probes = Probes::new(&["a"]);
    for (limit, ceiling, past) in
        [("--max-time", "2h", "7200001ms"), ("--max-memory", "4GiB", "4294967297"), ("--max-depth", "10000", "10001")]
    {
        for command in ["call a add", "call a add --async", "get a value", "run probe square 3", "create probe new"] {
            let hint = format!("name a lower limit: `{limit}` takes at most");
            probes.line(&format!("{command} {limit} {past}")).refuses(2, "is over the ceiling of", &hint);
        }
        assert_eq!(probes.line(&format!("get a value {limit} {ceiling}")).ok(), "0\n");
    }
    assert_eq!(probes.line("ps --actor a").ok().lines().count(), 2);
}

#[test]
fn resume_refuses_arguments_over_named_limit() {
    let probes = Probes::new(&["a"]);
    assert_eq!(probes.line("call a fail some-long-kind").code, 1);
    probes.line("resume a#2 --max-args 10").refuses(2, "the arguments are over the limit of 10 bytes", "`--max-args`");
    assert_eq!(probes.line("ps --actor a").ok().lines().count(), 3);
    assert_eq!(probes.line("resume a#2").ok(), "a#3\n");
}
