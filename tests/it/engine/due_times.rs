//! Commands that wait in the foreground look up the next due time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use vactor::engine::{Engine, GroupCall, Options, Settings};
use vactor::{Category, Error, Timestamp};

use super::{Place, sandbox};
use crate::classes::component;
use crate::proof::flows::faulty_store::FaultyStore;

/// An engine with the class `probe` and an actor `p`, and its store, which counts its look-ups of
/// due times.
fn probe() -> (Place, Arc<FaultyStore>, Engine) {
    let place = Place::empty();
    let engine = place.engine();
    engine.register("probe", &std::fs::read(component("probe")).unwrap()).unwrap();
    engine.create("probe", "p", json!({}), &Options::default()).unwrap();
    let store = Arc::new(FaultyStore::new(place.store(), None));
    let engine = Engine::new(store.clone(), sandbox(), Settings::default());
    (place, store, engine)
}

/// A sleep that is longer than a guest waits in memory.
fn sleep() -> serde_json::Value {
    json!({"ms": 120})
}

#[test]
fn foreground_wait_looks_up_next_due_time() {
    let (_place, store, engine) = probe();
    let none = Options::default();
    let submit = || engine.submit_call("p", "sleep", sleep(), &none).unwrap();
    let a_minute = || Some(Instant::now() + Duration::from_secs(60));
    let looks = |what: &str, act: &dyn Fn()| {
        // a process that is paused until the due time looks up nothing
        let looked = (0..20).any(|_| {
            let before = store.dues();
            act();
            store.dues() > before
        });
        assert!(looked, "{what} does not look at what comes due");
    };
    looks("call", &|| drop(engine.call("p", "sleep", sleep(), &none).unwrap()));
    looks("wait", &|| drop(engine.wait(&submit(), a_minute()).unwrap()));
    looks("wait_any", &|| drop(engine.wait_any(&[submit(), submit()], a_minute()).unwrap().1.unwrap()));
    looks("run", &|| drop(engine.run_task("probe", "flaky", json!({"tries": 2}), &none).unwrap()));
    engine.create("probe", "q", json!({}), &none).unwrap();
    looks("wait for a delayed call", &|| {
        let later = Options { delay: Some(Duration::from_millis(120)), ..Options::default() };
        let delayed = engine.submit_call("q", "add", json!({}), &later).unwrap();
        engine.wait(&delayed, a_minute()).unwrap();
    });
    looks("batch", &|| {
        let call = GroupCall { id: "p".into(), method: "sleep".into(), arguments: sleep(), options: none.clone() };
        engine.call_many(vec![call]).remove(0).unwrap();
    });
}

#[test]
fn wait_any_of_nothing_is_refused() {
    let (_place, _, engine) = probe();
    for deadline in [None, Some(Instant::now())] {
        let error = engine.wait_any(&[], deadline).unwrap_err();
        assert_eq!((error.kind(), error.category()), ("nothing-to-wait-for", Category::BadInput));
    }
}

#[test]
fn clock_beyond_year_9999_is_refused() {
    let place = Place::new();
    let before = place.engine().head("c").unwrap();
    let beyond = Timestamp::from_millis(Timestamp::LAST.as_millis() + 1);
    let engine = place.engine_with(Settings { clock: Arc::new(move || beyond), ..Settings::default() });
    let none = Options::default();
    let error = |error: Error| assert_eq!((error.kind(), error.category()), ("wrong-clock", Category::Store));
    error(engine.call("c", "incr", json!({}), &none).unwrap_err());
    error(engine.submit_call("c", "incr", json!({}), &none).unwrap_err());
    error(engine.create("counter", "d", json!({"init_val": 0}), &none).unwrap_err());
    error(engine.emit("c", "go", json!(1), None).unwrap_err());
    error(engine.remove("c", true).unwrap_err());
    assert_eq!(place.engine().head("c").unwrap(), before);
    // the last representable time
    let last = place.engine_with(Settings { clock: Arc::new(|| Timestamp::LAST), ..Settings::default() });
    assert_eq!(last.call("c", "incr", json!({}), &none).unwrap().result.as_str(), "1");
}
