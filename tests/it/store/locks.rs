//! Locks of actors and watches, between threads as between processes. Each function is a test of
//! every store.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::fixture::*;

promises! {
    lock_excludes_other_threads
    is_locked_takes_no_lock
    lock_set_locks_and_releases_names
    watch_wakes_at_commit
    watch_wakes_when_name_is_unlocked
}

fn lock_excludes_other_threads(stores: &Fixture) {
    let (one, other) = (stores.open(), stores.open());
    let held = one.lock(&name("a"), None).unwrap().unwrap();
    assert!(other.lock(&name("b"), Some(Instant::now())).unwrap().is_some());
    assert!(other.lock(&name("a"), Some(Instant::now())).unwrap().is_none());
    assert!(one.lock(&name("a"), Some(Instant::now() + Duration::from_millis(30))).unwrap().is_none());
    let (tell, told) = mpsc::channel();
    let waits = thread::spawn(move || {
        tell.send("waits").unwrap();
        let held = other.lock(&name("a"), None).unwrap();
        tell.send("holds").unwrap();
        drop(held);
        other.lock(&name("a"), Some(Instant::now() + Duration::from_secs(60))).unwrap().is_some()
    });
    assert_eq!(told.recv().unwrap(), "waits");
    assert!(told.recv_timeout(Duration::from_millis(30)).is_err());
    drop(held);
    assert_eq!(told.recv().unwrap(), "holds");
    assert!(waits.join().unwrap());
    // a lock that timed out is not taken later
    assert!(one.lock(&name("a"), Some(Instant::now() + Duration::from_secs(60))).unwrap().is_some());
}

fn is_locked_takes_no_lock(stores: &Fixture) {
    let (one, other) = (stores.open(), stores.open());
    assert!(!other.is_locked(&name("a")).unwrap());
    let held = one.lock(&name("a"), Some(Instant::now())).unwrap().unwrap();
    assert!(other.is_locked(&name("a")).unwrap() && one.is_locked(&name("a")).unwrap());
    assert!(!other.is_locked(&name("b")).unwrap());
    drop(held);
    assert!(!other.is_locked(&name("a")).unwrap());
}

fn lock_set_locks_and_releases_names(stores: &Fixture) {
    let (one, other) = (stores.open(), stores.open());
    make(&*one, "a", b"0");
    let (mut ours, mut theirs) = (one.lock_set().unwrap(), other.lock_set().unwrap());
    let c = other.lock(&name("c"), None).unwrap().unwrap();
    assert!(ours.take(&name("a")).unwrap() && ours.take(&name("b")).unwrap());
    assert!(!ours.take(&name("c")).unwrap(), "it is locked");
    assert!(!theirs.take(&name("a")).unwrap() && theirs.take(&name("d")).unwrap());
    assert!(!ours.take(&name("d")).unwrap());
    // another handle of the same store is another owner
    assert!(one.lock(&name("b"), Some(Instant::now())).unwrap().is_none() && other.is_locked(&name("a")).unwrap());
    let mut watch = other.watch().unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    step(&*one, "a", b"1");
    watch.wait(end);
    drop(ours);
    watch.wait(end);
    assert!(Instant::now() < end, "who was woken by the commit is woken again");
    for name in [name("a"), name("b")] {
        assert!(other.lock(&name, Some(Instant::now())).unwrap().is_some());
    }
    drop(c);
    assert!(one.lock(&name("d"), Some(Instant::now())).unwrap().is_none(), "theirs are held still");
}

fn watch_wakes_at_commit(stores: &Fixture) {
    let (one, other) = (stores.open(), stores.open());
    make(&*one, "a", b"0");
    let mut watch = other.watch().unwrap();
    let (tell, told) = mpsc::channel();
    let watcher = thread::spawn(move || {
        let end = Instant::now() + Duration::from_secs(60);
        while other.load(&id("a")).unwrap().unwrap().state != b"1" {
            assert!(Instant::now() < end, "no commit was seen");
            tell.send(()).unwrap();
            watch.wait(end);
        }
        // without a commit the watch ends at its deadline
        watch.wait(Instant::now() + Duration::from_millis(20));
    });
    told.recv().unwrap();
    step(&*one, "a", b"1");
    watcher.join().unwrap();
}

/// A process that a commit wakes may find the name still locked, and waits on.
fn watch_wakes_when_name_is_unlocked(stores: &Fixture) {
    let (one, other) = (stores.open(), stores.open());
    make(&*one, "a", b"0");
    let held = one.lock(&name("a"), None).unwrap().unwrap();
    let mut watch = other.watch().unwrap();
    step(&*one, "a", b"1");
    let end = Instant::now() + Duration::from_secs(60);
    watch.wait(end);
    drop(held);
    watch.wait(end);
    assert!(Instant::now() < end, "it slept on");
}
