//! `vactor log` of a task: its calls, or the attempts of one of them.

use serde_json::Value;
use vactor::{Attempt, CallKind, CallRequest, Invocation, Log, Name, Outcome, Reference, Status};
use vactor::{Engine, Phase};

use crate::cli::command::Cli;
use crate::cli::commands::journal::{FaultBody, SaidBody, meta, pairs, said, short};
use crate::cli::commands::ps::StatusFlag;
use crate::cli::output::hint::operand;
use crate::cli::output::{Listing, Problem};

/// How many records are read from the store at once.
const PAGE: usize = 256;

const CALLS: &[&str] = &["reference", "time", "status", "arguments", "outcome", "attempts", "caller", "log", "meta"];
const ATTEMPTS: &[&str] = &["attempt", "began", "ended", "outcome", "log"];

/// A call of a task.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct TaskLine<'a> {
    reference: String,
    /// As in `vactor ps`.
    status: String,
    /// RFC 3339, as are all times.
    accepted: String,
    /// When it is due, or is tried again, if that is later than its acceptance.
    due: Option<String>,
    /// When its last attempt began; null before the end of the first.
    began: Option<String>,
    ended: Option<String>,
    /// The class's version.
    version: u32,
    /// By name, with defaults.
    arguments: Value,
    /// Whether it succeeded; null while it is pending.
    ok: Option<bool>,
    /// The result, if it succeeded.
    result: Option<Value>,
    /// The failure, if it failed.
    fault: Option<FaultBody<'a>>,
    /// How many attempts have ended.
    attempts: u32,
    /// The call that started or sent it; null for a caller outside of the store.
    caller: Option<String>,
    /// The metadata of `--meta`, or of the method that started or sent it.
    meta: serde_json::Map<String, Value>,
    /// The lines that the class logged in the last attempt.
    log: Vec<SaidBody<'a>>,
    /// Whether further lines were dropped, because of the limit.
    log_cut: bool,
}

/// An attempt of a call of a task.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct AttemptLine<'a> {
    reference: String,
    /// From 1 on; null if the call was cancelled outside of an attempt.
    attempt: Option<u32>,
    /// RFC 3339.
    began: Option<String>,
    /// RFC 3339.
    ended: String,
    ok: bool,
    /// The result, if it succeeded.
    result: Option<Value>,
    /// The failure, if it failed.
    fault: Option<FaultBody<'a>>,
    /// The lines that the class logged.
    log: Vec<SaidBody<'a>>,
    /// Whether further lines were dropped, because of the limit.
    log_cut: bool,
}

/// Lists the calls of a task, the oldest first; with `last`, only that many of the newest.
pub fn calls(cli: &Cli, engine: &Engine, name: &Name, last: Option<u64>) -> Result<(), Problem> {
    let mut listing = Listing::new(&cli.console, CALLS);
    let (mut next, newest) = range(engine, name, last)?;
    while next <= newest {
        let end = next.saturating_add(PAGE as u64);
        let page = engine.invocations(name, Some(end), PAGE)?;
        for call in page.iter().rev().filter(|call| call.number >= next && is_task(&call.request)) {
            let status = StatusFlag::from(engine.phase(call)?).word();
            listing.add(|| TaskLine::of(call, status.clone()), || cells(call, &status));
        }
        listing.flush()?;
        next = end;
    }
    listing.end(&format!("the task {name} was not called yet"))
}

/// Numbers of the first and the last call to list.
fn range(engine: &Engine, name: &Name, last: Option<u64>) -> Result<(u64, u64), Problem> {
    let newest = engine.invocations(name, None, 1)?.first().map_or(0, |newest| newest.number);
    let Some(mut left) = last else { return Ok((1, newest)) };
    let (mut first, mut before) = (newest + 1, None);
    while left > 0 {
        let page = engine.invocations(name, before, PAGE)?;
        let Some(oldest) = page.last() else { break };
        before = Some(oldest.number);
        for call in page.iter().filter(|call| is_task(&call.request)).take(usize::try_from(left).unwrap_or(PAGE)) {
            (left, first) = (left - 1, call.number);
        }
    }
    Ok((first, newest))
}

