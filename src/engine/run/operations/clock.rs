//! The clock of a guest. It never goes back, and advances as fast as the wall clock.

use std::time::Duration;

use crate::engine::core::Core;
use crate::model::{Level, LogLine, Name, NameRecord, Result, Step, Timestamp};
use crate::store::MAX_CLOCK_SKEW;

/// A wall clock that goes back by less was not set.
const JUMP: Duration = Duration::from_secs(60);

/// The clock of one run.
pub struct GuestClock {
    /// The time by the wall clock when the run began.
    pub began: Timestamp,
    /// The guest's first time.
    pub first_now: Timestamp,
    /// The guest's time.
    pub now: Timestamp,
    /// The lead of the guest's clock over the wall clock when the run began.
    ahead: Duration,
    /// Whether the log says that the wall clock went back during the run.
    noted_jump: bool,
}

impl GuestClock {
    pub fn new(began: Timestamp, first_now: Timestamp) -> GuestClock {
        GuestClock { began, first_now, now: first_now, ahead: first_now.since(began), noted_jump: false }
    }

    pub fn advance(&mut self, to: Timestamp) {
        self.now = self.now.max(to);
    }

    /// The guest's time at a time of the wall clock.
    pub fn at(&self, wall: Timestamp) -> Timestamp {
        self.now.max(wall.after(self.ahead))
    }

    /// The time of the wall clock at which the guest's clock reached `now`. If the wall clock has gone back since by more
    /// than clocks of machines differ, it is `wall`.
    pub fn wall_of_now(&self, wall: Timestamp) -> Timestamp {
        let reached = self.now.before(self.ahead);
        if reached > wall.after(MAX_CLOCK_SKEW) { wall } else { reached }
    }

    /// The log line of a wall clock that went back during the run. It is given once.
    pub fn jump_at(&mut self, wall: Timestamp) -> Option<LogLine> {
        let behind = self.now.since(wall.after(self.ahead));
        if behind < JUMP || self.noted_jump {
            return None;
        }
        self.noted_jump = true;
        Some(went_back(behind, self.now))
    }
}

/// The log line of a run before whose beginning the wall clock went back, since the actor's last step. The steps after
/// it do not repeat the line.
pub fn jump_before(core: &Core, name: &Name, record: &NameRecord, began: Timestamp) -> Result<Option<LogLine>> {
    let Some(actor) = &record.actor else { return Ok(None) };
    let behind = actor.clock.since(began);
    if behind < JUMP {
        return Ok(None);
    }
    // in a group of calls that are not committed yet, the first one says it
    let last = core.store.steps(&name.actor()?, record.counters.steps, 1)?.pop();
    let was_behind = |step: Step| match (step.times.began, step.run) {
        (Some(began), Some(run)) => run.first_now.since(began),
        (Some(began), None) => step.times.now.since(began),
        (None, _) => Duration::ZERO,
    };
    let is_new = last.is_some_and(|last| behind >= was_behind(last) + JUMP);
    Ok(is_new.then(|| went_back(behind, actor.clock)))
}

fn went_back(behind: Duration, now: Timestamp) -> LogLine {
    let seconds = behind.as_secs();
    let behind = match (seconds / 86_400, seconds / 3_600) {
        (0, 0) => format!("{seconds} s"),
        (0, hours) => format!("{hours} h"),
        (days, _) => format!("{days} d"),
    };
    let message = format!("the clock went back by {behind}: `now` goes on from {now}, timers by the clock");
    LogLine { level: Level::Warn, message }
}
