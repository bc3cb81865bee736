//! The surroundings of a run: its ends from outside, and the scheduling above it.

use std::time::Instant;

use crate::model::Reference;
use crate::sandbox::StopSignal;

/// The bounds of one run.
#[derive(Clone, Copy)]
pub struct RunBounds<'a> {
    /// The run is aborted at this time.
    pub deadline: Option<Instant>,
    pub stop: &'a StopSignal,
    pub scheduling: &'a dyn Scheduling,
    /// The call commits together with others, so it may not commit before its end.
    pub in_group: bool,
}

/// The layer above a run, which has permits and helper threads.
pub trait Scheduling: Sync {
    /// Frees the permit of a run whose guest waits in memory, until the guard is dropped; dropping it takes a permit
    /// again. None if too many guests wait in memory already.
    fn yield_permit(&self, waiting: &Reference) -> Option<Box<dyn Send + '_>>;

    /// Has helper threads run these children, too.
    fn want(&self, children: Vec<Reference>);

    /// Has a helper thread search for work. False if no thread can be started and none will search later.
    fn spawn_helper(&self) -> bool;
}
