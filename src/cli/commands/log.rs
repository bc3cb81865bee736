//! `vactor log`: an actor's journal. That of a task is in [`task_log`].

use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;
use vactor::Engine;
use vactor::Timestamp;
use vactor::{Error, HistoryEntry, Name, OperationResult, Outcome, Step};

use crate::cli::command::{Cli, RunCommand};
use crate::cli::commands::journal::{FaultBody, SaidBody, meta, pairs, said, short};
use crate::cli::commands::task_log::{self, AttemptLine, TaskLine};
use crate::cli::options::LimitFlags;
use crate::cli::output::{Listing, Problem};
use crate::cli::{complete, interrupt, quantity};
use vactor::Mode;

/// How many steps are read from the store at once.
const PAGE: usize = 256;
/// The time between two reads without a signal of a commit.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

const COLUMNS: &[&str] =
    &["step", "reference", "time", "method", "arguments", "outcome", "duration", "caller", "log", "operations", "meta"];

/// Shows an actor's journal: methods, arguments, outcomes
///
/// For a task, CLASS/TASK, it lists the calls, and for one of them, CLASS/TASK#N, its attempts. An
/// actor of that name has precedence.
#[derive(Args)]
pub struct ShowLog {
    /// The actor; or a task, CLASS/TASK; or a call of a task, CLASS/TASK#N
    #[arg(value_name = "ID", add = complete::ids())]
    id: String,
    /// Shows each new step of an actor, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Only the last N steps, or calls of a task
    #[arg(short = 'n', long, value_name = "N")]
    last: Option<u64>,
}

/// A step of an actor's journal, a call of a task, or an attempt of such a call.
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "names the shapes of the lines")]
pub enum AnyLine<'a> {
    Step(StepLine<'a>),
    Call(TaskLine<'a>),
    Attempt(AttemptLine<'a>),
}

/// A step of the journal.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct StepLine<'a> {
    step: u64,
    /// The invocation that the step belongs to.
    reference: String,
    /// When its run began. If the invocation ended before it ran, or was cancelled before its first
    /// commit: when its end was committed. RFC 3339.
    time: String,
    /// When the step was committed, RFC 3339.
    committed: String,
    /// The last time that the method's clock returned, RFC 3339.
    now: String,
    /// The class's version.
    version: u32,
    method: &'a str,
    /// By name, with defaults.
    arguments: Value,
    /// Whether it succeeded.
    ok: bool,
    /// The result, if it succeeded.
    result: Option<Value>,
    /// The failure, if it failed.
    fault: Option<FaultBody<'a>>,
    /// How long the class computed, in microseconds of processor time.
    micros: u64,
    /// The invocation that made the call; null for a caller outside of the store.
    caller: Option<String>,
    /// The metadata of `--meta`, or of the method that started or sent it.
    meta: serde_json::Map<String, Value>,
    /// The lines that the class logged.
    log: Vec<SaidBody<'a>>,
    /// Whether further lines were dropped, because of the limit.
    log_cut: bool,
    /// Its operations in order: children, messages, saves, waits.
    operations: Vec<OperationBody>,
    /// Whether the step is a save, after which the invocation went on.
    saved: bool,
    /// blake3 of the state after the step.
    state_hash: String,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "Operation")]
struct OperationBody {
    /// The operation in short.
    asked: String,
    /// The child that was started.
    started: Option<String>,
    /// The result of a wait.
    answer: Option<Value>,
    /// The failure of a child, or the reason why it was not accepted.
    fault: Option<String>,
}

impl RunCommand for ShowLog {
    type Line = AnyLine<'static>;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let (engine, store) = cli.engine_and_store(Mode::Read, &LimitFlags::default())?;
        if let Ok(reference) = self.id.parse() {
            self.expect_no_flags(self.follow || self.last.is_some(), &format!("the attempts of {reference}"))?;
            return task_log::attempts(cli, &engine, &reference);
        }
        let task = Name::new(&self.id).ok().filter(|name| engine.is_task(name).is_ok_and(|is_task| is_task));
        let head = match (engine.head(&self.id), &task) {
            (Err(Error::NoActor { .. } | Error::InvalidName(_)), Some(name)) => {
                self.expect_no_flags(self.follow, &format!("the calls of the task {name}"))?;
                return task_log::calls(cli, &engine, name, self.last);
            }
            (Err(Error::NoActor { .. }), None) => return Err(unknown(&engine, &self.id)),
            (head, _) => head?,
        };
        if let Some(name) = task {
            cli.console.note(&format!("a task has this name, too; `vactor ps --actor={name}` lists the calls of both"));
        }
        let first = self.last.map_or(0, |last| (head.counters.steps + 1).saturating_sub(last));
        if !self.follow {
            let mut listing = Listing::new(&cli.console, COLUMNS);
            self.list(&engine, first, &mut listing)?;
            return listing.end("");
        }
        interrupt::ends()?;
        // made before the first read, so that no commit is missed between a read and the wait
        let mut watch = store.watch()?;
        let mut listing = Listing::endless(&cli.console, COLUMNS);
        let mut next = first;
        loop {
            next = self.list(&engine, next, &mut listing)?;
            watch.wait(Instant::now() + LOOK_AGAIN);
        }
    }
}

