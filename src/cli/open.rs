//! Opens the store, and an engine on it.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use vactor::{Cache, Sandbox};
use vactor::{Category, Error, LimitOverrides};
use vactor::{Engine, Registration, Settings};
use vactor::{LockWaitOptions, Mode, RedbStore, Store};

use crate::cli::command::Cli;
use crate::cli::options::LimitFlags;
use crate::cli::output::Problem;
use crate::cli::store_location::{self, LocationReason, StoreLocation};

impl Cli {
    /// An engine on the store, which must exist.
    pub fn engine(&self, mode: Mode, limits: &LimitFlags) -> Result<Engine, Problem> {
        self.engine_and_store(mode, limits).map(|(engine, _)| engine)
    }

    pub fn engine_and_store(&self, mode: Mode, flags: &LimitFlags) -> Result<(Engine, Arc<dyn Store>), Problem> {
        let limits = flags.overrides()?;
        let store = store(self.common.store.as_deref(), mode, self.lock_waits())?;
        Ok((self.engine_on(store.clone(), flags, limits), store))
    }

    /// An engine that makes many runs, so many of them at once.
    pub fn engine_for_many(&self, runs: usize, flags: &LimitFlags) -> Result<Engine, Problem> {
        let limits = flags.overrides()?;
        let store = store(self.common.store.as_deref(), Mode::Write, self.lock_waits())?;
        Ok(self.engine_with(self.sandbox(Sandbox::pooled(Cache::user(), runs), flags), store, limits))
    }

    /// Registers a class in the store, which is made if it does not exist and the class is valid.
    pub fn register(&self, class: &str, bytes: &[u8], flags: &LimitFlags) -> Result<Registration, Problem> {
        let limits = flags.overrides()?;
        let location = store_location::find(self.common.store.as_deref())?;
        if !location.has_store()? {
            self.engine_on(Arc::new(RedbStore::in_memory()?), flags, limits.clone()).register(class, bytes)?;
        }
        let (store, created) = RedbStore::create_in(location.create()?, self.lock_waits())?;
        if created {
            self.console.note(&format!("made a store at {}", location.folder.display()));
        }
        Ok(self.engine_on(Arc::new(store), flags, limits).register(class, bytes)?)
    }

    /// Notes the limits on the command line of a command that accepts no call.
    pub fn note_limits_without_effect(&self, flags: &LimitFlags) {
        let flags = flags.flags();
        if !flags.is_empty() {
            let flags = flags.join("`, `");
            self.console.note(&format!("`{flags}` has no effect here: limits count when a call is accepted"));
        }
    }

    /// A wait for another process is noted, and ended by Ctrl-C.
    pub fn lock_waits(&self) -> LockWaitOptions {
        let (reporter, stop) = (self.console.reporter().clone(), self.stop.clone());
        LockWaitOptions {
            on_wait: Arc::new(move |holder| reporter.note_lock_wait(holder)),
            stopped: Arc::new(move || stop.is_stopped()),
        }
    }

    fn engine_on(&self, store: Arc<dyn Store>, flags: &LimitFlags, limits: LimitOverrides) -> Engine {
        self.engine_with(self.sandbox(Sandbox::new(Cache::user()), flags), store, limits)
    }

    /// A sandbox with this process's settings. It notes if compiled classes are not kept.
    pub fn sandbox(&self, sandbox: Sandbox, flags: &LimitFlags) -> Sandbox {
        let reporter = self.console.reporter().clone();
        sandbox.compiling(flags.compiling()).on_not_kept(move |not_kept| reporter.note(&not_kept.to_string()))
    }

    fn engine_with(&self, sandbox: Sandbox, store: Arc<dyn Store>, limits: LimitOverrides) -> Engine {
        let observer = self.console.reporter().clone();
        let settings = Settings { limits, stop: self.stop.clone(), observer, ..Settings::default() };
        Engine::new(store, sandbox, settings)
    }
}

/// Opens the store, which must exist.
pub fn store(flag: Option<&OsStr>, mode: Mode, waits: LockWaitOptions) -> Result<Arc<dyn Store>, Problem> {
    let location = store_location::find(flag)?;
    if location.why == LocationReason::New {
        return Err(no_store(&location.folder));
    }
    match location.open().and_then(|folder| RedbStore::open_in(folder, mode, waits)) {
        Ok(store) => Ok(Arc::new(store)),
        Err(error @ Error::NoStore { .. }) if location.why == LocationReason::Environment => {
            let problem =
                Problem::from(error).hint("the variable VACTOR_STORE names it; `vactor init` makes a store there");
            Err(suggest_inside(&location.folder, problem))
        }
        Err(error @ Error::NoStore { .. }) => Err(suggest_inside(&location.folder, error.into())),
        Err(error) => Err(error.into()),
    }
}

/// The named folder may have a store in it.
fn suggest_inside(folder: &Path, problem: Problem) -> Problem {
    let inside = StoreLocation { folder: folder.join(store_location::FOLDER), why: LocationReason::Flag };
    match inside.has_store() {
        Ok(true) => problem.hint(format!("did you mean the store in it, `{}`?", inside.folder.display())),
        _ => problem,
    }
}

fn no_store(folder: &Path) -> Problem {
    let here = folder.parent().unwrap_or(folder).display();
    let problem = Problem::new(Category::NotFound, "no-store", format!("there is no store in {here} or above it"));
    problem.hint("`vactor init` makes one here, `--store` or VACTOR_STORE names another")
}
