use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::json;

/// An error that the class itself raised: the call failed, and nothing was changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// A short, stable, machine-readable name, such as `insufficient-funds`.
    pub kind: Cow<'static, str>,
    /// One sentence for a person.
    pub message: String,
    /// Anything more that a caller may want.
    pub details: Option<Value>,
}

impl Failure {
    /// The kind of a failure that says nothing but a message: a `String` as an error, say.
    pub const PLAIN: &str = "error";
    /// The arguments do not fit the method. The host reports this kind as its own, and the two below.
    pub const BAD_ARGUMENTS: &str = "bad-arguments";
    /// A method's result, or the details of its failure, cannot be written as JSON: the class is at fault.
    pub const BAD_RESULT: &str = "bad-result";
    /// The state cannot be written, or not be read again: the class is at fault.
    pub const BAD_STATE: &str = "bad-state";

    pub fn new(kind: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Failure { kind: kind.into(), message: message.into(), details: None }
    }

    /// Adds details for the caller.
    ///
    /// If they cannot be written as JSON (a float that is not finite, a map whose keys are lists), this gives a failure
    /// of the kind [`Failure::BAD_RESULT`] that says so instead.
    pub fn with_details(self, details: impl Serialize) -> Self {
        match json::value(&details) {
            Ok(details) => Failure { details: Some(details), ..self },
            Err(error) => {
                let message = format!("the details of the failure `{}` cannot be written as JSON: {error}", self.kind);
                Failure::new(Failure::BAD_RESULT, message)
            }
        }
    }

    /// Whether the host takes the failure as its own verdict on the class or on the call, by its kind.
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

/// An error that knows its kind and its details.
///
/// A method may return any error: what implements this trait is asked; any other
/// [`std::error::Error`] gives its message, with its sources', and its type's name in kebab-case as
/// the kind; anything else that has a [`Display`](fmt::Display), such as a `String`, gives its text.
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
