//! Which accepted invocation runs when, and on which thread.

pub mod await_end;
pub mod backoff;
pub mod claim;
pub mod executor;
mod find_work;
pub mod rotation;
mod wanted;
pub mod worker;
