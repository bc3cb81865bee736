//! The host's side of the contract: the functions that a guest can call, and their limits.

mod calls;
mod context;
mod guest_log;
mod guest_types;
mod handles;
mod limits;
mod operations;
mod state;

pub use context::link;
pub use guest_types::{GuestFailure, GuestFailure01};
pub use state::{Host, ON_LOG, OPERATIONS};
