//! Everything that the command line writes: data to stdout, the rest to stderr.

pub mod escape;
pub mod hint;
pub mod stream;
pub mod trace;

mod console;
mod effect;
mod listing;
mod problem;
mod reporter;
mod table;
mod worker_log;

pub use console::{Console, PartialLines};
pub use effect::{Effect, HAS_ENDED, WAS_MADE, result_lost, result_printed};
pub use listing::Listing;
pub use problem::{CODES, Code, ErrorLine, Problem};
pub use worker_log::WorkerLog;
