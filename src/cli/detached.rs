//! A worker of its own process, for calls that nobody waits for.

use std::io;
use std::process::{Command, Stdio};

use vactor::engine::{Engine, Reply};
use vactor::model::{Category, Error, Reference};

use super::options::LimitFlags;
use super::{Cli, Problem, place};

/// Set to `off`, no worker is started: what was accepted waits for one that is started by hand, or for a `wait`.
const VARIABLE: &str = "VACTOR_WORKER";

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
    let done = Done { sentence: format!("{reference} was accepted"), reference: Some(reference) };
    done.tell(print(), ensure_worker(cli, engine))
}

/// As [`hand_over`], after something else was done that may let calls run: a worker is started if there are any.
pub fn let_run(
    cli: &Cli,
    engine: &Engine,
    done: Done,
    print: impl FnOnce() -> Result<(), Problem>,
) -> Result<(), Problem> {
    done.tell(print(), ensure_worker_for_work(cli, engine))
}

/// What a command did, which holds whatever fails after it.
pub struct Done<'a> {
    /// Such as `c#2 was accepted`.
    pub sentence: String,
    /// The call that it is about.
    pub reference: Option<&'a Reference>,
}

impl Done<'_> {
    fn tell(&self, printed: Result<(), Problem>, started: Result<(), Problem>) -> Result<(), Problem> {
        printed.map_err(|problem| self.but(problem, |_| "the output could not be written".to_owned()))?;
        started.map_err(|problem| self.but(problem, |why| format!("no worker could be started: {why}")))
    }

    fn but(&self, problem: Problem, what: impl FnOnce(&str) -> String) -> Problem {
        if problem.is_no_reader() {
            return problem;
        }
        let message = format!("{}, but {}", self.sentence, what(&problem.message));
        Problem { message, reference: self.reference.cloned().map(Box::new), ..problem }
    }
}

/// Starts a worker for the store that is meant, unless one works there.
fn ensure_worker(cli: &Cli, engine: &Engine) -> Result<(), Problem> {
    if std::env::var_os(VARIABLE).is_some_and(|value| value == "off") || engine.has_detached_worker()? {
        return Ok(());
    }
    let place = place::find(cli.common.store.as_deref())?;
    let folder = place.open()?;
    let log = folder.worker_log().map_or_else(
        |error| {
            cli.console.note(&format!("what the worker says is lost: {error}"));
            Stdio::null()
        },
        Stdio::from,
    );
    let cannot = |error: io::Error| {
        let problem = Problem::new(Category::Store, "io", "cannot start a process").cause(error.to_string());
        problem.hint("`vactor worker` starts a worker by hand")
    };
    let mut worker = Command::new(std::env::current_exe().map_err(cannot)?);
    worker.args(["worker", "--detached", "--store"]).arg(&place.folder);
    worker.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    // limits count when a call is accepted, so those of this command are not for the worker; it would refuse a bad one
    for name in LimitFlags::variables() {
        worker.env_remove(name);
    }
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        // out of reach of the terminal's Ctrl-C
        worker.process_group(0);
    }
    worker.spawn().map(drop).map_err(cannot)
}
