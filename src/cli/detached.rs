//! A worker of its own process, for calls that nobody waits for.

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use vactor::engine::{Engine, Reply};
use vactor::model::{Category, Error};

use super::{Cli, Problem, place};

/// Set to `off`, no worker is started: what was accepted waits for one that is started by hand, or for a `wait`.
const VARIABLE: &str = "VACTOR_WORKER";

/// The worker's stderr, in the store's folder. It can go when no worker runs.
const LOG: &str = "worker.log";

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
pub fn ensure_worker_for_work(cli: &Cli, engine: &Engine) -> Result<(), Problem> {
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

/// Starts a worker for the store that is meant, unless one works there.
pub fn ensure_worker(cli: &Cli, engine: &Engine) -> Result<(), Problem> {
    if std::env::var_os(VARIABLE).is_some_and(|value| value == "off") || engine.has_detached_worker()? {
        return Ok(());
    }
    let place = place::find(cli.common.store.as_deref())?;
    let cannot = |error: std::io::Error| {
        let problem = Problem::new(Category::Store, "io", "the call was accepted, but no worker could be started");
        problem.cause(error.to_string()).hint("`vactor worker` starts one by hand")
    };
    let log = OpenOptions::new().create(true).append(true).open(place.folder.join(LOG)).map_err(cannot)?;
    let mut worker = Command::new(std::env::current_exe().map_err(cannot)?);
    worker.args(["worker", "--detached", "--store"]).arg(&place.folder);
    worker.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        // out of reach of the terminal's Ctrl-C
        worker.process_group(0);
    }
    worker.spawn().map(drop).map_err(cannot)
}
