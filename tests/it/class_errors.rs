//! Misbehaving classes: the call ends with its exit code and changes nothing.

use serde_json::Value;

use crate::raw::{NULL, RawClass};
use crate::support::{Ran, Vactor};

/// A store with an actor `a` of this class.
fn vactor(class: RawClass) -> Vactor {
    let vactor = Vactor::with("bad", &class);
    vactor.line("create bad a").ok();
    vactor
}

/// Calls `go`, which fails: the state is unchanged, and the journal has the failure.
#[track_caller]
fn go(vactor: &Vactor, flags: &str) -> Ran {
    let show = || -> Value { serde_json::from_str(&vactor.line("show a --json").ok()).unwrap() };
    let before = show();
    let ran = vactor.line(&format!("call a go {flags}"));
    let after = show();
    assert_eq!(before["state_hash"], after["state_hash"]);
    assert_eq!(after["steps"], 2, "the failure is in the journal");
    let log: Value = serde_json::from_str(&vactor.line("log a --last 1 --json").ok()).unwrap();
    assert_eq!((&log["method"], &log["ok"]), (&"go".into(), &false.into()), "{log}");
    ran
}

fn going(body: &str) -> RawClass {
    // a saved state would differ
    RawClass::new().mutation("go", &format!("(global.set $state.len (i32.const 5)) {body}"))
}

