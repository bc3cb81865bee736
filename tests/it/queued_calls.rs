//! Calls of the command line that are queued for a worker.

use std::path::Path;

use serde_json::json;
use vactor::model::Hash;
use vactor::store::{Mode, NewVersion, RedbStore, Store};
use vactor::{ClassName, Engine, Options, Timestamp};

use crate::raw;
use crate::support::Vactor;

fn counter() -> Vactor {
    let vactor = Vactor::new();
    vactor.write("counter.wasm", include_bytes!("../contracts/counter-0.1.0.wasm"));
    vactor.line("register counter counter.wasm").ok();
    vactor.line("create counter my_counter 0").ok();
    vactor
}

#[test]
fn async_call_returns_reference_and_runs_in_order() {
    let vactor = counter();
    assert_eq!(vactor.line("call my_counter incr 10").ok(), "10\n");
    assert_eq!(vactor.line("call --async my_counter incr 10").ok(), "my_counter#3\n");
    assert_eq!(vactor.line("call my_counter incr 10").ok(), "30\n");
    assert_eq!(vactor.line("wait my_counter#3").ok(), "20\n");
    assert_eq!(vactor.line("wait --any my_counter#3").ok(), "my_counter#3\t20\n");
    let json = r#"{"reference":"my_counter#3","result":20}"#;
    assert_eq!(vactor.line("wait --any my_counter#3 --json").ok().trim_end(), json);
    assert_eq!(vactor.line("get my_counter value").ok(), "30\n");
}

