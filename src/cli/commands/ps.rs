//! `vactor ps`: accepted calls and their status.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde_json::Value;
use vactor::ActorId;
use vactor::{Engine, Phase};
use vactor::{Invocation, Name, Reference};

use crate::cli::command::{Cli, RunCommand};
use crate::cli::commands::journal::meta;
use crate::cli::options::LimitFlags;
use crate::cli::output::{Listing, Problem, escape};
use crate::cli::{complete, interrupt};
use vactor::Mode;

/// How many records are read from the store at once.
const PAGE: usize = 1000;

const COLUMNS: &[&str] = &["reference", "method", "status", "accepted", "due", "ended", "link", "arguments"];

/// The time between two reads with `--watch`: a call that begins to run commits nothing, so nothing
/// wakes the watch.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A call is overdue after this time, in which a worker starts.
const OVERDUE: Duration = Duration::from_secs(10);

/// The least time between two pictures of `--watch`.
const SHOWN_FOR: Duration = Duration::from_millis(100);

/// Lists calls: pending ones, or all of one actor or task
///
/// With a status of ended calls, it lists those of all actors and tasks, the newest of each first.
#[derive(Args)]
pub struct Ps {
    /// All calls of this actor or this task, CLASS/TASK, the newest first; without it, pending
    /// calls of all
    #[arg(long, value_name = "ID", add = complete::ids())]
    actor: Option<ActorId>,
    /// Only calls of this status
    #[arg(long, value_enum)]
    status: Option<StatusFlag>,
    /// The most calls to list
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: usize,
    /// Shows the calls on the terminal as they change, until Ctrl-C
    #[arg(long, conflicts_with = "json")]
    watch: bool,
    /// Lists pending calls, each with its children below it
    #[arg(long, conflicts_with_all = ["actor", "status"])]
    tree: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum StatusFlag {
    Queued,
    Running,
    Waiting,
    Succeeded,
    Failed,
    Cancelled,
}

/// A call in a list.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct PsLine {
    reference: String,
    method: String,
    /// As `--status` takes it.
    status: String,
    /// RFC 3339.
    accepted: String,
    /// When it is due, if it was accepted for later or a task is tried again; RFC 3339.
    due: Option<String>,
    /// When its run began (of a task, its last attempt), RFC 3339. Null before the run, for a call
    /// that ended before it ran, and for a call that was cancelled before its first commit.
    began: Option<String>,
    /// When it ended, RFC 3339.
    ended: Option<String>,
    /// The failed call that this one resumes.
    resumes: Option<String>,
    /// The call that resumed this one after its failure.
    resumed_by: Option<String>,
    /// The call that made this one; null for a caller outside of the store.
    caller: Option<String>,
    /// Its wait targets: calls, times, events, earlier calls of the inbox.
    waits_for: Vec<String>,
    /// The process that runs it.
    process: Option<u32>,
    /// Whether that process is stopped. The call goes on when the process does.
    stopped: bool,
    /// Whether it could have run for ten seconds, and no worker works on the store.
    overdue: bool,
    /// The metadata of `--meta`, or of the method that started or sent it.
    meta: serde_json::Map<String, Value>,
    arguments: Value,
}

impl RunCommand for Ps {
    type Line = PsLine;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        if !self.watch {
            let engine = cli.engine(Mode::Read, &LimitFlags::default())?;
            let mut listing = Listing::new(&cli.console, COLUMNS);
            let overdue = self.list(&engine, self.limit, &mut listing)?;
            listing.end("no such call")?;
            if let Some(writer) = engine.stopped_writer() {
                cli.console.note(&format!("{writer} holds the store: no command can write until it goes on or ends"));
            }
            if overdue {
                cli.console.note("no worker works on the store: `vactor worker` runs the overdue calls");
            }
            return Ok(());
        }
        if !cli.console.stdout_is_terminal() {
            let problem = Problem::input("`--watch` is for a terminal");
            return Err(problem.hint("without it `vactor ps` lists them once; `vactor wait` waits for one to end"));
        }
        let (engine, store) = cli.engine_and_store(Mode::Read, &LimitFlags::default())?;
        interrupt::ends()?;
        // made before the first read, so that no commit is missed between a read and the wait
        let mut watch = store.watch()?;
        loop {
            // without the line of the cursor
            let fitting = terminal_size::terminal_size().map(|(_, height)| usize::from(height.0).saturating_sub(1));
            // a terminal without a known height reports 0
            let fitting = fitting.filter(|lines| *lines > 0).unwrap_or(usize::MAX);
            let mut listing = Listing::new(&cli.console, COLUMNS);
            self.list(&engine, fitting.min(self.limit), &mut listing)?;
            listing.redraw("no such call", fitting)?;
            std::thread::sleep(SHOWN_FOR);
            watch.wait(Instant::now() + LOOK_AGAIN);
        }
    }
}

