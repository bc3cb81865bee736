//! Plays a flow: every call and event has a key, so a flow that was interrupted can be played again
//! from its beginning.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use vactor::engine::{Options, Settings, Until};
use vactor::sandbox::Sandbox;
use vactor::store::Store;
use vactor::{Engine, Error, Reference, Timestamp};

const BEGIN: u64 = 2_000_000_000_000;

pub struct Player<'a> {
    pub engine: Engine,
    clock: Arc<AtomicU64>,
    acts: Cell<u64>,
    passed: Cell<Duration>,
    /// Is called after each act, which is acknowledged then.
    told: &'a dyn Fn(&Engine),
}

impl<'a> Player<'a> {
    pub fn new(store: Arc<dyn Store>, sandbox: Sandbox, told: &'a dyn Fn(&Engine)) -> Player<'a> {
        let clock = Arc::new(AtomicU64::new(latest(&*store)));
        let of_engine = Arc::clone(&clock);
        let clock_of = Arc::new(move || Timestamp::from_millis(of_engine.load(Ordering::SeqCst)));
        let engine = Engine::new(store, sandbox, Settings { clock: clock_of, ..Settings::default() });
        Player { engine, clock, acts: Cell::new(0), passed: Cell::default(), told }
    }

    fn next(&self) -> Options {
        self.acts.set(self.acts.get() + 1);
        Options { key: Some(format!("act {}", self.acts.get())), ..Options::default() }
    }

    fn done<T>(&self, done: T) -> T {
        (self.told)(&self.engine);
        done
    }

    pub fn create(&self, class: &str, id: &str, arguments: Value) {
        self.done(self.engine.create(class, id, arguments, &self.next()).unwrap());
    }

    pub fn probes(&self, ids: &[&str]) {
        for id in ids {
            self.create("probe", id, json!({}));
        }
    }

    /// The result, or the kind of the fault.
    pub fn call(&self, id: &str, method: &str, arguments: Value) -> Result<Value, String> {
        let reply = self.engine.call(id, method, arguments, &self.next());
        self.done(told(reply.map(|reply| reply.result.value())))
    }

    pub fn run(&self, class: &str, task: &str, arguments: Value) -> Reference {
        self.done(self.engine.submit_task(class, task, arguments, &self.next()).unwrap())
    }

    pub fn submit(&self, id: &str, method: &str, arguments: Value) -> Reference {
        self.done(self.engine.submit_call(id, method, arguments, &self.next()).unwrap())
    }

    pub fn emit(&self, id: &str, event: &str, payload: Value) {
        let key = self.next().key;
        self.done(self.engine.emit(id, event, payload, key.as_deref()).unwrap());
    }

    pub fn cancel(&self, reference: &Reference) {
        match self.engine.cancel(reference) {
            Ok(()) | Err(Error::AlreadyEnded { .. }) => self.done(()),
            Err(error) => panic!("{error}"),
        }
    }

    pub fn resume(&self, reference: &Reference) -> Reference {
        match self.engine.resume(reference) {
            Ok(by) | Err(Error::AlreadyResumed { by, .. }) => self.done(by),
            Err(error) => panic!("{error}"),
        }
    }

    /// Runs all runnable invocations, two at once.
    pub fn work(&self) {
        self.engine.work(2, Until::Idle { ahead: Duration::ZERO }).unwrap();
        self.done(());
    }

    /// Sets the clock to a time after the beginning. It does not go back if an earlier play went
    /// further.
    pub fn pass(&self, time: Duration) {
        self.passed.set(self.passed.get() + time);
        self.clock.fetch_max(BEGIN + self.passed.get().as_millis() as u64, Ordering::SeqCst);
        self.work();
    }

    /// The outcome of an invocation, which this waits for.
    pub fn end_of(&self, reference: &Reference) -> Result<Value, String> {
        self.done(told(self.engine.wait(reference, None).map(|reply| reply.result.value())))
    }

    pub fn get(&self, id: &str, query: &str) -> Value {
        self.engine.get(id, query, json!({})).unwrap().result.value()
    }
}

/// The time at which the last invocation of the store was accepted.
fn latest(store: &dyn Store) -> u64 {
    let names = store.names(None, usize::MAX).unwrap();
    let newest = names.iter().flat_map(|name| store.invocations(name, None, 1).unwrap());
    newest.map(|invocation| invocation.request.accepted.as_millis()).fold(BEGIN, u64::max)
}

fn told(outcome: vactor::Result<Value>) -> Result<Value, String> {
    outcome.map_err(|error| match error {
        Error::Failed { fault, .. } => fault.kind,
        error => panic!("{error:?}"),
    })
}
