//! The outcome of an invocation, and its faults.

use serde::{Deserialize, Serialize};

use super::{Json, Limit};

/// The outcome of an invocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It succeeded with this result.
    Succeeded(Json),
    /// It failed with this fault.
    Failed(Fault),
}

/// The reason for which an invocation did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The class or the host.
    pub origin: FaultOrigin,
    /// A short, stable, machine-readable name.
    pub kind: String,
    /// One sentence.
    pub message: String,
    /// More for programs: details of the class's failure, or the limit that was exceeded.
    pub details: Option<Json>,
    /// Whether a retry would fail as well: a task is not retried.
    pub permanent: bool,
    /// Whether the invocation may be resumed.
    pub resumable: bool,
}

/// The side that ended an invocation without success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultOrigin {
    /// The class raised a failure.
    Class,
    /// The host ended it.
    Host,
}

/// The host's kinds of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostFault {
    /// The guest trapped: a panic, `unreachable`, a stack overflow, a call that its run may not
    /// make.
    Trap,
    /// The guest exceeded a limit.
    Limit(Limit),
    /// It was cancelled.
    Cancelled,
    /// The called actor does not exist.
    NotFound,
    /// The actor exists already.
    Exists,
    /// The arguments do not fit the method.
    BadArguments,
    /// The actor's inbox is full.
    InboxFull,
    /// The class cannot read a saved state ([`CANNOT_READ`]), or cannot save its state after a
    /// method.
    BadState,
    /// The result is no JSON.
    BadResult,
    /// The wait would have closed a cycle of waits.
    Deadlock,
    /// A replay asked for another operation than the history has.
    Diverged,
}

/// The beginning of the message of a `bad-state` about a saved state. Other messages are about a
/// state that a method left.
pub const CANNOT_READ: &str = "the class cannot read the saved state";

impl HostFault {
    /// A short, stable, machine-readable name.
    pub const fn kind(self) -> &'static str {
        match self {
            HostFault::Trap => "trap",
            HostFault::Limit(_) => "limit",
            HostFault::Cancelled => "cancelled",
            HostFault::NotFound => "not-found",
            HostFault::Exists => "exists",
            HostFault::BadArguments => "bad-arguments",
            HostFault::InboxFull => "inbox-full",
            HostFault::BadState => "bad-state",
            HostFault::BadResult => "bad-result",
            HostFault::Deadlock => "deadlock",
            HostFault::Diverged => "diverged",
        }
    }
}

impl Fault {
    /// A fault of the host. Details of [`HostFault::Limit`] name the limit, as [`Fault::limit`]
    /// reads it.
    pub fn host(fault: HostFault, message: impl Into<String>) -> Fault {
        let details = match fault {
            HostFault::Limit(limit) => Json::of(&LimitDetails { limit }).ok(),
            _ => None,
        };
        let (kind, message) = (fault.kind().to_owned(), message.into());
        Fault { origin: FaultOrigin::Host, kind, message, details, permanent: false, resumable: true }
    }

    /// The limit that was exceeded, by the method or by a child whose fault the method returned.
    pub fn limit(&self) -> Option<Limit> {
        let details = self.details.as_ref().filter(|_| self.kind == HostFault::Limit(Limit::Time).kind())?;
        details.read::<LimitDetails>().ok().map(|details| details.limit)
    }

    /// Whether it is this fault of the host.
    pub fn is_host(&self, fault: HostFault) -> bool {
        self.origin == FaultOrigin::Host && self.kind == fault.kind()
    }
}

/// The details of a fault of the kind `limit`.
#[derive(Serialize, Deserialize)]
struct LimitDetails {
    limit: Limit,
}
