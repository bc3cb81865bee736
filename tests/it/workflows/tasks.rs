//! `vactor run`.

use serde_json::Value;

use super::Probes;

#[test]
fn task_is_awaited_or_left_to_worker() {
    let probes = Probes::new(&[]);
    assert_eq!(probes.line("run probe square 7").ok(), "49\n");
    assert_eq!(probes.line("run probe square n=8 --async").ok(), "probe/square#2\n");
    assert_eq!(probes.listed("--actor probe/square"), ["probe/square#2 queued", "probe/square#1 succeeded"]);
    assert_eq!(probes.line("wait probe/square#2").ok(), "64\n");
    assert_eq!(probes.listed("--status succeeded"), ["probe/square#2 succeeded", "probe/square#1 succeeded"]);
    // by a detached worker
    assert_eq!(probes.0.line("run probe square 9 --async").ok(), "probe/square#3\n");
    probes.until("probe/square#3", "succeeded");
    probes.line("run probe sqare 7").refuses(2, "no method sqare", "did you mean `square`?");
    probes.line("run probe add 7").refuses(2, "add is a mutation", "");
    probes.line("run prob square 7").refuses(3, "there is no class prob", "did you mean `probe`?");
}

#[test]
fn task_with_used_key_is_run_once() {
    let probes = Probes::new(&[]);
    for _ in 0..2 {
        assert_eq!(probes.line("run probe square 7 --key k").ok(), "49\n");
    }
    assert_eq!(probes.line("run probe square 7 --key k --async").ok(), "probe/square#1\n");
    assert_eq!(probes.listed("--actor probe/square").len(), 1);
    probes.line("run probe square 8 --key k").refuses(4, "was used for another call, probe/square#1", "");
}

#[test]
fn failed_task_is_retried_as_class_or_caller_says() {
    let probes = Probes::new(&[]);
    let ran = probes.line("run probe flaky 2");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "2\n"), "{ran:?}");
    assert!(ran.stderr.contains("try 1") && ran.stderr.contains("try 2"), "{ran:?}");
    let ran = probes.line("run probe flaky 2 --retries 0 --json");
    assert_eq!(ran.code, 1);
    let error: Value = serde_json::from_str(ran.stderr.lines().last().unwrap()).unwrap();
    assert_eq!((&error["error"]["kind"], &error["error"]["reference"]), (&"flaky".into(), &"probe/flaky#2".into()));
    assert_eq!(probes.line("run probe flaky 3 --retries 2").ok(), "3\n");
}

#[test]
fn task_with_permanent_failure_is_not_retried() {
    let probes = Probes::new(&[]);
    let ran = probes.line("run probe decline --json");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("try 1") && !ran.stderr.contains("try 2"), "{ran:?}");
    let error: Value = serde_json::from_str(ran.stderr.lines().last().unwrap()).unwrap();
    assert_eq!((&error["error"]["permanent"], error["error"].get("retryable")), (&true.into(), None));
    assert_eq!(probes.line("resume probe/decline#1").ok(), "probe/decline#2\n");
}

#[test]
fn resume_of_a_final_failure_is_refused() {
    let probes = Probes::new(&["a", "b"]);
    for (line, reference) in [("call a refuse --json", "a#2"), ("call a refuse_by b --json", "a#3")] {
        let ran = probes.line(line);
        assert_eq!(ran.code, 1, "{ran:?}");
        let error: Value = serde_json::from_str(ran.stderr.lines().last().unwrap()).unwrap();
        assert_eq!(error["error"]["retryable"], false, "{error}");
        let refused = format!("{reference} cannot be resumed: its failure is final");
        probes.line(&format!("resume {reference}")).refuses(4, &refused, "a new call of the method");
        let step = probes.line("log a -n 1 --json").ok();
        assert_eq!(serde_json::from_str::<Value>(&step).unwrap()["fault"]["retryable"], false, "{step}");
    }
}

#[test]
fn failed_construction_is_listed() {
    let probes = Probes::new(&[]);
    probes.line("create probe a partner=a").fails(5);
    assert_eq!(probes.listed("--status failed").first().map(String::as_str), Some("a#1 failed"));
}
