//! Stores to play with, and the words to fill them.

use std::sync::Arc;

use tempfile::TempDir;
use vactor::model::*;
use vactor::store::{Commit, Committed, End, Mode, RedbStore, Store, Turn};

/// A new store, and further handles of the same one.
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

    /// A handle of its own, as another process would have.
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
    Name::from_stored(text)
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
pub fn call(of: &str, method: &str, accepted: u64) -> NewInvocation {
    NewInvocation {
        name: name(of),
        call: Call::Mutate,
        method: method.to_owned(),
        arguments: Json::parse(r#"{"n":1}"#).unwrap(),
        key: None,
        caller: Some(reference("boss", 7)),
        meta: vec![("a".to_owned(), "b".to_owned())],
        seed: Seed([accepted as u8; 32]),
        accepted: at(accepted),
        due: None,
        resumes: None,
    }
}

pub fn delayed(of: &str, method: &str, accepted: u64, due: u64) -> NewInvocation {
    NewInvocation { due: Some(at(due)), ..call(of, method, accepted) }
}

pub fn keyed(of: &str, method: &str, accepted: u64, key: &str) -> NewInvocation {
    let key = Key { text: key.to_owned(), fingerprint: Hash::of(method.as_bytes()) };
    NewInvocation { key: Some(key), ..call(of, method, accepted) }
}

pub fn construction(of: &str, accepted: u64) -> NewInvocation {
    NewInvocation { call: Call::Construct { class: class(), version: 1 }, ..call(of, "new", accepted) }
}

pub fn task(of: &str, accepted: u64) -> NewInvocation {
    NewInvocation { call: Call::Task { class: class(), version: 1 }, ..call(of, "task", accepted) }
}

pub fn done(result: &str) -> Outcome {
    Outcome::Succeeded(Json::parse(result).unwrap())
}

pub fn failed() -> Outcome {
    Outcome::Failed(Fault::host(HostFault::Trap, "it broke"))
}

pub fn log(said: &str) -> Log {
    Log { lines: vec![LogLine { level: Level::Info, message: said.to_owned() }], cut: false }
}

/// A commit that ends an invocation with a new state.
pub fn ends(turn: Turn, expected_steps: u64, now: u64, state: &[u8]) -> Commit {
    let end = End::Step { version: 1, state: Some(state.to_vec()) };
    Commit { turn, expected_steps, at: at(now), outcome: done("1"), log: log("hello"), micros: 5, end }
}

pub fn fresh(new: NewInvocation) -> Turn {
    Turn::Fresh(Box::new(new))
}

pub fn accepted(of: &str, number: u64) -> Turn {
    Turn::Accepted { name: name(of), number }
}

/// The commit that makes an actor.
pub fn makes(turn: Turn, expected_steps: u64, now: u64, state: &[u8]) -> Commit {
    let end = End::Made { class: class(), version: 1, state: state.to_vec() };
    Commit { end, ..ends(turn, expected_steps, now, state) }
}

pub fn bare(turn: Turn, expected_steps: u64, now: u64) -> Commit {
    Commit { end: End::Bare, outcome: failed(), ..ends(turn, expected_steps, now, b"") }
}

/// Commits one.
pub fn commit(store: &dyn Store, commit: Commit) -> Result<Committed> {
    store.commit(vec![commit]).unwrap().pop().unwrap()
}

pub fn make(store: &dyn Store, of: &str, state: &[u8]) {
    let steps = store.head(&name(of)).unwrap().unwrap_or_default().numbers.steps;
    commit(store, makes(fresh(construction(of, 1)), steps, 2, state)).unwrap();
}

/// One step of an idle actor, with this state after it.
pub fn step(store: &dyn Store, of: &str, state: &[u8]) -> Committed {
    let steps = store.head(&name(of)).unwrap().unwrap().numbers.steps;
    commit(store, ends(fresh(call(of, "incr", 10 + steps)), steps, 11 + steps, state)).unwrap()
}

/// Accepts one; answers its number.
pub fn accept(store: &dyn Store, new: NewInvocation) -> u64 {
    match store.accept(vec![new], 100).unwrap().pop().unwrap() {
        Ok(vactor::store::Accepted::New(number)) => number,
        other => panic!("{other:?}"),
    }
}
