//! A worker of its own process, for calls that nobody waits for.

use std::ffi::OsStr;
use std::io;

use vactor::{Category, Error, Reference};
use vactor::{Engine, Reply};

use crate::cli::command::Cli;
use crate::cli::output::{Effect, Problem, WorkerLog};
use crate::cli::{background, program, store_location};

/// Says whether workers are started. Without one, what was accepted waits for one that is started by hand, or for a `wait`.
const VARIABLE: &str = "VACTOR_WORKER";
const ON: [&str; 4] = ["on", "true", "yes", "1"];
const OFF: [&str; 4] = ["off", "false", "no", "0"];

/// Whether workers are started. They are, unless the variable says no.
pub fn is_enabled() -> Result<bool, Problem> {
    is_on(&std::env::var_os(VARIABLE).unwrap_or_default())
}

fn is_on(value: &OsStr) -> Result<bool, Problem> {
    let is = |words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word));
    if value.is_empty() || is(&ON) {
        Ok(true)
    } else if is(&OFF) {
        Ok(false)
    } else {
        let (on, off) = (ON.join(", "), OFF.join(", "));
        let problem =
            Problem::input(format!("the variable {VARIABLE} is `{}`, which is neither on nor off", value.display()));
        Err(problem.hint(format!("{off} start no worker; {on} start one, as does no such variable")))
    }
}

/// Passes on how a blocking call ended. What it left to run (children, messages, itself after a timeout) gets a worker.
pub fn look_after<T: Leaves>(cli: &Cli, engine: &Engine, ended: Result<T, Error>) -> Result<T, Error> {
    if may_leave_work(engine, &ended) {
        leave(cli, engine);
    }
    ended
}

/// Whether a call that ended so may have left something to run.
pub fn may_leave_work<T: Leaves>(engine: &Engine, ended: &Result<T, Error>) -> bool {
    match ended {
        Ok(reply) => reply.leaves_work(),
        Err(Error::Failed { reference: Some(reference), .. }) => {
            engine.has_open_children(reference).is_ok_and(|has| has)
        }
        Err(Error::StillRunning { .. } | Error::LeftRunning { .. }) => true,
        Err(_) => false,
    }
}

/// Leaves what can run to a worker. What is told is how the call ended: where no worker can be started, the rest waits for
/// the next one.
pub fn leave(cli: &Cli, engine: &Engine) {
    if ensure_worker_for_work(cli, engine).is_err() {
        cli.console.note("what it left to run waits for a worker: `vactor worker` starts one");
    }
}

/// As [`ensure_worker`], where there is something that can run or comes due.
fn ensure_worker_for_work(cli: &Cli, engine: &Engine) -> Result<(), Problem> {
    if engine.has_work()? { ensure_worker(cli, engine) } else { Ok(()) }
}

/// A reply that may have left something to run.
pub trait Leaves {
    fn leaves_work(&self) -> bool;
}

impl Leaves for Reply {
    fn leaves_work(&self) -> bool {
        self.leaves_work
    }
}

/// The first of several, by its index.
impl<T: Leaves> Leaves for (usize, Result<T, Error>) {
    fn leaves_work(&self) -> bool {
        // children of one that failed may go on
        self.1.as_ref().map_or(true, T::leaves_work)
    }
}

impl<T: Leaves> Leaves for Option<T> {
    fn leaves_work(&self) -> bool {
        self.as_ref().is_some_and(T::leaves_work)
    }
}

/// Prints the reference of a call that was accepted, and only then starts a worker for it, unless one works there. If either
/// fails, the error says that the call was accepted.
pub fn hand_over(
    cli: &Cli,
    engine: &Engine,
    reference: &Reference,
    print: impl FnOnce() -> Result<(), Problem>,
) -> Result<(), Problem> {
    let done = Effect { sentence: format!("{reference} was accepted"), reference: Some(reference) };
    tell(&done, print(), ensure_worker(cli, engine))
}

/// As [`hand_over`], after something else was done that may let calls run: a worker is started if there are any.
pub fn let_run(
    cli: &Cli,
    engine: &Engine,
    done: Effect,
    print: impl FnOnce() -> Result<(), Problem>,
) -> Result<(), Problem> {
    tell(&done, print(), ensure_worker_for_work(cli, engine))
}

fn tell(done: &Effect, printed: Result<(), Problem>, started: Result<(), Problem>) -> Result<(), Problem> {
    done.printed(printed).and(done.started(started))
}

/// Refuses a call that is to be left to a worker, before it is accepted, where no worker could be started.
pub fn check(cli: &Cli) -> Result<(), Problem> {
    if !cli.workers || program::find().is_some() {
        return Ok(());
    }
    let problem =
        Problem::new(Category::Store, "io", "no worker could be started: the file of this program is not found");
    Err(problem.hint(format!("start it by its path, mount /proc, or start no worker with `{VARIABLE}=off`")))
}

/// In the process of a worker that [`ensure_worker`] started, before it does anything else.
pub fn begin(cli: &Cli) {
    program::take_name();
    let log = store_location::find(cli.common.store.as_deref()).and_then(|place| Ok(WorkerLog::begin(place.open()?)?));
    match log {
        Ok(log) => cli.console.reporter().keep_log(log),
        Err(problem) => cli.console.note(&format!("the worker has no log: {}", problem.message)),
    }
}

/// Starts a worker for the store that is meant, unless one works there.
fn ensure_worker(cli: &Cli, engine: &Engine) -> Result<(), Problem> {
    if !cli.workers || engine.has_detached_worker()? {
        return Ok(());
    }
    let cannot = |error: io::Error| {
        let problem = Problem::new(Category::Store, "io", "cannot start a process").cause(error.to_string());
        problem.hint("`vactor worker` starts a worker by hand")
    };
    let folder = store_location::find(cli.common.store.as_deref())?.open()?;
    let path = folder.path_for_others()?;
    let mut words = vec!["worker".as_ref(), "--detached".as_ref(), "--store".as_ref(), path.as_os_str()];
    let log = folder.worker_log();
    match &log {
        Ok(_) => words.push("--log".as_ref()),
        Err(error) => cli.console.note(&format!("what the worker says is lost: {error}")),
    }
    background::start(&words, log.as_ref().ok()).map_err(cannot)
}
