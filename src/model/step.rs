//! The steps of an actor's journal.

use serde::{Deserialize, Serialize};

use super::{CallRequest, Hash, Log, Outcome, Times, Timestamp};

/// A committed entry of an actor's journal: a call and its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The number of the step in the journal, from 1 on.
    pub number: u64,
    /// The number of its invocation.
    pub reference: u64,
    /// The version of the class that ran.
    pub version: u32,
    /// The call.
    pub request: CallRequest,
    /// The times of the run.
    pub times: Times,
    /// The outcome of the invocation; of a save, `null`.
    pub outcome: Outcome,
    /// The log since the step before.
    pub log: Log,
    /// Computing time of the guest, in microseconds of processor time.
    pub micros: u64,
    /// The hash of the state after the step.
    pub state: Hash,
    /// The progress of the run, if the invocation has a history.
    pub run: Option<RunProgress>,
}

/// The progress of a run at one of its commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunProgress {
    /// The first time of the guest's clock, with which a replay begins.
    pub first_now: Timestamp,
    /// The length of the invocation's history at this step.
    pub history_len: u64,
    /// Whether the step is a save, after which the invocation continued.
    pub is_save: bool,
}
