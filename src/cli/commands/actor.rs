//! `vactor show` and `vactor ls`: actors.

use clap::Args;
use serde_json::Value;
use vactor::{ActorId, Invocation, Json, Name, NameRecord};
use vactor::{ActorInfo, Engine, PendingConstruction};

use crate::cli::command::{Cli, RunCommand};
use crate::cli::options::LimitFlags;
use crate::cli::output::{Listing, Problem, escape};
use crate::cli::{complete, quantity};
use vactor::Mode;

/// How many actors are read from the store at once.
const PAGE: usize = 1000;

/// Shows an actor: its class, its counters, its state
#[derive(Args)]
pub struct Show {
    /// The actor
    #[arg(add = complete::ids())]
    id: String,
}

/// Lists actors
#[derive(Args)]
pub struct Ls {
    /// The beginning of the ids; without it, all actors are listed
    #[arg(add = complete::ids())]
    prefix: Option<String>,
}

/// An actor.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct ShowLine<'a> {
    id: &'a str,
    class: &'a str,
    version: u32,
    /// When it was created, RFC 3339.
    created: String,
    /// When its last step was committed, RFC 3339.
    updated: String,
    /// The number of its last step.
    steps: u64,
    /// The number of its last reference.
    references: u64,
    /// How many invocations are pending.
    queued: u64,
    /// The wait targets of the first pending invocation.
    waits_for: Vec<String>,
    /// When that wait began, RFC 3339.
    waits_since: Option<String>,
    /// How many events are kept for its methods.
    events: u64,
    /// blake3 of the state.
    state_hash: String,
    /// Size of the state in bytes.
    state_bytes: u64,
    /// The state, if it is JSON; else null.
    state: Option<Value>,
}

/// An actor in a list.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct LsLine<'a> {
    id: &'a str,
    class: String,
    version: u32,
    /// The number of its last step; 0 while it is constructed.
    steps: u64,
    /// When its last step was committed, RFC 3339; null while it is constructed.
    updated: Option<String>,
    /// The pending construction, if the actor does not exist yet; else null.
    being_made_by: Option<String>,
}

impl RunCommand for Show {
    type Line = ShowLine<'static>;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let engine = cli.engine(Mode::Read, &LimitFlags::default())?;
        let info = engine.show(&self.id)?;
        let first = engine.pending(Some(&Name::from(&info.id)), None, 1)?.pop();
        let line = ShowLine {
            waits_for: match &first {
                Some(first) => engine.waits_for(first)?.iter().map(ToString::to_string).collect(),
                None => Vec::new(),
            },
            waits_since: first.as_ref().and_then(Invocation::pending_wait).map(|wait| wait.since.to_string()),
            ..ShowLine::from(&info)
        };
        if cli.console.wants_json() {
            return cli.console.json(&line);
        }
        let state = line.state.as_ref().map(ToString::to_string);
        let rows = [
            ("id", line.id.to_owned()),
            ("class", line.class.to_owned()),
            ("version", line.version.to_string()),
            ("created", line.created),
            ("updated", line.updated),
            ("steps", line.steps.to_string()),
            ("references", line.references.to_string()),
            ("queued", line.queued.to_string()),
            ("waits for", escape::any_of(&line.waits_for)),
            ("waits since", line.waits_since.unwrap_or_default()),
            ("events", line.events.to_string()),
            ("state hash", line.state_hash),
            ("state size", quantity::size(line.state_bytes)),
            ("state", state.unwrap_or_else(|| "(not JSON)".to_owned())),
        ];
        cli.console.record(&rows)
    }
}

impl<'a> From<&'a ActorInfo> for ShowLine<'a> {
    fn from(info: &'a ActorInfo) -> ShowLine<'a> {
        let state = std::str::from_utf8(&info.state).ok().and_then(|text| Json::parse(text).ok());
        ShowLine {
            id: info.id.as_str(),
            class: info.actor.class.as_str(),
            version: info.actor.version,
            created: info.actor.created.to_string(),
            updated: info.actor.updated.to_string(),
            steps: info.head.counters.steps,
            references: info.head.counters.references,
            queued: info.head.queued,
            waits_for: Vec::new(),
            waits_since: None,
            events: info.head.events,
            state_hash: info.actor.state.to_string(),
            state_bytes: info.actor.state_bytes,
            state: state.map(|json| json.value()),
        }
    }
}

impl RunCommand for Ls {
    type Line = LsLine<'static>;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let engine = cli.engine(Mode::Read, &LimitFlags::default())?;
        let prefix = self.prefix.unwrap_or_default();
        let mut listing = Listing::new(&cli.console, &["id", "class", "version", "steps", "updated"]);
        let mut page = engine.actors(&prefix, None, PAGE)?;
        while let Some((last, _)) = page.last() {
            for (id, head) in &page {
                let Some(line) = LsLine::of(&engine, id, head)? else { continue };
                let updated = match (&line.updated, &line.being_made_by) {
                    (None, Some(reference)) => format!("being made by {reference}"),
                    (updated, _) => updated.clone().unwrap_or_default(),
                };
                let [version, steps] = [line.version.to_string(), line.steps.to_string()];
                let cells = [id.to_string(), line.class.clone(), version, steps, updated];
                listing.add(|| line, || cells);
            }
            listing.flush()?;
            page = engine.actors(&prefix, Some(last), PAGE)?;
        }
        match prefix.as_str() {
            "" => listing.end("there are no actors yet; `vactor create` makes one"),
            _ => listing.end(&format!("there is no actor whose id begins with {prefix}")),
        }
    }
}

impl<'a> LsLine<'a> {
    /// None if the actor was removed meanwhile.
    fn of(engine: &Engine, id: &'a ActorId, head: &NameRecord) -> Result<Option<LsLine<'a>>, Problem> {
        if let Some(actor) = &head.actor {
            return Ok(Some(LsLine {
                id: id.as_str(),
                class: actor.class.to_string(),
                version: actor.version,
                steps: head.counters.steps,
                updated: Some(actor.updated.to_string()),
                being_made_by: None,
            }));
        }
        let making = engine.making(id)?;
        Ok(making.map(|PendingConstruction { reference, class, version }| LsLine {
            id: id.as_str(),
            class: class.to_string(),
            version,
            steps: 0,
            updated: None,
            being_made_by: Some(reference.to_string()),
        }))
    }
}
