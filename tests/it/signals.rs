//! Ctrl-C and closed readers.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use crate::raw::{NULL, RawClass};
use crate::support::{Ran, Vactor, signal};

/// A store with an actor `a` whose method `spin` says `begun` and never ends.
fn spinning() -> Vactor {
    let spin = "(call $log (i32.const 1) (call $text_begun)) (loop (br 0)) (unreachable)";
    let class = RawClass::new().text("begun", "begun").mutation("spin", spin).query("ask", spin).mutation("go", NULL);
    let vactor = Vactor::with("spinning", &class);
    vactor.line("create spinning a").ok();
    vactor
}

#[test]
fn ctrl_c_ends_run_without_effect() {
    for line in ["call a spin", "get a ask"] {
        for name in ["INT", "TERM"] {
            let vactor = spinning();
            let before = vactor.line("show a --json").ok();
            let mut child = vactor.start(line.split(' '));
            let mut said = String::new();
            BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
            assert_eq!(said, "a: begun\n");
            signal(&child, name);
            Ran::from(child.wait_with_output().unwrap()).refuses(130, "interrupted", "");
            assert_eq!(vactor.line("show a --json").ok(), before);
            vactor.line("call a go").ok();
        }
    }
}

/// A run that computes for a fraction of a second, in a process that is stopped for longer than its
/// time limit.
#[test]
fn stopped_process_uses_no_computing_time() {
    const MAY_COMPUTE: Duration = Duration::from_secs(1);
    let begun = "(call $log (i32.const 1) (call $text_begun))";
    let computes =
        "(loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 200000000))))";
    let body = [begun, computes, NULL].concat();
    let class = RawClass::new().text("begun", "begun").mutation("change", &body).query("ask", &body);
    let vactor = Vactor::with("computing", &class.task("work", &body));
    vactor.line("create computing a").ok();
    let lines =
        ["call a change --max-time 1s", "get a ask --max-time 1s", "run computing work --max-time 1s --retries 0"];
    let mut children = lines.map(|line| vactor.start(line.split(' ')));
    for child in &mut children {
        let mut said = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert!(said.ends_with(": begun\n"), "{said}");
        signal(child, "STOP");
    }
    std::thread::sleep(MAY_COMPUTE + MAY_COMPUTE / 4);
    children.iter().for_each(|child| signal(child, "CONT"));
    for child in children {
        assert_eq!(Ran::from(child.wait_with_output().unwrap()).ok(), "null\n");
    }
}

#[test]
fn log_follow_ends_at_ctrl_c() {
    let vactor = spinning();
    let mut child = vactor.start(["log", "a", "--follow", "--json"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<serde_json::Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["method"], "new");
    vactor.line("call a go").ok();
    assert_eq!((&next()["step"], 2), (&2.into(), 2));
    vactor.line("call a go").ok();
    assert_eq!(next()["step"], 3);
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn closed_reader_ends_command_quietly() {
    let vactor = spinning();
    for line in ["call a go --json", "ls", "log a", "show a", "--help", "util man", "help exit-codes"] {
        let mut child = vactor.start(line.split(' '));
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""), "{line}");
    }
    assert_eq!(vactor.line("log a").ok().lines().count(), 3, "the call was made");
}

#[test]
fn unwritable_output_is_reported() {
    let vactor = spinning();
    let mut command = vactor.command();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command.args(["ls"]).stdout(full).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6));
    assert!(said.starts_with("error: cannot write the output\ncause: "), "{said}");
}
