//! A request for a decision: it waits for days, sends reminders, and expires at a deadline. No process needs to run while
//! it waits.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vactor_sdk::{Context, Failure, Timestamp, actor};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// A century.
const MOST_DAYS: u32 = 36_525;

#[derive(Debug, Serialize, Deserialize)]
pub struct Approval {
    request: String,
    days: u32,
    remind_hours: u32,
    status: Status,
    reminders: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum Status {
    /// It was not submitted yet.
    Draft,
    Waiting {
        deadline: Timestamp,
    },
    Approved {
        by: String,
        at: Timestamp,
    },
    Rejected {
        by: String,
        reason: Option<String>,
        at: Timestamp,
    },
    /// There was no decision until the deadline.
    Expired {
        at: Timestamp,
    },
}

/// The payload of the events `approved` and `rejected`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    pub by: String,
    #[serde(default)]
    pub reason: Option<String>,
}

/// A request, its status, and the number of reminders.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub struct View<'a> {
    request: &'a str,
    #[serde(flatten)]
    status: &'a Status,
    reminders: u32,
}

/// A request for a decision.
#[actor(events(
    /// The request is approved.
    approved: Decision,
    /// The request is rejected.
    rejected: Decision,
))]
impl Approval {
    /// A draft.
    pub fn new(
        /// The text of the request.
        request: String,
        /// The days for the decision, from the submission on.
        #[default(3)]
        days: u32,
        /// The hours between reminders.
        #[default(24)]
        remind_hours: u32,
    ) -> Result<Self, Failure> {
        if days == 0 || remind_hours == 0 {
            return Err(Failure::new("no-time", "there is at least one day to decide, and an hour between reminders"));
        }
        if days > MOST_DAYS {
            return Err(Failure::new("too-long", format!("there are at most {MOST_DAYS} days to decide, not {days}")));
        }
        Ok(Approval { request, days, remind_hours, status: Status::Draft, reminders: 0 })
    }

    /// Asks for a decision, and waits for it: one of the events `approved` and `rejected`, each with `{"by": NAME}` and
    /// perhaps a `reason`, or the deadline. Returns the decision.
    ///
    /// If it is submitted again after a cancel, it waits until the same deadline.
    pub fn submit(&mut self, ctx: &Context) -> Result<Status, Failure> {
        let deadline = match &self.status {
            Status::Draft => ctx.now() + self.days * 24 * HOUR,
            Status::Waiting { deadline } => *deadline,
            _ => return Err(Failure::new("decided", "this was decided").with_details(&self.status)),
        };
        self.status = Status::Waiting { deadline };
        ctx.save(self)?;
        println!("{} can be decided until {deadline}", self.request);
        self.status = self.decision(deadline, ctx)?;
        Ok(self.status.clone())
    }

