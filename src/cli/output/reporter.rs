//! What is heard while a class runs: its lines, and progress on a terminal.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use vactor::Observer;
use vactor::{ActorId, ClassName, Error, Level, LogLine, Name, Process};

use super::{escape, stream};
use crate::cli::output::worker_log::WorkerLog;

/// Less than this is not worth showing progress.
const A_WHILE: Duration = Duration::from_millis(500);

/// How often what shows progress turns.
const TURN: Duration = Duration::from_millis(100);

/// Speaks on stderr. Quiet, it says nothing.
pub struct Reporter {
    quiet: bool,
    /// Where stderr is the log of a detached worker.
    log: OnceLock<WorkerLog>,
    terminal: OnceLock<bool>,
    /// What turns on the terminal while something takes long.
    progress: Mutex<Option<ProgressBar>>,
}

impl Reporter {
    pub fn new(quiet: bool) -> Reporter {
        Reporter { quiet, log: OnceLock::new(), terminal: OnceLock::new(), progress: Mutex::default() }
    }

    /// From now on stderr is the log of a detached worker, which is for the worker's own words: what classes say is in the
    /// journals.
    pub fn keep_log(&self, log: WorkerLog) {
        let _ = self.log.set(log);
    }

    pub fn is_on_terminal(&self) -> bool {
        *self.terminal.get_or_init(|| io::stderr().is_terminal())
    }

    /// A line to stderr, as it is. If nobody can read it, nobody misses it.
    pub fn say(&self, line: &str) {
        self.end_progress();
        self.write(&format!("{line}\n"));
    }

    /// Text to stderr, as it is and at once.
    pub fn write(&self, text: &str) {
        let stderr = io::stderr();
        let _locked = stderr.lock();
        if let Some(log) = self.log.get() {
            log.make_room();
        }
        let _ = stream::write(&stderr, text.as_bytes());
    }

    /// A line that no script needs.
    pub fn note(&self, note: &str) {
        if !self.quiet {
            self.say(&if self.is_on_terminal() { escape::harmless(note) } else { note.into() });
        }
    }

    /// Says which process keeps this one waiting.
    pub fn waits_for_store(&self, holder: Option<&Process>) {
        if self.quiet {
            return;
        }
        let who = holder.map_or_else(|| "another process".to_owned(), ToString::to_string);
        self.say(&format!("waiting for the store: {who} holds it"));
    }

    /// Takes away what shows progress.
    pub fn end_progress(&self) {
        if let Some(progress) = self.progress().take() {
            progress.finish_and_clear();
        }
    }

    /// Shows how many lines are done, once they take a while.
    pub fn counted(&self, lines: u64, started: Instant) {
        if self.shows_progress() && started.elapsed() >= A_WHILE {
            let rate = lines as f64 / started.elapsed().as_secs_f64();
            let bar = self.show("lines", "{spinner} {msg}", ProgressBar::no_length);
            bar.set_message(format!("{lines} lines, {rate:.0} a second"));
            bar.tick();
        }
    }

    /// What shows the progress of this, made where something else or nothing is shown.
    fn show(&self, what: &str, template: &str, make: impl FnOnce() -> ProgressBar) -> ProgressBar {
        let mut progress = self.progress();
        match &*progress {
            Some(bar) if bar.prefix() == what => bar.clone(),
            _ => {
                if let Some(other) = progress.take() {
                    other.finish_and_clear();
                }
                let style = ProgressStyle::with_template(template).expect("the template is sound");
                progress.insert(make().with_style(style).with_prefix(what.to_owned())).clone()
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
    /// `my_counter: 10`; a line that is not plain output says what it is.
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
        self.say(&lines);
    }

    fn cannot_run(&self, name: &Name, error: &Error) {
        let told = format!("warning: what waits for {name} cannot run: {error}");
        self.say(&if self.is_on_terminal() { escape::harmless_line(&told) } else { told.into() });
    }

    fn will_retry(&self, name: &Name, error: &Error) {
        let told = format!("warning: what waits for {name} could not run and is tried again: {error}");
        self.say(&if self.is_on_terminal() { escape::harmless_line(&told) } else { told.into() });
    }

    fn compiling(&self, class: &ClassName) {
        if self.shows_progress() {
            let spinner = self.show(
                &escape::harmless_line(&format!("compiling {class}")),
                "{spinner} {prefix}",
                ProgressBar::new_spinner,
            );
            // at once: the thread that turns it may begin when all is over
            spinner.tick();
            // without the thread it stands still
            let _ = thread::Builder::new().name("vactor-spinner".to_owned()).spawn(move || {
                while !spinner.is_finished() {
                    thread::sleep(TURN);
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
            self.show(&escape::harmless_line(&format!("replaying {id}")), "{prefix} {wide_bar} {pos}/{len}", || {
                ProgressBar::new(all)
            });
        bar.set_position(done);
    }
}
