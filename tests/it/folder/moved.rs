//! A store that is moved, removed or replaced while processes have it open.

use std::fs;
use std::process::Child;
use std::sync::Arc;

use serde_json::json;
use vactor::engine::{Engine, Options, Settings};
use vactor::model::Error;
use vactor::sandbox::{Cache, Sandbox};
use vactor::store::{Mode, RedbStore};

use super::vactor;
use crate::support::{Ran, Vactor};

/// A store with a call that is due in some hours, and a detached worker that waits for it.
fn with_worker() -> (Vactor, Child) {
    let vactor = vactor();
    let mut later = vactor.command();
    later.env("VACTOR_WORKER", "off").args(["call", "a", "go", "--after", "3h"]);
    assert_eq!(Ran::from(later.output().unwrap()).ok(), "a#2\n");
    let worker = vactor.start(["worker", "--detached", "--store", vactor.path(".vactor").to_str().unwrap()]);
    let engine = engine(&vactor);
    while !engine.has_detached_worker().unwrap() {
        std::thread::yield_now();
    }
    (vactor, worker)
}

fn engine(vactor: &Vactor) -> Engine {
    let store = RedbStore::open(&vactor.path(".vactor"), Mode::Write).unwrap();
    Engine::new(Arc::new(store), Sandbox::new(Cache::none()), Settings::default())
}

fn leaves(worker: Child) {
    let ran = Ran::from(worker.wait_with_output().unwrap());
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(ran.stderr.contains("was moved or removed while it was in use"), "{ran:?}");
}

#[test]
fn worker_leaves_when_store_is_deleted() {
    let (vactor, worker) = with_worker();
    fs::remove_dir_all(vactor.path(".vactor")).unwrap();
    leaves(worker);
    assert!(!vactor.path(".vactor").exists(), "it makes nothing anew");
}

#[test]
fn worker_leaves_when_store_is_moved() {
    let (vactor, worker) = with_worker();
    fs::create_dir(vactor.path("new")).unwrap();
    fs::rename(vactor.path(".vactor"), vactor.path("new/.vactor")).unwrap();
    // the worker of the old place does not count here, even if it has not left yet
    let store = vactor.path("new/.vactor");
    let at_the_new_place = |line: &str| {
        let mut command = vactor.command();
        command.arg("--store").arg(&store).args(line.split_whitespace());
        Ran::from(command.output().unwrap())
    };
    assert_eq!(at_the_new_place("call a go --async").ok(), "a#3\n");
    let steps = || -> u64 {
        let shown: serde_json::Value = serde_json::from_str(&at_the_new_place("show a --json").ok()).unwrap();
        shown["steps"].as_u64().unwrap()
    };
    while steps() < 2 {}
    leaves(worker);
    at_the_new_place("cancel a#2").ok();
}

#[test]
fn worker_leaves_when_store_is_replaced() {
    let (vactor, worker) = with_worker();
    fs::rename(vactor.path(".vactor"), vactor.path("old")).unwrap();
    vactor.line("init --store .vactor").ok();
    leaves(worker);
    assert_eq!(vactor.line("ps").ok().lines().count(), 1, "the header alone");
}

#[test]
fn worker_leaves_when_data_file_is_replaced() {
    let (vactor, worker) = with_worker();
    let (data, copy) = (vactor.path(".vactor/store.redb"), vactor.path(".vactor/copy"));
    fs::copy(&data, &copy).unwrap();
    fs::rename(&copy, &data).unwrap();
    leaves(worker);
}

/// A program that keeps a store open.
#[test]
fn moved_open_store_is_refused_until_moved_back() {
    let vactor = vactor();
    let engine = engine(&vactor);
    let (here, elsewhere) = (vactor.path(".vactor"), vactor.path("elsewhere"));
    let call = || engine.call("a", "go", json!({}), &Options::default());
    call().unwrap();
    fs::rename(&here, &elsewhere).unwrap();
    let refused = loop {
        if let Err(error) = call() {
            break error;
        }
    };
    assert_eq!(refused, Error::StoreGone { place: here.display().to_string() });
    assert_eq!(engine.get("a", "ask", json!({})).unwrap_err(), refused);
    assert!(matches!(call(), Err(Error::StoreGone { .. })));
    fs::rename(&elsewhere, &here).unwrap();
    call().unwrap();
}