    /// The request and its status.
    pub fn view(&self) -> View<'_> {
        View { request: &self.request, status: &self.status, reminders: self.reminders }
    }

    fn decision(&mut self, deadline: Timestamp, ctx: &Context) -> Result<Status, Failure> {
        let expiry = ctx.timer(deadline.since(ctx.now()));
        let mut reminder = ctx.timer(self.remind_hours * HOUR);
        let (mut approved, mut rejected) = (ctx.event::<Decision>("approved"), ctx.event::<Decision>("rejected"));
        loop {
            match ctx.wait_any((&approved, &rejected, &expiry, &reminder)) {
                0 => match approved.wait() {
                    Ok(Decision { by, .. }) => return Ok(Status::Approved { by, at: ctx.now() }),
                    Err(fault) => {
                        ctx.warn(format_args!("no approval: {fault}"));
                        approved = ctx.event("approved");
                    }
                },
                1 => match rejected.wait() {
                    Ok(Decision { by, reason }) => return Ok(Status::Rejected { by, reason, at: ctx.now() }),
                    Err(fault) => {
                        ctx.warn(format_args!("no rejection: {fault}"));
                        rejected = ctx.event("rejected");
                    }
                },
                2 => return Ok(Status::Expired { at: ctx.now() }),
                _ => {
                    self.reminders += 1;
                    println!("reminder {}: {} waits to be decided until {deadline}", self.reminders, self.request);
                    ctx.save(self)?;
                    reminder = ctx.timer(self.remind_hours * HOUR);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vactor_sdk::Level;

    use super::*;

    const MONDAY: Timestamp = Timestamp::from_millis(1_795_424_400_000);

    fn approval() -> (Approval, Context) {
        let approval = Approval::new("a new desk".into(), 3, 24).expect("the draft is fine");
        (approval, Context::for_test().with_now(MONDAY))
    }

    #[test]
    fn approval_after_two_days_has_two_reminders() {
        let (mut approval, ctx) = approval();
        let at = MONDAY + 50 * HOUR;
        ctx.emit_at(at, "approved", json!({ "by": "Ada" }));
        assert_eq!(approval.submit(&ctx), Ok(Status::Approved { by: "Ada".into(), at }));
        assert_eq!((ctx.now(), approval.view().reminders), (at, 2));
        let seen: Vec<_> =
            ctx.saves::<Approval>().iter().map(|saved| (saved.reminders, saved.status.clone())).collect();
        let waiting = Status::Waiting { deadline: MONDAY + 72 * HOUR };
        assert_eq!(seen, [0, 1, 2].map(|reminders| (reminders, waiting.clone())), "queries see it wait");
        assert_eq!(approval.submit(&ctx).expect_err("it was decided").kind, "decided");
    }

    #[test]
    fn first_decision_counts_also_before_the_submission() {
        let (mut approval, ctx) = approval();
        ctx.emit("rejected", json!({ "by": "Bob", "reason": "too dear" }));
        ctx.emit_at(MONDAY + HOUR, "approved", json!({ "by": "Ada" }));
        let rejected = Status::Rejected { by: "Bob".into(), reason: Some("too dear".into()), at: MONDAY };
        assert_eq!(approval.submit(&ctx), Ok(rejected));
        assert_eq!(approval.view().reminders, 0);
    }

    #[test]
    fn request_without_decision_expires_at_the_deadline() {
        let (mut approval, ctx) = approval();
        ctx.emit_at(MONDAY + 72 * HOUR + Duration::from_millis(1), "approved", json!({ "by": "Ada" }));
        assert_eq!(approval.submit(&ctx), Ok(Status::Expired { at: MONDAY + 72 * HOUR }));
        assert_eq!(approval.view().reminders, 2, "none with the deadline itself");
    }

    #[test]
    fn malformed_decision_is_skipped() {
        let (mut approval, ctx) = approval();
        ctx.emit("approved", json!("yes"));
        ctx.emit("rejected", json!({ "reason": "no name was given" }));
        ctx.emit_at(MONDAY + HOUR, "approved", json!({ "by": "Ada" }));
        let approved = approval.submit(&ctx).expect("it is decided");
        assert_eq!(approved, Status::Approved { by: "Ada".into(), at: MONDAY + HOUR });
        assert_eq!(ctx.logs().iter().filter(|(level, _)| *level == Level::Warn).count(), 2);
    }

    #[test]
    fn second_submission_keeps_the_deadline() {
        let (_, ctx) = approval();
        let deadline = MONDAY + 72 * HOUR;
        let mut cut_off = Approval::new("a new desk".into(), 3, 24).expect("the draft is fine");
        cut_off.status = Status::Waiting { deadline };
        ctx.set_now(MONDAY + 71 * HOUR);
        assert_eq!(cut_off.submit(&ctx), Ok(Status::Expired { at: deadline }));
        let late = Context::for_test().with_now(deadline + HOUR);
        cut_off.status = Status::Waiting { deadline };
        assert_eq!(cut_off.submit(&late), Ok(Status::Expired { at: deadline + HOUR }));
    }

    #[test]
    fn view_is_one_flat_object() {
        let (approval, _) = approval();
        let view = serde_json::to_value(approval.view()).expect("it is JSON");
        assert_eq!(view, json!({ "request": "a new desk", "status": "draft", "reminders": 0 }));
        assert_eq!(Approval::new("a desk".into(), 0, 1).expect_err("no day is none").kind, "no-time");
        assert_eq!(Approval::new("a desk".into(), u32::MAX, 1).expect_err("no calendar has it").kind, "too-long");
    }
}
