//! Changes of a store, within one write transaction.

mod accept;
mod cancel;
mod check;
mod classes;
mod clock;
mod commit;
mod construction;
mod due;
mod events;
mod finish;
mod inbox;
mod links;
mod progress;
mod ready;
mod remove;
mod step;
mod suspend;
mod usage;
mod waits;
pub mod writer;

pub use clock::requested_ahead;
pub use commit::HashedCommit;
