//! `vactor batch`: many calls by one process.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::raw::{NULL, RawClass};
use crate::support::{Ran, Vactor};

/// A store with counters of these ids, at 0.
fn counters(ids: &[&str]) -> Vactor {
    let vactor = Vactor::new();
    vactor.write("counter.wasm", include_bytes!("../contracts/counter-0.1.0.wasm"));
    vactor.line("register counter counter.wasm").ok();
    ids.iter().for_each(|id| drop(vactor.run(["create", "counter", id, "0"]).ok()));
    vactor
}

fn values(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn incr(id: &str) -> String {
    json!({"actor": id, "method": "incr"}).to_string() + "\n"
}

#[test]
fn lines_are_answered_in_order_and_failed_line_stops_none() {
    let vactor = counters(&["a", "b"]);
    let lines = [
        r#"{"actor":"a","method":"incr","args":{"val":10}}"#,
        r#"{"actor":"b","method":"incr","args":[5]}"#,
        "no JSON",
        r#"{"actor":"a","method":"value"}"#,
        "",
        r#"{"actor":"a","method":"incr","args":[1,2]}"#,
        r#"{"actor":"missing","method":"incr"}"#,
        r#"{"actor":"a","method":"incr","key":"k","meta":{"why":"a test"}}"#,
        r#"{"actor":"a","method":"incr","key":"k"}"#,
        r#"{"actor":"a","method":"incr","key":"k","args":[2]}"#,
        r#"{"actor":"a","method":"incr","arguments":[2]}"#,
        r#"{"actor":"b","method":"incr"}"#,
    ];
    // the last line has no newline
    let ran = vactor.fed(["batch", "-q"], lines.join("\n"));
    let answers: Vec<String> = values(&ran.stdout)
        .into_iter()
        .map(|answer| match &answer["error"] {
            Value::Null => answer.to_string(),
            error => error["kind"].as_str().unwrap().to_owned(),
        })
        .collect();
    let expected = [
        r#"{"reference":"a#2","step":2,"result":10}"#,
        r#"{"reference":"b#2","step":2,"result":5}"#,
        "bad-input",
        r#"{"reference":null,"step":null,"result":10}"#,
        "bad-input",
        "bad-arguments",
        "no-actor",
        r#"{"reference":"a#3","step":3,"result":11}"#,
        r#"{"reference":"a#3","step":3,"result":11,"recorded":true}"#,
        "key-taken",
        "bad-input",
        r#"{"reference":"b#3","step":3,"result":6}"#,
    ];
    assert_eq!(answers, expected);
    assert_eq!(ran.code, 2);
    let error = "error: 6 of 12 lines failed, the first is line 3: the line is not JSON";
    assert!(ran.stderr.starts_with(error), "{}", ran.stderr);
    let steps = values(&vactor.line("log a --json").ok());
    assert_eq!(steps[2]["meta"], json!({"why": "a test"}));
    // each answer matches the schema
    let schema = serde_json::from_str::<Value>(&vactor.line("util schema batch").ok()).unwrap();
    for answer in values(&ran.stdout) {
        assert!(jsonschema::is_valid(&schema, &answer), "{answer}");
    }
}

#[test]
fn exit_code_is_that_of_first_failed_line() {
    let vactor = counters(&["a"]);
    vactor.write("lines", format!("{}{}no JSON\n", incr("a"), incr("missing")));
    let ran = vactor.line("batch -q lines --json");
    assert_eq!((ran.code, values(&ran.stdout).len()), (3, 3));
    let said = values(&ran.stderr).pop().unwrap();
    assert_eq!(said["error"]["message"], "2 of 3 lines failed, the first is line 2: there is no actor missing");
    assert_eq!(vactor.fed(["batch", "-"], "").ok(), "");
}

#[test]
fn unreadable_line_is_input_error() {
    let vactor = counters(&[]);
    vactor.line("batch nothing").refuses(2, "cannot read nothing", "");
    vactor.line("batch .vactor").refuses(2, "cannot read .vactor", "");
    vactor.line("batch --jobs 0").refuses(2, "invalid value `0`", "");
}

/// A batch whose lines are written and read one by one.
struct Talk(Child, BufReader<std::process::ChildStdout>);

impl Talk {
    fn new(vactor: &Vactor, line: &str) -> Talk {
        let mut command = vactor.command();
        command.args(line.split(' ')).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Talk(child, answers)
    }

    fn say(&mut self, lines: impl AsRef<[u8]>) {
        self.0.stdin.as_mut().unwrap().write_all(lines.as_ref()).unwrap();
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.1.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no answer: {line:?}"))
    }

    fn ask(&mut self, line: impl AsRef<[u8]>) -> Value {
        self.say(line);
        self.answer()
    }

    /// The remaining output after the last answer, once the batch has ended.
    fn end(mut self) -> Ran {
        drop(self.0.stdin.take());
        let mut rest = String::new();
        self.1.read_to_string(&mut rest).unwrap();
        let mut ran = Ran::from(self.0.wait_with_output().unwrap());
        ran.stdout = rest;
        ran
    }
}

#[test]
fn line_is_answered_before_next_line_arrives() {
    let vactor = counters(&["a"]);
    let mut talk = Talk::new(&vactor, "batch -q");
    for n in 1..=3 {
        assert_eq!(talk.ask(incr("a"))["result"], n);
        assert_eq!(vactor.line("get a value").ok(), format!("{n}\n"), "what is answered is there");
    }
    talk.say(r#"{"actor":"a","#);
    talk.say("\"method\":\"incr\"}\n");
    assert_eq!(talk.answer()["result"], 4);
    assert_eq!(talk.end().ok(), "");
}

#[test]
fn calls_of_actor_run_in_order_of_lines() {
    let ids = ["a", "b", "c", "d", "e", "f", "g"];
    let vactor = counters(&ids);
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut lines = String::new();
    let mut counts: HashMap<&str, u64> = HashMap::new();
    let mut expected = Vec::new();
    for _ in 0..3000 {
        let id = random.choice(ids).unwrap();
        let count = counts.entry(id).or_default();
        if random.u8(..4) == 0 {
            let _ = writeln!(lines, r#"{{"actor":"{id}","method":"value"}}"#);
        } else {
            lines.push_str(&incr(id));
            *count += 1;
        }
        expected.push(*count);
    }
    let answers = values(&vactor.fed(["batch", "-q", "--jobs", "4"], lines).ok());
    let results: Vec<u64> = answers.iter().map(|answer| answer["result"].as_u64().unwrap()).collect();
    assert_eq!(results, expected);
    for (id, count) in counts {
        assert_eq!(vactor.run(["get", id, "value"]).ok(), format!("{count}\n"));
    }
}

/// Two batches on the same actors: no call is lost or repeated.
#[test]
fn concurrent_batches_lose_no_call() {
    let vactor = counters(&["a", "b"]);
    let lines = (incr("a") + &incr("b")).repeat(200);
    let results: Vec<Value> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..2).map(|_| scope.spawn(|| vactor.fed(["batch", "-q"], &lines).ok())).collect();
        runs.into_iter().flat_map(|run| values(&run.join().unwrap())).collect()
    });
    for id in ["a", "b"] {
        let of = |answer: &&Value| answer["reference"].as_str().unwrap().starts_with(id);
        let mut seen: Vec<u64> = results.iter().filter(of).map(|answer| answer["result"].as_u64().unwrap()).collect();
        seen.sort_unstable();
        assert_eq!(seen, (1..=400).collect::<Vec<u64>>());
    }
}

