//! Queries never wait (docs/concepts.md). A mutation is paused in its middle while they run.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use vactor::Engine;
use vactor::engine::{Observer, Options, Settings};
use vactor::model::{Limit, LimitOverrides, LogLine, Name};
use vactor::sandbox::{Cache, Sandbox};
use vactor::store::{Mode, RedbStore};

use crate::raw::{NULL, RawClass};
use crate::support::{Ran, Vactor};

/// Pauses a guest at a log line until it may continue.
struct Holding {
    said: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl Observer for Holding {
    fn logged(&self, _: &Name, _: &LogLine) {
        self.said.send(()).unwrap();
        self.go_on.lock().unwrap().recv().unwrap();
    }
}

/// A class whose state is a number: `change` logs a line between the old and the new state, `ask`
/// computes for a while first.
fn class() -> RawClass {
    let set = |text: &str| format!("(call $text_{text}) (global.set $state.len) (global.set $state)");
    let compute = "(loop (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if 0 (i32.lt_u (local.get $i) (i32.const 5000000))))";
    RawClass::new()
        .text("before", "1")
        .text("after", "2")
        .mutation("begin", &format!("{} {NULL}", set("before")))
        .mutation("change", &format!("{} (call $log (i32.const 1) (call $text_null)) {NULL}", set("after")))
        .query("ask", &format!("{compute} (call $ok (global.get $state) (global.get $state.len))"))
}

#[test]
fn queries_return_while_mutation_is_paused() {
    let vactor = Vactor::with("slow", &class());
    vactor.line("create slow a").ok();
    vactor.line("call a begin").ok();
    let (said, heard) = channel();
    let (let_go, go_on) = channel();
    let settings = Settings {
        limits: LimitOverrides::new([(Limit::Time, 3_600_000_000)]).unwrap(),
        observer: Arc::new(Holding { said, go_on: Mutex::new(go_on) }),
        ..Settings::default()
    };
    let store = RedbStore::open(&vactor.path(".vactor"), Mode::Write).unwrap();
    let cache = Cache::at(Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
    let engine = Engine::new(Arc::new(store), Sandbox::new(cache), settings);

    std::thread::scope(|scope| {
        let mutation = scope.spawn(|| engine.call("a", "change", json!({}), &Options::default()));
        heard.recv().unwrap();
        let (answer, answered) = channel();
        for _ in 0..10 {
            let (query, answer) = (vactor.start(["get", "a", "ask"]), answer.clone());
            scope.spawn(move || answer.send(Ran::from(query.wait_with_output().unwrap())));
        }
        // a bound against a hang, no measurement
        let answers: Vec<_> = (0..10).map(|_| answered.recv_timeout(Duration::from_mins(10))).collect();
        let ended = mutation.is_finished();
        let_go.send(()).unwrap();
        for answer in answers {
            assert_eq!(answer.expect("a query waits for the mutation").ok(), "1\n");
        }
        assert!(!ended, "the mutation was not held");
        mutation.join().unwrap().unwrap();
    });
    assert_eq!(vactor.line("get a ask").ok(), "2\n");
}
