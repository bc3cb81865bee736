//! The record of a name, and the actor under it.

use serde::{Deserialize, Serialize};

use super::{ClassName, Hash, Timestamp};

/// The most steps between two checkpoints, which keep the whole state.
pub const CHECKPOINT_EVERY: u64 = 64;

/// The record of a name: its counters, the size of its inbox, and the actor, if there is one.
///
/// Counters outlive the actor, so that an old reference never names a new call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameRecord {
    /// The last number of each series.
    pub counters: Counters,
    /// The number of pending invocations in the inbox.
    pub queued: u64,
    /// The number of pending invocations that are delayed. A worker moves them to the inbox when
    /// they are due.
    pub delayed: u64,
    /// None before the actor is made, after it is removed, and for the name of a task.
    pub actor: Option<Actor>,
    /// The number of the first pending construction, if there is no actor.
    pub construction: Option<u64>,
    /// The number of events that no method has taken.
    pub events: u64,
}

/// The last number of each series; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Steps of the journal.
    pub steps: u64,
    /// References.
    pub references: u64,
    /// Positions in the inbox.
    pub positions: u64,
    /// Events.
    pub events: u64,
}

/// An actor after its last step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The class.
    pub class: ClassName,
    /// The version of the class, from 1 on.
    pub version: u32,
    /// The time of the commit of its first step.
    pub created: Timestamp,
    /// The time of the commit of its last step.
    pub updated: Timestamp,
    /// The last time of the guest's clock. No later step sees an earlier time.
    pub clock: Timestamp,
    /// The number of the step that made it, the first of its journal.
    pub first_step: u64,
    /// The hash of the state.
    pub state: Hash,
    /// The length of the state, in bytes.
    pub state_bytes: u64,
    /// The number of the step with the last checkpoint.
    pub checkpoint: u64,
    /// The length of the journal since the last checkpoint, in bytes.
    pub since_checkpoint: u64,
}

impl Actor {
    /// Whether the step `number` keeps the whole state. Each state is at most [`CHECKPOINT_EVERY`]
    /// steps of replay away from a checkpoint, and checkpoints are never larger than the journal.
    pub fn wants_checkpoint(&self, number: u64) -> bool {
        number - self.checkpoint >= CHECKPOINT_EVERY || self.since_checkpoint > self.state_bytes
    }
}
