//! `vactor rm`: removes actors, calls of tasks, and classes.

use std::collections::BTreeSet;

use clap::Args;
use vactor::Engine;
use vactor::{ActorId, CallKind, Error, Name, Reference};

use crate::cli::command::{Cli, RunCommand};
use crate::cli::complete;
use crate::cli::options::LimitFlags;
use crate::cli::output::hint::operand;
use crate::cli::output::{Effect, Problem};
use vactor::Mode;

/// Removes actors with their journals, ended calls of tasks, or a class with its actors
///
/// If one of them does not exist or is busy, none is removed. Each is removed in a transaction of
/// its own: if one becomes busy meanwhile, the command ends there.
#[derive(Args)]
pub struct Rm {
    /// Actors; tasks, CLASS/TASK, whose ended calls are removed; or single calls of tasks,
    /// CLASS/TASK#N. An actor has precedence over a task of the same name
    #[arg(value_name = "ID", required_unless_present = "class", add = complete::ids())]
    ids: Vec<String>,
    /// A class with all its versions, its actors and the calls of its tasks
    #[arg(long, value_name = "CLASS", conflicts_with = "ids", add = complete::classes())]
    class: Option<String>,
    /// Removes busy ones, too: a running call commits nothing, a waiting one is cancelled
    #[arg(long)]
    force: bool,
    /// Removes without a question
    #[arg(long)]
    yes: bool,
}

/// A removed actor, task, call or class.
#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct RmLine<'a> {
    /// The actor, the task or the call of a task; null for a class.
    id: Option<&'a str>,
    /// The class, if it was removed; else null.
    class: Option<&'a str>,
}

/// The object that a word names.
enum Removal<'a> {
    Actor {
        id: &'a str,
        steps: u64,
    },
    /// The ended calls of a task, or the call of a number.
    Calls {
        id: &'a str,
        name: Name,
        number: Option<u64>,
        ended: u64,
    },
}

impl RunCommand for Rm {
    type Line = RmLine<'static>;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let engine = cli.engine(Mode::Write, &LimitFlags::default())?;
        match &self.class {
            Some(class) => self.remove_class(cli, &engine, class),
            None => self.remove_named(cli, &engine),
        }
    }
}

impl Rm {
    fn remove_named(&self, cli: &Cli, engine: &Engine) -> Result<(), Problem> {
        let ids: BTreeSet<&str> = self.ids.iter().map(String::as_str).collect();
        let targets = ids.into_iter().map(|id| self.target(engine, id)).collect::<Result<Vec<_>, _>>()?;
        let actors = || targets.iter().filter_map(Removal::actor);
        self.expect_idle(engine, actors())?;
        self.confirm(cli, &in_words(&targets))?;
        let mut removed = RemovalReport::default();
        for target in &targets {
            match target {
                Removal::Actor { id, .. } => self.remove(cli, engine, id, &mut removed)?,
                Removal::Calls { id, name, number, .. } => {
                    self.remove_calls(cli, engine, id, name, *number, &mut removed)?;
                }
            }
        }
        removed.printed()
    }

