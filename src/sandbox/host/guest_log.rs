//! The log of a run, within its limit.

use crate::model::{Level, Log, LogLine, show_bytes};

/// The log since the beginning of the run or its last save.
pub struct GuestLog {
    pub log: Log,
    /// The longest log of a step, in bytes.
    limit: u64,
    /// None if the last line took all.
    left: Option<u64>,
}

impl GuestLog {
    pub fn new(limit: u64) -> GuestLog {
        GuestLog { log: Log::default(), limit, left: Some(limit) }
    }

    /// Begins the log of the next step.
    pub fn clear(&mut self) {
        *self = GuestLog::new(self.limit);
    }

    /// The part of a message that the log has room for. A line costs its bytes and one more, so
    /// that the number of empty lines has a limit, too.
    pub fn take(&mut self, mut message: String) -> Option<String> {
        let Some(left) = self.left.filter(|_| !self.log.truncated) else {
            self.log.truncated = true;
            return None;
        };
        if message.len() as u64 > left {
            self.log.truncated = true;
            message.truncate(message.floor_char_boundary(left as usize));
            message.shrink_to_fit();
            if message.is_empty() {
                return None;
            }
        }
        self.left = left.checked_sub(message.len() as u64 + 1);
        Some(message)
    }

    /// The line by which a listener learns that the log is truncated. The step that keeps the log
    /// has a flag for it.
    pub fn truncation_note(&self) -> LogLine {
        let message =
            format!("the log is truncated: it has at most {}; `--max-log` raises the limit", show_bytes(self.limit));
        LogLine { level: Level::Warn, message }
    }
}
