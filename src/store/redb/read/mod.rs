//! Queries of one committed state, or of an open write transaction.

pub mod actors;
pub mod classes;
pub mod deadlock;
pub mod events;
pub mod history;
pub mod inbox;
pub mod invocations;
pub mod runnable;
pub mod wait_targets;
pub mod waits;