#[test]
fn queued_call_runs_before_batch_line() {
    let vactor = counters(&["a"]);
    let mut submit = vactor.command();
    submit.env("VACTOR_WORKER", "off").args(["call", "--async", "a", "incr", "10"]);
    assert!(submit.output().unwrap().status.success());
    let answers = values(&vactor.fed(["batch", "-q"], incr("a").repeat(2)).ok());
    assert_eq!((&answers[0]["result"], &answers[1]["result"]), (&json!(11), &json!(12)));
}

/// A line of 100 MB does not take 100 MB of memory.
#[test]
fn overlong_line_is_skipped() {
    let vactor = counters(&["a"]);
    let mut talk = Talk::new(&vactor, "batch -q");
    assert_eq!(talk.ask(incr("a"))["result"], 1);
    let piece = "x".repeat(1_000_000);
    talk.say(r#"{"actor":"a","method":"incr","key":""#);
    (0..100).for_each(|_| talk.say(&piece));
    let refused = talk.ask("\"}\n");
    let message = "the line of 100000038 bytes is over the limit of 8454144";
    assert_eq!((&refused["error"]["kind"], &refused["error"]["message"]), (&json!("limit"), &json!(message)));
    assert_eq!(refused["error"]["hint"], "`--max-args` raises the limit");
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string(format!("/proc/{}/status", talk.0.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(peak < 100_000, "{peak} kB");
    }
    assert_eq!(talk.ask(incr("a"))["result"], 2);
    let long = json!({"actor": "a", "method": "incr", "key": "k".repeat(10_000)}).to_string() + "\n";
    assert_eq!(talk.ask(long)["error"]["kind"], "invalid-key");
    assert_eq!(talk.end().code, 2);
}

/// Answers go to a pipe; the terminal shows the progress.
#[cfg(target_os = "linux")]
#[test]
fn long_batch_shows_progress() {
    let vactor = counters(&["a"]);
    let pair = nix::pty::openpty(None, None).unwrap();
    let mut terminal = std::fs::File::from(pair.master);
    let mut command = vactor.command();
    command.arg("batch").env("TERM", "xterm").stderr(pair.slave);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    drop(command);
    let answers = BufReader::new(child.stdout.take().unwrap());
    let mut talk = Talk(child, answers);
    let looking = std::thread::spawn(move || {
        let (mut shown, mut buffer) = (String::new(), [0; 4096]);
        while !shown.contains(" lines, ") {
            let read = terminal.read(&mut buffer).unwrap();
            shown.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        terminal
    });
    while !looking.is_finished() {
        talk.ask(json!({"actor": "a", "method": "value"}).to_string() + "\n");
    }
    let terminal = looking.join().unwrap();
    assert_eq!(talk.end().code, 0);
    drop(terminal);
}

#[cfg(unix)]
mod ends {
    use std::net::Shutdown;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::support::signal;

    /// A store with an actor `a` whose method `spin` says `begun` and never ends.
    fn spinning() -> Vactor {
        let spin = "(call $log (i32.const 1) (call $text_begun)) (loop (br 0)) (unreachable)";
        let class = RawClass::new().text("begun", "begun").mutation("spin", spin).mutation("go", NULL);
        let vactor = Vactor::with("spinning", &class);
        vactor.line("create spinning a").ok();
        vactor.line("create spinning b").ok();
        vactor
    }

    #[test]
    fn ctrl_c_prints_committed_answers() {
        let vactor = spinning();
        let mut talk = Talk::new(&vactor, "batch --max-time 10m");
        let call = |id: &str, method: &str| json!({"actor": id, "method": method}).to_string() + "\n";
        talk.say(call("a", "go") + &call("a", "spin") + &call("a", "go") + &call("b", "go") + &call("a", "go"));
        let mut said = String::new();
        BufReader::new(talk.0.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "a: begun\n");
        while vactor.line("log b").ok().lines().count() < 3 {}
        signal(&talk.0, "INT");
        // stdin is still open
        let mut printed = Vec::new();
        for line in talk.1.by_ref().lines() {
            printed.push(serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        }
        let ran = talk.end();
        assert_eq!(ran.code, 130, "{ran:?}");
        assert!(ran.stderr.contains("error: interrupted; 4 lines have a result"), "{}", ran.stderr);
        let kinds: Vec<&Value> = printed.iter().map(|answer| &answer["error"]["kind"]).collect();
        assert_eq!(kinds, [&Value::Null, &json!("interrupted"), &json!("interrupted"), &Value::Null], "{printed:?}");
        assert_eq!(vactor.line("log a").ok().lines().count(), 3, "what ran before is kept");
    }

    #[test]
    fn closed_reader_ends_batch_quietly() {
        let vactor = counters(&["a"]);
        // a child of another test may inherit the reading end of a pipe and keep it open; a
        // shut-down socket is closed for all
        let (mut reader, stdout) = UnixStream::pair().unwrap();
        let mut command = vactor.command();
        command.args(["batch", "-q"]).stdin(Stdio::piped()).stdout(OwnedFd::from(stdout)).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(incr("a").as_bytes()).unwrap();
        assert!(reader.read(&mut [0; 4096]).unwrap() > 0, "the answer");
        reader.shutdown(Shutdown::Both).unwrap();
        stdin.write_all(incr("a").as_bytes()).unwrap();
        // the batch ends although stdin is open
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        drop(stdin);
        assert_eq!(vactor.line("get a value").ok(), "2\n", "the call was made");
    }

    /// The disk is full in the middle of a batch: answered calls are committed, no others are, and
    /// no more lines are read.
    #[test]
    fn full_disk_ends_batch() {
        let grow = "(drop (memory.grow (i32.const 4))) (global.set $state.len (i32.const 200000)) (call $ok (call $text_null))";
        let vactor = Vactor::with("plain", &RawClass::new().mutation("go", NULL).mutation("grow", grow));
        let ids: Vec<String> = (0..40).map(|n| format!("a{n}")).collect();
        ids.iter().for_each(|id| drop(vactor.run(["create", "plain", id]).ok()));
        let blocks = std::fs::metadata(vactor.path(".vactor/store.redb")).unwrap().len() / 1024 + 3000;
        let shell = format!("ulimit -f {blocks}; exec {} batch", env!("CARGO_BIN_EXE_vactor"));
        let mut command = std::process::Command::new("bash");
        command.args(["-c", &shell]).current_dir(vactor.path(".")).env_clear().envs(vactor.environment());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut talk = Talk(child, answers);
        let mut done = Vec::new();
        let failed = loop {
            let id = &ids[done.len()];
            let answer = talk.ask(json!({"actor": id, "method": "grow"}).to_string() + "\n");
            match answer["error"].is_null() {
                true => done.push(id),
                false => break answer,
            }
        };
        assert_eq!(failed["error"]["kind"], "io");
        // the batch ends although stdin is open
        let code = talk.0.wait().unwrap().code();
        let ran = talk.end();
        assert_eq!((code, ran.stdout.as_str()), (Some(6), ""), "{ran:?}");
        assert!(ran.stderr.starts_with("error: cannot use "), "{}", ran.stderr);
        assert!(!done.is_empty());
        for id in &ids {
            let shown = values(&vactor.run(["show", id, "--json"]).ok()).pop().unwrap();
            assert_eq!(shown["steps"], if done.contains(&id) { 2 } else { 1 }, "{id}");
        }
        vactor.run(["call", &ids[done.len()], "go"]).ok();
    }
}
