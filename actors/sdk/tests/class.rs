//! A class as the host meets it: what it says of itself, and what its runs give for what they get.

use std::cell::RefCell;
use std::collections::HashMap;
use std::num::ParseIntError;
use std::rc::Rc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vactor_sdk::__private::Class;
use vactor_sdk::{Context, Failure, IntoFailure, Level, Origin, Timestamp, actor};

#[derive(Serialize, Deserialize)]
struct Register {
    entries: HashMap<String, i128>,
    mean: f64,
}

/// Where an entry goes.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Place {
    shelf: u8,
    #[serde(default)]
    inner: Vec<Place>,
}

struct Full;

impl IntoFailure for Full {
    fn into_failure(self) -> Failure {
        Failure::new("register-full", "there is no room").with_details(json!({ "most": 2 }))
    }
}

/// Keeps entries.
///
///     by name
#[actor]
impl Register {
    pub fn new(#[default(0.1)] mean: f64) -> Result<Self, String> {
        if mean < 0.0 { Err("the mean is negative".to_owned()) } else { Ok(Register { entries: HashMap::new(), mean }) }
    }

    /// Puts an entry.
    pub fn put(
        &mut self,
        /// Its name.
        #[default("first")]
        name: String,
        /** Its value. */
        value: i128,
        place: Option<Place>,
    ) -> Result<Option<u8>, Full> {
        if self.entries.len() == 2 {
            return Err(Full);
        }
        self.entries.insert(name, value);
        Ok(place.map(|place| place.shelf))
    }

    pub fn spoil(&mut self) {
        self.mean = f64::NAN;
    }

    pub fn get(&self, name: String) -> Option<&i128> {
        self.entries.get(&name)
    }

    pub fn mean(&self) -> f64 {
        self.mean
    }

    pub fn by_place(&self) -> HashMap<(u8, u8), u8> {
        HashMap::from([((1, 2), 3)])
    }

    /// Reads a number.
    pub fn parse(text: String, ctx: &Context) -> Result<i64, ParseIntError> {
        ctx.debug(ctx.now());
        text.trim().parse()
    }

    pub fn r#type() -> Result<&'static str, std::fmt::Error> {
        Ok("register")
    }
}

fn invoke(actor: Option<&mut Register>, method: &str, arguments: Value) -> Result<Value, Failure> {
    let ctx = Context::for_test();
    let result = Register::invoke(actor, method, &arguments.to_string(), &ctx)?;
    Ok(serde_json::from_str(&result).expect("a result is JSON"))
}

fn register() -> Register {
    Register::new(0.1).expect("the mean is not negative")
}

/// The kind and the message of a call that must fail.
fn failure<T>(result: Result<T, Failure>) -> (String, String) {
    let failure = result.err().expect("the call fails");
    (failure.kind.into_owned(), failure.message)
}

#[test]
fn class_describes_its_methods() {
    let description: Value = serde_json::from_str(&Register::describe()).expect("a description is JSON");
    assert_eq!(description["doc"], "Keeps entries.\n\n    by name");
    let names: Vec<_> =
        description["methods"].as_array().expect("methods are a list").iter().map(|m| &m["name"]).collect();
    assert_eq!(names, ["new", "put", "spoil", "get", "mean", "by_place", "parse", "type"]);
    let method = |i: usize| &description["methods"][i];

    assert_eq!(
        *method(0),
        json!({ "name": "new", "kind": "constructor", "parameters": [
            { "name": "mean", "schema": { "type": "number", "format": "double" }, "default": 0.1 },
        ] })
    );
    assert_eq!(method(1)["kind"], "mutation");
    assert_eq!(method(1)["doc"], "Puts an entry.");
    assert_eq!(method(1)["result"]["type"], json!(["integer", "null"]));
    let [name, value, place] = method(1)["parameters"].as_array().expect("a list").as_slice() else {
        panic!("put has three parameters");
    };
    assert_eq!(
        *name,
        json!({ "name": "name", "schema": { "type": "string" }, "default": "first", "doc": "Its name." })
    );
    let schema = json!({ "type": "integer", "format": "int128" });
    assert_eq!(*value, json!({ "name": "value", "schema": schema, "doc": "Its value." }));
    assert_eq!(place["default"], Value::Null, "an `Option` may be left out");
    assert!(place.as_object().expect("an object").contains_key("default"));

    assert_eq!(*method(2), json!({ "name": "spoil", "kind": "mutation", "parameters": [] }), "no result");
    assert_eq!(method(3)["kind"], "query");
    assert_eq!(
        *method(6).pointer("/parameters").expect("a list"),
        json!([{ "name": "text", "schema": { "type": "string" } }])
    );
    assert_eq!(method(6)["kind"], "task");
    assert_eq!(method(7)["result"], json!({ "type": "string" }));
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Order {
    paid: bool,
}

#[actor(
    name = "order",
    state = 3,
    events(
        /// The customer paid.
        paid: u64,
        "reply:*": String,
    )
)]
impl Order {
    pub fn new() -> Self {
        Order { paid: false }
    }
}

