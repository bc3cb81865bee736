//! Queries of one committed state, or of an open write transaction.

pub mod actors;
pub mod classes;
pub mod deadlock;
pub mod invocations;
pub mod waits;
