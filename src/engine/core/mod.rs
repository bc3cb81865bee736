//! What every layer of the engine uses: the store's history of an invocation, and the threads that watch for commits.

pub mod cancel_watch;
pub mod history;
pub mod notifier;
