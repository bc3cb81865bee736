//! Blocking calls.

use std::time::{Duration, Instant};

use serde_json::json;
use vactor::engine::{GroupCall, Options, Settings, Until};
use vactor::model::{
    CallKind, CallRequest, ClassName, Hash, Json, Limit, LimitOverrides, Name, Outcome, Seed, Timestamp,
};
use vactor::store::{Registered, Store};
use vactor::{Category, Error};

use super::{Place, incr, keyed, value};
use crate::raw;

fn none() -> Options {
    Options::default()
}

#[test]
fn calls_of_one_actor_build_on_each_other() {
    let place = Place::new();
    assert_eq!(incr(&place.engine(), 10, &none()).unwrap(), 10);
    assert_eq!(value(&place.engine()), 10);
    let reply = place.engine().call("c", "incr", json!({}), &none()).unwrap();
    assert_eq!((reply.reference.unwrap().to_string().as_str(), reply.step), ("c#3", Some(3)));
    // `call` of a query makes no reference and no step
    let asked = place.engine().call("c", "value", json!({}), &none()).unwrap();
    assert_eq!((asked.reference, asked.step, asked.result.as_str()), (None, None, "11"));
    assert_eq!(place.engine().show("c").unwrap().state, br#"{"val":11}"#);
}

#[test]
fn invalid_call_is_refused_before_write() {
    let place = Place::new();
    let engine = place.engine();
    let before = engine.show("c").unwrap();
    let category = |result: vactor::Result<_>| result.map(|_: vactor::Reply| ()).unwrap_err().category();
    assert_eq!(category(engine.call("c", "incr", json!({"val": "x"}), &none())), Category::BadInput);
    assert_eq!(category(engine.call("c", "incr", json!({"vol": 1}), &none())), Category::BadInput);
    assert_eq!(category(engine.call("c", "incr", json!([1]), &none())), Category::BadInput);
    assert_eq!(category(engine.call("c", "inrc", json!({}), &none())), Category::BadInput);
    assert_eq!(category(engine.call("c", "new", json!({}), &none())), Category::BadInput);
    assert_eq!(category(engine.get("c", "incr", json!({}))), Category::BadInput);
    assert_eq!(category(engine.call("d", "incr", json!({}), &none())), Category::NotFound);
    assert_eq!(category(engine.create("conter", "d", json!({}), &none())), Category::NotFound);
    assert_eq!(category(engine.create("counter", "c", json!({"init_val": 0}), &none())), Category::Conflict);
    // JSON has integers of more than 64 bits, but this class takes none: the call fails and records
    // nothing
    let past = serde_json::from_str(r#"{"val": 18446744073709551616}"#).unwrap();
    assert_eq!(category(engine.call("c", "incr", past, &none())), Category::BadInput);
    assert_eq!(engine.show("c").unwrap(), before);
}

#[test]
fn failure_keeps_state_and_leaves_step() {
    let place = Place::new();
    let within = |limit| {
        let limits = LimitOverrides::new([limit]).unwrap();
        place.engine_with(Settings { limits, ..Settings::default() })
    };
    let engine = within((Limit::Memory, 8 << 20));
    let hurried = within((Limit::Time, 200_000));
    let before = engine.show("h").unwrap();
    let methods = ["fail", "panic", "spin", "eat", "huge", "bloat", "chatter", "nonsense"];
    for method in methods {
        // these two methods run for ever
        let by = if ["spin", "chatter"].contains(&method) { &hurried } else { &engine };
        let error = by.call("h", method, json!({}), &none()).unwrap_err();
        let expected = if method == "fail" { Category::Failure } else { Category::ClassError };
        assert_eq!(error.category(), expected, "{method}: {error}");
    }
    let after = engine.show("h").unwrap();
    assert_eq!(after.state, before.state);
    let steps = engine.steps("h", 2, 100).unwrap();
    let named: Vec<&str> = steps.iter().map(|step| step.request.method.as_str()).collect();
    assert_eq!(named, methods);
    assert!(steps.iter().all(|step| matches!(step.outcome, Outcome::Failed(_)) && step.state == after.actor.state));
}

#[test]
fn call_with_used_key_returns_recorded_result() {
    let place = Place::new();
    let first = place.engine().call("c", "incr", json!({"val": 5}), &keyed("k")).unwrap();
    let again = place.engine().call("c", "incr", json!({"val": 5.0}), &keyed("k")).unwrap();
    assert_eq!((first.is_duplicate, again.is_duplicate), (false, true));
    assert_eq!((&again.reference, &again.result), (&first.reference, &first.result));
    assert_eq!(value(&place.engine()), 5);
    // a different call: other arguments, arguments left to the default, another method, a missing
    // method
    for (method, arguments) in
        [("incr", json!({"val": 6})), ("incr", json!({})), ("value", json!({})), ("no", json!({}))]
    {
        let error = place.engine().call("c", method, arguments, &keyed("k")).unwrap_err();
        assert!(matches!(error, Error::KeyTaken { .. }), "{error}");
    }
    // a recorded failure is returned too, and the constructor's key belongs to the actor
    let failed = place.engine().call("h", "fail", json!({}), &keyed("f")).unwrap_err();
    assert_eq!(place.engine().call("h", "fail", json!({}), &keyed("f")).unwrap_err(), failed);
    assert_eq!(place.engine().steps("h", 1, 9).unwrap().len(), 2);
    let create = |key| place.engine().create("counter", "d", json!({"init_val": 1}), &keyed(key));
    assert!(!create("n").unwrap().is_duplicate);
    assert!(create("n").unwrap().is_duplicate);
    assert!(matches!(create("m").unwrap_err(), Error::ActorExists { .. }));
    for key in ["", &"k".repeat(256)] {
        let error = place.engine().call("c", "incr", json!({}), &keyed(key)).unwrap_err();
        assert_eq!(error.category(), Category::BadInput);
    }
}

#[test]
fn call_that_runs_at_deadline_is_dropped() {
    let place = Place::new();
    let engine = place.engine();
    let deadline = Some(Instant::now() + Duration::from_millis(50));
    let error = engine.call("h", "spin", json!({}), &Options { deadline, ..none() }).unwrap_err();
    assert!(matches!(error, Error::NotAccepted { .. }), "{error}");
    assert_eq!(engine.steps("h", 1, 9).unwrap().len(), 1);
}

#[test]
fn interrupted_call_is_dropped() {
    let place = Place::new();
    let settings = Settings::default();
    let engine = place.engine_with(settings.clone());
    std::thread::scope(|scope| {
        let call = scope.spawn(|| engine.call("h", "spin", json!({}), &none()));
        settings.stop.stop();
        assert_eq!(call.join().unwrap().unwrap_err(), Error::Interrupted);
    });
    assert_eq!(place.engine().steps("h", 1, 9).unwrap().len(), 1);
}

#[test]
fn every_earlier_state_is_rebuilt() {
    let place = Place::new();
    let engine = place.engine();
    let mut states = vec![engine.show("c").unwrap().state];
    for n in 0..150 {
        incr(&engine, n, &none()).unwrap();
        states.push(engine.show("c").unwrap().state);
    }
    let steps = engine.steps("c", 1, 1000).unwrap();
    assert_eq!(steps.len(), states.len());
    for (step, state) in steps.iter().zip(&states) {
        assert_eq!(step.state, Hash::of(state));
        assert_eq!(&engine.state_at("c", step.number).unwrap(), state, "step {}", step.number);
    }
    assert!(matches!(engine.state_at("c", 0), Err(Error::NoStep { .. })));
    assert!(matches!(engine.state_at("c", 152), Err(Error::NoStep { .. })));
}

#[test]
fn removed_id_is_free_and_continues_numbers() {
    let place = Place::new();
    let engine = place.engine();
    incr(&engine, 1, &keyed("k")).unwrap();
    engine.remove("c", false).unwrap();
    assert_eq!(engine.call("c", "incr", json!({}), &none()).unwrap_err().category(), Category::NotFound);
    let made = engine.create("counter", "c", json!({"init_val": 7}), &none()).unwrap();
    assert_eq!((made.reference.unwrap().number, made.step), (3, Some(3)));
    // the key was removed with its actor
    assert_eq!(incr(&engine, 1, &keyed("k")).unwrap(), 8);
    assert_eq!(engine.state_at("c", 3).unwrap(), br#"{"val":7}"#);
}

#[test]
fn concurrent_threads_lose_no_update() {
    let place = Place::new();
    let mut results: Vec<i64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let engine = place.engine();
                    (0..50).map(|_| incr(&engine, 1, &none()).unwrap()).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    results.sort_unstable();
    assert_eq!(results, (1..=200).collect::<Vec<_>>());
    assert_eq!(value(&place.engine()), 200);
}

#[test]
fn class_registered_after_removal_runs_its_own_code() {
    let answers = |answer: &str| {
        let class = raw::RawClass::new().text("answer", answer);
        class.mutation("ask", "(call $ok (call $text_answer))").task("work", "(call $ok (call $text_answer))").build()
    };
    let place = Place::empty();
    // one process keeps running while another changes the class
    let (running, changing) = (place.engine(), place.engine());
    let ask = |id: &str| running.call(id, "ask", json!({}), &none()).unwrap().result.to_string();
    let work = || running.run_task("plain", "work", json!({}), &none()).unwrap().result.to_string();
    for (n, id) in (1..).zip(["a", "b", "c"]) {
        let registered = changing.register("plain", &answers(&n.to_string())).unwrap().registered;
        assert_eq!(registered, Registered::New(n));
        changing.create("plain", id, json!({}), &none()).unwrap();
        assert_eq!((ask(id), work()), (n.to_string(), n.to_string()));
        assert_eq!(running.show(id).unwrap().actor.version, n);
        let class = running.classes().unwrap().remove(0);
        assert_eq!((class.current, class.versions), (n, 1));
        assert_eq!(changing.remove_class("plain", true).unwrap(), 1);
        assert_eq!(running.classes().unwrap(), []);
        assert_eq!(running.class("plain", None).unwrap_err().category(), Category::NotFound);
        assert_eq!(changing.remove_class("plain", false).unwrap_err().category(), Category::NotFound);
    }
    // the same bytes are a new version too
    assert_eq!(changing.register("plain", &answers("3")).unwrap().registered, Registered::New(4));
    assert_eq!(changing.register("plain", &answers("3")).unwrap().registered, Registered::Unchanged(4));
}

#[test]
fn query_ends_at_deadline() {
    let place = Place::new();
    let engine = place.engine();
    let spins = raw::RawClass::new().query("spin", "(loop $for_ever (br $for_ever)) (unreachable)");
    engine.register("spinning", &spins.build()).unwrap();
    engine.create("spinning", "s", json!({}), &none()).unwrap();
    let options = || Options { deadline: Some(Instant::now() + Duration::from_millis(50)), ..none() };
    let error = engine.call("s", "spin", json!({}), &options()).unwrap_err();
    assert_eq!(error, Error::NotAccepted { id: "s".to_owned() });
    let call = GroupCall { id: "s".into(), method: "spin".into(), arguments: json!({}), options: options() };
    assert_eq!(engine.call_many(vec![call]).remove(0).unwrap_err(), error);
}

#[test]
fn query_with_key_or_metadata_is_refused() {
    let place = Place::new();
    let engine = place.engine();
    let with_key = Options { key: Some("k".to_owned()), ..none() };
    let with_meta = Options { meta: vec![("why".to_owned(), "a test".to_owned())], ..none() };
    for (options, reason) in [(with_key, "it takes no key"), (with_meta, "it takes no metadata")] {
        let error = engine.call("c", "value", json!({}), &options).unwrap_err();
        assert_eq!(error.category(), Category::BadInput);
        assert!(error.to_string().starts_with(&format!("value is a query: {reason}")), "{error}");
        // alone in a group, and after a mutation of the same group
        let query =
            || GroupCall { id: "c".into(), method: "value".into(), arguments: json!({}), options: options.clone() };
        let mutation = GroupCall { id: "c".into(), method: "incr".into(), arguments: json!({}), options: none() };
        assert_eq!(engine.call_many(vec![query()]).remove(0), Err(error.clone()));
        assert_eq!(engine.call_many(vec![mutation, query()]).remove(1), Err(error));
    }
    // the key is unused
    assert_eq!(incr(&engine, 1, &keyed("k")).unwrap(), 3);
}

/// Older programs created such actors.
#[test]
fn actor_with_id_like_flag_stays_usable() {
    let place = Place::new();
    let engine = place.engine();
    let call = CallKind::Construct { class: ClassName::new("counter").unwrap(), version: 1 };
    let arguments = Json::parse(r#"{"init_val":3}"#).unwrap();
    let name = Name::new("-x").unwrap();
    let made = CallRequest::new(name, call, "new", arguments, Seed([7; 32]), Timestamp::from_millis(1));
    place.store().accept(vec![made], 10).unwrap().remove(0).unwrap();
    engine.work(1, Until::Idle { ahead: Duration::ZERO }).unwrap();
    assert_eq!(engine.call("-x", "incr", json!({"val": 4}), &none()).unwrap().result.as_str(), "7");
    assert!(matches!(engine.create("counter", "-x", json!({}), &none()), Err(Error::ActorExists { .. })));
    assert_eq!(engine.create_if_absent("counter", "-x", json!({}), &none()), Ok(None));
    engine.remove("-x", false).unwrap();
    let error = engine.create("counter", "-x", json!({}), &none()).unwrap_err();
    assert_eq!((error.kind(), error.category()), ("invalid-id", Category::BadInput));
}
