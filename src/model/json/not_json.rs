//! The error of a text that is no JSON value.

use std::fmt;

/// How many arrays and objects may be nested in one another. It is below the 127 that `serde_json`
/// reads, so that a value still fits into the values around it: a line of a batch, an event, a
/// guest's own types.
pub const MAX_NESTING: usize = 120;

/// Why a text is no JSON value, with line and column.
#[derive(Debug)]
pub struct NotJson(serde_json::Error);

impl NotJson {
    /// A sentence whose subject is `what`, such as `the payload`.
    pub fn of(&self, what: &str) -> String {
        if self.is_syntax() { format!("{what} is not JSON: {self}") } else { format!("{what}: {self}") }
    }

    /// Whether the text breaks JSON's grammar, and not only a rule of [`read_value`].
    pub fn is_syntax(&self) -> bool {
        !self.0.is_data() && !self.to_string().starts_with(&too_deep())
    }
}

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.0.to_string();
        match error.strip_prefix("recursion limit exceeded") {
            Some(place) => write!(f, "{}{place}", too_deep()),
            None => f.write_str(&error),
        }
    }
}

impl From<serde_json::Error> for NotJson {
    fn from(error: serde_json::Error) -> NotJson {
        NotJson(error)
    }
}

impl std::error::Error for NotJson {}

/// The reason of an error about a value that is nested too deep.
pub fn too_deep() -> String {
    format!("it is nested deeper than {MAX_NESTING} levels")
}