/// Lists the attempts of one call of a task.
pub fn attempts(cli: &Cli, engine: &Engine, reference: &Reference) -> Result<(), Problem> {
    let call = engine.invocation(reference)?;
    if !is_task(&call.request) {
        let problem = Problem::input(format!("{reference} is a call of an actor, and has no attempts"));
        return Err(problem.hint(format!("`vactor log {}` shows the calls of the actor", operand(&reference.name))));
    }
    let mut listing = Listing::new(&cli.console, ATTEMPTS);
    let mut next = 1;
    loop {
        let page = engine.attempts(reference, next, PAGE)?;
        let Some(last) = page.last() else { break };
        next = last.number.saturating_add(1);
        for attempt in &page {
            listing.add(|| AttemptLine::of(reference, attempt), || attempt_cells(attempt));
        }
        listing.flush()?;
    }
    if let Status::Ended { times, outcome, log, .. } = &call.status
        && times.began.is_none()
    {
        let times = *times;
        let end = Attempt { number: 0, times, outcome: outcome.clone(), log: log.clone() };
        listing.add(
            || AttemptLine { attempt: None, ..AttemptLine::of(reference, &end) },
            || {
                let [_, rest @ ..] = attempt_cells(&end);
                let [began, ended, outcome, log] = rest;
                [String::new(), began, ended, outcome, log]
            },
        );
    }
    let waits = match engine.phase(&call)? {
        Phase::Running => format!("no attempt of {reference} has ended yet"),
        _ => format!("{reference} has not run yet"),
    };
    listing.end(&waits)
}

fn is_task(request: &CallRequest) -> bool {
    matches!(request.kind, CallKind::Task { .. })
}

/// How many attempts have ended.
fn attempts_of(call: &Invocation) -> u32 {
    let ended_by_one = matches!(&call.status, Status::Ended { times, .. } if times.began.is_some());
    call.attempts + u32::from(ended_by_one)
}

impl<'a> TaskLine<'a> {
    fn of(call: &'a Invocation, status: String) -> TaskLine<'a> {
        let Invocation { request, .. } = call;
        let ended = match &call.status {
            Status::Ended { outcome, log, .. } => Some((outcome, log)),
            Status::Pending => None,
        };
        let (result, fault) = ended.map_or((None, None), |(outcome, _)| parts(outcome));
        TaskLine {
            reference: call.reference().to_string(),
            status,
            accepted: request.accepted.to_string(),
            due: request.due.map(|due| due.to_string()),
            began: call.began_at().map(|began| began.to_string()),
            ended: call.ended_at().map(|ended| ended.to_string()),
            version: match request.kind {
                CallKind::Construct { version, .. } | CallKind::Task { version, .. } => version,
                CallKind::Mutate => 0,
            },
            arguments: request.arguments.value(),
            ok: ended.map(|(outcome, _)| matches!(outcome, Outcome::Succeeded(_))),
            result,
            fault,
            attempts: attempts_of(call),
            caller: request.caller.as_ref().map(ToString::to_string),
            meta: meta(request),
            log: ended.map(|(_, log)| log.lines.iter().map(SaidBody::from).collect()).unwrap_or_default(),
            log_cut: ended.is_some_and(|(_, log)| log.truncated),
        }
    }
}

impl<'a> AttemptLine<'a> {
    fn of(reference: &Reference, attempt: &'a Attempt) -> AttemptLine<'a> {
        let Attempt { number, times, outcome, log } = attempt;
        let (result, fault) = parts(outcome);
        AttemptLine {
            reference: reference.to_string(),
            attempt: Some(*number),
            began: times.began.map(|began| began.to_string()),
            ended: times.committed.to_string(),
            ok: fault.is_none(),
            result,
            fault,
            log: log.lines.iter().map(SaidBody::from).collect(),
            log_cut: log.truncated,
        }
    }
}

fn parts(outcome: &Outcome) -> (Option<Value>, Option<FaultBody<'_>>) {
    match outcome {
        Outcome::Succeeded(result) => (Some(result.value()), None),
        Outcome::Failed(fault) => (None, Some(FaultBody::from(fault))),
    }
}

fn cells(call: &Invocation, status: &str) -> [String; 9] {
    let (outcome, log) = match &call.status {
        Status::Ended { outcome, log, .. } => (short(outcome), said(log)),
        Status::Pending => (String::new(), said(&Log::default())),
    };
    let CallRequest { accepted, arguments, caller, meta, .. } = &call.request;
    [
        call.reference().to_string(),
        call.began_at().unwrap_or(*accepted).to_string(),
        status.to_owned(),
        arguments.as_str().to_owned(),
        outcome,
        attempts_of(call).to_string(),
        caller.as_ref().map(ToString::to_string).unwrap_or_default(),
        log,
        pairs(meta),
    ]
}

fn attempt_cells(attempt: &Attempt) -> [String; 5] {
    let Attempt { number, times, outcome, log } = attempt;
    [
        number.to_string(),
        times.began.map(|began| began.to_string()).unwrap_or_default(),
        times.committed.to_string(),
        short(outcome),
        said(log),
    ]
}
