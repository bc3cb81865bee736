//! `vactor wait`, `cancel`, `resume` and `worker`: accepted calls that have not ended.

use std::time::{Duration, Instant};

use clap::Args;
use vactor::{Engine, Reply, Until};
use vactor::{Error, Json, Reference};

use crate::cli::command::{Cli, RunCommand};
use crate::cli::commands::call::{print, shown};
use crate::cli::options::{LimitFlags, OF_COMPILING, only};
use crate::cli::output::{Effect, HAS_ENDED, Problem, result_printed};
use crate::cli::{complete, interrupt, quantity, spawn_worker};
use vactor::Mode;

/// Waits for accepted calls and prints their results, one line each, in the given order
#[derive(Args)]
#[command(mut_args = only(OF_COMPILING))]
pub struct Wait {
    /// The calls: references as `--async` prints them, or ids as guests see them
    #[arg(value_name = "REF", required = true, add = complete::references())]
    references: Vec<String>,
    /// Waits until the first of them ends; prints its reference, a tab, and its result
    #[arg(long)]
    any: bool,
    /// How long to wait, such as 5s; the calls go on afterwards
    #[arg(long, value_name = "TIME", value_parser = quantity::duration)]
    timeout: Option<Duration>,
    /// Prints a string without its quotes
    #[arg(short, long, conflicts_with = "json")]
    raw: bool,
    #[command(flatten)]
    limits: LimitFlags,
}

/// Ends an accepted call and its children; a running call is interrupted
#[derive(Args)]
pub struct Cancel {
    /// The call
    #[arg(value_name = "REF", add = complete::references())]
    reference: String,
}

/// Accepts a failed or cancelled call again, on the current state, and prints the new reference
///
/// Children that succeeded are not run again: their results are reused. The new call has the limits
/// of the old one, but for those that are given here.
#[derive(Args)]
pub struct Resume {
    /// The failed or cancelled call
    #[arg(value_name = "REF")]
    reference: String,
    #[command(flatten)]
    limits: LimitFlags,
}

/// Runs accepted calls, until it is stopped
///
/// A command that leaves calls to run starts a worker in the background, unless one works on the
/// store or the variable VACTOR_WORKER is off, false, no or 0. That worker writes its messages to
/// `worker.log` in the store's folder. The variable VACTOR_LOG, such as VACTOR_LOG=debug, adds a
/// line for each event: a store is opened, an actor is locked, a call runs.
#[derive(Args)]
#[command(mut_args = only(OF_COMPILING))]
pub struct Worker {
    /// Ends when no accepted call can run
    #[arg(long)]
    until_idle: bool,
    /// How many methods may compute at once; a waiting method does not count
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: u16,
    /// Ends at once if another worker in the background works on the store
    #[arg(long, hide = true)]
    detached: bool,
    /// Its stderr is the log in the store's folder
    #[arg(long, hide = true)]
    log: bool,
    #[command(flatten)]
    limits: LimitFlags,
}

/// The result: any JSON value; null for a method without one and for a call that failed or was
/// cancelled. With `--any` an object with the `reference` of the first call that ended, and its
/// `result`.
#[derive(schemars::JsonSchema)]
#[schemars(transparent)]
pub struct WaitLine(#[expect(dead_code, reason = "names the shape of what is printed")] serde_json::Value);

/// A line of `wait --any`.
#[derive(serde::Serialize)]
struct FirstLine {
    reference: String,
    result: serde_json::Value,
}

/// The cancelled call.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct CancelLine {
    reference: String,
}

/// The accepted call.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct ResumeLine {
    /// The new call.
    reference: String,
    /// The failed or cancelled call.
    resumes: String,
}

/// A worker prints no data.
#[derive(schemars::JsonSchema)]
pub struct NoLine {}

