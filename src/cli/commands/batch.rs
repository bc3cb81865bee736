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

/// What a line may be longer than the limit on its arguments: for the rest of it, and space between.
const SLACK: u64 = 64 << 10;

/// What calls leave to run is left to a worker at most so often: one that was just started is not seen yet.
const LOOK_AFTER: Duration = Duration::from_millis(200);

/// Bytes that are read at once.
const READ: usize = 64 << 10;

/// Makes many calls: JSON lines in, one JSON line out for each, in order
///
/// A line is an object such as {"actor":"my_counter","method":"incr","args":{"val":10}}; `args` is an object by parameter or
/// a list in order, and `key` and `meta` are as the flags of `call`. Calls of one actor run in the order of their lines, actors beside each
/// other; what is there at once commits together, and no answer is printed before it is durable. A line that fails is
/// answered with its error, and the others go on; the exit code is that of the first that failed.
#[derive(Args)]
pub struct Batch {
    /// The file with the lines; `-`, or none, is stdin
    #[arg(value_name = "FILE", default_value = "-", hide_default_value = true)]
    file: PathBuf,
    /// How many actors to run beside each other [default: one more than there are processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    #[command(flatten)]
    limits: LimitFlags,
}

/// What came of a line.
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "names the shape of what is put together by hand, results as they came")]
pub enum BatchLine {
    Done {
        /// The call; null for a query.
        reference: Option<String>,
        /// The journal's entry; null for a query.
        step: Option<u64>,
        /// Null for a method without one.
        result: Value,
        /// There where the key was used before, by the same call: this is its answer, and nothing ran.
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
        // it may wait for a line that never comes, so nobody waits for it
        let reader = thread::Builder::new().name("vactor-reader".to_owned());
        reader.spawn(move || feed(lines, &fed)).map_err(|error| no_thread(&error))?;
        thread::scope(|scope| {
            for number in 0..threads {
                let (engine, flow, stop) = (&engine, &*flow, &cli.stop);
                let thread = thread::Builder::new().name(format!("vactor-batch-{number}"));
                if let Err(error) = thread.spawn_scoped(scope, move || work(engine, stop, flow, number)) {
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
                cli.console.note("type a call a line; Ctrl-D ends");
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

/// While one waits for the disk, the others keep the processors busy.
fn one_more_than_processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get) + 1
}

fn line_limit(engine: &Engine) -> usize {
    usize::try_from(engine.limits().arguments.saturating_add(SLACK)).unwrap_or(usize::MAX)
}

fn no_thread(error: &io::Error) -> Problem {
    Problem::new(Category::Store, "io", "cannot start a thread").cause(error.to_string())
}

/// Reads lines as long as they are wanted.
fn feed(mut lines: Lines<impl BufRead>, flow: &Flow) {
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

/// What a line is.
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

/// Runs the calls of one thread in groups: what is there at once commits together.
fn work(engine: &Engine, stop: &StopSignal, flow: &Flow, thread: usize) {
    let _guard = ThreadGuard(flow);
    loop {
        let mut calls = flow.take(thread);
        if calls.is_empty() {
            return;
        }
        while let Some(first) = calls.iter().map(|call| call.ticket.line).min() {
            flow.wait_for_room(thread, first);
            if flow.is_unwritten() {
                flow.answer(thread, calls.drain(..).map(|call| (call.ticket, OutputLine::unrun())));
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
            let answers = group.commit();
            let broken = answers.iter().filter_map(|answer| answer.as_ref().err());
            if let Some(error) = broken.into_iter().find(|error| error.category() == Category::Store) {
                flow.end(BatchEnd::StoreFailed(error.clone().into()));
                stop.stop();
            }
            let answers = answers.into_iter().map(|answer| answered(engine, answer));
            flow.answer(thread, tickets.into_iter().zip(answers).chain(refusals));
        }
    }
}

/// However a thread ends, nobody waits for it any more.
struct ThreadGuard<'f>(&'f Flow);

impl Drop for ThreadGuard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.end(BatchEnd::StoreFailed(Problem::new(Category::Store, "io", "a thread broke down")));
        }
        self.0.leave();
    }
}

fn answered(engine: &Engine, answer: Result<Reply, Error>) -> OutputLine {
    let leaves_work = spawn_worker::may_leave_work(engine, &answer);
    let reply = match answer {
        Ok(reply) => reply,
        Err(error) => {
            let dropped = error == Error::Interrupted;
            let problem = Problem::from(error);
            let made = problem.reference.as_deref().cloned();
            return OutputLine { dropped, leaves_work, made, ..refused(problem) };
        }
    };
    let made = reply.reference.clone();
    let reference = reply.reference.map_or_else(|| "null".to_owned(), |reference| format!("\"{reference}\""));
    let step = reply.step.map_or_else(|| "null".to_owned(), |step| step.to_string());
    let recorded = if reply.is_duplicate { ",\"recorded\":true" } else { "" };
    let result = reply.result;
    let text = format!("{{\"reference\":{reference},\"step\":{step},\"result\":{result}{recorded}}}\n");
    OutputLine { text, problem: None, dropped: false, leaves_work, made }
}

fn refused(problem: Problem) -> OutputLine {
    let text = serde_json::to_string(&ErrorLine::from(&problem)).expect("an error has a JSON form") + "\n";
    OutputLine { text, problem: Some(problem), dropped: false, leaves_work: false, made: None }
}

/// Answers on their way to stdout.
struct Printer<'c> {
    cli: &'c Cli,
    engine: &'c Engine,
    printed: u64,
    /// Answers of lines that did not run: printed only if one that did comes behind them.
    dropped: String,
    dropped_lines: u64,
    failed: u64,
    /// The first line that failed.
    first: Option<(u64, Problem)>,
    /// Whether something was left to run since a worker was last seen to.
    leaves_work: bool,
    /// When that was.
    looked_after: Option<Instant>,
}

impl<'c> Printer<'c> {
    fn new(cli: &'c Cli, engine: &'c Engine) -> Printer<'c> {
        let (printed, dropped, dropped_lines, failed, first) = (0, String::new(), 0, 0, None);
        let (leaves_work, looked_after) = (false, None);
        Printer { cli, engine, printed, dropped, dropped_lines, failed, first, leaves_work, looked_after }
    }