/// The progress of a list.
struct Shown {
    left: usize,
    has_worker: bool,
    overdue: bool,
}

impl Ps {
    fn list(&self, engine: &Engine, limit: usize, listing: &mut Listing) -> Result<bool, Problem> {
        let mut shown = Shown { left: limit, has_worker: engine.has_worker(), overdue: false };
        self.list_into(&mut shown, engine, listing)?;
        Ok(shown.overdue)
    }

    fn list_into(&self, shown: &mut Shown, engine: &Engine, listing: &mut Listing) -> Result<(), Problem> {
        if self.tree {
            return self.list_tree(engine, shown, listing);
        }
        let name = self.actor.as_ref().map(Name::from);
        if let Some(name) = &name {
            engine.expect_known(name)?;
        }
        match (&name, self.status.map(StatusFlag::has_ended)) {
            (Some(name), None | Some(true)) => self.list_all_of(name, engine, shown, listing),
            (None, Some(true)) => self.list_all(engine, shown, listing),
            (name, None | Some(false)) => self.list_pending(name.as_ref(), engine, shown, listing),
        }
    }

    fn list_pending(
        &self,
        name: Option<&Name>,
        engine: &Engine,
        shown: &mut Shown,
        listing: &mut Listing,
    ) -> Result<(), Problem> {
        let mut after: Option<Reference> = None;
        while shown.left > 0 {
            let page = engine.pending(name, after.as_ref(), PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.reference());
            self.add(&page, engine, shown, listing)?;
        }
        Ok(())
    }

    fn list_all(&self, engine: &Engine, shown: &mut Shown, listing: &mut Listing) -> Result<(), Problem> {
        let mut after: Option<Name> = None;
        while shown.left > 0 {
            let page = engine.names(after.as_ref(), PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            for name in &page {
                self.list_all_of(name, engine, shown, listing)?;
            }
        }
        Ok(())
    }

    fn list_all_of(
        &self,
        name: &Name,
        engine: &Engine,
        shown: &mut Shown,
        listing: &mut Listing,
    ) -> Result<(), Problem> {
        let mut before = None;
        while shown.left > 0 {
            let page = engine.invocations(name, before, PAGE)?;
            let Some(last) = page.last() else { break };
            before = Some(last.number);
            self.add(&page, engine, shown, listing)?;
        }
        Ok(())
    }

    fn add(
        &self,
        page: &[Invocation],
        engine: &Engine,
        shown: &mut Shown,
        listing: &mut Listing,
    ) -> Result<(), Problem> {
        for invocation in page {
            let status = StatusFlag::from(engine.phase(invocation)?);
            if shown.left == 0 || self.status.is_some_and(|wanted| wanted != status) {
                continue;
            }
            shown.left -= 1;
            let line = line(invocation, status, shown.has_worker, engine)?;
            shown.overdue |= line.overdue;
            let cells = cells(&line, invocation.request.arguments.as_str(), 0);
            listing.add(|| line, || cells);
        }
        listing.flush()
    }

    /// Lists pending calls without a pending caller, and below each its children.
    fn list_tree(&self, engine: &Engine, shown: &mut Shown, listing: &mut Listing) -> Result<(), Problem> {
        let mut after: Option<Reference> = None;
        loop {
            let page = engine.pending(None, after.as_ref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.reference());
            for invocation in page {
                let caller = invocation.request.caller.as_ref();
                // the caller of a message does not wait for it
                let is_child = invocation.request.depth > 0
                    && caller.is_some_and(|caller| {
                        engine.invocation(caller).is_ok_and(|caller| caller.ended_at().is_none())
                    });
                if !is_child {
                    self.add_branch(invocation, engine, shown, listing)?;
                }
            }
        }
    }

    fn add_branch(
        &self,
        root: Invocation,
        engine: &Engine,
        shown: &mut Shown,
        listing: &mut Listing,
    ) -> Result<(), Problem> {
        let mut open = vec![(root, 0)];
        // in a store that another program wrote, an invocation may be its own child
        let mut seen = HashSet::new();
        while let Some((invocation, depth)) = open.pop() {
            if shown.left == 0 {
                break;
            }
            if !seen.insert(invocation.reference()) {
                continue;
            }
            shown.left -= 1;
            let status = StatusFlag::from(engine.phase(&invocation)?);
            let line = line(&invocation, status, shown.has_worker, engine)?;
            shown.overdue |= line.overdue;
            let cells = cells(&line, invocation.request.arguments.as_str(), depth);
            listing.add(|| line, || cells);
            for child in engine.children(&invocation)?.iter().rev() {
                match engine.invocation(child) {
                    Ok(child) if child.ended_at().is_none() => open.push((child, depth + 1)),
                    // it has ended, or its actor was removed
                    _ => {}
                }
            }
        }
        listing.flush()
    }
}

impl StatusFlag {
    fn has_ended(self) -> bool {
        matches!(self, StatusFlag::Succeeded | StatusFlag::Failed | StatusFlag::Cancelled)
    }

