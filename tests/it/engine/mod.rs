//! The engine on a real store, through the public face of the library.

mod calls;
mod due_times;
mod fairness;
mod groups;
mod queued;
mod races;

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use vactor::engine::{Engine, Options, Settings};
use vactor::sandbox::{Cache, Sandbox};
use vactor::store::{Mode, RedbStore};

use crate::raw;

/// A store in a folder. Each of its engines stands for a process.
pub struct Place {
    folder: TempDir,
}

impl Place {
    /// A store with the classes `counter` and `hostile`, and the actors `c` (a counter at 0) and
    /// `h`.
    pub fn new() -> Place {
        let place = Place::empty();
        let engine = place.engine();
        engine.register("counter", include_bytes!("../../contracts/counter-0.1.0.wasm")).unwrap();
        engine.register("hostile", &raw::hostile().build()).unwrap();
        engine.create("counter", "c", json!({"init_val": 0}), &Options::default()).unwrap();
        engine.create("hostile", "h", json!({}), &Options::default()).unwrap();
        place
    }

    pub fn empty() -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        RedbStore::create(place.folder.path()).unwrap();
        place
    }

    pub fn engine(&self) -> Engine {
        self.engine_with(Settings::default())
    }

    pub fn engine_with(&self, settings: Settings) -> Engine {
        Engine::new(Arc::new(self.store()), sandbox(), settings)
    }

    pub fn store(&self) -> RedbStore {
        RedbStore::open(self.folder.path(), Mode::Write).unwrap()
    }
}

/// A sandbox with the cache that all tests share.
fn sandbox() -> Sandbox {
    Sandbox::new(Cache::at(Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")))
}

fn incr(engine: &Engine, by: i64, options: &Options) -> vactor::Result<i64> {
    engine.call("c", "incr", json!({ "val": by }), options).map(|reply| number(&reply.result.value()))
}

fn value(engine: &Engine) -> i64 {
    number(&engine.get("c", "value", json!({})).unwrap().result.value())
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

fn keyed(key: &str) -> Options {
    Options { key: Some(key.to_owned()), ..Options::default() }
}
