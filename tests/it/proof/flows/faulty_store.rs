//! A store that counts reads and writes, kills its process at a write, returns false records, and
//! lets other processes be faster.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use vactor::model::{
    ActorId, Attempt, CallRequest, ClassName, Error, Event, Fault, Hash, HistoryEntry, Invocation, Name, NameRecord,
    Process, Reference, ResolvedTarget, Result, Step, Timestamp,
};
use vactor::store::{
    Accepted, Announcement, AnnouncementGuard, ClassVersion, Commit, Committed, LockSet, NameLock, NewEvent,
    NewVersion, RedbStore, Registered, RegisteredClass, Runnable, RunnableCursor, Snapshot, Store, StoredResult,
    Suspend, Suspended, VersionUsage, Watch,
};

/// The write at which the process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillPoint {
    /// Before the write of this number, from 1.
    Before(u64),
    /// After it.
    After(u64),
}

pub struct FaultyStore {
    store: RedbStore,
    kill_point: Option<KillPoint>,
    writes: AtomicU64,
    /// Loads of actors; each is followed by a run.
    loads: AtomicU64,
    /// Look-ups of the next due time.
    dues: AtomicU64,
    /// Changes the histories that are read.
    pub forge_history: fn(&mut Vec<HistoryEntry>),
    /// Whether it refuses every commit as stale.
    pub refuses_commits: bool,
    /// Changes the announcements that are read.
    pub forge_announcements: fn(&mut Vec<Announcement>),
    /// LockHook the lock of an actor.
    lock: LockHook,
    /// Runs before each search for runnable names, which fails with its error.
    pub before_search: SearchHook,
}

type SearchHook = Box<dyn Fn(&RedbStore) -> Result<()> + Send + Sync>;
type LockHook = Box<dyn Fn(&RedbStore, &Name, Option<Instant>) -> Result<Option<NameLock>> + Send + Sync>;

impl FaultyStore {
    pub fn new(store: RedbStore, kill_point: Option<KillPoint>) -> FaultyStore {
        let (writes, loads, dues) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        FaultyStore {
            store,
            kill_point,
            writes,
            loads,
            dues,
            forge_history: |_| {},
            forge_announcements: |_| {},
            refuses_commits: false,
            lock: Box::new(|store, of, until| store.lock(of, until)),
            before_search: Box::new(|_| Ok(())),
        }
    }

    /// A store that locks actors in this way.
    pub fn locking(
        store: RedbStore,
        lock: impl Fn(&RedbStore, &Name, Option<Instant>) -> Result<Option<NameLock>> + Send + Sync + 'static,
    ) -> FaultyStore {
        FaultyStore { lock: Box::new(lock), ..FaultyStore::new(store, None) }
    }

    /// Writes and loads so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.writes.load(Ordering::SeqCst), self.loads.load(Ordering::SeqCst))
    }

    /// Look-ups of the next due time.
    pub fn dues(&self) -> u64 {
        self.dues.load(Ordering::SeqCst)
    }

    /// Runs a write, and counts it if it has changed the store.
    fn write<T>(&self, write: impl FnOnce() -> Result<T>, has_written: impl FnOnce(&T) -> bool) -> Result<T> {
        if self.kill_point == Some(KillPoint::Before(self.writes.load(Ordering::SeqCst) + 1)) {
            kill_this_process();
        }
        let written = write();
        if written.as_ref().is_ok_and(has_written) {
            let number = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
            if self.kill_point == Some(KillPoint::After(number)) {
                kill_this_process();
            }
        }
        written
    }
}

fn kill_this_process() -> ! {
    kill(Pid::this(), Signal::SIGKILL).unwrap();
    unreachable!("SIGKILL ends the process");
}

