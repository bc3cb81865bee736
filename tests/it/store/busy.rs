//! Waits for the locks of a store's file, which the test takes like another process in a
//! transaction.

use std::fs::File;
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use vactor::model::Error;
use vactor::store::{Folder, LockWaitOptions, Mode, RedbStore, Store, deadline};

use super::fixture::*;
use crate::support::lock::{Lock, Range};

fn counter() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = RedbStore::create(folder.path()).unwrap();
    make(&store, "a", b"0");
    folder
}

fn state(store: &RedbStore) -> Vec<u8> {
    store.load(&id("a")).unwrap().unwrap().state
}

fn data(folder: &Path) -> File {
    File::options().read(true).write(true).open(folder.join("store.redb")).unwrap()
}

fn is_busy<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    matches!(&result, Err(Error::StoreBusy { .. })) || panic!("{result:?}")
}

#[test]
fn handle_stays_usable_after_refused_lock() {
    let folder = counter();
    let store = RedbStore::open(folder.path(), Mode::Write).unwrap();
    let reader = RedbStore::open(folder.path(), Mode::Read).unwrap();
    for (steps, range) in [Range::Writer, Range::Header, Range::HeaderShared].into_iter().enumerate() {
        let _now = deadline(Some(Instant::now()));
        let lock = Lock::take(data(folder.path()), range);
        assert!(is_busy(store.remove(&id("missing"), at(0), true)), "{range:?}");
        assert!(is_busy(RedbStore::open(folder.path(), Mode::Write)), "{range:?}");
        for reader in [&store, &reader] {
            match range {
                Range::Header => assert!(is_busy(reader.load(&id("a")))),
                Range::Writer | Range::HeaderShared => drop(state(reader)),
            }
        }
        drop(lock);
        let new = format!("{steps}");
        step(&store, "a", new.as_bytes());
        assert_eq!((state(&store), state(&reader)), (new.clone().into_bytes(), new.into_bytes()));
    }
}

#[test]
fn wait_for_lock_is_reported_and_continues() {
    let folder = counter();
    let (tell, told) = mpsc::channel();
    let waits = LockWaitOptions { on_wait: Arc::new(move |_| tell.send(()).unwrap()), ..LockWaitOptions::default() };
    let store = RedbStore::open_in(Folder::open(folder.path()).unwrap(), Mode::Write, waits).unwrap();
    let lock = Lock::take(data(folder.path()), Range::Writer);
    thread::scope(|scope| {
        let writes = scope.spawn(|| step(&store, "a", b"1"));
        told.recv().unwrap();
        assert_eq!(state(&store), b"0");
        drop(lock);
        writes.join().unwrap();
    });
    assert_eq!((state(&store), told.try_iter().count()), (b"1".to_vec(), 0));
}

#[test]
fn wait_for_lock_ends_when_stopped() {
    let folder = counter();
    let (tell, told) = mpsc::channel();
    let stopped = Arc::new(Mutex::new(false));
    let waits = LockWaitOptions {
        on_wait: Arc::new(move |_| tell.send(()).unwrap()),
        stopped: Arc::new({
            let stopped = stopped.clone();
            move || *stopped.lock().unwrap()
        }),
    };
    let store = RedbStore::open_in(Folder::open(folder.path()).unwrap(), Mode::Write, waits).unwrap();
    let lock = Lock::take(data(folder.path()), Range::Writer);
    thread::scope(|scope| {
        let writes = scope.spawn(|| store.remove(&id("missing"), at(0), true));
        told.recv().unwrap();
        *stopped.lock().unwrap() = true;
        assert_eq!(writes.join().unwrap(), Err(Error::Interrupted));
    });
    drop(lock);
    step(&store, "a", b"1");
}

/// One thread of a process waits for another process, and the other threads end at their own
/// deadlines.
#[test]
fn thread_ends_at_own_deadline_while_other_thread_waits() {
    let folder = counter();
    let (tell, told) = mpsc::channel();
    let waits = LockWaitOptions { on_wait: Arc::new(move |_| tell.send(()).unwrap()), ..LockWaitOptions::default() };
    let store = RedbStore::open_in(Folder::open(folder.path()).unwrap(), Mode::Write, waits).unwrap();
    for range in [Range::Writer, Range::Header] {
        let lock = Lock::take(data(folder.path()), range);
        thread::scope(|scope| {
            let (store, told) = (&store, &told);
            let waits = scope.spawn(|| store.remove(&id("missing"), at(0), true));
            told.recv().unwrap();
            let ends = scope.spawn(|| {
                let _now = deadline(Some(Instant::now() + Duration::from_millis(1)));
                assert!(is_busy(store.remove(&id("missing"), at(0), true)));
                if range == Range::Header {
                    assert!(is_busy(store.load(&id("a"))));
                }
            });
            ends.join().unwrap();
            drop(lock);
            assert!(matches!(waits.join().unwrap(), Err(Error::NoActor { .. }) | Ok(())));
        });
    }
}

#[test]
fn store_opened_by_read_is_opened_for_writing_by_first_write() {
    let folder = counter();
    let lock = Lock::take(data(folder.path()), Range::Writer);
    let store = RedbStore::open(folder.path(), Mode::ReadFirst).unwrap();
    assert_eq!(state(&store), b"0");
    let now = deadline(Some(Instant::now()));
    assert!(is_busy(store.lock(&name("a"), Some(Instant::now())).map(drop)));
    drop((lock, now));
    step(&store, "a", b"1");
    assert!(store.lock(&name("a"), Some(Instant::now())).unwrap().is_some());
    assert_eq!(state(&store), b"1");
}