#[test]
fn class_states_the_form_of_its_state_and_its_events() {
    let description: Value = serde_json::from_str(&Order::describe()).expect("a description is JSON");
    assert_eq!(description["state"]["version"], 3);
    assert_eq!(description["state"]["schema"]["properties"]["paid"], json!({ "type": "boolean" }));
    let paid = json!({ "type": "integer", "format": "uint64", "minimum": 0 });
    assert_eq!(
        description["events"],
        json!([
            { "name": "paid", "schema": paid, "doc": "The customer paid." },
            { "name": "reply:*", "schema": { "type": "string" } },
        ])
    );
    let plain: Value = serde_json::from_str(&Register::describe()).expect("a description is JSON");
    assert_eq!((plain.get("state"), plain.get("events")), (None, None));
}

#[test]
fn failure_says_whether_it_can_be_tried_again() {
    let failure = Failure::new("declined", "the card has expired");
    assert_eq!((failure.permanent, failure.resumable), (false, true));
    let last = failure.permanent().not_resumable();
    assert_eq!((last.permanent, last.resumable), (true, false));
}

#[test]
fn schema_contains_the_types_that_it_refers_to() {
    let description: Value = serde_json::from_str(&Register::describe()).expect("a description is JSON");
    let schema = &description["methods"][1]["parameters"][2]["schema"];
    let text = schema.to_string();
    assert!(!text.contains("$schema") && !text.contains("title"), "{text}");
    let references = text.matches("#/$defs/Place").count();
    assert!(references > 0, "a type that contains itself is referred to: {text}");
    assert_eq!(schema["$defs"]["Place"]["properties"]["shelf"]["maximum"], 255, "{text}");
}

