//! `ps`, `show`, `log`, `wait` and `cancel` of waiting calls.

use serde_json::Value;

use super::Probes;

fn racing() -> Probes {
    let probes = Probes::new(&["a", "b", "c"]);
    probes.run(&["call", "--async", "a", "race", r#"["b","c"]"#]).ok();
    probes.work();
    probes
}

#[test]
fn ps_draws_wait_targets() {
    let probes = racing();
    probes.line("call --async a add").ok();
    let rows = probes.line("ps --tree").ok();
    let cells: Vec<Vec<&str>> = rows.lines().skip(1).map(|row| row.split('\t').collect()).collect();
    let drawn: Vec<[&str; 3]> = cells.iter().map(|row| [row[0], row[2], row[6]]).collect();
    assert_eq!(
        drawn,
        [
            ["a#2", "waiting", "waits for b#2 or c#2"],
            ["  b#2", "waiting", "waits for the event go"],
            ["  c#2", "waiting", "waits for the event go"],
            ["a#3", "queued", "waits for its turn behind a#2"],
        ]
    );
    let shown: Value = serde_json::from_str(&probes.line("show a --json").ok()).unwrap();
    assert_eq!(shown["waits_for"], serde_json::json!(["b#2", "c#2"]));
    assert_eq!(probes.listed("--status waiting"), ["a#2 waiting", "b#2 waiting", "c#2 waiting"]);
}

#[test]
fn cancel_cancels_children_and_frees_inbox() {
    let probes = racing();
    probes.line("call --async a add").ok();
    probes.0.line("cancel a#2").ok();
    for child in ["b#2", "c#2"] {
        assert_eq!(probes.listed("--status cancelled").iter().filter(|row| row.starts_with(child)).count(), 1);
    }
    assert_eq!(probes.listed("--status waiting"), [""; 0]);
    // a detached worker runs the call behind it
    while probes.get("a", "value") != 1 {}
}

#[test]
fn log_lists_operations() {
    let probes = Probes::new(&["a", "b"]);
    probes.line("call a add_to b 5").ok();
    let log = probes.line("log a --json --last 1").ok();
    let step: Value = serde_json::from_str(&log).unwrap();
    let operations = step["operations"].as_array().unwrap();
    assert_eq!(operations.len(), 2, "{step}");
    assert_eq!((&operations[0]["started"], &operations[1]["answer"]), (&"b#2".into(), &5.into()));
    let rows = probes.line("log a --last 1").ok();
    assert!(rows.contains("= b#2") && rows.contains("wait for b#2 = 5"), "{rows}");
}

/// Exposed ids name calls as references do.
#[test]
fn call_is_found_by_exposed_id() {
    let probes = Probes::new(&["a", "b"]);
    probes.line("call a begin b").ok();
    probes.work();
    let shown: Value = serde_json::from_str(&probes.line("show a --json").ok()).unwrap();
    let id = shown["state"]["child"].as_str().unwrap().to_owned();
    let wait = ["wait", id.as_str(), "--timeout", "10ms"];
    probes.run(&wait).refuses(4, "b#2 had not ended", "`vactor wait b#2`");
    probes.run(&["resume", &id]).refuses(4, "b#2 has not ended", "");
    probes.run(&["cancel", &id]).ok();
    assert_eq!(probes.listed("--actor b")[0], "b#2 cancelled");
    assert_eq!(probes.run(&["resume", &id]).ok(), "b#3\n");
    let unknown = format!("i{}", "0".repeat(32));
    for command in ["wait", "cancel", "resume"] {
        let error = format!("there is no invocation that guests know as {unknown}");
        probes.run(&[command, &unknown]).refuses(3, &error, "`vactor ps`");
    }
}
