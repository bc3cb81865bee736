//! The command line: reads what was typed, asks the library, prints what came of it.
//!
//! `tree` holds the table of commands; each command is a file in `commands/`: a clap struct, what it does, and the
//! shape of its JSON lines. What all of them share lies beside it: reading a method's arguments (`args`), finding the
//! store (`place`), printing (`console`, `table`, `text`), errors and exit codes (`problem`).

mod args;
mod background;
mod batch;
mod cargo;
mod commands;
mod complete;
mod console;
mod detached;
mod done;
mod encoding;
mod hint;
mod interrupt;
mod listing;
mod options;
mod place;
mod problem;
mod program;
mod quantity;
#[cfg(test)]
mod reference;
mod schema;
mod stream;
mod table;
mod text;
mod tree;
mod typed;
mod voice;
mod work;
mod worker_log;

use std::ffi::OsString;
use std::panic;
use std::time::Instant;

use clap::FromArgMatches;
use vactor::sandbox::StopSignal;
pub use vactor::store::Mode;

pub use console::Console;
pub use options::Common;
pub use problem::{Code, Problem};

/// What every command is given: the flags that all of them know, and the terminal.
pub struct Cli {
    pub common: Common,
    pub console: Console,
    /// Stops what runs, when Ctrl-C does.
    pub stop: StopSignal,
    /// Whether a worker is started for what waits for one.
    pub workers: bool,
    pub started: Instant,
}

/// One command of the command line.
pub trait Run: clap::Args {
    /// The shape of its lines in `--json`; `()` where it prints none.
    type Line: schemars::JsonSchema;

    fn run(self, cli: &Cli) -> Result<(), Problem>;
}

/// Panics by which two libraries tell that the machine gave no memory or no random bytes. They are caught, and told as errors.
const CAUGHT: [&str; 2] = ["sigaltstack", "getrandom::fill() failed"];

fn hush_caught_panics() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let text = info.payload_as_str().unwrap_or_default();
        if !CAUGHT.iter().any(|caught| text.contains(caught)) {
            tell(info);
        }
    }));
}

/// Runs one command line, the program's name first, and gives the exit code.
pub fn run(words: Vec<OsString>) -> Code {
    let started = Instant::now();
    hush_caught_panics();
    program::compile_if_asked(&words);
    complete::answer_a_shell();
    let typed = match typed::read(&words) {
        Ok(typed) => typed,
        Err(stop) => return stop.show(),
    };
    let common = match Common::from_arg_matches(&typed.matches) {
        Ok(common) => common,
        Err(error) => return typed::Stop::new(error, &words).show(),
    };
    let console = Console::new(&common);
    let workers = match detached::are_wanted() {
        Ok(wanted) => wanted,
        Err(problem) => return console.fail(&problem),
    };
    let cli = Cli { console, common, stop: StopSignal::default(), workers, started };
    match (typed.command.run)(&typed.matches, &cli) {
        Ok(()) => Code::DONE,
        Err(problem) => cli.console.fail(&problem),
    }
}
