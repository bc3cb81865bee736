//! Unusable stores: an error with the reason, and no data lost.

use std::sync::Barrier;
use std::thread;

use vactor::model::{Category, Error};
use vactor::store::{Mode, RedbStore, Store};

use super::disk::Disk;
use super::fixture::*;
use super::workload::dump;

#[test]
fn other_file_is_refused_with_reason() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none");
    for mode in [Mode::Read, Mode::Write] {
        assert!(matches!(RedbStore::open(&none, mode), Err(Error::NoStore { .. })));
        assert!(matches!(RedbStore::open(folder.path(), mode), Err(Error::NoStore { .. })));
    }
    assert!(!none.exists());

    let file = folder.path().join("file");
    std::fs::write(&file, b"text").unwrap();
    let inside = folder.path().join("inside");
    std::fs::create_dir_all(inside.join("store.redb")).unwrap();
    let text = folder.path().join("text");
    std::fs::create_dir(&text).unwrap();
    std::fs::write(text.join("store.redb"), "not a store at all\n".repeat(1000)).unwrap();
    for (place, said) in [(&file, "is a file"), (&inside, "is a folder"), (&text, "is no store")] {
        for tried in [
            RedbStore::open(place, Mode::Read),
            RedbStore::open(place, Mode::Write),
            RedbStore::create(place).map(|(store, _)| store),
        ] {
            let error = tried.unwrap_err();
            assert_eq!(error.category(), Category::Store, "{error}");
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}

#[test]
fn concurrent_opens_create_store_once() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("deep/down");
    let together = Barrier::new(8);
    let made: usize = thread::scope(|scope| {
        let make = || {
            together.wait();
            let (store, made) = RedbStore::create(&place).unwrap();
            store.accept(vec![task("counter/sum", 1)], 100).unwrap();
            usize::from(made)
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(made, 1);
    let store = RedbStore::open(&place, Mode::Read).unwrap();
    assert_eq!(store.name_record(&name("counter/sum")).unwrap().unwrap().counters.references, 8);
}

#[test]
fn reader_refuses_to_write() {
    let folder = tempfile::tempdir().unwrap();
    RedbStore::create(folder.path()).unwrap();
    let store = RedbStore::open(folder.path(), Mode::Read).unwrap();
    let error = store.accept(vec![call("a", "x", 1)], 100).unwrap_err();
    assert!(error.to_string().contains("opened for reading only"), "{error}");
    assert_eq!(error.category(), Category::Store);
    assert_eq!(store.lock(&name("a"), None).map(drop), Err(error));
}

#[test]
fn full_disk_loses_nothing() {
    let disk = Disk::default();
    let store = RedbStore::open_on(disk.clone(), Mode::Write).unwrap();
    make(&store, "a", b"0");
    disk.fill(Some(disk.len() + 100_000));
    let mut last = Vec::new();
    let error = loop {
        let head = store.name_record(&name("a")).unwrap().unwrap();
        let larger = vec![7; last.len() + 20_000];
        let group = vec![ends(fresh(call("a", "grow", 5)), head.counters.steps, 6, &larger)];
        match commit_all(&store, group) {
            Ok(told) => assert!(told[0].is_ok()),
            Err(error) => break error,
        }
        last = larger;
    };
    assert_eq!(error.category(), Category::Store);
    assert!(error.to_string().contains("no storage space"), "{error}");
    // the handle stays unusable, with the reason
    assert_eq!(store.accept(vec![call("a", "x", 7)], 100).unwrap_err(), error);
    let read = RedbStore::open_on(disk.clone(), Mode::Read).unwrap();
    assert!(read.load(&id("a")).unwrap().is_some_and(|there| there.state == last));
    disk.fill(None);
    let again = RedbStore::open_on(disk, Mode::Write).unwrap();
    step(&again, "a", b"it goes on");
    dump(&again).unwrap();
}