#[test]
fn arguments_are_exact_and_defaults_fill_in() {
    let mut actor = register();
    let most = "170141183460469231731687303715884105727";
    let ctx = Context::for_test();
    let arguments = format!(r#"{{"value":{most},"place":{{"shelf":7}}}}"#);
    assert_eq!(Register::invoke(Some(&mut actor), "put", &arguments, &ctx), Ok("7".into()));
    assert_eq!(Register::invoke(Some(&mut actor), "get", r#"{"name":"first"}"#, &ctx), Ok(most.into()));
    assert_eq!(invoke(Some(&mut actor), "put", json!({ "name": "b", "value": 1, "place": null })), Ok(Value::Null));
    assert_eq!(Register::construct("{}", &ctx).map(|register| register.mean), Ok(0.1));
}

#[test]
fn arguments_that_do_not_fit_are_named() {
    let says = |arguments: &str| {
        let failure = failure(Register::invoke(Some(&mut register()), "put", arguments, &Context::for_test()));
        assert_eq!(failure.0, "bad-arguments");
        failure.1
    };
    assert_eq!(says("{}"), "the argument `value` is missing");
    assert_eq!(
        says(r#"{"value":1,"name":2}"#),
        "the argument `name` does not fit: invalid type: integer `2`, expected a string"
    );
    assert_eq!(
        says(r#"{"value":1,"place":{"shelf":300}}"#),
        "the argument `place` does not fit: invalid value: integer `300`, expected u8"
    );
    assert_eq!(says(r#"{"valeu":1}"#), "there is no parameter `valeu`");
    assert_eq!(says("[1]"), "the arguments are no JSON object: invalid type: sequence, expected a map");
}

#[test]
fn failure_has_the_kind_of_its_error() {
    let mut actor = register();
    for name in ["a", "b"] {
        invoke(Some(&mut actor), "put", json!({ "name": name, "value": 1 })).expect("there is room");
    }
    let full = invoke(Some(&mut actor), "put", json!({ "name": "c", "value": 1 })).expect_err("there is no room");
    assert_eq!(full, Failure::new("register-full", "there is no room").with_details(json!({ "most": 2 })));

    let parse = invoke(None, "parse", json!({ "text": "x" }));
    assert_eq!(failure(parse), ("parse-int-error".into(), "invalid digit found in string".into()));
    let new = Register::construct(r#"{"mean":-1}"#, &Context::for_test());
    assert_eq!(failure(new), ("error".into(), "the mean is negative".into()));
    assert_eq!(failure(invoke(Some(&mut actor), "by_place", json!({}))).0, "bad-result");
    assert_eq!(failure(invoke(Some(&mut actor), "no_such", json!({}))).0, "unknown-method");
}

#[test]
fn method_without_a_result_returns_null() {
    assert_eq!(invoke(Some(&mut register()), "spoil", json!({})), Ok(Value::Null));
}

#[test]
fn state_is_compact_json_and_is_restored() {
    let ctx = Context::for_test();
    let mut actor = Register::new(0.1 + 0.2).expect("the mean is not negative");
    invoke(Some(&mut actor), "put", json!({ "value": -1 })).expect("there is room");
    let state = actor.get_state(&ctx).expect("the state can be written");
    assert_eq!(String::from_utf8_lossy(&state), r#"{"entries":{"first":-1},"mean":0.30000000000000004}"#);
    let again = Register::set_state(state, &ctx).expect("the state can be read");
    assert_eq!(again.mean, 0.1 + 0.2);
    assert_eq!(Register::migrate(1, b"any".to_vec(), &ctx), Ok(b"any".to_vec()));
}

#[test]
fn unreadable_state_is_not_saved() {
    let ctx = Context::for_test();
    let mut actor = register();
    invoke(Some(&mut actor), "spoil", json!({})).expect("the method itself succeeds");
    let (kind, message) = failure(actor.get_state(&ctx));
    assert_eq!(kind, "bad-state");
    assert_eq!(message, "the state cannot be written as JSON: NaN and infinities are no JSON numbers");
    assert_eq!(failure(Register::set_state(b"{}".to_vec(), &ctx)).0, "bad-state");
    assert_eq!(failure(Register::set_state(b"\xff".to_vec(), &ctx)).0, "bad-state");
}

#[test]
fn test_context_returns_the_values_of_the_test() {
    let noon: Timestamp = "2026-11-24T12:00:00Z".parse().expect("a time");
    let ctx = Context::for_test().with_actor_id("shop/1").with_version(3).with_now(noon).with_seed(7);
    assert_eq!((ctx.actor_id().as_str(), ctx.version(), ctx.attempt()), ("shop/1", 3, 1));
    assert_eq!(Register::parse(" 1".into(), &ctx), Ok(1));
    assert_eq!(ctx.logs(), [(Level::Debug, "2026-11-24T12:00:00.000Z".into())]);

    let same = Context::for_test().with_seed(7);
    assert_eq!(ctx.random(2_000_001).len(), 2_000_001);
    assert_ne!(ctx.random_u64(), ctx.random_u64());
    assert!((0..1000).map(|_| ctx.random_range(3..6)).all(|number| (3..6).contains(&number)));
    assert_eq!(same.random(3), Context::for_test().with_seed(7).random(3), "a seed gives the same bytes");
}

/// Handles its state itself.
struct Bytes(Vec<u8>);

#[actor]
impl Bytes {
    pub fn new(ctx: &Context) -> Self {
        Bytes(ctx.actor_id().into_bytes())
    }

    fn get_state(&self, ctx: &Context) -> Vec<u8> {
        ctx.info("saved");
        self.0.clone()
    }

    fn set_state(state: Vec<u8>) -> Result<Self, Failure> {
        if state.is_empty() { Err(Failure::new("empty", "no bytes")) } else { Ok(Bytes(state)) }
    }

    fn migrate(from_version: u32, ctx: &Context, state: Vec<u8>) -> Vec<u8> {
        format!("{from_version} to {}: {}", ctx.version(), state.len()).into_bytes()
    }
}

#[test]
fn own_state_functions_replace_serde() {
    let ctx = Context::for_test().with_actor_id("b").with_version(2);
    let actor = Bytes::construct("{}", &ctx).expect("it can be made");
    assert_eq!(Class::get_state(&actor, &ctx), Ok(b"b".to_vec()));
    assert_eq!(ctx.logs().len(), 1);
    assert_eq!(failure(<Bytes as Class>::set_state(Vec::new(), &ctx)).0, "empty");
    assert_eq!(<Bytes as Class>::migrate(1, b"abc".to_vec(), &ctx), Ok(b"1 to 2: 3".to_vec()));
    let description: Value = serde_json::from_str(&Bytes::describe()).expect("a description is JSON");
    assert_eq!(description["methods"].as_array().map(Vec::len), Some(1), "hooks are no methods");
}

#[test]
fn own_state_that_set_state_refuses_is_bad_state() {
    let ctx = Context::for_test().with_actor_id("");
    let actor = Bytes::construct("{}", &ctx).expect("it can be made");
    let (kind, message) = failure(Class::get_state(&actor, &ctx));
    assert_eq!(kind, "bad-state");
    assert_eq!(message, "the state could not be read again after it was written: no bytes");
    assert_eq!(failure(ctx.save(&actor)).0, "bad-state");
    assert_eq!(ctx.saves::<Bytes>().len(), 0);
}

/// Reads null where a float is missing.
#[derive(Serialize, Deserialize)]
struct Mean {
    mean: Option<f64>,
}

#[actor]
impl Mean {
    pub fn new(#[default(0.0)] sum: f64, #[default(1.0)] count: f64) -> Self {
        Mean { mean: Some(sum / count) }
    }

    /// Gives the mean, or keeps it alone.
    pub fn set(&mut self, sum: f64, count: f64, #[default(false)] quiet: bool) -> Option<f64> {
        self.mean = Some(sum / count);
        self.mean.filter(|_| !quiet)
    }

    pub fn refuse(&mut self, sum: f64, count: f64) -> Result<(), Failure> {
        self.mean = None;
        Err(Failure::new("refused", "as it was told").with_details(HashMap::from([("mean", sum / count)])))
    }

    pub fn pass_on(&mut self, sum: f64, count: f64, ctx: &Context) -> Result<Option<f64>, Failure> {
        Ok(ctx.start::<Mean>("other").set(sum, count, false).wait()?)
    }

    pub fn task(sum: f64, count: f64) -> f64 {
        sum / count
    }
}

#[test]
fn result_that_is_not_finite_is_bad_result() {
    let ctx = Context::for_test();
    let call =
        |method: &str, arguments: &str| failure(Mean::invoke(Some(&mut Mean::new(1.0, 1.0)), method, arguments, &ctx));
    let reason = "cannot be written as JSON: NaN and infinities are no JSON numbers";
    let result = ("bad-result".to_owned(), format!("the result {reason}"));
    assert_eq!(call("set", r#"{"sum":0,"count":0}"#), result);
    assert_eq!(call("set", r#"{"sum":1,"count":0}"#), result);
    assert_eq!(call("task", r#"{"sum":-1,"count":0}"#), result);
    let details = ("bad-result".to_owned(), format!("the details of the failure `refused` {reason}"));
    assert_eq!(call("refuse", r#"{"sum":0,"count":0}"#), details);
    assert_eq!(call("refuse", r#"{"sum":0,"count":1}"#), ("refused".into(), "as it was told".into()));
}

#[test]
fn test_actor_that_cannot_be_saved_stays_as_it_was() {
    let other = Rc::new(RefCell::new(Mean::new(1.0, 1.0)));
    let ctx = Context::for_test().with_actor("other", other.clone());
    for (quiet, kind) in [(false, "bad-result"), (true, "bad-state")] {
        let fault = ctx.start::<Mean>("other").set(0.0, 0.0, quiet).wait().expect_err("the mean is no number");
        assert_eq!((fault.origin, fault.kind.as_str()), (Origin::Host, kind));
        assert_eq!(other.borrow().mean, Some(1.0));
    }
    let passed_on = Mean::new(1.0, 1.0).pass_on(0.0, 0.0, &ctx);
    assert_eq!(failure(passed_on).0, "child-bad-result", "it speaks of another class");
    assert_eq!(ctx.start::<Mean>("other").set(4.0, 2.0, false).wait(), Ok(Some(2.0)));
}

#[test]
#[should_panic = "the argument `sum` cannot be written as JSON: NaN and infinities are no JSON numbers"]
fn argument_that_is_not_finite_panics() {
    Context::for_test().start::<Mean>("other").set(f64::NAN, 1.0, false);
}

#[test]
#[should_panic = "the argument `count` cannot be written as JSON"]
fn constructor_argument_that_is_not_finite_panics() {
    Context::for_test().send::<Mean>("other").or_create(1.0, f64::INFINITY);
}

#[test]
#[should_panic = "the arguments cannot be written as JSON"]
fn arguments_by_name_that_are_not_finite_panic() {
    Context::for_test().actor("other").send("set", HashMap::from([("sum", Some(f32::NAN))]));
}

#[test]
#[should_panic = "NaN and infinities are no JSON numbers"]
fn test_event_that_is_not_finite_panics() {
    Context::for_test().emit("measured", (1, f64::NAN));
}
