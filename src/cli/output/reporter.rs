//! Lines on stderr: notes, the lines of classes, and progress on a terminal.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use vactor::Observer;
use vactor::{ActorId, ClassName, Error, Level, LogLine, Name, Process};

use super::{escape, stream};
use crate::cli::output::worker_log::WorkerLog;

/// No progress is shown before this time.
const PROGRESS_AFTER: Duration = Duration::from_millis(500);

/// The time between two pictures of a spinner.
const SPINNER_TICK: Duration = Duration::from_millis(100);

/// Writes to stderr. If it is quiet, it writes errors only.
pub struct Reporter {
    quiet: bool,
    /// The log of a worker in the background, if stderr is that.
    log: OnceLock<WorkerLog>,
    terminal: OnceLock<bool>,
    /// The progress bar that is shown.
    progress: Mutex<Option<ProgressBar>>,
}

impl Reporter {
    pub fn new(quiet: bool) -> Reporter {
        Reporter { quiet, log: OnceLock::new(), terminal: OnceLock::new(), progress: Mutex::default() }
    }

    /// From now on stderr is the log of a worker in the background. It has no lines of classes,
    /// because the journals have them.
    pub fn keep_log(&self, log: WorkerLog) {
        let _ = self.log.set(log);
    }

    pub fn is_on_terminal(&self) -> bool {
        *self.terminal.get_or_init(|| io::stderr().is_terminal())
    }

    /// Writes a line unchanged. A failure is ignored: there is no other place to report it.
    pub fn write_line(&self, line: &str) {
        self.end_progress();
        self.write(&format!("{line}\n"));
    }

    /// Writes text unchanged, at once.
    pub fn write(&self, text: &str) {
        let stderr = io::stderr();
        let _locked = stderr.lock();
        if let Some(log) = self.log.get() {
            log.make_room();
        }
        let _ = stream::write(&stderr, text.as_bytes());
    }

    /// Writes lines of trace events.
    pub fn trace(&self, lines: &str) {
        self.end_progress();
        self.write(&if self.is_on_terminal() { escape::harmless(lines) } else { lines.into() });
    }

    /// Writes a note.
    pub fn note(&self, note: &str) {
        if !self.quiet {
            self.write_line(&if self.is_on_terminal() { escape::harmless(note) } else { note.into() });
        }
    }

    /// Names the process that locks the store.
    pub fn note_lock_wait(&self, holder: Option<&Process>) {
        if self.quiet {
            return;
        }
        let holder = holder.map_or_else(|| "another process".to_owned(), ToString::to_string);
        self.write_line(&format!("waiting for the store: {holder} holds it"));
    }

    /// Removes the progress bar.
    pub fn end_progress(&self) {
        if let Some(progress) = self.progress().take() {
            progress.finish_and_clear();
        }
    }

    /// Shows how many lines of a batch are done.
    pub fn show_line_count(&self, lines: u64, started: Instant) {
        if self.shows_progress() && started.elapsed() >= PROGRESS_AFTER {
            let rate = lines as f64 / started.elapsed().as_secs_f64();
            let bar = self.bar("lines", "{spinner} {msg}", ProgressBar::no_length);
            bar.set_message(format!("{lines} lines, {rate:.0} a second"));
            bar.tick();
        }
    }

    /// The bar for this label; a bar of another label is replaced.
    fn bar(&self, label: &str, template: &str, make: impl FnOnce() -> ProgressBar) -> ProgressBar {
        let mut progress = self.progress();
        match &*progress {
            Some(bar) if bar.prefix() == label => bar.clone(),
            _ => {
                if let Some(other) = progress.take() {
                    other.finish_and_clear();
                }
                let style = ProgressStyle::with_template(template).expect("the template is sound");
                progress.insert(make().with_style(style).with_prefix(label.to_owned())).clone()
            }
        }
    }

    fn progress(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shows_progress(&self) -> bool {
        !self.quiet && self.is_on_terminal()
    }
}

impl Observer for Reporter {
    /// Writes `my_counter: 10`, or with a level `my_counter: warn: 10`.
    fn logged(&self, name: &Name, line: &LogLine) {
        if self.quiet || self.log.get().is_some() {
            return;
        }
        let level = match line.level {
            Level::Info => String::new(),
            level => format!("{level}: "),
        };
        let terminal = self.is_on_terminal();
        let mut lines = String::new();
        for (n, part) in line.message.split('\n').enumerate() {
            let shown = if terminal { escape::harmless_line(part) } else { part.into() };
            let separator = if n > 0 { "\n" } else { "" };
            lines.push_str(&format!("{separator}{name}: {level}{shown}"));
        }
        self.write_line(&lines);
    }

    fn cannot_run(&self, name: &Name, error: &Error) {
        let warning = format!("warning: the calls of {name} cannot run: {error}");
        self.write_line(&if self.is_on_terminal() { escape::harmless_line(&warning) } else { warning.into() });
    }

    fn will_retry(&self, name: &Name, error: &Error) {
        let warning = format!("warning: the calls of {name} could not run and are tried again: {error}");
        self.write_line(&if self.is_on_terminal() { escape::harmless_line(&warning) } else { warning.into() });
    }

    fn compiling(&self, class: &ClassName) {
        if self.shows_progress() {
            let spinner = self.bar(
                &escape::harmless_line(&format!("compiling {class}")),
                "{spinner} {prefix}",
                ProgressBar::new_spinner,
            );
            // at once: the thread may begin after the end
            spinner.tick();
            // without the thread the spinner stands still
            let _ = thread::Builder::new().name("vactor-spinner".to_owned()).spawn(move || {
                while !spinner.is_finished() {
                    thread::sleep(SPINNER_TICK);
                    spinner.tick();
                }
            });
        }
    }

    fn replaying(&self, id: &ActorId, done: u64, all: u64) {
        if !self.shows_progress() {
            return;
        }
        let bar =
            self.bar(&escape::harmless_line(&format!("replaying {id}")), "{prefix} {wide_bar} {pos}/{len}", || {
                ProgressBar::new(all)
            });
        bar.set_position(done);
    }
}