impl RunCommand for Wait {
    type Line = WaitLine;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        cli.note_limits_without_effect(&self.limits);
        let deadline = self.timeout.and_then(|timeout| cli.started.checked_add(timeout));
        let _deadline = vactor::deadline(deadline);
        let engine = cli.engine(Mode::ReadFirst, &self.limits.of_compiling())?;
        interrupt::stops(&cli.stop)?;
        // an unknown reference is an error before the first wait
        let expect_known = |text: &String| {
            let reference = engine.reference(text)?;
            engine.invocation(&reference).map(|_| reference)
        };
        let references: Vec<Reference> = self.references.iter().map(expect_known).collect::<Result<_, Error>>()?;
        if self.any {
            return wait_any(cli, &engine, &references, deadline, self.raw);
        }
        let mut first: Option<Problem> = None;
        for reference in &references {
            match spawn_worker::with_worker(cli, &engine, engine.wait(reference, deadline)) {
                Ok(reply) => {
                    let printed = print(cli, &Reply { has_result: true, ..reply }, self.raw);
                    result_printed(Some(reference), HAS_ENDED, printed)?;
                }
                Err(error @ (Error::Interrupted | Error::LeftRunning { .. } | Error::StillRunning { .. })) => {
                    return Err(error.into());
                }
                Err(error) => {
                    let problem = named(reference, error);
                    result_printed(Some(reference), HAS_ENDED, cli.console.line("null"))?;
                    // the last error on stderr is that of the exit code
                    match &first {
                        Some(_) => drop(cli.console.fail(&problem)),
                        None => first = Some(problem),
                    }
                }
            }
        }
        first.map_or(Ok(()), Err)
    }
}

fn wait_any(
    cli: &Cli,
    engine: &Engine,
    references: &[Reference],
    deadline: Option<Instant>,
    raw: bool,
) -> Result<(), Problem> {
    let (first, outcome) = spawn_worker::with_worker(cli, engine, engine.wait_any(references, deadline))?;
    let reference = &references[first];
    let result = outcome.as_ref().map_or_else(|_| Json::null(), |reply| reply.result.clone());
    let printed = match cli.console.wants_json() {
        true => cli.console.json(&FirstLine { reference: reference.to_string(), result: result.value() }),
        false => cli.console.line(format!("{reference}\t{}", shown(&result, raw))),
    };
    result_printed(Some(reference), HAS_ENDED, printed)?;
    outcome.map(drop).map_err(|error| named(reference, error))
}

/// The error of one of several calls, with its reference.
fn named(reference: &Reference, error: Error) -> Problem {
    let problem = Problem::from(error);
    match problem.message.contains(&reference.to_string()) {
        true => problem,
        false => Problem { message: format!("{reference}: {}", problem.message), ..problem },
    }
}

impl RunCommand for Cancel {
    type Line = CancelLine;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let engine = cli.engine(Mode::Write, &LimitFlags::default())?;
        let reference = engine.reference(&self.reference)?;
        engine.cancel(&reference)?;
        // the next call of the inbox may run now
        let effect = Effect { sentence: format!("{reference} was cancelled"), reference: Some(&reference) };
        spawn_worker::let_run(cli, &engine, effect, || match cli.console.wants_json() {
            true => cli.console.json(&CancelLine { reference: reference.to_string() }),
            false => {
                cli.console.note(&format!("cancelled {reference}"));
                Ok(())
            }
        })
    }
}

impl RunCommand for Resume {
    type Line = ResumeLine;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let engine = cli.engine(Mode::Write, &self.limits)?;
        let failed = engine.reference(&self.reference)?;
        spawn_worker::check(cli)?;
        let resumed = engine.resume(&failed)?;
        spawn_worker::hand_over(cli, &engine, &resumed, || match cli.console.wants_json() {
            true => cli.console.json(&ResumeLine { reference: resumed.to_string(), resumes: failed.to_string() }),
            false => cli.console.line(resumed.to_string()),
        })
    }
}

impl RunCommand for Worker {
    type Line = NoLine;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let jobs = usize::from(self.jobs);
        if self.log {
            spawn_worker::begin(cli);
        }
        cli.note_limits_without_effect(&self.limits);
        let engine = cli.engine_for_many(jobs, &self.limits.of_compiling())?;
        interrupt::stops(&cli.stop)?;
        if self.detached {
            return Ok(engine.work_detached(jobs)?);
        }
        let until = if self.until_idle { Until::Idle { ahead: Duration::ZERO } } else { Until::Stopped };
        Ok(engine.work(jobs, until)?)
    }
}
