//! `vactor create`, `vactor call` and `vactor get`: calls of methods.

use std::io;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use vactor::Timestamp;
use vactor::{Category, Error, Json, Method, Reference};
use vactor::{Engine, Options, Reply, Submitted};

use crate::cli::command::{Cli, RunCommand};
use crate::cli::method_args::{MethodArgs, ValueSources};
use crate::cli::options::{CallFlags, LimitFlags, OF_NO_MUTATION, only};
use crate::cli::output::stream::BlockingRead;
use crate::cli::output::{Problem, WAS_MADE, result_printed};
use crate::cli::{complete, interrupt, quantity, spawn_worker};
use vactor::Mode;

/// Creates an actor by its class's constructor
#[derive(Args)]
pub struct Create {
    /// The class
    #[arg(add = complete::classes())]
    class: String,
    /// The new actor's id: letters, digits and `._~:@/+-`
    id: String,
    #[command(flatten)]
    words: MethodArgs,
    /// Succeeds if the actor exists already, and leaves it unchanged
    #[arg(long)]
    if_absent: bool,
    /// Does not wait: prints the construction's reference, and a worker runs it
    #[arg(long = "async", conflicts_with_all = ["timeout"])]
    submit: bool,
    #[command(flatten)]
    call: CallFlags,
    #[command(flatten)]
    limits: LimitFlags,
}

/// Calls a method and prints its result; a mutation's new state is committed
#[derive(Args)]
pub struct Call {
    /// The actor
    #[arg(add = complete::ids())]
    id: String,
    /// The method: a mutation or a query
    #[arg(add = complete::methods())]
    method: String,
    #[command(flatten)]
    words: MethodArgs,
    /// Does not wait: prints the call's reference, and a worker runs it
    #[arg(long = "async", conflicts_with_all = ["raw", "timeout"])]
    submit: bool,
    /// Like `--async`, and the call is due after this time, such as 5s
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, conflicts_with_all = ["raw", "timeout"])]
    after: Option<Duration>,
    /// Like `--async`, and the call is due at this time, such as 2026-12-01T09:00Z
    #[arg(long, value_name = "WHEN", value_parser = quantity::time, conflicts_with_all = ["raw", "timeout", "after"])]
    at: Option<Timestamp>,
    /// Prints a string without its quotes
    #[arg(short, long, conflicts_with = "json")]
    raw: bool,
    #[command(flatten)]
    call: CallFlags,
    #[command(flatten)]
    limits: LimitFlags,
}

/// Runs a query of an actor, which takes no lock and changes nothing
#[derive(Args)]
#[command(mut_args = only(OF_NO_MUTATION))]
pub struct Get {
    /// The actor
    #[arg(add = complete::ids())]
    id: String,
    /// The method: a query
    #[arg(add = complete::queries())]
    method: String,
    #[command(flatten)]
    words: MethodArgs,
    /// Prints a string without its quotes
    #[arg(short, long, conflicts_with = "json")]
    raw: bool,
    #[command(flatten)]
    limits: LimitFlags,
}

/// The effect of `create`.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct CreateLine<'a> {
    id: &'a str,
    class: &'a str,
    /// Whether it was created; with `--if-absent` it may have existed.
    created: bool,
    /// The construction, if there is one. With `--async` it may have been accepted before.
    reference: Option<String>,
    /// The first step of its journal, if it was created.
    step: Option<u64>,
}

/// The result: any JSON value; null for a method without one. With `--async` the reference, as a
/// string.
#[derive(schemars::JsonSchema)]
#[schemars(transparent)]
pub struct ResultLine(#[expect(dead_code, reason = "names the shape of text that is printed without parsing")] Value);

impl RunCommand for Create {
    type Line = CreateLine<'static>;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let _deadline = vactor::deadline(self.call.deadline(cli.started));
        let engine = cli.engine(Mode::Write, &self.limits)?;
        let constructor = || {
            let class = engine.class(&self.class, None)?;
            Ok(class.description.constructor().expect("a registered class has a constructor").clone())
        };
        let arguments = read(cli, &self.words, &engine, constructor)?;
        let options = options(cli, &self.call);
        if self.submit {
            return self.submit(cli, &engine, arguments, &options);
        }
        interrupt::stops(&cli.stop)?;
        let reply = match self.if_absent {
            true => engine.create_if_absent(&self.class, &self.id, arguments, &options),
            false => engine.create(&self.class, &self.id, arguments, &options).map(Some),
        };
        let reply = spawn_worker::with_worker(cli, &engine, reply).map_err(construction_problem)?;
        let created = reply.as_ref().is_some_and(|reply| !reply.is_duplicate);
        if cli.console.wants_json() {
            let reference = reply.as_ref().and_then(|reply| reply.reference.as_ref());
            let printed = cli.console.json(&CreateLine {
                id: &self.id,
                class: &self.class,
                created,
                reference: reference.map(ToString::to_string),
                step: reply.as_ref().and_then(|reply| reply.step),
            });
            return result_printed(reference, WAS_MADE, printed);
        }
        match created {
            true => cli.console.note(&format!("created {}", self.id)),
            false => cli.console.note(&exists_already(&self.id)),
        }
        if let Some(reply) = reply {
            print_details(cli, &self.id, &reply);
        }
        Ok(())
    }
}

impl Create {
    fn submit(&self, cli: &Cli, engine: &Engine, arguments: Value, options: &Options) -> Result<(), Problem> {
        spawn_worker::check(cli)?;
        let submitted = match self.if_absent {
            true => engine.submit_create_if_absent(&self.class, &self.id, arguments, options)?,
            false => Submitted::New(engine.submit_create(&self.class, &self.id, arguments, options)?),
        };
        let reference = match &submitted {
            Submitted::New(reference) | Submitted::Pending(reference) => Some(reference),
            Submitted::Present => None,
        };
        let print = || self.print_submitted(cli, reference);
        reference.map_or_else(print, |reference| spawn_worker::hand_over(cli, engine, reference, print))
    }

