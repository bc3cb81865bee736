//! Starts a worker in the background, for calls that no process waits for.

use std::ffi::OsStr;
use std::io;

use vactor::{Category, Error, Reference};
use vactor::{Engine, Reply};

use crate::cli::command::Cli;
use crate::cli::output::{Effect, Problem, WorkerLog};
use crate::cli::{background, program, store_location};

/// Whether workers are started. Without one, accepted calls wait for a worker that is started by
/// hand, or for `wait`.
const VARIABLE: &str = "VACTOR_WORKER";
const ON: [&str; 4] = ["on", "true", "yes", "1"];
const OFF: [&str; 4] = ["off", "false", "no", "0"];

/// Whether workers are started: yes, unless the variable is off.
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

/// Returns the result of a blocking call. For the calls that it left (children, messages, itself
/// after a timeout), a worker is started.
pub fn with_worker<T: MayLeaveWork>(cli: &Cli, engine: &Engine, result: Result<T, Error>) -> Result<T, Error> {
    if may_leave_work(engine, &result) {
        start_or_note(cli, engine);
    }
    result
}

/// Whether a call with this result may have left calls that can run.
pub fn may_leave_work<T: MayLeaveWork>(engine: &Engine, result: &Result<T, Error>) -> bool {
    match result {
        Ok(reply) => reply.leaves_work(),
        Err(Error::Failed { reference: Some(reference), .. }) => {
            engine.has_open_children(reference).is_ok_and(|has| has)
        }
        Err(Error::StillRunning { .. } | Error::LeftRunning { .. }) => true,
        Err(_) => false,
    }
}

/// Starts a worker if there are calls for it. A failure is a note only, because the result of the
/// call counts.
pub fn start_or_note(cli: &Cli, engine: &Engine) {
    if ensure_worker_for_work(cli, engine).is_err() {
        cli.console.note("the calls that it left wait for a worker: `vactor worker` starts one");
    }
}

/// As [`ensure_worker`], if there are calls that can run or become due.
fn ensure_worker_for_work(cli: &Cli, engine: &Engine) -> Result<(), Problem> {
    if engine.has_work()? { ensure_worker(cli, engine) } else { Ok(()) }
}

/// A reply of a call that may have left calls that can run.
pub trait MayLeaveWork {
    fn leaves_work(&self) -> bool;
}

impl MayLeaveWork for Reply {
    fn leaves_work(&self) -> bool {
        self.leaves_work
    }
}

/// The first of several calls, by its index.
impl<T: MayLeaveWork> MayLeaveWork for (usize, Result<T, Error>) {
    fn leaves_work(&self) -> bool {
        // the children of a failed call may go on
        self.1.as_ref().map_or(true, T::leaves_work)
    }
}

impl<T: MayLeaveWork> MayLeaveWork for Option<T> {
    fn leaves_work(&self) -> bool {
        self.as_ref().is_some_and(T::leaves_work)
    }
}

/// Prints the reference of an accepted call, then starts a worker, unless one works on the store.
/// If either fails, the error says that the call was accepted.
pub fn hand_over(
    cli: &Cli,
    engine: &Engine,
    reference: &Reference,
    print: impl FnOnce() -> Result<(), Problem>,
) -> Result<(), Problem> {
    let effect = Effect { sentence: format!("{reference} was accepted"), reference: Some(reference) };
    report(&effect, print(), ensure_worker(cli, engine))
}

/// As [`hand_over`], after another effect that may let calls run. A worker is started if there are
/// calls that can run.
pub fn let_run(
    cli: &Cli,
    engine: &Engine,
    effect: Effect,
    print: impl FnOnce() -> Result<(), Problem>,
) -> Result<(), Problem> {
    report(&effect, print(), ensure_worker_for_work(cli, engine))
}

fn report(effect: &Effect, printed: Result<(), Problem>, started: Result<(), Problem>) -> Result<(), Problem> {
    effect.printed(printed).and(effect.started(started))
}

/// Refuses a call for a worker, before it is accepted, if no worker could be started.
pub fn check(cli: &Cli) -> Result<(), Problem> {
    if !cli.workers || program::find().is_some() {
        return Ok(());
    }
    let problem =
        Problem::new(Category::Store, "io", "no worker could be started: the file of this program is not found");
    Err(problem.hint(format!("start it by its path, mount /proc, or start no worker with `{VARIABLE}=off`")))
}

/// Prepares the process of a worker that [`ensure_worker`] started.
pub fn begin(cli: &Cli) {
    program::take_name();
    let log =
        store_location::find(cli.common.store.as_deref()).and_then(|location| Ok(WorkerLog::begin(location.open()?)?));
    match log {
        Ok(log) => cli.console.reporter().keep_log(log),
        Err(problem) => cli.console.note(&format!("the worker has no log: {}", problem.message)),
    }
}

/// Starts a worker for the store, unless one works on it.
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
        Err(error) => cli.console.note(&format!("the worker has no log: {error}")),
    }
    background::start(&words, log.as_ref().ok()).map_err(cannot)
}
