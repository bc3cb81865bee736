use std::fmt;

use serde_json::Value;

use crate::failure::{Failure, IntoFailure};

/// The reason why an awaited call or query did not succeed.
///
/// If a method passes it on by `?`, it becomes a [`Failure`] that is equal to it; but `bad-arguments`, `bad-result` and
/// `bad-state` become `child-bad-arguments` and so on, because they are about another class.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fault {
    pub origin: Origin,
    /// A short, stable, machine-readable name: the class's own, such as `insufficient-funds`, or the host's.
    pub kind: String,
    /// One sentence for a person.
    pub message: String,
    pub details: Option<Value>,
    /// Whether a retry would fail as well: see [`Failure`].
    pub permanent: bool,
    /// Whether the failed invocation may be resumed: see [`Failure`].
    pub resumable: bool,
    /// The opaque id of the invocation that did not succeed; empty for an event.
    pub invocation: String,
}

/// The source of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The class that was called raised a failure.
    Class,
    /// The host ended the invocation: `trap`, `limit`, `cancelled`, `deadlock`, `not-found`, `exists`, `bad-arguments`,
    /// `inbox-full`, `bad-state`, `bad-result` or `diverged`.
    Host,
    /// The call succeeded, with a result that is not of the caller's type: [`Fault::UNEXPECTED_ANSWER`].
    Caller,
}

impl Fault {
    /// The kind of an answer that is not of the caller's type.
    pub const UNEXPECTED_ANSWER: &str = "unexpected-answer";

    pub fn new(origin: Origin, kind: impl Into<String>, message: impl Into<String>) -> Self {
        Fault {
            origin,
            kind: kind.into(),
            message: message.into(),
            details: None,
            permanent: false,
            resumable: true,
            invocation: String::new(),
        }
    }

    /// Whether the call was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.origin == Origin::Host && self.kind == "cancelled"
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl IntoFailure for Fault {
    fn into_failure(self) -> Failure {
        // The host would take such a kind as a statement about the method that passes the fault on.
        let kind = if Failure::is_of_host(&self.kind) { format!("child-{}", self.kind) } else { self.kind };
        let Fault { message, details, permanent, resumable, .. } = self;
        Failure { kind: kind.into(), message, details, permanent, resumable }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        fault.into_failure()
    }
}