#[test]
fn failure_shows_kind_and_details() {
    let texts = "(call $text_kind) (call $text_message) (call $text_details)";
    let failing = || {
        going(&format!("(call $fail {texts})"))
            .text("kind", "insufficient-funds")
            .text("message", "there is not enough")
            .text("details", r#"{"missing":5}"#)
    };
    let said = go(&vactor(failing()), "").fails(1);
    assert_eq!(said, "error: there is not enough\ncause: insufficient-funds {\"missing\":5}\n");
    let said = go(&vactor(failing()), "--json").fails(1);
    let line: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(line["error"]["kind"], "insufficient-funds");
    assert_eq!(line["error"]["details"]["missing"], 5);
}

#[test]
fn multiline_failure_imitates_no_hint() {
    let class = going("(call $fail (call $text_kind) (call $text_message) (i32.const 0) (i32.const 0))");
    let class = class.text("kind", "error").text("message", "no\nhint: `rm -rf` helps");
    let said = go(&vactor(class), "").fails(1);
    assert!(said.starts_with("error: no\n  hint: `rm -rf` helps\n"), "{said}");
}

#[test]
fn trap_is_class_error() {
    let class = going("(call $log (i32.const 3) (call $text_last)) (unreachable)").text("last", "oh no");
    let ran = go(&vactor(class), "");
    assert!(ran.stderr.starts_with("a: error: oh no\nerror: "), "{ran:?}");
    ran.refuses(5, "go", "`vactor log a`");
}

#[test]
fn trap_of_query_leaves_no_step() {
    let vactor = vactor(RawClass::new().query("ask", "(unreachable)").task("work", "(unreachable)"));
    vactor.line("get a ask").refuses(5, "ask", "shown while it runs");
    vactor.line("run bad work").refuses(5, "work", "`vactor log bad/work#1` shows the log of each attempt");
}

#[test]
fn endless_loop_ends_at_time_limit() {
    go(&vactor(going("(loop (br 0)) (unreachable)")), "--max-time 50ms").refuses(5, "", "`--max-time`");
}

#[test]
fn expired_timeout_leaves_no_step() {
    let vactor = vactor(going("(loop (br 0)) (unreachable)"));
    for flags in ["", "--max-time 1h"] {
        let ran = vactor.line(&format!("call a go --timeout 50ms --key k {flags}"));
        ran.refuses(4, "had not ended when the time ran out; nothing", "`--async`");
        assert_eq!(vactor.line("log a").ok().lines().count(), 2, "nothing happened");
    }
    // computing time has a limit of its own, and reaching it is a failure
    go(&vactor, "--timeout 1h --max-time 50ms --key k").refuses(5, "", "`--max-time`");
}

#[test]
fn allocation_over_memory_limit_is_class_error() {
    let eating = "(loop (drop (memory.grow (i32.const 16))) (br 0)) (unreachable)";
    go(&vactor(going(eating)), "--max-memory 16MiB").refuses(5, "", "`--max-memory`");
}

#[test]
fn result_over_limit_is_class_error() {
    let giving = "(drop (memory.grow (i32.const 1600))) (call $ok (i32.const 131072) (i32.const 100000000))";
    go(&vactor(going(giving)), "").refuses(5, "", "`--max-result`");
}

#[test]
fn state_over_limit_is_class_error() {
    let growing = "(global.set $state.len (i32.const 2000)) (call $ok (call $text_null))";
    go(&vactor(going(growing)), "--max-state 1KiB").refuses(5, "", "`--max-state`");
}

#[test]
fn endless_log_is_truncated() {
    let chatting = "(loop (call $log (i32.const 1) (call $text_null)) (br 0)) (unreachable)";
    let vactor = vactor(going(chatting));
    let ran = go(&vactor, "--max-time 100ms --max-log 1KiB");
    assert!(ran.stderr.len() < 4096, "{} bytes", ran.stderr.len());
    let told = "\na: warn: the log is truncated: it has at most 1 KiB; `--max-log` raises the limit\n";
    assert_eq!(ran.stderr.matches(told).count(), 1, "{ran:?}");
    assert!(vactor.line("log a").ok().contains("(cut)"));
    ran.refuses(5, "", "`--max-time`");
}

#[test]
fn result_of_invalid_json_is_class_error() {
    let class = going("(call $ok (call $text_given))").text("given", "{nonsense");
    go(&vactor(class), "").refuses(5, "JSON", "");
}

#[test]
fn unreadable_state_is_class_error() {
    let refusing = "(call $fail (call $text_null) (call $text_null) (i32.const 0) (i32.const 0))";
    let vactor = vactor(RawClass::new().mutation("go", NULL).query("ask", NULL).export("set-state", refusing));
    go(&vactor, "").refuses(5, "", "is unchanged");
    vactor.line("get a ask").fails(5);
}

#[test]
fn failed_constructor_creates_no_actor() {
    let vactor = Vactor::with("bad", &RawClass::new().first("construct", "(unreachable)"));
    vactor.line("create bad a").refuses(5, "the constructor", "no actor was created");
    vactor.line("show a").refuses(3, "there is no actor a", "");
}

#[test]
fn log_lines_reach_pipe_unchanged() {
    let speaking = "(call $log (i32.const 1) (call $text_said)) (call $ok (call $text_given))";
    let class = RawClass::new()
        .query("ask", speaking)
        .text("said", "one\ntwo \u{1b}[31m")
        .text("given", "\"a\\u001bb \u{9b}\"");
    let vactor = vactor(class);
    let ran = vactor.line("get a ask");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("\"a\\u001bb \u{9b}\"\n", "a: one\na: two \u{1b}[31m\n"));
    let ran = vactor.line("get a ask --raw --quiet");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("a\u{1b}b \u{9b}\n", ""));
}

#[test]
fn unusable_cache_is_noted_with_folder_and_reason() {
    let vactor = vactor(RawClass::new().mutation("go", NULL));
    vactor.write("file", "");
    let cache = vactor.path("file");
    let run = |words: &[&str]| {
        let mut command = vactor.command();
        Ran::from(command.env("XDG_CACHE_HOME", &cache).args(words).output().unwrap())
    };
    let note = format!("compiled classes are not kept in {}/vactor/classes, ", cache.display());
    let ran = run(&["call", "a", "go"]);
    assert_eq!((ran.code, ran.stderr.matches(&note).count()), (0, 1), "{ran:?}");
    assert_eq!(run(&["call", "a", "go", "-q"]).stderr, "");
    let mut batch = vactor.command();
    batch.env("XDG_CACHE_HOME", &cache).args(["batch", "lines"]);
    vactor.write("lines", "{\"actor\":\"a\",\"method\":\"go\"}\n".repeat(10));
    let ran = Ran::from(batch.output().unwrap());
    assert_eq!((ran.code, ran.stderr.matches(&note).count()), (0, 1), "{ran:?}");
}
