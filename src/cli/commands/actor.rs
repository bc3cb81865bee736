//! `vactor show`, `vactor ls` and `vactor rm`: actors from outside.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::Value;
use vactor::engine::{ActorInfo, Engine, Making};
use vactor::model::{ActorId, Error, Head, Invocation, Json, Name, operand};

use crate::cli::done::Done;
use crate::cli::options::LimitFlags;
use crate::cli::{Cli, Mode, Problem, Run, complete, quantity, text};

/// Actors that are read from the store at once.
const PAGE: usize = 1000;

/// Shows an actor: its class, its numbers, its state
#[derive(Args)]
pub struct Show {
    /// The actor
    #[arg(add = complete::ids())]
    id: String,
}

/// Lists actors
#[derive(Args)]
pub struct Ls {
    /// How the ids begin; all of them without it
    #[arg(add = complete::ids())]
    prefix: Option<String>,
}

/// Removes actors with their whole history, or a class with its actors
///
/// Where one of them is not there or busy, none is removed. Each is removed in a transaction of its own: one that becomes busy
/// while others are removed stops it there.
#[derive(Args)]
pub struct Rm {
    /// The actors
    #[arg(value_name = "ID", required_unless_present = "class", add = complete::ids())]
    ids: Vec<String>,
    /// A class with all its versions and all its actors, instead of actors
    #[arg(long, value_name = "CLASS", conflicts_with = "ids", add = complete::classes())]
    class: Option<String>,
    /// Removes what is busy too: what runs commits nothing, what waits is cancelled
    #[arg(long)]
    force: bool,
    /// Does not ask
    #[arg(long)]
    yes: bool,
}

/// An actor.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct ShowLine<'a> {
    id: &'a str,
    class: &'a str,
    version: u32,
    /// When it was made, RFC 3339.
    created: String,
    /// When its last step was committed, RFC 3339.
    updated: String,
    /// The number of its last step.
    steps: u64,
    /// The number of its last reference.
    references: u64,
    /// How many accepted invocations have not ended.
    queued: u64,
    /// What the one whose turn it is waits for, if it does.
    waits_for: Vec<String>,
    /// Since when, RFC 3339.
    waits_since: Option<String>,
    /// How many events nobody has taken yet.
    events: u64,
    /// blake3 of the state.
    state_hash: String,
    /// Size of the state in bytes.
    state_bytes: u64,
    /// The state, where it is JSON; else null.
    state: Option<Value>,
}

/// An actor in a list.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct LsLine<'a> {
    id: &'a str,
    class: String,
    version: u32,
    /// The number of its last step; 0 while it is being made.
    steps: u64,
    /// When its last step was committed, RFC 3339; null while it is being made.
    updated: Option<String>,
    /// The accepted construction of an actor that is being made; else null.
    being_made_by: Option<String>,
}

/// Something that was removed.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct RmLine<'a> {
    /// The actor; null for a class.
    id: Option<&'a str>,
    /// The class, where it was removed; else null.
    class: Option<&'a str>,
}

impl Run for Show {
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
            waits_since: first.as_ref().and_then(Invocation::waiting).map(|waiting| waiting.since.to_string()),
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
            ("waits for", text::any_of(&line.waits_for)),
            ("waits since", line.waits_since.unwrap_or_default()),
            ("events", line.events.to_string()),
            ("state hash", line.state_hash),
            ("state size", quantity::size(line.state_bytes)),
            ("state", state.unwrap_or_else(|| "(no JSON)".to_owned())),
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
            steps: info.head.numbers.steps,
            references: info.head.numbers.references,
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

impl Run for Ls {
    type Line = LsLine<'static>;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let engine = cli.engine(Mode::Read, &LimitFlags::default())?;
        let prefix = self.prefix.unwrap_or_default();
        let mut listing = cli.console.listing(&["id", "class", "version", "steps", "updated"]);
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
    /// None if the actor went while it was looked at.
    fn of(engine: &Engine, id: &'a ActorId, head: &Head) -> Result<Option<LsLine<'a>>, Problem> {
        if let Some(actor) = &head.actor {
            return Ok(Some(LsLine {
                id: id.as_str(),
                class: actor.class.to_string(),
                version: actor.version,
                steps: head.numbers.steps,
                updated: Some(actor.updated.to_string()),
                being_made_by: None,
            }));
        }
        let making = engine.making(id)?;
        Ok(making.map(|Making { reference, class, version }| LsLine {
            id: id.as_str(),
            class: class.to_string(),
            version,
            steps: 0,
            updated: None,
            being_made_by: Some(reference.to_string()),
        }))
    }
}

impl Run for Rm {
    type Line = RmLine<'static>;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let engine = cli.engine(Mode::Write, &LimitFlags::default())?;
        match &self.class {
            Some(class) => self.remove_class(cli, &engine, class),
            None => self.remove_actors(cli, &engine),
        }
    }
}

impl Rm {
    fn remove_actors(&self, cli: &Cli, engine: &Engine) -> Result<(), Problem> {
        let ids: BTreeSet<&str> = self.ids.iter().map(String::as_str).collect();
        let mut steps: u64 = 0;
        for id in &ids {
            let of_actor = match engine.head(id) {
                Err(Error::BeingMade { .. }) if self.force => 0,
                head => head.map_err(busy)?.numbers.steps,
            };
            steps = steps.saturating_add(of_actor);
        }
        self.find_busy(engine, ids.iter().copied())?;
        let what = match self.ids.first() {
            Some(id) if ids.len() == 1 => format!("{id} and its history ({steps} steps)"),
            _ => format!("{} actors and their history ({steps} steps)", ids.len()),
        };
        self.confirm(cli, &what)?;
        let mut removed = Removed::default();
        ids.into_iter().try_for_each(|id| self.remove(cli, engine, id, &mut removed))?;
        removed.printed()
    }

