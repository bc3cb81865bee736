//! Groups of calls that are committed together.

use std::time::Instant;

use serde_json::json;
use vactor::engine::{GroupCall, Options};
use vactor::{Category, Error};

use super::{Place, keyed, value};

fn call(id: &str, method: &str, options: Options) -> GroupCall {
    GroupCall { id: id.to_owned(), method: method.to_owned(), arguments: json!({}), options }
}

#[test]
fn answers_come_in_order_and_failed_call_stops_none() {
    let place = Place::new();
    let engine = place.engine();
    engine.create("counter", "d", json!({"init_val": 100}), &Options::default()).unwrap();
    let calls = vec![
        call("c", "incr", Options::default()),
        call("d", "incr", Options::default()),
        call("c", "value", Options::default()),
        call("c", "nothing", Options::default()),
        call("missing", "incr", Options::default()),
        call("h", "fail", Options::default()),
        call("c", "incr", keyed("k")),
        call("c", "incr", keyed("k")),
        call("c", "incr", Options::default()),
    ];
    let answers: Vec<Result<String, Category>> = engine
        .call_many(calls)
        .into_iter()
        .map(|answer| answer.map(|reply| reply.result.to_string()).map_err(|error: Error| error.category()))
        .collect();
    let ok = |text: &str| Ok(text.to_owned());
    let expected = [
        ok("1"),
        ok("101"),
        ok("1"),
        Err(Category::BadInput),
        Err(Category::NotFound),
        Err(Category::Failure),
        ok("2"),
        ok("2"),
        ok("3"),
    ];
    assert_eq!(answers, expected);
    assert_eq!(value(&place.engine()), 3);
    for step in 1..=4 {
        engine.state_at("c", step).unwrap();
    }
}

#[test]
fn queued_call_runs_before_group() {
    let place = Place::new();
    let engine = place.engine();
    engine.submit_call("c", "incr", json!({"val": 10}), &Options::default()).unwrap();
    let answers = engine.call_many(vec![call("c", "incr", Options::default())]);
    assert_eq!(answers[0].as_ref().unwrap().result.as_str(), "11");
}

#[test]
fn dropped_group_leaves_nothing() {
    let place = Place::new();
    let (engine, other) = (place.engine(), place.engine());
    let mut many = engine.many();
    many.add(call("c", "incr", Options::default()));
    // a caller waits until the group is dropped
    let waited = other.call("c", "incr", json!({}), &Options { deadline: Some(Instant::now()), ..Options::default() });
    assert!(matches!(waited, Err(Error::StillRunning { .. })), "{waited:?}");
    drop(many);
    assert_eq!(value(&engine), 0);
    assert_eq!(engine.call_many(vec![call("c", "incr", Options::default())])[0].as_ref().unwrap().result.as_str(), "2");
}

#[test]
fn call_accepted_during_group_runs_after_it() {
    let place = Place::new();
    let (engine, other) = (place.engine(), place.engine());
    let mut many = engine.many();
    many.add(call("c", "incr", Options::default()));
    let later = other.submit_call("c", "incr", json!({"val": 10}), &Options::default()).unwrap();
    many.add(call("c", "incr", Options::default()));
    let results: Vec<String> = many.commit().into_iter().map(|answer| answer.unwrap().result.to_string()).collect();
    assert_eq!(results, ["1", "2"]);
    assert_eq!(other.wait(&later, None).unwrap().result.as_str(), "12");
}

#[test]
fn key_is_used_once_within_and_across_groups() {
    let place = Place::new();
    let engine = place.engine();
    let keyed_by = |arguments| GroupCall { arguments, ..call("c", "incr", keyed("k")) };
    for recorded in [[false, true], [true, true]] {
        let answers = engine.call_many(vec![keyed_by(json!({"val": 5})), keyed_by(json!([5])), keyed_by(json!([6]))]);
        for (answer, recorded) in answers.iter().zip(recorded) {
            let reply = answer.as_ref().unwrap();
            assert_eq!((reply.result.as_str(), reply.is_duplicate), ("5", recorded));
        }
        assert!(matches!(answers[2], Err(Error::KeyTaken { .. })));
    }
    assert_eq!(value(&engine), 5);
}

/// A call that is queued takes its arguments as a list, too.
#[test]
fn call_takes_arguments_as_list() {
    let place = Place::new();
    let engine = place.engine();
    let by = |arguments| GroupCall { arguments, ..call("c", "incr", Options::default()) };
    engine.submit_call("c", "incr", json!({"val": 10}), &Options::default()).unwrap();
    let answers = engine.call_many(vec![by(json!([1])), by(json!([])), by(json!([1, 2])), by(json!(7))]);
    let kinds: Vec<Result<String, Category>> = answers
        .into_iter()
        .map(|answer| answer.map(|reply| reply.result.to_string()).map_err(|error| error.category()))
        .collect();
    let refused = Err(Category::BadInput);
    assert_eq!(kinds, [Ok("11".to_owned()), Ok("12".to_owned()), refused.clone(), refused]);
}