impl ShowLog {
    /// Refuses `--follow` and `--last` for a list that ends.
    fn expect_no_flags(&self, given: bool, what: &str) -> Result<(), Problem> {
        let flag = if self.follow { "--follow" } else { "--last" };
        match given {
            false => Ok(()),
            true => Err(Problem::input(format!("`{flag}` is not for {what}"))
                .hint("`vactor ps --watch` shows calls as they change")),
        }
    }

    /// Lists the steps from `next` on, and returns the number after the last of them.
    fn list(&self, engine: &Engine, mut next: u64, listing: &mut Listing) -> Result<u64, Problem> {
        loop {
            let steps = engine.steps(&self.id, next, PAGE)?;
            let Some(last) = steps.last() else { return Ok(next) };
            next = last.number + 1;
            for step in &steps {
                let mut operations = engine.operations(&self.id, step)?;
                for HistoryEntry { fingerprint, .. } in &mut operations {
                    fingerprint.summary = with_references(engine, &fingerprint.summary);
                }
                listing.add(|| self.line(step, &operations), || self.cells(step, &operations));
            }
            listing.flush()?;
        }
    }

    fn line<'a>(&self, step: &'a Step, operations: &[HistoryEntry]) -> StepLine<'a> {
        let (result, fault) = match &step.outcome {
            Outcome::Succeeded(result) => (Some(result.value()), None),
            Outcome::Failed(fault) => (None, Some(FaultBody::from(fault))),
        };
        StepLine {
            step: step.number,
            reference: format!("{}#{}", self.id, step.reference),
            time: began(step).to_string(),
            committed: step.times.committed.to_string(),
            now: step.times.now.to_string(),
            version: step.version,
            method: &step.request.method,
            arguments: step.request.arguments.value(),
            ok: fault.is_none(),
            result,
            fault,
            micros: step.micros,
            caller: step.request.caller.as_ref().map(ToString::to_string),
            meta: meta(&step.request),
            log: step.log.lines.iter().map(SaidBody::from).collect(),
            log_cut: step.log.truncated,
            operations: operations.iter().map(OperationBody::from).collect(),
            saved: step.run.is_some_and(|run| run.is_save),
            state_hash: step.state.to_string(),
        }
    }

    fn cells(&self, step: &Step, operations: &[HistoryEntry]) -> [String; 11] {
        let outcome = match &step.outcome {
            Outcome::Succeeded(_) if step.run.is_some_and(|run| run.is_save) => "saved".to_owned(),
            outcome => short(outcome),
        };
        [
            step.number.to_string(),
            format!("{}#{}", self.id, step.reference),
            began(step).to_string(),
            step.request.method.clone(),
            step.request.arguments.as_str().to_owned(),
            outcome,
            quantity::span(step.micros),
            step.request.caller.as_ref().map(ToString::to_string).unwrap_or_default(),
            said(&step.log),
            operations.iter().map(operation_line).collect::<Vec<_>>().join("\n"),
            pairs(&step.request.meta),
        ]
    }
}

/// The error of a name that is neither an actor's nor a task's.
fn unknown(engine: &Engine, id: &str) -> Problem {
    let known = Name::new(id).map_err(Error::from).and_then(|name| engine.expect_known(&name));
    known.err().unwrap_or_else(|| Error::NoActor { id: id.to_owned(), similar: None }).into()
}

/// The summary with references in place of the ids that guests see, as far as the calls exist.
fn with_references(engine: &Engine, summary: &str) -> String {
    let named = |word: &str| engine.reference(word).map_or_else(|_| word.to_owned(), |reference| reference.to_string());
    summary.split(' ').map(named).collect::<Vec<_>>().join(" ")
}

fn began(step: &Step) -> Timestamp {
    step.times.began.unwrap_or(step.times.committed)
}

/// An operation with its result, on a line.
fn operation_line(entry: &HistoryEntry) -> String {
    let summary = &entry.fingerprint.summary;
    match &entry.result {
        OperationResult::Done | OperationResult::Sent(_) | OperationResult::Saved(_) => summary.clone(),
        OperationResult::Started(Ok(child)) => format!("{summary} = {child}"),
        OperationResult::Waited(wait) => match &wait.result {
            Ok(result) => format!("{summary} = {result}"),
            Err(fault) => format!("{summary} failed: {}", fault.message),
        },
        OperationResult::Started(Err(fault)) => format!("{summary} failed: {}", fault.message),
    }
}

impl From<&HistoryEntry> for OperationBody {
    fn from(entry: &HistoryEntry) -> OperationBody {
        let asked = entry.fingerprint.summary.clone();
        let none = OperationBody { asked, started: None, answer: None, fault: None };
        match &entry.result {
            OperationResult::Done | OperationResult::Sent(_) | OperationResult::Saved(_) => none,
            OperationResult::Started(Ok(child)) => OperationBody { started: Some(child.to_string()), ..none },
            OperationResult::Started(Err(fault)) => OperationBody { fault: Some(fault.message.clone()), ..none },
            OperationResult::Waited(wait) => match &wait.result {
                Ok(result) => OperationBody { answer: Some(result.value()), ..none },
                Err(fault) => OperationBody { fault: Some(fault.message.clone()), ..none },
            },
        }
    }
}
