//! Floor 2: accepts, runs, waits, commits. It knows the store by its trait and the sandbox by its values,
//! prints nothing, and ends no process.

mod api;
mod classes;
mod core;
mod run;
mod schedule;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

pub use api::admin::{Phase, WaitReason};
pub use api::batch::{CallGroup, GroupCall};
pub use api::calls::PendingConstruction;
pub use api::journal::ActorInfo;
pub use api::submit::Submitted;
pub use classes::{ClassInfo, Registration};
pub use schedule::worker::Until;

use self::core::cancel_watch::CancelWatch;
use self::core::notifier::Notifier;
use self::schedule::backoff::Backoff;
use self::schedule::executor::Executor;
use self::schedule::rotation::Rotation;
use crate::model::{
    ActorId, ClassName, Error, Json, LimitOverrides, Limits, LogLine, Name, NameRecord, Reference, Result, Seed,
    Timestamp,
};
use crate::sandbox::{Cache, Sandbox, StopSignal};
use crate::store::{RedbStore, Store};

/// Who holds an actor for longer than this after its last invocation ended runs another one.
const LETS_GO: Duration = Duration::from_millis(100);

/// A store and a sandbox put to work: what the command line does, a program does through this.
///
/// It may be shared by threads, and a clone is the same engine. A method that waits has threads of its own run what it
/// waits for, where nobody else does.
#[derive(Clone)]
pub struct Engine {
    store: Arc<dyn Store>,
    sandbox: Arc<Sandbox>,
    settings: Settings,
    loaded: Arc<classes::Loaded>,
    running: CancelWatch,
    notifier: Notifier,
    executor: Executor,
    resting: Backoff,
    round: Rotation,
}

/// How an engine works: none of it is remembered by the store.
#[derive(Clone)]
pub struct Settings {
    /// The limits that are named for every call that the engine accepts, and kept with it; they hold for its queries and
    /// registrations too. For what other callers had accepted they do not count.
    pub limits: LimitOverrides,
    /// Ends what runs and what waits, with [`Error::Interrupted`](crate::model::Error::Interrupted).
    pub stop: StopSignal,
    /// What time it is.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Is told what happens on the way.
    pub observer: Arc<dyn Observer>,
}

/// Hears what happens while a call is under way; all of it can be ignored.
pub trait Observer: Send + Sync {
    /// A class said a line while it ran for this actor (or task).
    fn logged(&self, _name: &Name, _line: &LogLine) {}

    /// A class is not in the cache and is compiled, which takes a moment.
    fn compiling(&self, _class: &ClassName) {}

    /// A worker cannot run what stands in this inbox, and goes on with others.
    fn cannot_run(&self, _name: &Name, _error: &Error) {}

    /// The machine or the store failed while a worker ran what stands in this inbox: nothing is recorded, and it is tried
    /// again. It is told once, however often that fails.
    fn will_retry(&self, _name: &Name, _error: &crate::model::Error) {}

    /// A number of steps of an actor are replayed, which may take a while: `done` of `all`.
    fn replaying(&self, _id: &ActorId, _done: u64, _all: u64) {}
}

impl Observer for () {}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            limits: LimitOverrides::default(),
            stop: StopSignal::default(),
            clock: Arc::new(system_time),
            observer: Arc::new(()),
        }
    }
}

/// What may be said with a call beside its arguments.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Makes the call exactly once: made again with the same key, it gives the recorded result and runs nothing.
    pub key: Option<String>,
    /// Kept with the call, for people.
    pub meta: Vec<(String, String)>,
    /// When the call takes its place in the actor's inbox; at once without one. For calls that nobody waits for.
    pub due: Option<Timestamp>,
    /// How long after its acceptance the call takes its place in the actor's inbox. It goes before `due`.
    pub delay: Option<Duration>,
    /// Until when to wait; for ever without one.
    pub deadline: Option<Instant>,
    /// How often a task that failed is tried again; as its class says without it.
    pub retries: Option<u32>,
}

/// What came of a call that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// None for a query.
    pub reference: Option<Reference>,
    /// The journal's entry; None for a query.
    pub step: Option<u64>,
    pub result: Json,
    /// Whether the method declares a result; without one `result` is null.
    pub has_result: bool,
    /// Whether this is what an earlier call with the same key was answered; nothing ran.
    pub is_duplicate: bool,
    /// Whether it may have left something to run that nobody waits for, such as a message.
    pub leaves_work: bool,
}

