use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

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
    /// The kind that says that the arguments do not fit the method; the host reads it.
    pub const BAD_ARGUMENTS: &str = "bad-arguments";
    /// A method's result that cannot be written as JSON.
    pub const BAD_RESULT: &str = "bad-result";
    /// A state that cannot be written, or not be read again.
    pub const BAD_STATE: &str = "bad-state";

    pub fn new(kind: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Failure { kind: kind.into(), message: message.into(), details: None }
    }

    /// Adds details for the caller.
    ///
    /// # Panics
    ///
    /// When they cannot be written as JSON: a map whose keys are no strings, say.
    pub fn with_details(mut self, details: impl Serialize) -> Self {
        self.details = Some(serde_json::to_value(details).expect("details can be written as JSON"));
        self
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
