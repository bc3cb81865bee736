//! `vactor log`: an actor's journal.

use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;
use vactor::Timestamp;
use vactor::engine::Engine;
use vactor::model::{Answer, Fault, Json, LogLine as SaidLine, Outcome, Recorded, Step};

use crate::cli::listing::Listing;
use crate::cli::options::LimitFlags;
use crate::cli::{Cli, Mode, Problem, Run, complete, interrupt, quantity};

/// Steps that are read from the store at once.
const PAGE: usize = 256;
/// Who follows looks again after so long even if nobody signalled a commit.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

const COLUMNS: &[&str] =
    &["step", "reference", "time", "method", "arguments", "outcome", "duration", "caller", "log", "operations"];

/// Shows an actor's journal: what was called, with what, and what came of it
#[derive(Args)]
pub struct Log {
    /// The actor
    #[arg(add = complete::ids())]
    id: String,
    /// Goes on with each new step, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Begins with the last N steps
    #[arg(short = 'n', long, value_name = "N")]
    last: Option<u64>,
}

/// A step of the journal.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct LogLine<'a> {
    step: u64,
    /// The invocation that the step belongs to.
    reference: String,
    /// When its run began. For an invocation that ended before it ran, or was cancelled while it computed and had committed
    /// nothing, when that was committed. RFC 3339.
    time: String,
    /// When the step was committed, RFC 3339.
    committed: String,
    /// What the method's clock answered last, RFC 3339.
    now: String,
    /// The class's version that ran.
    version: u32,
    method: &'a str,
    /// By name, defaults filled in.
    arguments: Value,
    /// Whether it ended well.
    ok: bool,
    /// What it gave, where it ended well.
    result: Option<Value>,
    /// Why it did not, where it did not.
    fault: Option<FaultBody<'a>>,
    /// How long the class computed, in microseconds of processor time.
    micros: u64,
    /// The invocation that called; null where it was nobody in the store.
    caller: Option<String>,
    /// What `--meta` said.
    meta: serde_json::Map<String, Value>,
    /// What the class said.
    log: Vec<SaidBody<'a>>,
    /// Whether it said more than the limit lets in.
    log_cut: bool,
    /// What it asked the host for, in order: children, messages, saves, waits.
    operations: Vec<OperationBody>,
    /// Whether the invocation went on after it: it is a save.
    saved: bool,
    /// blake3 of the state after the step.
    state_hash: String,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "Fault")]
struct FaultBody<'a> {
    /// `class` where the class raised it, `host` where vactor ended it.
    origin: &'static str,
    kind: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Value>,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "Said")]
struct SaidBody<'a> {
    /// `debug`, `info`, `warn` or `error`.
    level: String,
    message: &'a str,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "Operation")]
struct OperationBody {
    /// In a few words.
    asked: String,
    /// The child that was started.
    started: Option<String>,
    /// What a wait was answered.
    answer: Option<Value>,
    /// Why a child was not accepted, or did not succeed.
    fault: Option<String>,
}

impl Run for Log {
    type Line = LogLine<'static>;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let (engine, store) = cli.engine_and_store(Mode::Read, &LimitFlags::default())?;
        let head = engine.head(&self.id)?;
        let first = self.last.map_or(0, |last| (head.numbers.steps + 1).saturating_sub(last));
        if !self.follow {
            let mut listing = cli.console.listing(COLUMNS);
            self.list(&engine, first, &mut listing)?;
            return listing.end("");
        }
        interrupt::ends()?;
        // made before the first look, so that no commit falls between a look and the wait
        let mut watch = store.watch()?;
        let mut listing = Listing::endless(&cli.console, COLUMNS);
        let mut next = first;
        loop {
            next = self.list(&engine, next, &mut listing)?;
            watch.wait(Instant::now() + LOOK_AGAIN);
        }
    }
}

impl Log {
    /// Lists the steps from `next` on, and gives the number after the last of them.
    fn list(&self, engine: &Engine, mut next: u64, listing: &mut Listing) -> Result<u64, Problem> {
        loop {
            let steps = engine.steps(&self.id, next, PAGE)?;
            let Some(last) = steps.last() else { return Ok(next) };
            next = last.number + 1;
            for step in &steps {
                let mut operations = engine.operations(&self.id, step)?;
                for Recorded { asked, .. } in &mut operations {
                    asked.what = with_references(engine, &asked.what);
                }
                listing.add(|| self.line(step, &operations), || self.cells(step, &operations));
            }
            listing.flush()?;
        }
    }

