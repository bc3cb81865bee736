//! `vactor batch`: many calls from a file or a pipe.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, stdin};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;
use vactor::StopSignal;
use vactor::{Category, Error, Reference};
use vactor::{Engine, Reply};

use crate::cli::batch::{self, BatchEnd, CallLine, Flow, InputLine, Lines, OutputLine, QueuedCall, ReadLine};
use crate::cli::command::{Cli, RunCommand};
use crate::cli::options::LimitFlags;
use crate::cli::output::stream::BlockingRead;
use crate::cli::output::{ErrorLine, PartialLines, Problem, WAS_MADE, result_lost};
use crate::cli::{encoding, interrupt, spawn_worker};

/// How much longer than the limit of arguments a line may be.
const SLACK: u64 = 64 << 10;

/// The least time between two starts of a worker: a worker that was just started is not visible
/// yet.
const WORKER_INTERVAL: Duration = Duration::from_millis(200);

/// How many bytes are read at once.
const READ: usize = 64 << 10;

/// Makes many calls: JSON lines in, one JSON line out for each, in order
///
/// A line is an object such as {"actor":"my_counter","method":"incr","args":{"val":10}}; `args` is
/// an object by parameter or a list in order, and `key` and `meta` are as the flags of `call`.
/// Calls of one actor run in the order of their lines, calls of several actors at once. Calls that
/// are read together commit together, and no result is printed before it is durable. The output
/// line of a failed call is its error, and the other calls go on. The exit code is that of the
/// first failed line.
#[derive(Args)]
pub struct Batch {
    /// The file with the lines; without it, or with `-`, stdin
    #[arg(value_name = "FILE", default_value = "-", hide_default_value = true)]
    file: PathBuf,
    /// How many actors run at once [default: one more than the number of processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    #[command(flatten)]
    limits: LimitFlags,
}

/// The result of a line.
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "names the shape of text that is built without parsing results")]
pub enum BatchLine {
    Succeeded {
        /// The call; null for a query.
        reference: Option<String>,
        /// The step of the journal; null for a query.
        step: Option<u64>,
        /// Null for a method without one.
        result: Value,
        /// True if the key was used before by the same call: this is its result, and nothing ran.
        recorded: Option<bool>,
    },
    Failed(ErrorLine<'static>),
}

impl RunCommand for Batch {
    type Line = BatchLine;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let threads = self.jobs.map_or_else(one_more_than_processors, usize::from);
        let engine = cli.engine_for_many(threads, &self.limits)?;
        let lines = Lines::new(BufReader::with_capacity(READ, self.source(cli)?), line_limit(&engine));
        let flow = Arc::new(Flow::new(threads));
        let interrupted = flow.clone();
        interrupt::stops_and(&cli.stop, move || interrupted.end(BatchEnd::Interrupted))?;
        let fed = flow.clone();
        // it may wait for further input, so it is not joined
        let reader = thread::Builder::new().name("vactor-reader".to_owned());
        reader.spawn(move || read_lines(lines, &fed)).map_err(|error| no_thread(&error))?;
        thread::scope(|scope| {
            for number in 0..threads {
                let (engine, flow, stop) = (&engine, &*flow, &cli.stop);
                let thread = thread::Builder::new().name(format!("vactor-batch-{number}"));
                if let Err(error) = thread.spawn_scoped(scope, move || run_calls(engine, stop, flow, number)) {
                    flow.end(BatchEnd::StoreFailed(no_thread(&error)));
                    (number..threads).for_each(|_| flow.leave());
                    break;
                }
            }
            Printer::new(cli, &engine).print(&flow)
        })
    }
}

impl Batch {
    fn source(&self, cli: &Cli) -> Result<Box<dyn io::Read + Send>, Problem> {
        if self.file.as_os_str() == "-" {
            if stdin().is_terminal() {
                cli.console.note("type one call a line; Ctrl-D ends the input");
            }
            return Ok(Box::new(BlockingRead(stdin())));
        }
        let cannot = |error: io::Error| Problem::unread(format!("cannot read {}", self.file.display()), &error);
        let file = File::open(&self.file).map_err(cannot)?;
        match file.metadata() {
            Ok(data) if data.is_dir() => Err(cannot(io::ErrorKind::IsADirectory.into())),
            _ => Ok(Box::new(BlockingRead(file))),
        }
    }
}

/// While one thread waits for the disk, the others keep the processors busy.
fn one_more_than_processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get) + 1
}

fn line_limit(engine: &Engine) -> usize {
    usize::try_from(engine.limits().arguments.saturating_add(SLACK)).unwrap_or(usize::MAX)
}

fn no_thread(error: &io::Error) -> Problem {
    Problem::new(Category::Store, "io", "cannot start a thread").cause(error.to_string())
}