impl Engine {
    pub fn new(store: Arc<dyn Store>, sandbox: Sandbox, settings: Settings) -> Engine {
        Engine {
            store,
            sandbox: Arc::new(sandbox),
            settings,
            loaded: Arc::default(),
            running: CancelWatch::default(),
            notifier: Notifier::default(),
            executor: Executor::default(),
            resting: Backoff::default(),
            round: Rotation::default(),
        }
    }

    /// Opens the store in a folder (made if it is not there) with the defaults: the user's own cache of compiled
    /// classes, the default limits. Classes are compiled in this process, however long that takes: see
    /// [`Compiling`](crate::sandbox::Compiling).
    pub fn open(folder: impl AsRef<Path>) -> Result<Engine> {
        let (store, _) = RedbStore::create(folder.as_ref())?;
        Ok(Engine::new(Arc::new(store), Sandbox::new(Cache::user()), Settings::default()))
    }

    /// An engine whose store is gone with it: for tests and for trying things out.
    pub fn in_memory() -> Result<Engine> {
        let store = RedbStore::in_memory()?;
        Ok(Engine::new(Arc::new(store), Sandbox::new(Cache::user()), Settings::default()))
    }

    /// The limits of the engine's queries, and of the calls that it accepts.
    pub fn limits(&self) -> Limits {
        self.settings.limits.limits()
    }

    /// Actors whose id begins with `prefix`, in order, after the id `after`; at most `limit`.
    pub fn actors(&self, prefix: &str, after: Option<&ActorId>, limit: usize) -> Result<Vec<(ActorId, NameRecord)>> {
        self.store.actors(prefix, after, limit)
    }

    /// Names in order that invocations are counted under, after the name `after`: of actors, of tasks, and of actors that were
    /// removed or never made; at most `limit`.
    pub fn names(&self, after: Option<&Name>, limit: usize) -> Result<Vec<Name>> {
        self.store.names(after, limit)
    }

    /// Removes an actor with its whole history; the id is free again, its numbers go on. Refused while it is busy or being
    /// made, unless `force`: what runs then commits nothing, what stands in the inbox ends cancelled.
    pub fn remove(&self, id: &str, force: bool) -> Result<()> {
        let id = match self.existing(id) {
            Err(Error::BeingMade { id, .. }) if force => ActorId::new(&id)?,
            found => found?,
        };
        let name = Name::from(&id);
        let hold = || self.hold_inbox(&name);
        let _held = match if force { hold() } else { self.shortly(hold) }? {
            None if !force => return Err(Error::Busy { id: id.to_string() }),
            held => held,
        };
        self.store.remove(&id, self.now()?, force)
    }

    /// Whether something runs on an actor or waits for its turn there, so that [`remove`](Engine::remove) refuses it.
    pub fn is_busy(&self, id: &str) -> Result<bool> {
        let id = self.existing(id)?;
        let name = Name::from(&id);
        let head = self.store.name_record(&name)?.unwrap_or_default();
        let is_free = || Ok((!self.is_inbox_held(&name)?).then_some(()));
        Ok(head.queued > 0 || head.delayed > 0 || self.shortly(is_free)?.is_none())
    }

    /// Looks at who holds an actor, and again while it is held, for a moment: who ended what ran there lets go of it after its
    /// end is known. The last look comes after that moment, however late this thread is let go on.
    fn shortly<T>(&self, look: impl Fn() -> Result<Option<T>>) -> Result<Option<T>> {
        let end = Instant::now() + LETS_GO;
        let mut watch = self.store.watch()?;
        loop {
            let last = Instant::now() >= end;
            let found = look()?;
            if found.is_some() || last {
                return Ok(found);
            }
            watch.wait(end);
        }
    }

    /// What time it is by the engine's clock. [`WrongClock`](Error::WrongClock) beyond the year 9999.
    pub fn now(&self) -> Result<Timestamp> {
        let now = (self.settings.clock)();
        if now <= Timestamp::LAST { Ok(now) } else { Err(Error::WrongClock) }
    }
}

fn system_time() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn new_seed() -> Result<Seed> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Error::io("draw random bytes", error))?;
    Ok(Seed(bytes))
}
