//! Records of tasks, and metadata of calls: shown and removed by the command line.

use serde_json::{Value, json};

use super::Probes;

/// The lines that a command prints as JSON.
fn lines(probes: &Probes, line: &str) -> Vec<Value> {
    let printed = probes.line(&format!("{line} --json")).ok();
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn log_of_task_lists_calls() {
    let probes = Probes::new(&[]);
    assert_eq!(lines(&probes, "log probe/square"), Vec::<Value>::new(), "it was not called yet");
    probes.line("run probe square 7 --meta order=17 --meta by=ada").ok();
    probes.line("run probe square 8 --async").ok();
    probes.line("run probe flaky 9 --retries 1").fails(1);
    let calls = lines(&probes, "log probe/square");
    let [first, second] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!((&first["reference"], &first["status"]), (&json!("probe/square#1"), &json!("succeeded")));
    assert_eq!((&first["result"], &first["ok"], &first["attempts"]), (&json!(49), &json!(true), &json!(1)));
    assert_eq!(first["meta"], json!({"order": "17", "by": "ada"}));
    assert_eq!((&second["status"], &second["ok"], &second["attempts"]), (&json!("queued"), &json!(null), &json!(0)));
    assert_eq!(lines(&probes, "log probe/square --last 1")[0]["reference"], "probe/square#2");
    assert_eq!(lines(&probes, "log probe/square --last 0").len(), 0);
    assert_eq!(lines(&probes, "log probe/square --last 9").len(), 2);
    let flaky = lines(&probes, "log probe/flaky").remove(0);
    assert_eq!((&flaky["attempts"], &flaky["fault"]["kind"]), (&json!(2), &json!("flaky")));
    assert_eq!(flaky["log"][0]["message"], "try 2");
    let table = probes.line("log probe/square").ok();
    assert!(table.starts_with("reference\ttime\tstatus\t") && table.contains("order=17\\nby=ada"), "{table}");
    // pending calls have metadata, too
    probes.line("run probe square 9 --meta why=because --async").ok();
    assert_eq!(lines(&probes, "ps --actor probe/square")[0]["meta"], json!({"why": "because"}));
    probes.line("log probe/sqare").refuses(3, "there is no actor probe/sqare", "did you mean `probe/square`?");
    probes.line("log probe/square --follow").refuses(2, "`--follow` is not for", "vactor ps --watch");
}

#[test]
fn log_of_task_lists_each_call_once() {
    let probes = Probes::new(&[]);
    probes.line("create probe a").ok();
    probes.line("call a sum_of_squares 600").ok();
    let numbers: Vec<Value> =
        lines(&probes, "log probe/square").into_iter().map(|call| call["reference"].clone()).collect();
    let wanted: Vec<Value> = (1..=600).map(|number| json!(format!("probe/square#{number}"))).collect();
    assert_eq!(numbers, wanted);
    let last = lines(&probes, "log probe/square --last 300");
    assert_eq!((last.len(), &last[0]["reference"]), (300, &json!("probe/square#301")));
}

#[test]
fn log_of_task_call_lists_tries() {
    let probes = Probes::new(&["a"]);
    probes.line("run probe flaky 3").ok();
    let tries = lines(&probes, "log probe/flaky#1");
    let of = |name: &str| tries.iter().map(|one| one[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("attempt"), [1, 2, 3]);
    assert_eq!(of("ok"), [false, false, true]);
    let said: Vec<&Value> = tries.iter().map(|one| &one["log"][0]["message"]).collect();
    assert_eq!(said, ["try 1", "try 2", "try 3"]);
    assert_eq!((&tries[0]["fault"]["kind"], &tries[2]["result"]), (&json!("flaky"), &json!(3)));
    assert!(tries.windows(2).all(|pair| pair[0]["ended"].as_str() <= pair[1]["began"].as_str()));
    // a call that was cancelled before its first try
    probes.line("run probe square 7 --async").ok();
    assert_eq!(lines(&probes, "log probe/square#1").len(), 0);
    probes.line("cancel probe/square#1").ok();
    let end = lines(&probes, "log probe/square#1").remove(0);
    assert_eq!(
        (&end["attempt"], &end["began"], &end["fault"]["kind"]),
        (&json!(null), &json!(null), &json!("cancelled"))
    );
    probes.line("log probe/square#9").refuses(3, "there is no invocation probe/square#9", "vactor ps");
    probes.line("log a#1").refuses(2, "a#1 is a call of an actor", "`vactor log a`");
    probes.line("log probe/flaky#1 --last 1").refuses(2, "`--last` is not for", "");
}

#[test]
fn log_of_shared_name_shows_actor_and_names_task() {
    let probes = Probes::new(&["probe/square"]);
    let task = "probe/square#2";
    assert_eq!(probes.line("run probe square 7").ok(), "49\n");
    let shown = probes.line("log probe/square");
    assert_eq!(shown.code, 0);
    assert!(shown.stdout.starts_with("step\t") && shown.stdout.contains("\tnew\t"), "{shown:?}");
    assert!(shown.stderr.contains("`vactor ps --actor=probe/square`"), "{shown:?}");
    assert_eq!(lines(&probes, &format!("log {task}"))[0]["result"], 49);
    // the actor comes first
    let removed = probes.line("rm probe/square --yes");
    assert!(removed.stderr.contains("calls of the task probe/square stay"), "{removed:?}");
    assert_eq!(lines(&probes, "log probe/square").len(), 1);
    probes.line("rm probe/square --yes").ok();
    assert_eq!(lines(&probes, "log probe/square").len(), 0);
}

#[test]
fn rm_removes_ended_task_calls() {
    let probes = Probes::new(&[]);
    for n in 1..=3 {
        probes.line(&format!("run probe square {n} --key k{n}")).ok();
    }
    probes.line("run probe flaky 2").ok();
    probes.line("rm probe/square").refuses(2, "this removes 3 calls of the task probe/square", "`--yes`");
    assert_eq!(probes.line("rm probe/square#2 --yes").stderr, "removed probe/square#2\n");
    let left: Vec<Value> = lines(&probes, "log probe/square").iter().map(|one| one["reference"].clone()).collect();
    assert_eq!(left, ["probe/square#1", "probe/square#3"]);
    probes.line("rm probe/square#2 --yes").refuses(3, "there is no invocation probe/square#2", "");
    probes.line("wait probe/square#2").refuses(3, "there is no invocation probe/square#2", "");
    // its key is unused again, the others are used
    assert_eq!(probes.line("run probe square 9 --key k2").ok(), "81\n");
    probes.line("run probe square 9 --key k1").refuses(4, "was used for another call", "");
    // if one call is in use, none is removed
    probes.line("run probe square 5 --async").ok();
    probes.line("rm probe/flaky probe/square --yes").refuses(4, "probe/square#5 is busy", "--force");
    assert_eq!(lines(&probes, "log probe/flaky").len(), 1);
    let removed = probes.line("rm probe/flaky probe/square --yes --force");
    assert!(removed.stderr.contains("removed 3 calls of the task probe/square"), "{removed:?}");
    // pending calls stay as cancelled, as those of actors do, and are removed the next time
    assert_eq!(probes.listed("--actor probe/square"), ["probe/square#5 cancelled"]);
    probes.line("rm probe/square --yes").ok();
    assert_eq!(lines(&probes, "log probe/square").len(), 0);
    assert_eq!(lines(&probes, "log probe/flaky").len(), 0);
    // numbers are used once
    assert_eq!(probes.line("run probe square 5 --async").ok(), "probe/square#6\n");
    probes.line("rm probe/nothing --yes").refuses(3, "there is no actor probe/nothing", "");
}

#[test]
fn rm_keeps_result_that_method_may_need() {
    let probes = Probes::new(&["a", "b"]);
    // the task has ended, and the method that started it has not
    probes.line("call a warm_then_wait 1 --async").ok();
    probes.work();
    probes.line("rm probe/spin --yes").refuses(4, "probe/spin#1 is busy", "--force");
    probes.line("rm probe/spin#1 --yes").refuses(4, "probe/spin#1 is busy", "--force");
    probes.line("emit a go").ok();
    probes.work();
    probes.line("rm probe/spin#1 --yes").ok();
}

#[test]
fn rm_of_class_removes_task_calls() {
    let probes = Probes::new(&[]);
    probes.line("run probe square 7 --key k").ok();
    probes.line("run probe flaky 2").ok();
    probes.line("rm --class probe --yes").ok();
    assert_eq!(probes.line("ps --status succeeded").ok().lines().count(), 1);
    probes.line("log probe/square").refuses(3, "there is no actor probe/square", "");
    probes.line("wait probe/square#1").fails(3);
    let component = crate::classes::component("probe");
    probes.run(&["register", "probe", component.to_str().unwrap()]).ok();
    assert_eq!(probes.line("run probe square 8 --key k").ok(), "64\n");
    assert_eq!(lines(&probes, "log probe/square")[0]["reference"], "probe/square#2");
    assert_eq!(lines(&probes, "log probe/square#2").len(), 1);
    probes.line("run probe square 9 --async").ok();
    probes.line("rm --class probe --yes").refuses(4, "used by probe/square#3", "--force");
    probes.line("rm --class probe --yes --force").ok();
    assert_eq!(probes.line("ps --status cancelled").ok().lines().count(), 1);
}

#[test]
fn metadata_from_method_is_kept_with_calls() {
    let probes = Probes::new(&["a"]);
    assert_eq!(probes.line("call a label b").ok(), "171\n");
    probes.work();
    let meta = |line: &str| lines(&probes, line).iter().map(|one| one["meta"].clone()).collect::<Vec<_>>();
    assert_eq!(meta("log probe/square"), [json!({"kind": "task", "order": "17"})]);
    let of_b = meta("log b");
    // the construction belongs to the call that needs the actor
    let kinds = ["child", "child", "named", "message"].map(|kind| json!({ "kind": kind }));
    assert_eq!(of_b, kinds);
    assert_eq!(meta("log a"), [json!({}), json!({})]);
    let failed = probes.line("call a label_twice b");
    assert!(failed.stderr.contains("the metadata `a` is given twice"), "{failed:?}");
    assert_eq!(meta("log b").len(), 4);
}