/// Reads lines until the batch ends.
fn read_lines(mut lines: Lines<impl BufRead>, flow: &Flow) {
    let limit = lines.limit();
    let mut is_first = true;
    let ended = loop {
        match lines.next() {
            Ok(Some(read)) => {
                if let (true, Some(ReadLine::Whole(first))) = (std::mem::take(&mut is_first), read.first())
                    && let Err(problem) = encoding::expect_utf8(first, "the batch")
                {
                    break BatchEnd::Unreadable(problem);
                }
                let read = read.into_iter().map(|line| input(line, limit)).collect();
                if !flow.push(read) {
                    return;
                }
            }
            Ok(None) => break BatchEnd::Input,
            Err(error) => {
                let problem = Problem::new(Category::Store, "io", "cannot read the lines").cause(error.to_string());
                break BatchEnd::Unreadable(problem);
            }
        }
    };
    flow.end(ended);
}

/// A line as input of the batch.
fn input(line: ReadLine, limit: usize) -> InputLine {
    match line {
        ReadLine::Whole(text) => match batch::actor(&text) {
            Ok(actor) => InputLine::Call(CallLine { actor, text }),
            Err(problem) => InputLine::Bad(refused(problem)),
        },
        ReadLine::TooLong(length) => {
            let message = format!("the line of {length} bytes is over the limit of {limit}");
            let problem = Problem::new(Category::BadInput, "limit", message).hint("`--max-args` raises the limit");
            InputLine::Bad(refused(problem))
        }
    }
}

/// Runs the calls of one thread in groups, which commit together.
fn run_calls(engine: &Engine, stop: &StopSignal, flow: &Flow, thread: usize) {
    let _guard = ThreadGuard(flow);
    loop {
        let mut calls = flow.take(thread);
        if calls.is_empty() {
            return;
        }
        while let Some(first) = calls.iter().map(|call| call.ticket.line).min() {
            flow.wait_for_room(thread, first);
            if flow.is_unwritten() {
                flow.add_outputs(thread, calls.drain(..).map(|call| (call.ticket, OutputLine::dropped())));
                break;
            }
            let mut group = engine.many();
            let (mut tickets, mut refusals) = (Vec::new(), Vec::new());
            while !group.is_full() {
                if calls.is_empty() {
                    calls = flow.take_more(thread);
                }
                let Some(QueuedCall { text, ticket }) = calls.pop_front() else { break };
                match batch::call(&text) {
                    Ok(call) => {
                        group.add(call);
                        tickets.push(ticket);
                    }
                    Err(problem) => refusals.push((ticket, refused(problem))),
                }
            }
            let results = group.commit();
            let mut errors = results.iter().filter_map(|result| result.as_ref().err());
            if let Some(error) = errors.find(|error| error.category() == Category::Store) {
                flow.end(BatchEnd::StoreFailed(error.clone().into()));
                stop.stop();
            }
            let outputs = results.into_iter().map(|result| output(engine, result));
            flow.add_outputs(thread, tickets.into_iter().zip(outputs).chain(refusals));
        }
    }
}

/// Reports the end of a thread, also after a panic.
struct ThreadGuard<'f>(&'f Flow);

impl Drop for ThreadGuard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.end(BatchEnd::StoreFailed(Problem::new(Category::Store, "io", "a thread of the batch panicked")));
        }
        self.0.leave();
    }
}

fn output(engine: &Engine, result: Result<Reply, Error>) -> OutputLine {
    let leaves_work = spawn_worker::may_leave_work(engine, &result);
    let reply = match result {
        Ok(reply) => reply,
        Err(error) => {
            let dropped = error == Error::Interrupted;
            let problem = Problem::from(error);
            let reference = problem.reference.as_deref().cloned();
            return OutputLine { dropped, leaves_work, reference, ..refused(problem) };
        }
    };
    let shown = reply.reference.as_ref().map_or_else(|| "null".to_owned(), |reference| format!("\"{reference}\""));
    let step = reply.step.map_or_else(|| "null".to_owned(), |step| step.to_string());
    let recorded = if reply.is_duplicate { ",\"recorded\":true" } else { "" };
    let result = reply.result;
    let text = format!("{{\"reference\":{shown},\"step\":{step},\"result\":{result}{recorded}}}\n");
    OutputLine { text, problem: None, dropped: false, leaves_work, reference: reply.reference }
}

fn refused(problem: Problem) -> OutputLine {
    let text = serde_json::to_string(&ErrorLine::from(&problem)).expect("an error has a JSON form") + "\n";
    OutputLine { text, problem: Some(problem), dropped: false, leaves_work: false, reference: None }
}

