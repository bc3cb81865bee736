//! Many calls, committed together.

use serde_json::json;
use vactor::engine::{ManyCall, Options};
use vactor::{Category, Error};

use super::{Place, keyed, value};

fn call(id: &str, method: &str, options: Options) -> ManyCall {
    ManyCall { id: id.to_owned(), method: method.to_owned(), arguments: json!({}), options }
}

#[test]
fn answers_come_in_order_and_a_bad_call_stops_none() {
    let place = Place::new();
    let engine = place.engine();
    engine.create("counter", "d", json!({"init_val": 100}), &Options::default()).unwrap();
    let calls = vec![
        call("c", "incr", Options::default()),
        call("d", "incr", Options::default()),
        call("c", "value", Options::default()),
        call("c", "nothing", Options::default()),
        call("nobody", "incr", Options::default()),
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
        Err(Category::Refused),
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
fn what_waits_in_the_inbox_comes_first() {
    let place = Place::new();
    let engine = place.engine();
    engine.submit_call("c", "incr", json!({"val": 10}), &Options::default()).unwrap();
    let answers = engine.call_many(vec![call("c", "incr", Options::default())]);
    assert_eq!(answers[0].as_ref().unwrap().result.as_str(), "11");
}
