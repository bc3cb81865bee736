//! The example `approval` over days, by a clock that the test sets; waits are in the store alone.

use std::time::Duration;

use serde_json::json;
use vactor::Reference;
use vactor::engine::{Options, Phase};

use super::{BEGIN, Flow};
use crate::classes::component;

const DAY: u64 = 24 * 60 * 60 * 1000;

/// A submitted request with three days to decide.
fn submitted() -> (Flow, Reference) {
    let flow = Flow::new(&[]);
    flow.engine.register("approval", &std::fs::read(component("approval")).unwrap()).unwrap();
    flow.engine.create("approval", "desk", json!({"request": "a desk"}), &Options::default()).unwrap();
    let submitted = flow.submit("desk", "submit", json!({}));
    flow.work();
    (flow, submitted)
}

fn pass_days(flow: &Flow, days: u64) {
    for _ in 0..days {
        flow.pass(Duration::from_millis(DAY));
        flow.work();
    }
}

#[test]
fn approval_reminds_daily_and_expires_at_deadline() {
    let (flow, submitted) = submitted();
    for day in 0..3 {
        assert_eq!(flow.phase(&submitted), Phase::Waiting);
        assert_eq!(
            (&flow.get("desk", "view")["reminders"], &flow.get("desk", "view")["status"]),
            (&json!(day), &json!("waiting"))
        );
        pass_days(&flow, 1);
    }
    let expired = flow.wait(&submitted).unwrap();
    assert_eq!(expired["status"], "expired");
    assert_eq!(expired["at"], vactor::Timestamp::from_millis(BEGIN + 3 * DAY).to_string());
    assert_eq!(flow.get("desk", "view")["reminders"], 2);
    flow.replays("desk");
}

#[test]
fn approval_is_decided_by_first_event() {
    let (flow, submitted) = submitted();
    pass_days(&flow, 2);
    flow.emit("desk", "rejected", json!({"reason": "without a name"}));
    flow.work();
    assert_eq!(flow.phase(&submitted), Phase::Waiting, "that was no decision");
    flow.emit("desk", "approved", json!({"by": "Ada"}));
    flow.emit("desk", "rejected", json!({"by": "Bob"}));
    flow.work();
    let approved = flow.wait(&submitted).unwrap();
    assert_eq!((&approved["status"], &approved["by"]), (&json!("approved"), &json!("Ada")));
    assert_eq!(flow.get("desk", "view")["reminders"], 2);
    let left = flow.engine.events("desk", 0, 9).unwrap();
    assert_eq!(left.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), ["rejected"], "the other one is kept");
    flow.replays("desk");
}

/// A cancel returns to the saved state: submitted again, the request waits until the same deadline.
#[test]
fn cancelled_approval_keeps_deadline_and_reminders() {
    let (flow, submitted) = submitted();
    pass_days(&flow, 1);
    flow.engine.cancel(&submitted).unwrap();
    pass_days(&flow, 1);
    assert_eq!(flow.get("desk", "view")["reminders"], 1);
    let again = flow.submit("desk", "submit", json!({}));
    flow.work();
    pass_days(&flow, 1);
    assert_eq!(flow.wait(&again).unwrap()["status"], "expired");
    flow.replays("desk");
}
