//! A call of another actor or of a task, as the host gets it.

use crate::limit::Limit;

/// The target of a call.
#[derive(Clone, Debug)]
pub enum CallTarget {
    Actor {
        id: String,
    },
    /// An actor that is created first if it does not exist.
    ActorOrNew {
        class: String,
        id: String,
        arguments: String,
    },
    Task {
        class: String,
    },
}

/// A call with all that the host needs for it. Arguments are JSON.
pub struct OutgoingCall<'a> {
    pub target: &'a CallTarget,
    pub method: &'a str,
    pub arguments: &'a str,
    pub delay_ms: u64,
    pub meta: &'a [(String, String)],
    pub limits: &'a [Limit],
    /// Runs the task in a unit test that knows its class.
    #[cfg(not(target_arch = "wasm32"))]
    pub run_task: Option<RunTask>,
}

/// Runs a task, given its name, its arguments and the time.
#[cfg(not(target_arch = "wasm32"))]
pub type RunTask = fn(&str, &str, crate::time::Timestamp) -> Result<String, crate::failure::Failure>;
