//! The operations of a running guest: answered from the history of its invocation as far as that goes, and then
//! performed.

pub mod ask;
pub mod clock;
pub mod driver;
pub mod fingerprint;
mod live;
pub mod outbound;
mod perform;
mod replayed;
mod reusable;
mod wait;
