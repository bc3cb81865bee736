//! Times of invocations and steps by the wall clock, and times that guests saw.

use std::time::Duration;

use serde_json::json;
use vactor::engine::Phase;
use vactor::model::{Status, Times};
use vactor::{Reference, Timestamp};

use super::{BEGIN, Flow};

fn at(after: u64) -> Timestamp {
    Timestamp::from_millis(BEGIN + after)
}

fn times(flow: &Flow, reference: &Reference) -> Times {
    match flow.engine.invocation(reference).unwrap().status {
        Status::Ended { times, .. } => times,
        Status::Pending => panic!("{reference} has not ended"),
    }
}

#[test]
fn waiting_run_has_begin_and_commit_times() {
    let flow = Flow::new(&["a"]);
    flow.pass(Duration::from_secs(1));
    let sleeps = flow.submit("a", "sleep", json!({"ms": 5000}));
    flow.work();
    assert_eq!(flow.phase(&sleeps), Phase::Waiting);
    assert_eq!(flow.engine.invocation(&sleeps).unwrap().began_at(), Some(at(1000)));
    // the timer is due at 6000, and the first engine runs at 9000
    flow.pass(Duration::from_secs(8));
    flow.work();
    let expected = Times { began: Some(at(1000)), committed: at(9000), now: at(9000) };
    assert_eq!(times(&flow, &sleeps), expected);
    let step = flow.engine.steps("a", 2, 1).unwrap().remove(0);
    assert_eq!((step.times, step.run.unwrap().first_now), (expected, at(1000)));
    let actor = flow.engine.show("a").unwrap().actor;
    assert_eq!((actor.created, actor.updated, actor.clock), (at(0), at(9000), at(9000)));
    flow.replays("a");
}

#[test]
fn child_begins_after_parent_and_ends_before_it() {
    let flow = Flow::new(&["a", "b"]);
    let parent = flow.submit("a", "add_to", json!({"other": "b"}));
    flow.pass(Duration::from_secs(1));
    flow.another().work(1, super::IDLE).unwrap();
    let child = flow.engine.children(&flow.engine.invocation(&parent).unwrap()).unwrap().remove(0);
    let (parent, child) = (times(&flow, &parent), times(&flow, &child));
    assert!(parent.began <= child.began && child.committed <= parent.committed, "{parent:?} {child:?}");
    assert_eq!(parent.began, Some(at(1000)));
}

#[test]
fn task_end_time_is_end_of_run() {
    let flow = Flow::new(&[]);
    let task = flow.engine.submit_task("probe", "square", json!({"n": 3}), &vactor::Options::default()).unwrap();
    flow.pass(Duration::from_secs(2));
    flow.work();
    assert_eq!(times(&flow, &task), Times { began: Some(at(2000)), committed: at(2000), now: at(2000) });
}

#[test]
fn call_cancelled_before_run_has_no_begin_time() {
    let flow = Flow::new(&["a"]);
    let queued = flow.submit("a", "add", json!({}));
    flow.pass(Duration::from_secs(3));
    flow.engine.cancel(&queued).unwrap();
    let Times { began, committed, .. } = times(&flow, &queued);
    assert_eq!((began, committed), (None, at(3000)));
}

/// A clock that goes back keeps the order of a journal's times.
#[test]
fn journal_times_never_go_back() {
    let flow = Flow::new(&["a"]);
    flow.pass(Duration::from_secs(10));
    flow.call("a", "add", json!({})).unwrap();
    flow.set(BEGIN + 1000);
    flow.call("a", "add", json!({})).unwrap();
    let steps = flow.engine.steps("a", 1, 9).unwrap();
    assert!(steps.is_sorted_by_key(|step| step.times.committed), "{steps:?}");
    assert!(steps.is_sorted_by_key(|step| step.times.now), "{steps:?}");
    let last = steps[2].times;
    assert_eq!(last, Times { began: Some(at(1000)), committed: at(10_000), now: at(10_000) });
    flow.replays("a");
}

/// Of two ended children the one that ended first answers the wait, although its guest began later.
#[test]
fn wait_any_returns_child_that_ended_first() {
    let flow = Flow::new(&["a", "long", "short"]);
    let race = flow.submit("a", "race", json!({"others": ["long", "short"]}));
    flow.work();
    assert_eq!(flow.phase(&race), Phase::Waiting);
    flow.emit("short", "go", json!("1"));
    flow.pass(Duration::from_secs(1));
    let name = vactor::model::Name::from(&vactor::ActorId::new("short").unwrap());
    let short = flow.engine.pending(Some(&name), None, 1).unwrap().remove(0).reference();
    flow.wait(&short).unwrap();
    flow.pass(Duration::from_secs(1));
    flow.emit("long", "go", json!("2"));
    flow.work();
    assert_eq!(flow.wait(&race).unwrap(), json!(["short 1", "long 2"]));
}

#[test]
fn end_time_is_not_before_begin_time() {
    let flow = Flow::new(&["a"]);
    flow.set(BEGIN + 60_000);
    let sleeps = flow.submit("a", "sleep", json!({"ms": 1000}));
    let waits = flow.engine.submit_create("probe", "b", json!({"partner": "c"}), &vactor::Options::default()).unwrap();
    flow.another().work(1, super::IDLE).unwrap();
    assert_eq!(flow.phase(&sleeps), Phase::Waiting);
    flow.set(BEGIN);
    let task = flow.engine.submit_task("probe", "square", json!({"n": 3}), &vactor::Options::default()).unwrap();
    flow.work();
    flow.engine.cancel(&sleeps).unwrap();
    for reference in [sleeps, task, waits] {
        let Times { began, committed, .. } = times(&flow, &reference);
        assert!(began.is_some_and(|began| began <= committed), "{reference}: {began:?} {committed}");
    }
}
