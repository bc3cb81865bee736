//! Delayed calls of the command line. The library's clock can be set, so an engine of the test, on
//! the same store, runs calls that are due in the far future.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use vactor::engine::{Settings, Until};
use vactor::sandbox::{Cache, Sandbox};
use vactor::store::{Mode, RedbStore};
use vactor::{Engine, Timestamp};

use crate::support::{Ran, Vactor};

/// 2100-01-01T00:00Z
const FAR: u64 = 4_102_444_800_000;

/// A store with a counter `c` at 0.
fn counter() -> Vactor {
    let vactor = Vactor::new();
    vactor.write("counter.wasm", include_bytes!("../contracts/counter-0.1.0.wasm"));
    vactor.line("register counter counter.wasm").ok();
    vactor.line("create counter c 0").ok();
    vactor
}

/// Runs a line that starts no worker.
fn alone(vactor: &Vactor, line: &str) -> Ran {
    let mut command = vactor.command();
    command.env("VACTOR_WORKER", "off").args(line.split_whitespace());
    Ran::from(command.output().unwrap())
}

fn value(vactor: &Vactor) -> String {
    vactor.line("get c value").ok()
}

fn steps(vactor: &Vactor) -> Vec<Value> {
    vactor.line("log c --json").ok().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn time(text: &Value) -> u64 {
    text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond() as u64
}

#[test]
fn delayed_call_is_run_by_worker_that_it_starts() {
    let vactor = counter();
    let before = jiff::Timestamp::now().as_millisecond() as u64;
    assert_eq!(vactor.line("call c incr 5 --after 200ms").ok(), "c#2\n");
    assert_eq!(vactor.line("call c incr 1 --async --after 0s --json").ok(), "\"c#3\"\n");
    vactor.line("wait c#2 c#3").ok();
    assert_eq!(value(&vactor), "6\n");
    let listed: Vec<Value> =
        vactor.line("ps --actor c --json").ok().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let delayed = listed.iter().find(|line| line["reference"] == "c#2").unwrap();
    // the delay counts from the command's clock, which it reads between its start and its
    // acceptance
    let due = time(&delayed["due"]);
    assert!((before + 200..=time(&delayed["accepted"]) + 200).contains(&due), "{before} {delayed}");
    let step = steps(&vactor).into_iter().find(|step| step["reference"] == "c#2").unwrap();
    assert!(time(&step["time"]) >= time(&delayed["due"]), "early");
}

#[test]
fn call_due_in_far_future_runs_when_due() {
    let vactor = counter();
    // due times are exact to the millisecond, and have time zones
    assert_eq!(alone(&vactor, "call c incr 10 --at 2100-01-01T00:00Z").ok(), "c#2\n");
    assert_eq!(alone(&vactor, "call c incr 100 --at 2100-01-01T01:00:00.001+01:00 --key k").ok(), "c#3\n");
    // it delays no other call
    assert_eq!(vactor.line("call c incr 1").ok(), "1\n");
    let mut worker = vactor.start(["worker"]);
    assert_eq!(vactor.line("ps --status queued").ok().lines().count(), 3);
    vactor.line("worker --until-idle").ok();
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert_eq!(value(&vactor), "1\n");

    let now = Arc::new(AtomicU64::new(FAR - 1));
    let at = |millis: u64| {
        now.store(millis, Ordering::SeqCst);
        let clock = Arc::clone(&now);
        let clock = Arc::new(move || Timestamp::from_millis(clock.load(Ordering::SeqCst)));
        let store = Arc::new(RedbStore::open(&vactor.path(".vactor"), Mode::Write).unwrap());
        let cache = Cache::at(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
        let engine = Engine::new(store, Sandbox::new(cache), Settings { clock, ..Settings::default() });
        engine.work(2, Until::Idle { ahead: Duration::ZERO }).unwrap();
        let value = engine.get("c", "value", json!({})).unwrap();
        value.result.to_string()
    };
    assert_eq!(at(FAR - 1), "1", "early");
    assert_eq!(at(FAR), "11");
    assert_eq!(at(FAR), "11", "twice");
    assert_eq!(at(FAR + 1), "111");
    assert_eq!(at(FAR * 2), "111", "twice");
    // the used key returns the result
    assert_eq!(vactor.line("call c incr 100 --key k").ok(), "111\n");
    assert_eq!(steps(&vactor).len(), 4);
}

#[test]
fn delayed_call_is_cancelled() {
    let vactor = counter();
    alone(&vactor, "call c incr 10 --after 7d").ok();
    vactor.line("cancel c#2").ok();
    let waited = vactor.line("wait c#2");
    assert_eq!((waited.code, waited.stdout.as_str()), (4, "null\n"));
    assert_eq!(vactor.line("ps").ok().lines().count(), 1, "the header alone");
}

#[test]
fn call_with_past_due_time_runs_now_with_note() {
    let vactor = counter();
    let ran = alone(&vactor, "call c incr --at 2020-02-29T00:00Z");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "c#2\n"));
    assert_eq!(ran.stderr, "2020-02-29T00:00:00.000Z is past: the call is due now\n");
    assert_eq!(alone(&vactor, "call c incr --at 1492-10-12T00:00Z -q").stderr, "");
    assert_eq!(vactor.line("call c incr").ok(), "3\n");
}

#[test]
fn invalid_time_is_refused() {
    let vactor = counter();
    for (line, error, hint) in [
        ("--after soon", "invalid value `soon` for `--after <TIME>`: write a time such as 250ms", ""),
        ("--after=-5s", "invalid value `-5s`", ""),
        ("--after 4000000000d", "`--after` leads past the year 9999", "30s, 5m"),
        ("--at tomorrow", "write a time with its offset, such as 2026-12-01T09:00Z", ""),
        ("--at 2026-12-01T09:00", "write a time with its offset", ""),
        ("--at 2026-02-30T09:00Z", "write a time with its offset", ""),
        ("--at 2026-12-01T09:00Z --after 5s", "cannot be used with", "usage: "),
        ("--after 5s --timeout 5s", "cannot be used with", "usage: "),
    ] {
        vactor.line(&format!("call c incr {line}")).refuses(2, error, hint);
    }
    vactor.line("call c value --after 5s").refuses(2, "value is a query", "`vactor get` runs it");
    vactor.line("call missing incr --after 5s").refuses(3, "there is no actor missing", "");
    assert_eq!(vactor.line("ps").ok().lines().count(), 1, "the header alone");
}
