//! The log of a run.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The log of a run or a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// The lines, the oldest first.
    pub lines: Vec<LogLine>,
    /// Whether lines are missing, as the log exceeded its limit.
    pub truncated: bool,
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// The severity.
    pub level: Level,
    /// The text, which may have several lines.
    pub message: String,
}

/// The severity of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For the author of the class.
    Debug,
    /// Usual output, such as that of `println!`.
    Info,
    /// Unexpected, and harmless.
    Warn,
    /// A failure.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        })
    }
}
