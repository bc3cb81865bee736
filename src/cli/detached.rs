//! A worker of its own process, for calls that nobody waits for.

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use vactor::engine::Engine;
use vactor::model::Category;

use super::{Cli, Problem, place};

/// Set to `off`, no worker is started: what was accepted waits for one that is started by hand, or for a `wait`.
const VARIABLE: &str = "VACTOR_WORKER";

/// The worker's stderr, in the store's folder. It can go when no worker runs.
const LOG: &str = "worker.log";

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