    /// Prints the pending construction; without one the actor exists.
    fn print_submitted(&self, cli: &Cli, reference: Option<&Reference>) -> Result<(), Problem> {
        if cli.console.wants_json() {
            let (id, class, reference) = (self.id.as_str(), self.class.as_str(), reference.map(ToString::to_string));
            return cli.console.json(&CreateLine { id, class, created: false, reference, step: None });
        }
        match reference {
            Some(reference) => cli.console.line(reference.to_string()),
            None => {
                cli.console.note(&exists_already(&self.id));
                Ok(())
            }
        }
    }
}

fn exists_already(id: &str) -> String {
    format!("{id} exists already; nothing changed")
}

impl RunCommand for Call {
    type Line = ResultLine;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let _deadline = vactor::deadline(self.call.deadline(cli.started));
        let engine = cli.engine(Mode::ReadFirst, &self.limits)?;
        let method = engine.method(&self.id, &self.method)?;
        let arguments = read(cli, &self.words, &engine, || Ok(method.declaration().clone()))?;
        let mut options = options(cli, &self.call);
        (options.due, options.delay) = (self.due(cli, &engine)?, self.after);
        if self.submit || options.due.is_some() || options.delay.is_some() {
            spawn_worker::check(cli)?;
            let reference = method.submit(arguments, &options)?;
            return spawn_worker::hand_over(cli, &engine, &reference, || print_reference(cli, &reference));
        }
        interrupt::stops(&cli.stop)?;
        let reply = method.call(arguments, &options);
        let reply = spawn_worker::with_worker(cli, &engine, reply)?;
        print_details(cli, &self.id, &reply);
        result_printed(reply.reference.as_ref(), WAS_MADE, print(cli, &reply, self.raw))
    }
}

impl Call {
    /// The time of `--at`; `--after` is validated.
    fn due(&self, cli: &Cli, engine: &Engine) -> Result<Option<Timestamp>, Problem> {
        let now = engine.now()?;
        if self.after.is_some_and(|after| now.checked_after(after).is_none()) {
            let problem = Problem::input("`--after` leads past the year 9999");
            return Err(problem.hint("write a time such as 30s, 5m, 1h or 7d"));
        }
        if let Some(at) = self.at.filter(|at| *at < now) {
            cli.console.note(&format!("{at} is past: the call is due now"));
        }
        Ok(self.at)
    }
}

impl RunCommand for Get {
    type Line = ResultLine;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let engine = cli.engine(Mode::Read, &self.limits)?;
        let method = engine.method(&self.id, &self.method)?;
        let arguments = read(cli, &self.words, &engine, || Ok(method.declaration().clone()))?;
        interrupt::stops(&cli.stop)?;
        let reply = method.get(arguments)?;
        print_details(cli, &self.id, &reply);
        print(cli, &reply, self.raw)
    }
}

/// A failed construction leaves no journal, so the hint does not name one.
fn construction_problem(error: Error) -> Problem {
    let is_class_error = matches!(error, Error::Failed { .. }) && error.category() == Category::ClassError;
    let problem = Problem::from(error);
    if is_class_error { problem.hint("no actor was created") } else { problem }
}

/// The arguments on the command line. Notes about them go to stderr.
pub fn read(
    cli: &Cli,
    words: &MethodArgs,
    engine: &Engine,
    method: impl FnOnce() -> Result<Method, Problem>,
) -> Result<Value, Problem> {
    let mut stdin = BlockingRead(io::stdin());
    let mut sources = ValueSources::new(&mut stdin, engine.limits().arguments);
    let arguments = words.read(method, &mut sources)?;
    sources.notes.iter().for_each(|note| cli.console.note(note));
    Ok(arguments)
}

fn options(cli: &Cli, flags: &CallFlags) -> Options {
    Options {
        key: flags.key.clone(),
        meta: flags.meta.clone(),
        deadline: flags.deadline(cli.started),
        ..Options::default()
    }
}

/// The reference of an accepted call as one line; in JSON a string.
pub fn print_reference(cli: &Cli, reference: &Reference) -> Result<(), Problem> {
    let text = reference.to_string();
    if cli.console.wants_json() { cli.console.json(&text) } else { cli.console.line(text) }
}

/// Prints the result as one line. A method without a result prints nothing, but for `--json`.
pub fn print(cli: &Cli, reply: &Reply, raw: bool) -> Result<(), Problem> {
    if !reply.has_result && !cli.console.wants_json() {
        return Ok(());
    }
    cli.console.line(shown(&reply.result, raw))
}

/// A result as text. A raw string has no quotes.
pub fn shown(result: &Json, raw: bool) -> String {
    match raw.then(|| result.value()) {
        Some(Value::String(text)) => text,
        _ => result.as_str().to_owned(),
    }
}

pub fn print_details(cli: &Cli, id: &str, reply: &Reply) {
    if !cli.console.is_verbose() {
        return;
    }
    let call = match (&reply.reference, reply.step) {
        (Some(reference), _) if reply.is_duplicate => format!("{reference}, a duplicate of an earlier call"),
        (Some(reference), Some(step)) => format!("{reference}, step {step}"),
        (Some(reference), None) => reference.to_string(),
        (None, _) => format!("{id}, a query"),
    };
    let micros = u64::try_from(cli.started.elapsed().as_micros()).unwrap_or(u64::MAX);
    cli.console.detail(&format!("{call}, {}", quantity::span(micros)));
}