    /// None is removed where one is busy already. One that becomes so in the meantime stops it there.
    fn find_busy<'a>(&self, engine: &Engine, mut ids: impl Iterator<Item = &'a str>) -> Result<(), Problem> {
        match self.force {
            true => Ok(()),
            false => ids.try_for_each(|id| match engine.is_busy(id).map_err(busy)? {
                true => Err(busy(Error::Busy { id: id.to_owned() })),
                false => Ok(()),
            }),
        }
    }

    fn remove_class(&self, cli: &Cli, engine: &Engine, class: &str) -> Result<(), Problem> {
        let name = engine.class(class, None)?.class.name;
        let ids = engine.actors_of(&name)?;
        self.find_busy(engine, ids.iter().map(ActorId::as_str))?;
        if !self.force
            && let Some(example) = engine.pending_of(&name)?.first()
        {
            return Err(Error::ClassInUse { class: name, example: example.to_string() }.into());
        }
        self.confirm(cli, &format!("the class {class} with all its versions and its {} actors", ids.len()))?;
        let mut removed = Removed::default();
        for id in &ids {
            self.remove(cli, engine, id.as_str(), &mut removed)?;
        }
        engine.remove_class(class, self.force)?;
        removed.add(cli, &format!("the class {class}"), &RmLine { id: None, class: Some(class) });
        removed.printed()
    }

    fn remove(&self, cli: &Cli, engine: &Engine, id: &str, removed: &mut Removed) -> Result<(), Problem> {
        engine.remove(id, self.force).map_err(busy)?;
        removed.add(cli, id, &RmLine { id: Some(id), class: None });
        Ok(())
    }

    fn confirm(&self, cli: &Cli, what: &str) -> Result<(), Problem> {
        if self.yes {
            return Ok(());
        }
        if !cli.console.can_ask() {
            return Err(Problem::input(format!("this removes {what}")).hint("`--yes` says that it is meant"));
        }
        if cli.console.ask(&format!("remove {what}?")) {
            return Ok(());
        }
        Err(Problem::interrupted("nothing was removed"))
    }
}

/// Tells what was removed. An output that fails keeps nothing from being removed: the command was confirmed as a whole.
#[derive(Default)]
struct Removed {
    /// What was removed first and could not be told, and why.
    untold: Option<(String, Problem)>,
    others: usize,
}

impl Removed {
    fn add(&mut self, cli: &Cli, what: &str, line: &RmLine) {
        cli.console.note(&format!("removed {what}"));
        match &self.untold {
            Some(_) => self.others += 1,
            None if !cli.console.wants_json() => {}
            None => self.untold = cli.console.json(line).err().map(|problem| (what.to_owned(), problem)),
        }
    }

    fn printed(self) -> Result<(), Problem> {
        let Some((what, problem)) = self.untold else { return Ok(()) };
        let sentence = match self.others {
            0 => format!("{what} was removed"),
            others => format!("{what} and {others} more were removed"),
        };
        Done::new(sentence).printed(Err(problem))
    }
}

/// What is busy or being made can be removed all the same.
fn busy(error: Error) -> Problem {
    let hint = match &error {
        Error::Busy { .. } => Some("try again, or remove it all the same with `--force`".to_owned()),
        Error::BeingMade { reference, .. } => {
            let reference = operand(reference);
            Some(format!("`vactor wait {reference}` waits until it is there; `--force` removes it all the same"))
        }
        _ => None,
    };
    let problem = Problem::from(error);
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}
