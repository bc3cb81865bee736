//! `wait`, `cancel` and `rm` of missing, endless and ended calls: each with its exit code, and
//! without an effect.

use serde_json::{Value, json};

use crate::support::{Ran, Vactor};

/// A store with counters `c` and `d`.
fn counters() -> Vactor {
    let vactor = Vactor::new();
    vactor.write("counter.wasm", include_bytes!("../contracts/counter-0.1.0.wasm"));
    vactor.line("register counter counter.wasm").ok();
    vactor.line("create counter c 0").ok();
    vactor.line("create counter d 0").ok();
    vactor
}

/// Accepts a call without a worker.
fn accept(vactor: &Vactor, line: &str) -> String {
    let mut command = vactor.command();
    command.env("VACTOR_WORKER", "off").args(line.split_whitespace());
    Ran::from(command.output().unwrap()).ok()
}

#[test]
fn unknown_reference_is_not_found() {
    let vactor = counters();
    vactor.line("wait c#9").refuses(3, "there is no invocation c#9", "`vactor ps --actor c`");
    vactor.line("wait missing#1").refuses(3, "there is no invocation missing#1", "");
    vactor.line("cancel c#9").refuses(3, "there is no invocation c#9", "");
    vactor.line("resume c#9").refuses(3, "there is no invocation c#9", "");
    for word in ["c", "c#", "c#0", "c#x", "#1"] {
        vactor.run(["wait", word]).refuses(2, "is no reference", "");
    }
    // a reference of another store
    let other = counters();
    accept(&other, "call d incr --async");
    vactor.line("wait d#2").refuses(3, "there is no invocation d#2", "");
    // if one reference is wrong, `wait` waits for none
    accept(&vactor, "call c incr --async");
    vactor.line("wait c#2 c#9").refuses(3, "there is no invocation c#9", "");
    assert_eq!(vactor.line("get c value").ok(), "0\n");
}

#[test]
fn reference_of_removed_actor_is_reported() {
    let vactor = counters();
    vactor.line("call c incr").ok();
    accept(&vactor, "call c incr --async");
    accept(&vactor, "call c incr --after 7d");
    vactor.line("rm c --yes").refuses(4, "c is busy", "`--force`");
    vactor.line("rm c --yes --force").ok();
    vactor.line("wait c#2").refuses(3, "there is no invocation c#2", "");
    for reference in ["c#3", "c#4"] {
        let waited = vactor.run(["wait", reference]);
        assert_eq!((waited.code, waited.stdout.as_str()), (4, "null\n"));
        assert!(waited.stderr.contains("c was removed before this had ended"), "{}", waited.stderr);
    }
    // a recreated actor continues its numbers
    vactor.line("create counter c 5").ok();
    vactor.line("wait c#5").ok();
    vactor.line("wait c#2").refuses(3, "there is no invocation c#2", "");
}

#[test]
fn expired_wait_changes_nothing() {
    let vactor = counters();
    accept(&vactor, "call c incr --after 7d");
    let before = vactor.line("ps --json").ok();
    for timeout in ["0s", "20ms"] {
        let waited = vactor.run(["wait", "c#2", "--timeout", timeout]);
        waited.refuses(4, "c#2 had not ended when the time ran out; it goes on", "`vactor wait c#2`");
        let waited = vactor.run(["wait", "--any", "c#2", "--timeout", timeout]);
        waited.refuses(4, "c#2 had not ended when the time ran out; it goes on", "`vactor wait c#2`");
    }
    assert_eq!(vactor.line("ps --json").ok(), before);
    vactor.line("wait c#2 --timeout soon").refuses(2, "invalid value `soon`", "");
}

#[test]
fn cancel_of_ended_call_is_refused() {
    let vactor = counters();
    vactor.line("call c incr").ok();
    vactor.line("cancel c#2").refuses(4, "c#2 has ended already", "`vactor wait c#2`");
    vactor.line("cancel c#1").refuses(4, "c#1 has ended already", "");
    vactor.line("resume c#2").refuses(4, "c#2 succeeded: there is nothing to resume", "`vactor wait c#2`");
    assert_eq!(vactor.line("wait c#2").ok(), "1\n");
}

#[test]
fn overlong_key_is_refused() {
    let vactor = counters();
    let long = "k".repeat(10_000);
    for args in [&["call", "c", "incr"][..], &["call", "c", "incr", "--async"], &["create", "counter", "e", "0"]] {
        let refused = vactor.run(args.iter().copied().chain(["--key", &long]));
        refused.refuses(2, "is longer than 255 bytes, or empty", "a key is 1 to 255 bytes");
    }
    vactor.run(["call", "c", "incr", "--key", ""]).refuses(2, "is longer than 255 bytes, or empty", "");
    let longest = "k".repeat(255);
    assert_eq!(vactor.run(["call", "c", "incr", "--key", &longest]).ok(), "1\n");
    assert_eq!(vactor.run(["call", "c", "incr", "--key", &longest]).ok(), "1\n");
    let line = json!({"actor": "c", "method": "incr", "key": longest}).to_string();
    let answer: Value = serde_json::from_str(&vactor.fed(["batch"], line).ok()).unwrap();
    assert_eq!((&answer["result"], &answer["recorded"]), (&json!(1), &json!(true)));
}

#[test]
fn rm_of_several_removes_none_if_one_is_busy_or_missing() {
    let vactor = counters();
    accept(&vactor, "call d incr --after 7d");
    vactor.line("rm c d --yes").refuses(4, "d is busy", "`--force`");
    vactor.line("rm c missing --yes").refuses(3, "there is no actor missing", "");
    vactor.line("rm --class counter --yes").refuses(4, "d is busy", "`--force`");
    assert_eq!(vactor.line("ls").ok().lines().count(), 3);
    vactor.line("rm c d c --yes --force").ok();
    assert_eq!(vactor.line("ls").ok().lines().count(), 1, "the header alone");
}
