//! How much of the store is read for each call, where many are there.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::engine::{Engine, Options, Settings, Until};
use crate::model::Timestamp;
use crate::sandbox::{Cache, Sandbox};
use crate::store::{RedbStore, keys_read};

const FEW: u64 = 60;
const MANY: u64 = 10 * FEW;

/// With the class `counter`, and a clock that says the time that a call of it is given.
struct Store {
    engine: Engine,
    now: Arc<std::sync::atomic::AtomicU64>,
    _cache: tempfile::TempDir,
}

impl Store {
    fn new() -> Store {
        let now = Arc::new(std::sync::atomic::AtomicU64::new(1_000));
        let read = Arc::clone(&now);
        let clock = Arc::new(move || Timestamp::from_millis(read.load(std::sync::atomic::Ordering::SeqCst)));
        let cache = tempfile::tempdir().unwrap();
        let store = Arc::new(RedbStore::in_memory().unwrap());
        let sandbox = Sandbox::new(Cache::at(cache.path().join("cache")));
        let engine = Engine::new(store, sandbox, Settings { clock, ..Settings::default() });
        engine.register("counter", include_bytes!("../../../tests/contracts/counter-0.1.0.wasm")).unwrap();
        Store { engine, now, _cache: cache }
    }

    /// Keys that are read while this thread, which is the only one that works, runs all that can run.
    fn read_by_work(&self) -> u64 {
        let before = keys_read();
        self.engine.work(1, Until::Idle { ahead: Duration::ZERO }).unwrap();
        keys_read() - before
    }
}

fn at(due: u64) -> Options {
    Options { due: Some(Timestamp::from_millis(due)), ..Options::default() }
}

/// Reading grows with the calls, not with their square: ten times as many calls are ten times the reads, and some more
/// where the tree is deeper.
fn assert_linear(what: &str, mut reads: impl FnMut(u64) -> u64) {
    let (few, many) = (reads(FEW), reads(MANY));
    assert!(many < 15 * few, "{what}: {FEW} calls read {few} keys, {MANY} read {many}");
}

#[test]
fn calls_due_at_once_read_the_store_once_each() {
    assert_linear("one call of each actor", |calls| {
        let store = Store::new();
        for n in 0..calls {
            let id = format!("c{n}");
            store.engine.create("counter", &id, json!({"init_val": 0}), &Options::default()).unwrap();
            store.engine.submit_call(&id, "incr", json!({}), &at(2_000)).unwrap();
        }
        store.now.store(2_000, std::sync::atomic::Ordering::SeqCst);
        store.read_by_work()
    });
    assert_linear("all calls of one actor", |calls| {
        let store = Store::new();
        store.engine.create("counter", "c", json!({"init_val": 0}), &Options::default()).unwrap();
        for _ in 0..calls {
            store.engine.submit_call("c", "incr", json!({}), &at(2_000)).unwrap();
        }
        store.now.store(2_000, std::sync::atomic::Ordering::SeqCst);
        store.read_by_work()
    });
}

#[test]
fn calls_of_an_actor_that_is_not_yet_made_read_the_store_once_each() {
    let accepted = |store: &Store, calls| {
        let before = keys_read();
        for _ in 0..calls {
            store.engine.submit_call("c", "incr", json!({}), &Options::default()).unwrap();
        }
        keys_read() - before
    };
    let construction = |store: &Store, arguments| {
        store.engine.submit_create("counter", "c", arguments, &Options::default()).unwrap();
    };
    assert_linear("accepting", |calls| {
        let store = Store::new();
        construction(&store, json!({"init_val": 0}));
        accepted(&store, calls)
    });
    assert_linear("running", |calls| {
        let store = Store::new();
        construction(&store, json!({"init_val": 0}));
        accepted(&store, calls);
        store.read_by_work()
    });
    assert_linear("accepting behind a construction that is not due", |calls| {
        let store = Store::new();
        store.engine.submit_create("counter", "c", json!({"init_val": 0}), &at(2_000)).unwrap();
        accepted(&store, calls)
    });
    assert_linear("constructions that are not due", |calls| {
        let store = Store::new();
        let before = keys_read();
        for n in 0..calls {
            store.engine.submit_create("counter", "c", json!({"init_val": 0}), &at(2_000 + n)).unwrap();
        }
        keys_read() - before
    });
}