/// Methods that are forwarded.
macro_rules! passed_on {
    ($($name:ident($($arg:ident: $of:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&self, $($arg: $of),*) -> $answer {
            self.store.$name($($arg),*)
        })*
    };
}

impl Store for FaultyStore {
    fn accept(&self, invocations: Vec<CallRequest>, inbox_limit: u64) -> Result<Vec<Result<Accepted>>> {
        let is_new = |accepted: &Result<Accepted>| matches!(accepted, Ok(Accepted::New(_)));
        self.write(|| self.store.accept(invocations, inbox_limit), |all| all.iter().any(is_new))
    }

    fn commit(&self, commits: Vec<Commit>, at: Timestamp) -> Result<Vec<Result<Committed>>> {
        if self.refuses_commits {
            let stale = |commit: &Commit| Err(Error::Stale { id: commit.source.name().to_string() });
            return Ok(commits.iter().map(stale).collect());
        }
        let is_done = |committed: &Result<Committed>| matches!(committed, Ok(Committed::Done { .. }));
        self.write(|| self.store.commit(commits, at), |all| all.iter().any(is_done))
    }

    fn suspend(&self, suspend: Suspend) -> Result<Suspended> {
        self.write(|| self.store.suspend(suspend), |suspended| matches!(suspended, Suspended::Waiting { .. }))
    }

    fn cancel(&self, reference: &Reference, at: Timestamp, fault: Fault, running: &BTreeSet<Reference>) -> Result<()> {
        self.write(|| self.store.cancel(reference, at, fault, running), |()| true)
    }

    fn emit(&self, event: NewEvent, limit: u64) -> Result<u64> {
        let known = event.key.as_ref().is_some_and(|key| self.store.invocation_by_key(&event.name, &key.text).is_err());
        self.write(|| self.store.emit(event, limit), |_| !known)
    }

    fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        self.dues.fetch_add(1, Ordering::SeqCst);
        self.store.next_due(now)
    }

    fn load(&self, id: &ActorId) -> Result<Option<Snapshot>> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.store.load(id)
    }

    fn history(&self, reference: &Reference, from: u64, limit: usize) -> Result<Vec<HistoryEntry>> {
        let mut record = self.store.history(reference, from, limit)?;
        (self.forge_history)(&mut record);
        Ok(record)
    }

    fn announcements(&self, name: Option<&Name>) -> Vec<Announcement> {
        let mut announced = self.store.announcements(name);
        (self.forge_announcements)(&mut announced);
        announced
    }

    fn runnable(&self, after: Option<&RunnableCursor>, now: Timestamp, limit: usize) -> Result<Runnable> {
        (self.before_search)(&self.store)?;
        self.store.runnable(after, now, limit)
    }

    fn lock(&self, name: &Name, deadline: Option<Instant>) -> Result<Option<NameLock>> {
        (self.lock)(&self.store, name, deadline)
    }

    passed_on! {
        register(version: NewVersion) -> Result<Registered>;
        class(name: &ClassName) -> Result<Option<RegisteredClass>>;
        classes() -> Result<Vec<RegisteredClass>>;
        version(class: &ClassName, number: u32) -> Result<Option<ClassVersion>>;
        version_usage(class: &ClassName) -> Result<Vec<VersionUsage>>;
        component(hash: &Hash) -> Result<Option<Vec<u8>>>;
        remove_class(name: &ClassName, force: bool) -> Result<()>;
        name_record(name: &Name) -> Result<Option<NameRecord>>;
        names(after: Option<&Name>, limit: usize) -> Result<Vec<Name>>;
        actors(prefix: &str, after: Option<&ActorId>, limit: usize) -> Result<Vec<(ActorId, NameRecord)>>;
        remove(id: &ActorId, at: Timestamp, force: bool) -> Result<()>;
        attempts(reference: &Reference, from: u32, limit: usize) -> Result<Vec<Attempt>>;
        remove_tasks(name: &Name, number: Option<u64>, at: Timestamp, force: bool) -> Result<u64>;
        steps(id: &ActorId, from: u64, limit: usize) -> Result<Vec<Step>>;
        checkpoint(id: &ActorId, step: u64) -> Result<Option<(u64, Vec<u8>)>>;
        invocation(reference: &Reference) -> Result<Option<Invocation>>;
        reference_of(opaque_id: &str) -> Result<Option<Reference>>;
        invocation_by_key(name: &Name, key: &str) -> Result<Option<Invocation>>;
        next_in_inbox(name: &Name, now: Timestamp) -> Result<Option<Invocation>>;
        runnable_tasks(name: &Name, after: Option<u64>, now: Timestamp, limit: usize) -> Result<Vec<Invocation>>;
        pending(name: Option<&Name>, after: Option<&Reference>, limit: usize) -> Result<Vec<Invocation>>;
        invocations(name: &Name, before: Option<u64>, limit: usize) -> Result<Vec<Invocation>>;
        wait_result(reference: &Reference, on: &[ResolvedTarget], now: Timestamp) -> Result<Option<StoredResult>>;
        initial_state(reference: &Reference) -> Result<Option<Vec<u8>>>;
        events(name: &Name, after: u64, limit: usize) -> Result<Vec<Event>>;
        lock_set() -> Result<Box<dyn LockSet>>;
        is_locked(name: &Name) -> Result<bool>;
        announce(name: &Name, number: Option<u64>) -> Box<dyn AnnouncementGuard>;
        can_write() -> bool;
        writer() -> Option<Process>;
        watch() -> Result<Box<dyn Watch>>;
        address() -> String;
    }
}
