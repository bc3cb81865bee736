//! A store with data of every kind, whose file a target changes. The parts are those of the integration tests.
#![allow(dead_code, unused_imports, reason = "each target uses some of them")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use vactor::store::{Mode, RedbStore};

#[path = "../../../tests/it/store/disk.rs"]
pub mod disk;
#[path = "../../../tests/it/store/fixture.rs"]
pub mod fixture;
#[path = "../../../tests/it/store/methods.rs"]
pub mod methods;
#[path = "../../../tests/it/store/rewrite.rs"]
pub mod rewrite;
#[path = "../../../tests/it/store/workload.rs"]
pub mod workload;

pub fn file() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = RedbStore::create(folder.path()).unwrap();
    workload::story().into_iter().for_each(|change| change(&store).unwrap());
    std::fs::read(folder.path().join("store.redb")).unwrap()
}

/// Calls every method of a store with these bytes. Panics of redb are errors of the store, so the hook that aborts at each
/// panic is replaced.
pub fn use_all(bytes: Vec<u8>) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let used = catch_unwind(AssertUnwindSafe(|| {
        for mode in [Mode::Read, Mode::Write] {
            let Ok(store) = RedbStore::open_on(disk::Disk::holding(bytes.clone()), mode) else { continue };
            methods::call_reading_methods(&store);
            if mode == Mode::Write {
                methods::call_writing_methods(&store);
            }
        }
    }));
    if let Err(panic) = used {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        eprintln!("a panic: {}", text.unwrap_or("without a text"));
        std::process::abort();
    }
}