    pub(super) fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

impl From<Phase> for StatusFlag {
    fn from(phase: Phase) -> StatusFlag {
        match phase {
            Phase::Queued => StatusFlag::Queued,
            Phase::Running => StatusFlag::Running,
            Phase::Waiting => StatusFlag::Waiting,
            Phase::Succeeded => StatusFlag::Succeeded,
            Phase::Failed => StatusFlag::Failed,
            Phase::Cancelled => StatusFlag::Cancelled,
        }
    }
}

fn line(invocation: &Invocation, status: StatusFlag, has_worker: bool, engine: &Engine) -> Result<PsLine, Problem> {
    let Invocation { request, resumed_by, .. } = invocation;
    let runner = match status {
        StatusFlag::Running => engine.runner(&invocation.reference()),
        _ => None,
    };
    let of_name = |number| Reference { name: request.name.clone(), number }.to_string();
    Ok(PsLine {
        reference: invocation.reference().to_string(),
        method: request.method.clone(),
        status: status.word(),
        accepted: request.accepted.to_string(),
        due: request.due.map(|due| due.to_string()),
        began: invocation.began_at().map(|began| began.to_string()),
        ended: invocation.ended_at().map(|ended| ended.to_string()),
        resumes: request.resumes.map(of_name),
        resumed_by: resumed_by.map(of_name),
        caller: request.caller.as_ref().map(ToString::to_string),
        waits_for: engine.waits_for(invocation)?.iter().map(ToString::to_string).collect(),
        process: runner.map(|process| process.pid),
        stopped: runner.is_some_and(|process| process.stopped),
        overdue: status == StatusFlag::Queued && !has_worker && engine.is_overdue(invocation, OVERDUE)?,
        meta: meta(request),
        arguments: request.arguments.value(),
    })
}

fn cells(line: &PsLine, arguments: &str, depth: usize) -> [String; 8] {
    let links = [("resumes", &line.resumes), ("resumed by", &line.resumed_by)];
    let mut links: Vec<String> =
        links.iter().filter_map(|(word, other)| Some(format!("{word} {}", other.as_ref()?))).collect();
    if !line.waits_for.is_empty() {
        links.push(format!("waits for {}", escape::any_of(&line.waits_for)));
    }
    if let Some(pid) = line.process {
        links.push(format!("in process {pid}{}", if line.stopped { ", which is stopped" } else { "" }));
    }
    if line.overdue {
        links.push("overdue".to_owned());
    }
    [
        format!("{}{}", "  ".repeat(depth), line.reference),
        line.method.clone(),
        line.status.clone(),
        line.accepted.clone(),
        line.due.clone().unwrap_or_default(),
        line.ended.clone().unwrap_or_default(),
        links.join(", "),
        arguments.to_owned(),
    ]
}
