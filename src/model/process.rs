//! Processes, as far as errors and lists name them.

use std::fmt;

/// A process that holds a lock of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    /// Whether it is stopped (SIGSTOP, Ctrl-Z, a debugger) and so cannot go on by itself.
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

/// As the subject of a sentence, also where the process is not known.
pub fn shown(holder: Option<&Process>) -> String {
    holder.map_or_else(|| "another process".to_owned(), ToString::to_string)
}