    fn print(mut self, flow: &Flow) -> Result<(), Problem> {
        while let Some(answers) = flow.next() {
            let (mut text, mut made, before) = (String::new(), Vec::new(), self.printed);
            for mut answer in answers {
                let call = answer.made.take();
                self.take(answer, &mut text);
                made.extend(call.map(|call| (self.printed, call)));
            }
            if let Err(PartialLines { written, error }) = self.cli.console.stream(&text) {
                let written = before + written as u64;
                let unwritten = made.into_iter().filter(|(line, _)| *line > written).map(|(_, call)| call);
                return Err(self.give_up(flow, written, unwritten.collect(), Problem::unwritten(&error)));
            }
            if !self.cli.console.stdout_is_terminal() {
                self.cli.console.reporter().counted(self.printed, self.cli.started);
            }
            if self.looked_after.is_none_or(|last| last.elapsed() >= LOOK_AFTER) {
                self.look_after();
            }
        }
        self.look_after();
        self.cli.console.reporter().end_progress();
        self.end(flow.ended())
    }

    /// Ends a batch whose output failed: what runs is interrupted, and what was committed is left to a worker. The error
    /// names the calls whose answers are lost.
    fn give_up(self, flow: &Flow, written: u64, mut lost: Vec<Reference>, problem: Problem) -> Problem {
        flow.end(BatchEnd::Unwritten);
        self.cli.stop.stop();
        while let Some(answers) = flow.next() {
            lost.extend(answers.into_iter().filter_map(|answer| answer.made));
        }
        // no thread runs calls any more
        spawn_worker::leave(self.cli, self.engine);
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
                    0 => "no answer was written; `vactor log` shows the calls".to_owned(),
                    _ => format!("the answers to the first {written} lines were written; `vactor log` shows the calls"),
                })
            },
        }
    }

    /// Leaves to a worker what the calls so far left to run.
    fn look_after(&mut self) {
        if std::mem::take(&mut self.leaves_work) {
            spawn_worker::leave(self.cli, self.engine);
            self.looked_after = Some(Instant::now());
        }
    }

    fn take(&mut self, answer: OutputLine, text: &mut String) {
        self.leaves_work |= answer.leaves_work;
        if answer.dropped {
            self.dropped.push_str(&answer.text);
            self.dropped_lines += 1;
            return;
        }
        self.printed += 1 + std::mem::take(&mut self.dropped_lines);
        text.push_str(&std::mem::take(&mut self.dropped));
        text.push_str(&answer.text);
        if let Some(problem) = answer.problem {
            self.failed += 1;
            self.first.get_or_insert((self.printed, problem));
        }
    }

    fn end(self, ended: Option<BatchEnd>) -> Result<(), Problem> {
        let printed = self.printed;
        match ended {
            Some(BatchEnd::Unreadable(problem)) => Err(problem),
            Some(BatchEnd::Interrupted) => Err(Problem::interrupted(format!(
                "interrupted; {printed} lines were answered, what follows did not run"
            ))),
            Some(BatchEnd::StoreFailed(problem)) => {
                let hint = format!("the answers up to line {printed} say what was done; what follows did not run");
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