/// The detached worker alone runs queued calls here: `show` runs none.
#[test]
fn detached_worker_runs_queued_call() {
    let vactor = counter();
    vactor.line("call --async my_counter incr 7").ok();
    while !vactor.line("show my_counter --json").ok().contains(r#""state":{"val":7}"#) {}
    let listed = vactor.line("ps --actor my_counter").ok();
    let rows: Vec<Vec<&str>> = listed.lines().skip(1).map(|line| line.split('\t').take(3).collect()).collect();
    assert_eq!(rows, [["my_counter#2", "incr", "succeeded"], ["my_counter#1", "new", "succeeded"]]);
}

/// The variables of `cancel` may be meant for other commands, so `cancel` reads none of them.
#[test]
fn detached_worker_ignores_limits_of_starting_command() {
    let vactor = counter();
    let mut command = vactor.command();
    command.env("VACTOR_WORKER", "off").args(["call", "--async", "my_counter", "incr", "5"]);
    assert!(command.output().unwrap().status.success());
    let mut command = vactor.command();
    command.env("VACTOR_WORKER", "off").args(["call", "--async", "my_counter", "incr", "7"]);
    assert!(command.output().unwrap().status.success());
    let mut command = vactor.command();
    assert!(
        command.env("VACTOR_MAX_TIME", "no time").args(["cancel", "my_counter#2"]).output().unwrap().status.success()
    );
    while !vactor.line("show my_counter --json").ok().contains(r#""state":{"val":7}"#) {}
}

#[test]
fn queued_call_without_worker_stays_queued_until_one_runs() {
    let vactor = counter();
    let submit = |line: &str| {
        let mut command = vactor.command();
        command.env("VACTOR_WORKER", "off").args(line.split_whitespace());
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(submit("create --async counter later 5"), "later#1\n");
    assert_eq!(submit("call --async later incr 1"), "later#2\n");
    assert_eq!(vactor.line("ps --status queued").ok().lines().count(), 3);
    vactor.line("worker --until-idle").ok();
    assert_eq!(vactor.line("wait later#2 later#1").ok(), "6\nnull\n");
    assert_eq!(vactor.line("get later value").ok(), "6\n");
    assert_eq!(vactor.line("ps").ok().lines().count(), 1, "the header alone");
    // a queued call is cancelled; an ended one cannot be
    assert_eq!(submit("call --async later incr 1"), "later#3\n");
    vactor.line("cancel later#3").ok();
    vactor.line("cancel later#3").refuses(4, "later#3 has ended already", "later#3");
    let waited = vactor.line("wait later#3");
    assert_eq!((waited.code, waited.stdout.as_str()), (4, "null\n"));
    assert!(waited.stderr.contains("error: later#3 was cancelled"), "{}", waited.stderr);
    assert_eq!(vactor.line("get later value").ok(), "6\n");
}

#[test]
fn failed_call_is_reported_by_wait_and_resumed_once() {
    let vactor = Vactor::with("hostile", &raw::hostile());
    vactor.line("create hostile h").ok();
    assert_eq!(vactor.line("call h fail --async").ok(), "h#2\n");
    let waited = vactor.line("wait h#2 h#1");
    assert_eq!((waited.code, waited.stdout.as_str()), (1, "null\nnull\n"));
    assert!(waited.stderr.contains("error: h#2: no, I will not"), "{}", waited.stderr);
    assert_eq!(vactor.line("resume h#2").ok(), "h#3\n");
    vactor.line("resume h#2").refuses(4, "h#2 was resumed already, as h#3", "h#3");
    vactor.line("wait h#9").refuses(3, "there is no invocation h#9", "`vactor ps --actor h`");
    vactor.line("wait missing#1").refuses(3, "there is no invocation missing#1", "");
    vactor.line("wait h").refuses(2, "", "");
    // if both have ended, the one that was committed first is printed
    assert_eq!(vactor.line("wait h#3").code, 1);
    let first = vactor.line("wait --any h#3 h#2");
    assert_eq!((first.code, first.stdout.as_str()), (1, "h#2\tnull\n"));
    let first = vactor.line("wait --any h#3 h#2 --json");
    assert_eq!((first.code, first.stdout.as_str()), (1, "{\"reference\":\"h#2\",\"result\":null}\n"));
}

/// A class that cannot run delays no other actor, and the worker reports it once.
#[test]
fn worker_reports_actor_that_cannot_run_and_continues() {
    let vactor = counter();
    spoil(&vactor.path(".vactor"), &["spoiled"]);
    let mut submit = vactor.command();
    submit.env("VACTOR_WORKER", "off").args(["call", "--async", "my_counter", "incr"]);
    assert!(submit.output().unwrap().status.success());
    let worked = vactor.line("worker --until-idle --jobs 1");
    assert_eq!(worked.code, 0, "{worked:?}");
    assert_eq!(worked.stderr.matches("warning: the calls of spoiled cannot run: ").count(), 1, "{worked:?}");
    assert_eq!(vactor.line("get my_counter value").ok(), "1\n");
    // a detached worker leaves, although the call that cannot run is still queued
    let left = vactor.line("worker --detached --jobs 1");
    assert_eq!((left.code, left.stderr.matches("warning: ").count()), (0, 1), "{left:?}");
}

/// A detached worker writes its own messages to a log, and rotates it when it is full.
#[test]
fn full_worker_log_is_rotated() {
    const FULL: usize = 256 << 10;
    let vactor = counter();
    spoil(&vactor.path(".vactor"), &["spoiled", "spoiled.too"]);
    let before = "x".repeat(FULL - 2) + "\n";
    vactor.write(".vactor/worker.log", &before);
    let worked = vactor.line("worker --detached --log --jobs 1");
    // its stderr is the log
    assert_eq!((worked.code, worked.stderr.as_str()), (0, ""));
    let read = |name: &str| std::fs::read_to_string(vactor.path(".vactor").join(name)).unwrap();
    let (old, new) = (read("worker.log.old"), read("worker.log"));
    let said = old.strip_prefix(&before).unwrap().to_owned() + &new;
    assert_eq!((said.lines().count(), new.lines().count()), (2, 1), "{said}");
    assert!(said.lines().all(|line| line.starts_with("warning: the calls of spoiled")), "{said}");
    // the command that starts a worker rotates the log too, even if a folder has the old log's name
    std::fs::remove_file(vactor.path(".vactor/worker.log.old")).unwrap();
    std::fs::create_dir(vactor.path(".vactor/worker.log.old")).unwrap();
    vactor.write(".vactor/worker.log", before.repeat(2));
    vactor.line("call my_counter incr --async").ok();
    assert!(read("worker.log").len() < FULL);
}

#[test]
fn worker_log_omits_log_lines_of_classes() {
    let said = "(call $log (i32.const 1) (call $text_said)) (call $ok (call $text_null))";
    let class = raw::RawClass::new().text("said", "what the journal holds").mutation("go", said).task("work", said);
    let vactor = Vactor::with("plain", &class);
    vactor.line("create plain a").ok();
    vactor.line("call a go --async").ok();
    vactor.line("run plain work --async").ok();
    // the worker alone runs them
    while vactor.line("ps --json").ok() != "" {}
    assert!(vactor.line("log a").ok().contains("what the journal holds"));
    assert_eq!(std::fs::read_to_string(vactor.path(".vactor/worker.log")).unwrap(), "");
}

/// Queues constructions of a class whose component is invalid.
fn spoil(folder: &Path, ids: &[&str]) {
    let store = RedbStore::open(folder, Mode::Write).unwrap();
    let engine = Engine::open(folder).unwrap();
    let described = engine.class("counter", None).unwrap().version.description;
    let class = ClassName::new("spoiled").unwrap();
    let component = b"no component".to_vec();
    let at = Timestamp::from_millis(0);
    let hash = Hash::of(&component);
    store.register(NewVersion { class, hash, component, description: described, at }).unwrap();
    for id in ids {
        engine.submit_create("spoiled", id, json!({"init_val": 0}), &Options::default()).unwrap();
    }
}
