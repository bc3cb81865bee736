//! Stores under test, and short constructors of their data.

use std::collections::BTreeSet;
use std::sync::Arc;

use tempfile::TempDir;
use vactor::model::*;
use vactor::store::{
    Commit, CommitSource, Committed, End, Mode, NewCall, NewEntry, NewEvent, Progress, RedbStore, Store, StoredResult,
    Suspend, Suspended,
};

/// A new store, and further handles of it.
pub enum Fixture {
    File(TempDir),
    Memory(Arc<RedbStore>),
}

impl Fixture {
    pub fn file() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        RedbStore::create(folder.path()).unwrap();
        Fixture::File(folder)
    }

    pub fn memory() -> Fixture {
        Fixture::Memory(Arc::new(RedbStore::in_memory().unwrap()))
    }

    /// A new handle, which stands for another process.
    pub fn open(&self) -> Arc<dyn Store> {
        match self {
            Fixture::File(folder) => Arc::new(RedbStore::open(folder.path(), Mode::Write).unwrap()),
            Fixture::Memory(store) => store.clone(),
        }
    }
}

pub fn id(text: &str) -> ActorId {
    ActorId::new(text).unwrap()
}

pub fn name(text: &str) -> Name {
    Name::new_unchecked(text)
}

pub fn class() -> ClassName {
    ClassName::new("counter").unwrap()
}

pub fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub fn reference(of: &str, number: u64) -> Reference {
    Reference { name: name(of), number }
}

