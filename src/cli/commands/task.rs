//! `vactor run` and `vactor emit`: tasks, and events from outside of the store.

use std::ffi::OsString;
use std::io;

use clap::Args;
use serde_json::Value;
use vactor::Options;
use vactor::{Error, HostFault, Reference};

use crate::cli::command::{Cli, RunCommand};
use crate::cli::commands::call::{ResultLine, print, print_details, print_reference, read};
use crate::cli::method_args::{self, MethodArgs, ValueSources};
use crate::cli::options::{CallFlags, LimitFlags, OF_NO_MUTATION, only};
use crate::cli::output::hint::operand;
use crate::cli::output::stream::BlockingRead;
use crate::cli::output::{Effect, Problem, WAS_MADE, result_printed};
use crate::cli::{complete, interrupt, spawn_worker};
use vactor::Mode;

/// Runs a task of a class and prints its result; a failed task is tried again, as its class
/// declares
#[derive(Args)]
#[command(mut_args = only(OF_NO_MUTATION))]
pub struct RunTask {
    /// The class
    #[arg(add = complete::classes())]
    class: String,
    /// The task
    #[arg(add = complete::tasks())]
    task: String,
    #[command(flatten)]
    words: MethodArgs,
    /// Does not wait: prints the task's reference, and a worker runs it
    #[arg(long = "async", conflicts_with_all = ["raw", "timeout"])]
    submit: bool,
    /// How often a failed task is tried again [default: as its class declares]
    #[arg(long, value_name = "N")]
    retries: Option<u32>,
    /// Prints a string without its quotes
    #[arg(short, long, conflicts_with = "json")]
    raw: bool,
    #[command(flatten)]
    call: CallFlags,
    #[command(flatten)]
    limits: LimitFlags,
}

/// Sends an event to an actor, which keeps it until one of its methods takes it
#[derive(Args)]
#[command(mut_args = only(&["max_args"]))]
pub struct Emit {
    /// The actor
    #[arg(add = complete::ids())]
    id: String,
    /// The event's name
    event: String,
    /// The payload, as JSON; another word is a string; `-` reads it from stdin, `@FILE` from a file
    /// [default: null]
    payload: Option<OsString>,
    /// Sends the event once: a second use of this key sends nothing
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    #[command(flatten)]
    limits: LimitFlags,
}

/// The sent event.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct EmitLine<'a> {
    id: &'a str,
    event: &'a str,
    /// The number of the event among those of the actor.
    number: u64,
}

/// The hint of a failed task names the log of its attempts.
fn task_problem(error: Error) -> Problem {
    let hint = match &error {
        Error::Failed { fault, reference: Some(reference), .. } if fault.is_host(HostFault::Trap) => {
            Some(format!("`vactor log {}` shows the log of each attempt", operand(reference)))
        }
        _ => None,
    };
    let problem = Problem::from(error);
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

impl RunCommand for RunTask {
    type Line = ResultLine;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let _deadline = vactor::deadline(self.call.deadline(cli.started));
        let engine = cli.engine(Mode::Write, &self.limits)?;
        let method = || {
            let class = engine.class(&self.class, None)?;
            Ok(engine.task(&class.class.name, &self.task)?)
        };
        let arguments = read(cli, &self.words, &engine, method)?;
        let options = Options {
            key: self.call.key.clone(),
            meta: self.call.meta.clone(),
            deadline: self.call.deadline(cli.started),
            retries: self.retries,
            ..Options::default()
        };
        if self.submit {
            spawn_worker::check(cli)?;
            let reference = engine.submit_task(&self.class, &self.task, arguments, &options)?;
            return spawn_worker::hand_over(cli, &engine, &reference, || print_reference(cli, &reference));
        }
        interrupt::stops(&cli.stop)?;
        let reply = engine.run_task(&self.class, &self.task, arguments, &options);
        let reply = spawn_worker::with_worker(cli, &engine, reply).map_err(task_problem)?;
        print_details(cli, reply.reference.as_ref().map_or("", |Reference { name, .. }| name.as_str()), &reply);
        result_printed(reply.reference.as_ref(), WAS_MADE, print(cli, &reply, self.raw))
    }
}

impl RunCommand for Emit {
    type Line = EmitLine<'static>;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let engine = cli.engine(Mode::Write, &self.limits)?;
        let mut stdin = BlockingRead(io::stdin());
        let mut sources = ValueSources::new(&mut stdin, engine.limits().arguments);
        let payload = match &self.payload {
            None => Value::Null,
            Some(word) => method_args::read_untyped(word, "PAYLOAD", &mut sources)?,
        };
        sources.notes.iter().for_each(|note| cli.console.note(note));
        let number = engine.emit(&self.id, &self.event, payload, self.key.as_deref())?;
        let (id, event) = (&*self.id, &*self.event);
        let effect = Effect::new(format!("{event} was sent to {id}"));
        spawn_worker::let_run(cli, &engine, effect, || match cli.console.wants_json() {
            true => cli.console.json(&EmitLine { id, event, number }),
            false => {
                cli.console.note(&format!("sent {event} to {id}"));
                Ok(())
            }
        })
    }
}
