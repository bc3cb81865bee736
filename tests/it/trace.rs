//! `VACTOR_LOG`: the events of the library as lines of stderr.

use std::time::{Duration, Instant};

use crate::raw::RawClass;
use crate::support::{Ran, Vactor};

/// The line of a call at this level of `VACTOR_LOG`.
fn call(vactor: &Vactor, level: &str, line: &str) -> Ran {
    let mut command = vactor.command();
    command.args(line.split(' ')).env("VACTOR_LOG", level).env("VACTOR_WORKER", "off");
    Ran::from(command.output().unwrap())
}

#[test]
fn level_debug_writes_events_to_stderr_and_none_to_stdout() {
    let class = RawClass::new().text("one", "1").mutation("go", "(call $ok (call $text_one))");
    let vactor = Vactor::with("plain", &class);
    vactor.line("create plain a").ok();
    let quiet = vactor.line("call a go");
    let traced = call(&vactor, "debug", "call a go");
    assert_eq!((traced.code, &traced.stdout), (0, &quiet.stdout), "{traced:?}");
    assert!(!quiet.stderr.contains("DEBUG"), "{quiet:?}");
    for event in ["began", "opened the store", "locked", "run began", "run ended", "committed", "ended"] {
        let is_event = |line: &str| line.contains(" DEBUG ") && line.contains(event);
        assert!(traced.stderr.lines().any(is_event), "no event {event:?} in:\n{}", traced.stderr);
    }
    let durations = traced.stderr.lines().filter(|line| line.contains(" duration="));
    assert!(durations.count() >= 4, "{}", traced.stderr);
    for silent in ["", "off", "error"] {
        assert_eq!(call(&vactor, silent, "call a go").stderr, quiet.stderr, "{silent:?}");
    }
}

#[test]
fn unknown_level_is_refused() {
    let vactor = Vactor::new();
    let refused = call(&vactor, "loud", "where");
    refused.refuses(2, "the variable VACTOR_LOG is `loud`, which is not a level", "the levels are error, warn");
}

/// The worker in the background inherits the level, and its stderr is its log.
#[test]
fn worker_in_the_background_writes_events_to_its_log() {
    let class = RawClass::new().text("one", "1").mutation("go", "(call $ok (call $text_one))");
    let vactor = Vactor::with("plain", &class);
    vactor.line("create plain a").ok();
    let mut command = vactor.command();
    let started = command.args(["call", "a", "go", "--async"]).env("VACTOR_LOG", "debug").output().unwrap();
    Ran::from(started).ok();
    let expected = ["worker began", "claimed", "run began", "committed", "worker ended"];
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let log = std::fs::read_to_string(vactor.path(".vactor/worker.log")).unwrap_or_default();
        let missing = expected.iter().find(|event| !log.contains(**event));
        if missing.is_none() {
            return;
        }
        assert!(Instant::now() < deadline, "no event {missing:?} in:\n{log}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