/// Writes the output lines to stdout.
struct Printer<'c> {
    cli: &'c Cli,
    engine: &'c Engine,
    printed: u64,
    /// The output of lines that did not run. It is printed only if a later line ran.
    dropped: String,
    dropped_lines: u64,
    failed: u64,
    /// The first line that failed.
    first: Option<(u64, Problem)>,
    /// Whether calls were left to run since the last start of a worker.
    leaves_work: bool,
    /// The time of that start.
    worker_started: Option<Instant>,
}

impl<'c> Printer<'c> {
    fn new(cli: &'c Cli, engine: &'c Engine) -> Printer<'c> {
        let (printed, dropped, dropped_lines, failed, first) = (0, String::new(), 0, 0, None);
        let (leaves_work, worker_started) = (false, None);
        Printer { cli, engine, printed, dropped, dropped_lines, failed, first, leaves_work, worker_started }
    }

    fn print(mut self, flow: &Flow) -> Result<(), Problem> {
        while let Some(outputs) = flow.next() {
            let (mut text, mut calls, before) = (String::new(), Vec::new(), self.printed);
            for mut output in outputs {
                let call = output.reference.take();
                self.take(output, &mut text);
                calls.extend(call.map(|call| (self.printed, call)));
            }
            if let Err(PartialLines { written, error }) = self.cli.console.stream(&text) {
                let written = before + written as u64;
                let unwritten = calls.into_iter().filter(|(line, _)| *line > written).map(|(_, call)| call);
                return Err(self.fail(flow, written, unwritten.collect(), Problem::unwritten(&error)));
            }
            if !self.cli.console.stdout_is_terminal() {
                self.cli.console.reporter().show_line_count(self.printed, self.cli.started);
            }
            if self.worker_started.is_none_or(|last| last.elapsed() >= WORKER_INTERVAL) {
                self.start_worker();
            }
        }
        self.start_worker();
        self.cli.console.reporter().end_progress();
        self.end(flow.ended())
    }

    /// Ends a batch whose output failed. Running calls are interrupted, accepted ones are left to a
    /// worker. The error names the calls whose results are lost.
    fn fail(self, flow: &Flow, written: u64, mut lost: Vec<Reference>, problem: Problem) -> Problem {
        flow.end(BatchEnd::Unwritten);
        self.cli.stop.stop();
        while let Some(outputs) = flow.next() {
            lost.extend(outputs.into_iter().filter_map(|output| output.reference));
        }
        // all threads have ended
        spawn_worker::start_or_note(self.cli, self.engine);
        match &*lost {
            _ if problem.is_no_reader() => problem,
            [] => problem,
            [call] => result_lost(call, WAS_MADE, problem),
            [first, others @ ..] => Problem {
                message: format!(
                    "{first} and {} more calls were made; their results could not be written",
                    others.len()
                ),
                reference: Some(Box::new(first.clone())),
                ..problem.hint(match written {
                    0 => "no result was written; `vactor log` shows the calls".to_owned(),
                    _ => format!("the results of the first {written} lines were written; `vactor log` shows the calls"),
                })
            },
        }
    }

    /// Starts a worker if the calls so far left calls to run.
    fn start_worker(&mut self) {
        if std::mem::take(&mut self.leaves_work) {
            spawn_worker::start_or_note(self.cli, self.engine);
            self.worker_started = Some(Instant::now());
        }
    }

    fn take(&mut self, output: OutputLine, text: &mut String) {
        self.leaves_work |= output.leaves_work;
        if output.dropped {
            self.dropped.push_str(&output.text);
            self.dropped_lines += 1;
            return;
        }
        self.printed += 1 + std::mem::take(&mut self.dropped_lines);
        text.push_str(&std::mem::take(&mut self.dropped));
        text.push_str(&output.text);
        if let Some(problem) = output.problem {
            self.failed += 1;
            self.first.get_or_insert((self.printed, problem));
        }
    }

    fn end(self, ended: Option<BatchEnd>) -> Result<(), Problem> {
        let printed = self.printed;
        match ended {
            Some(BatchEnd::Unreadable(problem)) => Err(problem),
            Some(BatchEnd::Interrupted) => {
                Err(Problem::interrupted(format!("interrupted; {printed} lines have a result, the others did not run")))
            }
            Some(BatchEnd::StoreFailed(problem)) => {
                let hint = format!("the lines up to {printed} have a result, the others did not run");
                Err(Problem { hint: problem.hint.clone().or(Some(hint)), ..problem })
            }
            None | Some(BatchEnd::Input | BatchEnd::Unwritten) => match self.first {
                None => Ok(()),
                Some((line, problem)) => {
                    let message = format!(
                        "{} of {printed} lines failed, the first is line {line}: {}",
                        self.failed, problem.message
                    );
                    Err(Problem { message, ..problem })
                }
            },
        }
    }
}
