//! Methods that wait, on a real store with the class `probe`.

mod approval;
mod children;
mod clock_changes;
mod commits;
mod deadlocks;
mod events;
mod queries;
mod tasks;
mod times;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vactor::engine::{Options, Phase, Settings, Until};
use vactor::model::{Limit, LimitOverrides};
use vactor::{Engine, Error, Reference, Timestamp};

use crate::classes::component;
use crate::engine::Place;

const BEGIN: u64 = 1_900_000_000_000;
const IDLE: Until = Until::Idle { ahead: Duration::ZERO };

/// A store with the class `probe`, a clock that the test sets, and an engine.
pub struct Flow {
    place: Place,
    clock: Arc<AtomicU64>,
    pub engine: Engine,
}

impl Flow {
    /// A store with probes of these ids.
    pub fn new(ids: &[&str]) -> Flow {
        let place = Place::empty();
        let clock = Arc::new(AtomicU64::new(BEGIN));
        let engine = place.engine_with(Flow::settings(&clock));
        engine.register("probe", &std::fs::read(component("probe")).unwrap()).unwrap();
        for id in ids {
            engine.create("probe", id, json!({}), &Options::default()).unwrap();
        }
        Flow { place, clock, engine }
    }

    fn settings(clock: &Arc<AtomicU64>) -> Settings {
        let clock = Arc::clone(clock);
        let clock = Arc::new(move || Timestamp::from_millis(clock.load(Ordering::SeqCst)));
        Settings { clock, ..Settings::default() }
    }

    /// An engine that stands for another process.
    pub fn another(&self) -> Engine {
        self.place.engine_with(Flow::settings(&self.clock))
    }

    /// An engine whose calls have this limit.
    pub fn with_limit(&self, limit: Limit, value: u64) -> Engine {
        let limits = LimitOverrides::new([(limit, value)]).unwrap();
        self.place.engine_with(Settings { limits, ..Flow::settings(&self.clock) })
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, millis: u64) {
        self.clock.store(millis, Ordering::SeqCst);
    }

    pub fn pass(&self, time: Duration) {
        self.clock.fetch_add(time.as_millis() as u64, Ordering::SeqCst);
    }

    pub fn call(&self, id: &str, method: &str, arguments: Value) -> Result<Value, Error> {
        self.engine.call(id, method, arguments, &Options::default()).map(|reply| reply.result.value())
    }

    pub fn submit(&self, id: &str, method: &str, arguments: Value) -> Reference {
        self.engine.submit_call(id, method, arguments, &Options::default()).unwrap()
    }

    pub fn get(&self, id: &str, query: &str) -> Value {
        self.engine.get(id, query, json!({})).unwrap().result.value()
    }

    pub fn wait(&self, reference: &Reference) -> Result<Value, Error> {
        let deadline = Instant::now() + Duration::from_secs(60);
        self.engine.wait(reference, Some(deadline)).map(|reply| reply.result.value())
    }

    /// Runs all runnable invocations in an engine that is then dropped: waits remain in the store
    /// alone.
    pub fn work(&self) {
        self.another().work(1, IDLE).unwrap();
    }

    pub fn phase(&self, reference: &Reference) -> Phase {
        let invocation = self.engine.invocation(reference).unwrap();
        self.engine.phase(&invocation).unwrap()
    }

    pub fn emit(&self, id: &str, event: &str, payload: Value) {
        self.engine.emit(id, event, payload, None).unwrap();
    }

    /// Replays all steps, whose states must have the recorded hashes.
    pub fn replays(&self, id: &str) {
        let head = self.engine.head(id).unwrap();
        let first = head.actor.unwrap().first_step;
        for step in first..=head.counters.steps {
            self.engine.state_at(id, step).unwrap();
        }
    }
}

/// The kind of the fault of a failed call.
#[track_caller]
pub fn kind(outcome: Result<Value, Error>) -> String {
    match outcome {
        Err(Error::Failed { fault, .. }) => fault.kind,
        other => panic!("it did not fail: {other:?}"),
    }
}