/// A mutation at a time.
pub fn call(of: &str, method: &str, accepted: u64) -> CallRequest {
    let arguments = Json::parse(r#"{"n":1}"#).unwrap();
    CallRequest {
        caller: Some(reference("boss", 7)),
        meta: vec![("a".to_owned(), "b".to_owned())],
        ..CallRequest::new(name(of), CallKind::Mutate, method, arguments, Seed([accepted as u8; 32]), at(accepted))
    }
}

pub fn delayed(of: &str, method: &str, accepted: u64, due: u64) -> CallRequest {
    CallRequest { due: Some(at(due)), ..call(of, method, accepted) }
}

pub fn keyed(of: &str, method: &str, accepted: u64, key: &str) -> CallRequest {
    let key = Key { text: key.to_owned(), fingerprint: Hash::of(method.as_bytes()) };
    CallRequest { key: Some(key), ..call(of, method, accepted) }
}

pub fn construction(of: &str, accepted: u64) -> CallRequest {
    CallRequest { kind: CallKind::Construct { class: class(), version: 1 }, ..call(of, "new", accepted) }
}

pub fn task(of: &str, accepted: u64) -> CallRequest {
    CallRequest { kind: CallKind::Task { class: class(), version: 1 }, ..call(of, "task", accepted) }
}

pub fn done(result: &str) -> Outcome {
    Outcome::Succeeded(Json::parse(result).unwrap())
}

pub fn failed() -> Outcome {
    Outcome::Failed(Fault::host(HostFault::Trap, "it broke"))
}

pub fn log(said: &str) -> Log {
    Log { lines: vec![LogLine { level: Level::Info, message: said.to_owned() }], truncated: false }
}

/// A commit that ends an invocation with a new state.
pub fn ends(turn: CommitSource, expected_steps: u64, now: u64, state: &[u8]) -> Commit {
    let end = End::Step { version: 1, state: Some(state.to_vec()) };
    Commit {
        source: turn,
        expected_steps,
        began: Some(at(now)),
        now: at(now),
        outcome: done("1"),
        log: log("hello"),
        micros: 5,
        end,
        progress: None,
        id_exposed: false,
    }
}

pub fn fresh(request: CallRequest) -> CommitSource {
    CommitSource::Fresh(Box::new(request))
}

pub fn accepted(of: &str, number: u64) -> CommitSource {
    CommitSource::Accepted { name: name(of), number }
}

/// The commit that creates an actor.
pub fn makes(turn: CommitSource, expected_steps: u64, now: u64, state: &[u8]) -> Commit {
    let end = End::Created { class: class(), version: 1, state: state.to_vec() };
    Commit { end, ..ends(turn, expected_steps, now, state) }
}

pub fn bare(turn: CommitSource, expected_steps: u64, now: u64) -> Commit {
    Commit { end: End::WithoutStep, outcome: failed(), ..ends(turn, expected_steps, now, b"") }
}

/// Cancels a pending invocation.
pub fn cancel(store: &dyn Store, of: &str, number: u64, now: u64) -> Result<()> {
    store.cancel(&reference(of, number), at(now), cancelled(), &BTreeSet::new())
}

pub fn cancelled() -> Fault {
    Fault::host(HostFault::Cancelled, "it was cancelled")
}

/// Times of a run whose guest's clock was its begin time.
pub fn times(began: u64, committed: u64) -> Times {
    Times { began: Some(at(began)), committed: at(committed), now: at(began) }
}

/// Commits a group, at the latest time that one of its guests saw.
pub fn commit_all(store: &dyn Store, commits: Vec<Commit>) -> Result<Vec<Result<Committed>>> {
    let now = commits.iter().map(|commit| commit.now).max().unwrap();
    store.commit(commits, now)
}

/// Commits one.
pub fn commit(store: &dyn Store, commit: Commit) -> Result<Committed> {
    commit_all(store, vec![commit]).unwrap().pop().unwrap()
}

pub fn make(store: &dyn Store, of: &str, state: &[u8]) {
    let steps = store.name_record(&name(of)).unwrap().unwrap_or_default().counters.steps;
    commit(store, makes(fresh(construction(of, 1)), steps, 2, state)).unwrap();
}

/// One step of an idle actor, with this state after it.
pub fn step(store: &dyn Store, of: &str, state: &[u8]) -> Committed {
    let steps = store.name_record(&name(of)).unwrap().unwrap().counters.steps;
    commit(store, ends(fresh(call(of, "incr", 10 + steps)), steps, 11 + steps, state)).unwrap()
}

/// Accepts a request. Its number.
pub fn accept(store: &dyn Store, request: CallRequest) -> u64 {
    match store.accept(vec![request], 100).unwrap().pop().unwrap() {
        Ok(vactor::store::Accepted::New(number)) => number,
        other => panic!("{other:?}"),
    }
}

// Waits

pub fn asked(what: &str) -> Fingerprint {
    Fingerprint { summary: what.to_owned(), hash: Hash::of(what.as_bytes()) }
}

/// The progress of a run that began at 50, after so many entries of its history.
pub fn progress(expected_record: u64, entries: Vec<NewEntry>) -> Progress {
    Progress {
        began: at(50),
        first_now: at(50),
        expected_history: expected_record,
        entries,
        sends: vec![],
        save: None,
        inbox_limit: 100,
    }
}

pub fn child(request: CallRequest) -> NewCall {
    NewCall { construction: None, call: CallRequest { caller: None, ..request } }
}

pub fn starts(request: CallRequest) -> NewEntry {
    NewEntry::Start { fingerprint: asked(&format!("start {}", request.name)), child: Box::new(child(request)) }
}

/// The entry of an answered wait.
pub fn answered(found: StoredResult) -> NewEntry {
    let recorded = HistoryEntry { fingerprint: asked("wait"), result: OperationResult::Waited(found.result) };
    match found.event {
        Some((event, number)) => NewEntry::TakeEvent { entry: recorded, event, number },
        None => NewEntry::Plain(recorded),
    }
}

pub fn suspends(
    turn: CommitSource,
    expected_steps: u64,
    now: u64,
    progress: Progress,
    on: Vec<ResolvedTarget>,
) -> Suspend {
    Suspend {
        source: turn,
        expected_steps,
        at: at(now),
        progress,
        id_exposed: false,
        fingerprint: asked("wait"),
        targets: on,
    }
}

pub fn suspend(store: &dyn Store, suspend: Suspend) -> (u64, Option<StoredResult>) {
    match store.suspend(suspend).unwrap() {
        Suspended::Waiting { number, result: found } => (number, found),
        Suspended::Duplicate(known) => panic!("{known:?}"),
    }
}

pub fn steps_of(store: &dyn Store, of: &str) -> u64 {
    store.name_record(&name(of)).unwrap().unwrap_or_default().counters.steps
}

/// A call whose run performs operations and then waits without a result. Its number.
pub fn waits(store: &dyn Store, of: &str, now: u64, entries: Vec<NewEntry>, on: Vec<ResolvedTarget>) -> u64 {
    let request = fresh(call(of, "waits", now));
    let (number, found) = suspend(store, suspends(request, steps_of(store, of), now, progress(0, entries), on));
    assert_eq!(found, None);
    number
}

pub fn event(of: &str, event: &str, payload: &str, now: u64) -> NewEvent {
    let payload = Json::parse(payload).unwrap();
    NewEvent { name: name(of), event: event.to_owned(), payload, key: None, at: at(now) }
}

pub fn on_event(event: &str) -> ResolvedTarget {
    ResolvedTarget::Event { name: event.to_owned(), after: 0 }
}

/// Ends a pending invocation with a state.
pub fn end(store: &dyn Store, of: &str, number: u64, now: u64) {
    commit(store, ends(accepted(of, number), steps_of(store, of), now, b"ended")).unwrap();
}

pub fn is_ready(store: &dyn Store, of: &str, now: u64) -> bool {
    store.runnable(None, at(now), 1000).unwrap().names.contains(&name(of))
}
