//! Processes, in errors and lists.

use std::fmt;

/// A process that has a lock of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// The id of the process.
    pub pid: u32,
    /// Whether it is stopped (SIGSTOP, Ctrl-Z, a debugger), so that it cannot continue by itself.
    pub stopped: bool,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stopped {
            true => write!(f, "process {}, which is stopped,", self.pid),
            false => write!(f, "process {}", self.pid),
        }
    }
}

/// A process as the subject of a sentence; `another process` if it is unknown.
pub fn shown(holder: Option<&Process>) -> String {
    holder.map_or_else(|| "another process".to_owned(), ToString::to_string)
}
