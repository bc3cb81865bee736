use std::fmt;

use serde_json::Value;

use crate::failure::{Failure, IntoFailure};

/// Why something that was waited for did not succeed.
///
/// It becomes a [`Failure`] of the same kind, message and details where a method passes it on by `?`; but `bad-arguments`,
/// `bad-result` and `bad-state` become `child-bad-arguments` and so on, since they speak of another class.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub origin: Origin,
    /// A short, stable, machine-readable name: the class's own, such as `insufficient-funds`, or the host's.
    pub kind: String,
    /// One sentence for a person.
    pub message: String,
    pub details: Option<Value>,
    /// The opaque id of the invocation that did not succeed; empty for an event.
    pub invocation: String,
}

/// Who says that it did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The class that was called raised a failure.
    Class,
    /// The host ended the invocation: `trap`, `limit`, `cancelled`, `deadlock`, `not-found`, `exists`, `bad-arguments`,
    /// `inbox-full`, `bad-state`, `bad-result` or `diverged`.
    Host,
    /// It did succeed, and what it gave is not of the type that the caller expects: [`Fault::UNEXPECTED_ANSWER`].
    Caller,
}

impl Fault {
    /// The kind of an answer that is not of the type that the caller expects.
    pub const UNEXPECTED_ANSWER: &str = "unexpected-answer";

    pub fn new(origin: Origin, kind: impl Into<String>, message: impl Into<String>) -> Self {
        Fault { origin, kind: kind.into(), message: message.into(), details: None, invocation: String::new() }
    }

    /// Whether it was cancelled, and not broken.
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
        // The host would take such a kind to speak of the method that passes the fault on.
        let kind = if Failure::is_of_host(&self.kind) { format!("child-{}", self.kind) } else { self.kind };
        Failure { kind: kind.into(), message: self.message, details: self.details }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        fault.into_failure()
    }
}
