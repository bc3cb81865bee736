//! The command line: reads its words, calls the library, writes the output.
//!
//! `command` is the interface of a command; each command is a file in `commands/`: a clap struct,
//! its action, and the shape of its JSON lines. `argv` parses the words, `method_args` the
//! arguments of a method, `store_location` finds the store, `open` opens it, `output` writes.
//! `spawn_worker` starts a worker in the background.

mod argv;
mod background;
mod batch;
mod cargo;
mod command;
mod commands;
mod complete;
mod encoding;
mod interrupt;
mod method_args;
mod open;
mod options;
mod output;
mod program;
mod quantity;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod snapshots;
mod spawn_worker;
mod store_location;
mod usage;

use std::ffi::OsString;
use std::time::Instant;
use std::{panic, process};

use clap::FromArgMatches;
use vactor::StopSignal;

use command::Cli;
use commands::TABLE;
use options::Common;
use output::{Code, Console, trace};

/// Panics of two libraries if the machine gives no memory or no random bytes. They are caught and
/// become errors.
const CAUGHT: [&str; 2] = ["sigaltstack", "getrandom::fill() failed"];

fn hush_caught_panics() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let text = info.payload_as_str().unwrap_or_default();
        if !CAUGHT.iter().any(|caught| text.contains(caught)) {
            report(info);
        }
    }));
}

/// Runs one command line, the program's name first, and returns the exit code.
pub fn run(words: Vec<OsString>) -> Code {
    let started = Instant::now();
    hush_caught_panics();
    program::compile_if_requested(&words);
    complete::answer_shell(&TABLE);
    let parsed = match argv::parse(&TABLE, &words) {
        Ok(parsed) => parsed,
        Err(exit) => return exit.show(),
    };
    let common = Common::from_arg_matches(&parsed.matches).expect("every command has the common flags");
    let console = Console::new(&common);
    let workers = match trace::install(console.reporter()).and_then(|()| spawn_worker::is_enabled()) {
        Ok(workers) => workers,
        Err(problem) => return console.fail(&problem),
    };
    let cli = Cli { commands: &TABLE, console, common, stop: StopSignal::default(), workers, started };
    tracing::debug!(
        command = parsed.command.name,
        version = env!("CARGO_PKG_VERSION"),
        process = process::id(),
        "began"
    );
    let code = match (parsed.command.run)(&parsed.matches, &cli) {
        Ok(()) => Code::DONE,
        Err(problem) => cli.console.fail(&problem),
    };
    tracing::debug!(%code, duration = ?cli.started.elapsed(), "ended");
    code
}
