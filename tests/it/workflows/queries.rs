//! Queries of methods, by the command line.

use serde_json::{Value, json};

use super::Probes;

/// The result of `ask` of an actor.
fn asked(probes: &Probes, query: &str, arguments: &str) -> String {
    let printed = probes.run(&["call", "a", "ask", "b", query, arguments]).ok();
    let answer: Value = serde_json::from_str(&printed).unwrap();
    answer.as_str().map_or_else(|| answer.to_string(), str::to_owned)
}

#[test]
fn ask_returns_result_or_fault() {
    let probes = Probes::new(&["a", "b"]);
    probes.line("call b add 7").ok();
    assert_eq!(asked(&probes, "value", "{}"), "7");
    assert_eq!(asked(&probes, "long", r#"{"length": 3}"#), "xxx");
    assert_eq!(asked(&probes, "refuses", "{}"), "Class closed: not today");
    assert_eq!(
        asked(&probes, "add", "{}"),
        "Host bad-arguments: add is a mutation: a query is needed here; `ctx.start` and `ctx.send` call it"
    );
    assert!(asked(&probes, "nothing", "{}").starts_with("Host bad-arguments: the class probe has no method nothing"));
    assert!(asked(&probes, "long", "{}").starts_with("Host bad-arguments: the arguments do not fit long"));
    assert_eq!(
        asked(&probes, "asks", r#"{"other": "b"}"#),
        "Host trap: a query may not call `ctx.ask`; a mutation and a constructor may"
    );
    let slow = asked(&probes, "computes", r#"{"rounds": 100000000000000}"#);
    assert_eq!(
        slow,
        "Host limit: computes computed for longer than 30 s; a query that a method asks has the default limits"
    );
    assert_eq!(
        probes.run(&["call", "a", "ask", "missing", "value"]).ok(),
        "\"Host not-found: there is no actor missing\"\n"
    );
    assert!(probes.run(&["call", "a", "ask", "a#b", "value"]).ok().contains("Host bad-arguments: the id"));
    // the queried actor has no step
    assert_eq!(probes.steps("b"), ["new", "add"]);
}

#[test]
fn ask_is_listed_as_operation() {
    let probes = Probes::new(&["a", "b"]);
    probes.line("call a ask b value").ok();
    probes.line("call a ask missing value").ok();
    let lines = probes.line("log a --json --last 2").ok();
    let steps: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        steps[0]["operations"],
        json!([{"asked": "ask b.value {}", "started": null, "answer": 0, "fault": null}])
    );
    assert_eq!(steps[1]["operations"][0]["fault"], "there is no actor missing");
    assert!(probes.line("log a").ok().contains("ask b.value {} = 0"));
}

#[test]
fn ask_sees_committed_state() {
    let probes = Probes::new(&["a", "b"]);
    assert_eq!(probes.line("call a ask_itself").ok(), "[0,1]\n");
    assert_eq!(probes.line("call a ask_new c").ok(), "[\"not-found\",101]\n");
    // in one process, and in another one that replays the first result
    assert_eq!(probes.line("call a ask_twice b --async").ok(), "a#4\n");
    probes.work();
    probes.line("call b add 5").ok();
    probes.line("emit a go").ok();
    assert_eq!(probes.line("wait a#4").ok(), "[0,5]\n");
    // a query of a running actor sees its last save
    probes.line("call b boot --async").ok();
    probes.work();
    assert_eq!(asked(&probes, "status", "{}"), "starting");
}

#[test]
fn ask_counts_as_operation_and_by_result_size() {
    let probes = Probes::new(&["a", "b"]);
    assert_eq!(probes.line("call a ask_often b 10 4 --max-operations 10").ok(), "40\n");
    probes.line("call a ask_often b 11 4 --max-operations 10").refuses(5, "more than 10", "");
    let often = "call a ask_often b 40 1000000 --max-memory 32MiB";
    probes.line(often).refuses(5, "was answered between two waits takes more than its memory", "");
    assert_eq!(probes.line("call a ask_often b 20 1000000 --max-memory 32MiB").ok(), "20000000\n");
}

#[test]
fn asking_calls_of_batch_see_earlier_calls() {
    let probes = Probes::new(&["a", "b"]);
    let lines = r#"{"actor":"a","method":"add","args":[5]}
{"actor":"a","method":"ask_itself"}
{"actor":"a","method":"add","args":[1]}
"#;
    let mut command = probes.command();
    command.arg("batch").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), lines.as_bytes()).unwrap();
    let printed = super::ended(child).ok();
    let results: Vec<Value> =
        printed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["result"].clone()).collect();
    assert_eq!(results, [json!(5), json!([5, 6]), json!(7)]);
}