    fn line<'a>(&self, step: &'a Step, operations: &[Recorded]) -> LogLine<'a> {
        let (result, fault) = match &step.outcome {
            Outcome::Succeeded(result) => (Some(result.value()), None),
            Outcome::Failed(fault) => (None, Some(FaultBody::from(fault))),
        };
        LogLine {
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
            meta: step.request.meta.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect(),
            log: step.log.lines.iter().map(SaidBody::from).collect(),
            log_cut: step.log.cut,
            operations: operations.iter().map(OperationBody::from).collect(),
            saved: step.run.is_some_and(|run| run.saved),
            state_hash: step.state.to_string(),
        }
    }

    fn cells(&self, step: &Step, operations: &[Recorded]) -> [String; 10] {
        let outcome = match &step.outcome {
            Outcome::Succeeded(_) if step.run.is_some_and(|run| run.saved) => "saved".to_owned(),
            Outcome::Succeeded(result) => result.as_str().to_owned(),
            Outcome::Failed(fault) => format!("failed: {}: {}", fault.kind, fault.message),
        };
        let mut said: Vec<_> = step.log.lines.iter().map(|line| line.message.as_str()).collect();
        if step.log.cut {
            said.push("(cut)");
        }
        [
            step.number.to_string(),
            format!("{}#{}", self.id, step.reference),
            began(step).to_string(),
            step.request.method.clone(),
            step.request.arguments.as_str().to_owned(),
            outcome,
            quantity::span(step.micros),
            step.request.caller.as_ref().map(ToString::to_string).unwrap_or_default(),
            said.join("\n"),
            operations.iter().map(words).collect::<Vec<_>>().join("\n"),
        ]
    }
}

/// The same with references in place of the ids that guests see, where there is such a call still.
fn with_references(engine: &Engine, asked: &str) -> String {
    let named = |word: &str| engine.reference(word).map_or_else(|_| word.to_owned(), |reference| reference.to_string());
    asked.split(' ').map(named).collect::<Vec<_>>().join(" ")
}

fn began(step: &Step) -> Timestamp {
    step.times.began.unwrap_or(step.times.committed)
}

/// An operation with its answer, on a line.
fn words(recorded: &Recorded) -> String {
    let asked = &recorded.asked.what;
    match &recorded.answer {
        Answer::Nothing | Answer::Sent(_) | Answer::Saved(_) => asked.clone(),
        Answer::Started(Ok(child)) => format!("{asked} = {child}"),
        Answer::Answered(answered) => match &answered.answer {
            Ok(result) => format!("{asked} = {result}"),
            Err(fault) => format!("{asked} failed: {}", fault.message),
        },
        Answer::Started(Err(fault)) => format!("{asked} failed: {}", fault.message),
    }
}

impl From<&Recorded> for OperationBody {
    fn from(recorded: &Recorded) -> OperationBody {
        let asked = recorded.asked.what.clone();
        let none = OperationBody { asked, started: None, answer: None, fault: None };
        match &recorded.answer {
            Answer::Nothing | Answer::Sent(_) | Answer::Saved(_) => none,
            Answer::Started(Ok(child)) => OperationBody { started: Some(child.to_string()), ..none },
            Answer::Started(Err(fault)) => OperationBody { fault: Some(fault.message.clone()), ..none },
            Answer::Answered(answered) => match &answered.answer {
                Ok(result) => OperationBody { answer: Some(result.value()), ..none },
                Err(fault) => OperationBody { fault: Some(fault.message.clone()), ..none },
            },
        }
    }
}

impl<'a> From<&'a Fault> for FaultBody<'a> {
    fn from(fault: &'a Fault) -> FaultBody<'a> {
        let origin = match fault.origin {
            vactor::model::Origin::Class => "class",
            vactor::model::Origin::Host => "host",
        };
        let details = fault.details.as_ref().map(Json::value);
        FaultBody { origin, kind: &fault.kind, message: &fault.message, details }
    }
}

impl<'a> From<&'a SaidLine> for SaidBody<'a> {
    fn from(line: &'a SaidLine) -> SaidBody<'a> {
        SaidBody { level: line.level.to_string(), message: &line.message }
    }
}