    /// The object of a word: an actor, else a task.
    fn target<'a>(&self, engine: &Engine, id: &'a str) -> Result<Removal<'a>, Problem> {
        if let Ok(Reference { name, number }) = id.parse() {
            return self.calls(engine, id, name, Some(number));
        }
        let no_actor = match engine.head(id) {
            Ok(head) => return Ok(Removal::Actor { id, steps: head.counters.steps }),
            Err(Error::BeingMade { .. }) if self.force => return Ok(Removal::Actor { id, steps: 0 }),
            Err(error @ (Error::NoActor { .. } | Error::InvalidName(_))) => error,
            Err(error) => return Err(busy(error)),
        };
        let name = Name::new(id).map_err(Error::from)?;
        if engine.is_task(&name)? {
            return self.calls(engine, id, name, None);
        }
        engine.expect_known(&name)?;
        Err(no_actor.into())
    }

    fn calls<'a>(&self, engine: &Engine, id: &'a str, name: Name, number: Option<u64>) -> Result<Removal<'a>, Problem> {
        if let Some(number) = number {
            let reference = Reference { name: name.clone(), number };
            if !matches!(engine.invocation(&reference)?.request.kind, CallKind::Task { .. }) {
                let problem =
                    Problem::input(format!("{reference} is a call of an actor, and is removed only with the actor"));
                return Err(problem.hint(format!("`vactor rm {}` removes the actor with its history", operand(&name))));
            }
        }
        let (ended, in_use) = engine.task_calls(&name, number)?;
        match in_use.filter(|_| !self.force) {
            Some(call) => Err(busy(Error::Busy { id: call.to_string() })),
            None => Ok(Removal::Calls { id, name, number, ended }),
        }
    }

    fn remove_calls(
        &self,
        cli: &Cli,
        engine: &Engine,
        id: &str,
        name: &Name,
        number: Option<u64>,
        removed: &mut RemovalReport,
    ) -> Result<(), Problem> {
        let calls = engine.remove_task_calls(name, number, self.force).map_err(busy)?;
        let removed_calls = match number {
            Some(_) if calls == 0 => {
                cli.console.note(&format!("{id} was pending: it was cancelled, and the same command removes it now"));
                return Ok(());
            }
            Some(_) => id.to_owned(),
            None => format!("{calls} calls of the task {name}"),
        };
        removed.add(cli, &removed_calls, &RmLine { id: Some(id), class: None });
        Ok(())
    }

    /// An error if one of the actors is busy.
    fn expect_idle<'a>(&self, engine: &Engine, mut ids: impl Iterator<Item = &'a str>) -> Result<(), Problem> {
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
        self.expect_idle(engine, ids.iter().map(ActorId::as_str))?;
        if !self.force
            && let Some(example) = engine.pending_of(&name)?.first()
        {
            return Err(Error::ClassInUse { class: name, example: example.to_string() }.into());
        }
        let actors = ids.len();
        self.confirm(
            cli,
            &format!("the class {class} with all its versions and its {actors} actors, and the calls of its tasks"),
        )?;
        let mut removed = RemovalReport::default();
        for id in &ids {
            self.remove(cli, engine, id.as_str(), &mut removed)?;
        }
        engine.remove_class(class, self.force)?;
        removed.add(cli, &format!("the class {class}"), &RmLine { id: None, class: Some(class) });
        removed.printed()
    }

    fn remove(&self, cli: &Cli, engine: &Engine, id: &str, removed: &mut RemovalReport) -> Result<(), Problem> {
        engine.remove(id, self.force).map_err(busy)?;
        removed.add(cli, id, &RmLine { id: Some(id), class: None });
        let name = Name::new(id).map_err(Error::from)?;
        if let (1.., _) = engine.task_calls(&name, None)? {
            cli.console.note(&format!("calls of the task {name} stay; the same command removes them now"));
        }
        Ok(())
    }

    fn confirm(&self, cli: &Cli, what: &str) -> Result<(), Problem> {
        if self.yes {
            return Ok(());
        }
        if !cli.console.can_ask() {
            return Err(Problem::input(format!("this removes {what}")).hint("`--yes` confirms it"));
        }
        if cli.console.ask(&format!("remove {what}?")) {
            return Ok(());
        }
        Err(Problem::interrupted("nothing was removed"))
    }
}

/// Prints the removed objects. If the output fails, the removal goes on, because the user confirmed
/// all of it.
#[derive(Default)]
struct RemovalReport {
    /// The first object that could not be printed, and the error.
    unprinted: Option<(String, Problem)>,
    others: usize,
}

impl RemovalReport {
    fn add(&mut self, cli: &Cli, what: &str, line: &RmLine) {
        cli.console.note(&format!("removed {what}"));
        match &self.unprinted {
            Some(_) => self.others += 1,
            None if !cli.console.wants_json() => {}
            None => self.unprinted = cli.console.json(line).err().map(|problem| (what.to_owned(), problem)),
        }
    }

    fn printed(self) -> Result<(), Problem> {
        let Some((what, problem)) = self.unprinted else { return Ok(()) };
        let sentence = match self.others {
            0 => format!("{what} was removed"),
            others => format!("{what} and {others} more were removed"),
        };
        Effect::new(sentence).printed(Err(problem))
    }
}

/// The objects to remove, in words.
fn in_words(targets: &[Removal<'_>]) -> String {
    let mut parts = Vec::new();
    let steps: u64 = targets.iter().map(Removal::steps).fold(0, u64::saturating_add);
    match targets.iter().filter_map(Removal::actor).collect::<Vec<_>>()[..] {
        [] => {}
        [id] => parts.push(format!("{id} and its journal ({steps} steps)")),
        ref ids => parts.push(format!("{} actors and their journals ({steps} steps)", ids.len())),
    }
    for target in targets {
        match target {
            Removal::Calls { id, number: Some(_), .. } => parts.push(format!("{id} and its record")),
            Removal::Calls { id, ended, .. } => parts.push(format!("{ended} calls of the task {id}")),
            Removal::Actor { .. } => {}
        }
    }
    parts.join(", ")
}

impl<'a> Removal<'a> {
    fn actor(&self) -> Option<&'a str> {
        match self {
            Removal::Actor { id, .. } => Some(id),
            Removal::Calls { .. } => None,
        }
    }

    fn steps(&self) -> u64 {
        match self {
            Removal::Actor { steps, .. } => *steps,
            Removal::Calls { .. } => 0,
        }
    }
}

/// `--force` removes a busy actor or a pending construction.
fn busy(error: Error) -> Problem {
    let hint = match &error {
        Error::Busy { .. } => Some("try again later, or `--force` removes it now".to_owned()),
        Error::BeingMade { reference, .. } => {
            let reference = operand(reference);
            Some(format!("`vactor wait {reference}` waits for it; `--force` removes it now"))
        }
        _ => None,
    };
    let problem = Problem::from(error);
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}
