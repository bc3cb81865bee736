use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::json;

/// An error that the class itself raised: the call failed, and nothing was changed.
///
/// A caller that passes a failure on can say that trying again is of no use:
///
/// ```
/// use vactor_sdk::Failure;
///
/// fn charge(card: &str) -> Result<(), Failure> {
///     match card {
///         "expired" => Err(Failure::new("declined", "the card has expired").permanent()),
///         "stolen" => Err(Failure::new("declined", "the card is stolen").permanent().not_resumable()),
///         _ => Err(Failure::new("unreachable", "the bank does not answer")), // a task is retried
///     }
/// }
/// # assert!(charge("stolen").unwrap_err().permanent);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Failure {
    /// A short, stable, machine-readable name, such as `insufficient-funds`.
    pub kind: Cow<'static, str>,
    /// One sentence for a person.
    pub message: String,
    /// More data for the caller.
    pub details: Option<Value>,
    /// Whether a retry would fail as well: a task is not retried, though retries are left.
    pub permanent: bool,
    /// Whether the failed invocation may be resumed. If not, `vactor resume` refuses it.
    pub resumable: bool,
}

impl Failure {
    /// The kind of a failure with a message alone, such as a `String` as an error.
    pub const PLAIN: &str = "error";
    /// The arguments do not fit the method. The host reports this kind as its own, and the two below.
    pub const BAD_ARGUMENTS: &str = "bad-arguments";
    /// A method's result, or the details of its failure, cannot be written as JSON: a class error.
    pub const BAD_RESULT: &str = "bad-result";
    /// The state cannot be written, or not be read again: a class error.
    pub const BAD_STATE: &str = "bad-state";

    pub fn new(kind: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Failure { kind: kind.into(), message: message.into(), details: None, permanent: false, resumable: true }
    }

    /// The same failure, which a retry would not change: a task is not retried.
    pub fn permanent(self) -> Self {
        Failure { permanent: true, ..self }
    }

    /// The same failure, of an invocation that cannot be resumed.
    pub fn not_resumable(self) -> Self {
        Failure { resumable: false, ..self }
    }

    /// Adds details for the caller.
    ///
    /// If they cannot be written as JSON (a float that is not finite, a map whose keys are lists), the result is a failure
    /// of the kind [`Failure::BAD_RESULT`] instead.
    pub fn with_details(self, details: impl Serialize) -> Self {
        match json::value(&details) {
            Ok(details) => Failure { details: Some(details), ..self },
            Err(error) => {
                let message = format!("the details of the failure `{}` cannot be written as JSON: {error}", self.kind);
                Failure::new(Failure::BAD_RESULT, message)
            }
        }
    }

    /// Whether the host treats a failure of this kind as its own fault.
    pub(crate) fn is_of_host(kind: &str) -> bool {
        [Failure::BAD_ARGUMENTS, Failure::BAD_RESULT, Failure::BAD_STATE].contains(&kind)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// An error with a kind and details of its own.
///
/// A method may return any error. One that implements this trait is converted by it. Any other [`std::error::Error`] becomes
/// its message with those of its sources, and its type's name in kebab-case as the kind. Any other type with a
/// [`Display`](fmt::Display), such as a `String`, becomes its text.
///
/// ```
/// use vactor_sdk::{Failure, IntoFailure};
///
/// enum Refusal {
///     Closed,
///     TooLate { by_seconds: u64 },
/// }
///
/// impl IntoFailure for Refusal {
///     fn into_failure(self) -> Failure {
///         match self {
///             Refusal::Closed => Failure::new("closed", "the list is closed"),
///             Refusal::TooLate { by_seconds } => Failure::new("too-late", format!("{by_seconds} s too late"))
///                 .with_details(serde_json::json!({ "by_seconds": by_seconds })),
///         }
///     }
/// }
/// ```
pub trait IntoFailure {
    fn into_failure(self) -> Failure;
}

impl IntoFailure for Failure {
    fn into_failure(self) -> Failure {
        self
    }
}

impl IntoFailure for Infallible {
    fn into_failure(self) -> Failure {
        match self {}
    }
}
