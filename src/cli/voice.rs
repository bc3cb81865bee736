//! What is heard while a class runs: its lines, and progress on a terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use vactor::engine::Observer;
use vactor::model::{ActorId, ClassName, Error, Level, LogLine, Name};

use super::text;

/// Speaks on stderr. Quiet, it says nothing.
pub struct Voice {
    quiet: bool,
    terminal: OnceLock<bool>,
    /// What turns on the terminal while something takes long.
    progress: Mutex<Option<ProgressBar>>,
}

impl Voice {
    pub fn new(quiet: bool) -> Voice {
        Voice { quiet, terminal: OnceLock::new(), progress: Mutex::default() }
    }

    pub fn is_on_terminal(&self) -> bool {
        *self.terminal.get_or_init(|| io::stderr().is_terminal())
    }

    /// A line to stderr, as it is. If nobody can read it, nobody misses it.
    pub fn say(&self, line: &str) {
        self.end_progress();
        let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
    }

    /// Takes away what shows progress.
    pub fn end_progress(&self) {
        if let Some(progress) = self.progress().take() {
            progress.finish_and_clear();
        }
    }

    fn progress(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shows_progress(&self) -> bool {
        !self.quiet && self.is_on_terminal()
    }
}

impl Observer for Voice {
    /// `my_counter: 10`; a line that is not plain output says what it is.
    fn said(&self, name: &Name, line: &LogLine) {
        if self.quiet {
            return;
        }
        let level = match line.level {
            Level::Info => String::new(),
            level => format!("{level}: "),
        };
        let terminal = self.is_on_terminal();
        let mut lines = String::new();
        for (n, part) in line.message.split('\n').enumerate() {
            let shown = if terminal { text::harmless_line(part) } else { part.into() };
            let separator = if n > 0 { "\n" } else { "" };
            lines.push_str(&format!("{separator}{name}: {level}{shown}"));
        }
        self.say(&lines);
    }

    fn stuck(&self, name: &Name, error: &Error) {
        let told = format!("warning: what waits for {name} cannot run: {error}");
        self.say(&if self.is_on_terminal() { text::harmless_line(&told) } else { told.into() });
    }

    fn compiling(&self, class: &ClassName) {
        if self.shows_progress() {
            let spinner = ProgressBar::new_spinner().with_message(format!("compiling {class}"));
            spinner.enable_steady_tick(Duration::from_millis(100));
            *self.progress() = Some(spinner);
        }
    }

    fn replaying(&self, id: &ActorId, done: u64, all: u64) {
        if !self.shows_progress() {
            return;
        }
        let mut progress = self.progress();
        let bar = progress.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}");
            let bar = ProgressBar::new(all).with_message(format!("replaying {id}"));
            bar.with_style(style.expect("the template is sound"))
        });
        bar.set_position(done);
    }
}
