//! The log of a step while it grows.

use super::{Halt, Host, ON_LOG};
use crate::model::{Level, Log, LogLine, show_bytes};

/// What the guest said since the run began or its last save.
pub struct Said {
    pub log: Log,
    /// Bytes that the log of a step may have.
    limit: u64,
    /// None when the last line took all.
    left: Option<u64>,
}

impl Said {
    pub fn within(limit: u64) -> Said {
        Said { log: Log::default(), limit, left: Some(limit) }
    }

    /// The next step's log begins.
    pub fn begin_anew(&mut self) {
        *self = Said::within(self.limit);
    }

    /// What of a line there is room for. A line costs its bytes and one more, so that empty ones end too.
    fn take(&mut self, mut message: String) -> Option<String> {
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

    fn cut_off(&self) -> LogLine {
        let most = show_bytes(self.limit);
        let message = format!("what else it says is dropped: a log has at most {most}; `--max-log` raises the limit");
        LogLine { level: Level::Warn, message }
    }
}

impl Host {
    pub(super) fn say(&mut self, level: Level, message: String) -> Result<(), Halt> {
        let was_cut = self.said.log.truncated;
        let line = self.said.take(message).map(|message| LogLine { level, message });
        // only who listens is told: the step that keeps the log says itself that it is cut
        let note = (self.said.log.truncated && !was_cut).then(|| self.said.cut_off());
        if line.is_none() && note.is_none() {
            return Ok(());
        }
        let pause = self.guard.pause()?; // what the reader of the log takes is not the guest's time
        ON_LOG.with(|on_log| line.iter().chain(&note).for_each(&mut *on_log));
        self.said.log.lines.extend(line);
        self.guard.go_on(pause)
    }
}
