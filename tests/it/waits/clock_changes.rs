//! Changed clocks: actors that ran while the clock was ahead, and calls that were delayed by such a
//! clock.

use std::time::Duration;

use serde_json::json;
use vactor::engine::Phase;
use vactor::model::ResolvedTarget;
use vactor::{Options, Reference, Timestamp};

use super::{BEGIN, Flow};

const CENTURY: u64 = 100 * 365 * 24 * 60 * 60 * 1000;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The wait targets of an invocation.
fn waits_on(flow: &Flow, reference: &Reference) -> Vec<ResolvedTarget> {
    flow.engine.invocation(reference).unwrap().pending_wait().map(|waiting| waiting.targets.clone()).unwrap_or_default()
}

/// The steps of an actor whose logs say that the clock went back.
fn jumps(flow: &Flow, id: &str) -> Vec<u64> {
    let steps = flow.engine.steps(id, 1, 100).unwrap();
    let says = |line: &vactor::model::LogLine| line.message.starts_with("the clock went back by ");
    steps.iter().filter(|step| step.log.lines.iter().any(says)).map(|step| step.number).collect()
}

/// Asserts that `reference` ends after so long by the clock, and not before.
fn ends_after(flow: &Flow, reference: &Reference, delay: u64) {
    flow.work();
    flow.pass(ms(delay - 1));
    flow.work();
    assert!(matches!(flow.phase(reference), Phase::Waiting | Phase::Queued), "{reference} ended early");
    flow.pass(ms(1));
    flow.work();
    assert_eq!(flow.phase(reference), Phase::Succeeded, "{reference} is late");
}

#[test]
fn timer_of_actor_with_clock_ahead_ends_after_delay() {
    let flow = Flow::new(&["a"]);
    flow.set(BEGIN + CENTURY);
    flow.call("a", "add", json!({})).unwrap();
    flow.set(BEGIN);
    let sleeps = flow.submit("a", "sleep", json!({"ms": 100}));
    let behind = flow.submit("a", "add", json!({}));
    flow.work();
    assert_eq!(waits_on(&flow, &sleeps), [ResolvedTarget::Timer(Timestamp::from_millis(BEGIN + 100))]);
    ends_after(&flow, &sleeps, 100);
    assert_eq!(flow.wait(&sleeps).unwrap(), 100, "the guest's clock goes on");
    assert_eq!(flow.phase(&behind), Phase::Succeeded);
    let steps = flow.engine.steps("a", 1, 100).unwrap();
    assert!(steps.is_sorted_by_key(|step| step.times.now), "the guest's clock went back");
    assert_eq!(jumps(&flow, "a"), [3], "one step says that the clock went back");
    // and again, further
    flow.set(BEGIN - CENTURY / 10);
    flow.call("a", "add", json!({})).unwrap();
    assert_eq!(jumps(&flow, "a"), [3, 5]);
    flow.replays("a");
}

#[test]
fn timer_restarts_when_clock_is_set_back() {
    let flow = Flow::new(&["a", "b"]);
    flow.set(BEGIN + CENTURY);
    let sleeps = flow.submit("a", "sleep", json!({"ms": 5_000}));
    let decides = flow.submit("b", "decide", json!({"deadline_ms": 7_000}));
    flow.work();
    assert_eq!(waits_on(&flow, &sleeps), [ResolvedTarget::Timer(Timestamp::from_millis(BEGIN + CENTURY + 5_000))]);
    flow.set(BEGIN);
    ends_after(&flow, &sleeps, 5_000);
    assert_eq!(jumps(&flow, "a"), [2]);
    ends_after(&flow, &decides, 2_000);
    flow.replays("a");
    flow.replays("b");
}

#[test]
fn delays_restart_when_clock_is_set_back() {
    let flow = Flow::new(&["a", "b"]);
    let delayed = Options { delay: Some(ms(4_000)), ..Options::default() };
    flow.set(BEGIN + CENTURY);
    let called = flow.engine.submit_call("a", "add", json!({}), &delayed).unwrap();
    flow.call("b", "send", json!({"other": "b", "n": 1, "delay_ms": 4_000})).unwrap();
    let sent = "b#3".parse().unwrap();
    let fails = flow.engine.submit_task("probe", "flaky", json!({"tries": 2}), &Options::default()).unwrap();
    flow.work();
    assert_eq!(flow.engine.invocation(&fails).unwrap().attempts, 1);
    // an explicit time stays
    let named = Options { due: Some(Timestamp::from_millis(BEGIN + CENTURY + 4_000)), ..Options::default() };
    let named = flow.engine.submit_call("a", "add", json!({}), &named).unwrap();
    flow.set(BEGIN);
    ends_after(&flow, &called, 4_000);
    assert_eq!(flow.phase(&sent), Phase::Succeeded);
    assert_eq!(flow.phase(&fails), Phase::Succeeded);
    assert_eq!(flow.phase(&named), Phase::Queued);
}

/// A call that one machine found due is run by another one whose clock is behind.
#[test]
fn task_due_by_clock_ahead_is_run_by_clock_behind() {
    let flow = Flow::new(&[]);
    let delayed = Options { delay: Some(ms(4_000)), ..Options::default() };
    let task = flow.engine.submit_task("probe", "square", json!({"n": 3}), &delayed).unwrap();
    flow.pass(ms(4_000));
    assert!(flow.engine.has_work().unwrap());
    flow.set(BEGIN);
    flow.work();
    assert_eq!(flow.phase(&task), Phase::Succeeded);
}

#[test]
fn delays_are_kept_across_different_clocks() {
    let flow = Flow::new(&["a"]);
    let delayed = Options { delay: Some(ms(4_000)), ..Options::default() };
    flow.set(BEGIN + 3_600_000);
    let called = flow.engine.submit_call("a", "add", json!({}), &delayed).unwrap();
    flow.set(BEGIN);
    flow.work();
    let due = flow.engine.invocation(&called).unwrap().request.due;
    assert_eq!(due, Some(Timestamp::from_millis(BEGIN + 3_604_000)));
}

/// The delay of a message counts from its first send, however often its sender is replayed.
#[test]
fn message_delay_counts_from_first_send() {
    use crate::raw::{NULL, RawClass};
    let later = "(call $actor-id (global.get $pair))
        (call $send-actor (call $pair) (call $text_noop) (call $text_none) (i64.const 3600000) (global.get $pair))
        (call $keep (i32.const 0) (call $event (call $text_go)))
        (drop (call $wait-kept (i32.const 1)))";
    let class = RawClass::new()
        .operations()
        .text("noop", "noop")
        .text("none", "{}")
        .text("go", "go")
        .mutation("later", &format!("{later} {NULL}"))
        .mutation("noop", NULL);
    let flow = Flow::new(&[]);
    flow.engine.register("later", &class.build()).unwrap();
    flow.engine.create("later", "l", json!({}), &Options::default()).unwrap();
    let waits = flow.submit("l", "later", json!({}));
    flow.work();
    flow.pass(ms(1_000_000));
    flow.emit("l", "go", json!(1));
    flow.work();
    assert_eq!(flow.phase(&waits), Phase::Succeeded);
    let message = flow.engine.invocation(&"l#3".parse().unwrap()).unwrap();
    assert_eq!(message.request.due, Some(Timestamp::from_millis(BEGIN + 3_600_000)));
}
