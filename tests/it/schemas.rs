//! JSON Schemas of classes: validation by the host, within bounds.

use serde_json::{Map, Value, json};
use vactor::model::{ClassName, Hash};
use vactor::store::{Mode, NewVersion, RedbStore, Store};
use vactor::{Json, Timestamp};

use crate::raw::{NULL, RawClass};
use crate::support::Vactor;

/// A class whose mutation `go` takes one parameter `x` of this schema.
fn class(schema: &Value) -> RawClass {
    RawClass::new().description(&description(schema)).mutation("go", NULL)
}

fn description(schema: &Value) -> String {
    let parameters = json!([{"name": "x", "schema": schema}]);
    let methods = json!([
        {"name": "new", "kind": "constructor"},
        {"name": "go", "kind": "mutation", "result": {}, "parameters": parameters},
    ]);
    json!({ "methods": methods }).to_string()
}

#[track_caller]
fn refused_at_register(schema: &Value, reason: &str) {
    let vactor = Vactor::new();
    vactor.write("class", class(schema).build());
    let reason = format!("in method go, the schema of the parameter x {reason}");
    vactor.line("register hostile class").refuses(2, &reason, "");
}

/// A store with an actor `a` of a class whose description was not validated.
fn foreign(schema: &Value) -> Vactor {
    let vactor = Vactor::with("hostile", &class(&json!(true)));
    vactor.line("create hostile a").ok();
    let store = RedbStore::open(&vactor.path(".vactor"), Mode::Write).unwrap();
    // a custom section of one byte makes the component a different one
    let mut component = class(&json!(true)).build();
    component.extend([0, 3, 1, b'x', b'y']);
    let registered = store.register(NewVersion {
        class: ClassName::new("hostile").unwrap(),
        hash: Hash::of(&component),
        component,
        description: Json::parse(&description(schema)).unwrap(),
        at: Timestamp::from_millis(1),
    });
    registered.unwrap();
    drop(store);
    vactor.line("create hostile b").ok();
    vactor
}

/// Each definition refers twice to the next: 2^30 ways.
fn doubled(keyword: &str) -> Value {
    let mut defs = Map::new();
    for level in 0..30 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        defs.insert(format!("d{level}"), json!({keyword: [next, next]}));
    }
    defs.insert("d30".to_owned(), json!({"type": ["integer", "string"]}));
    json!({"$ref": "#/$defs/d0", "$defs": defs})
}

/// An expression of ten operations with left and right sides.
fn expressions() -> Value {
    let operation = |name: String| {
        let side = json!({"$ref": "#/$defs/E"});
        json!({"type": "object", "properties": {"left": side, "right": side, "op": {"const": name}}, "required": ["op", "left", "right"]})
    };
    let mut all: Vec<Value> = (0..10).map(|n| operation(format!("op{n}"))).collect();
    all.push(json!({"type": "integer"}));
    json!({"$ref": "#/$defs/E", "$defs": {"E": {"oneOf": all}}})
}

fn expression(levels: usize, innermost: &str) -> String {
    let (open, close) = (r#"{"left":1,"op":"op7","right":"#, "}");
    format!("{}{innermost}{}", open.repeat(levels), close.repeat(levels))
}

#[test]
fn exponential_schema_is_refused_or_answered_at_once() {
    for keyword in ["anyOf", "allOf", "oneOf"] {
        refused_at_register(&doubled(keyword), "has references and choices that lead more than 10000 ways");
        let vactor = foreign(&doubled(keyword));
        let limit = "its schema has references and choices that lead more than 10000 ways";
        for value in ["[1]", "1", "1.0"] {
            let args = format!("{{\"x\":{value}}}");
            vactor.run(["call", "b", "go", "--args", &args]).refuses(2, limit, "go(x: d0)");
            vactor.run(["call", "b", "go", "--async", "--args", &args]).refuses(2, limit, "go(x: d0)");
        }
        vactor.line("call b go 1").refuses(2, limit, "go(x: d0)");
        assert!(vactor.line("describe hostile").ok().contains("d0"));
        vactor.line("describe hostile --json").ok();
    }
}

#[test]
fn recursive_schema_with_choices_is_validated_once_per_value() {
    let vactor = Vactor::with("hostile", &class(&expressions()));
    vactor.line("create hostile a").ok();
    assert_eq!(vactor.run(["call", "a", "go", &expression(50, "1")]).ok(), "null\n");
    vactor.run(["call", "a", "go", &expression(50, "true")]).refuses(2, "x: it does not fit its schema", "go(x: E)");
    vactor.run(["call", "a", "go", &expression(1, "true")]).refuses(2, "x", "go(x: E)");
}

#[test]
fn circular_or_external_schema_reference_is_refused() {
    refused_at_register(&json!({"$ref": "#"}), "refers to itself without an end");
    refused_at_register(&json!({"allOf": [{"anyOf": [{"$ref": "#"}]}]}), "refers to itself without an end");
    for place in ["http://127.0.0.1:9/schema", "file:///etc/passwd", "part.json", "#part"] {
        refused_at_register(&json!({"items": {"$ref": place}}), &format!("refers to `{place}`"));
    }
    refused_at_register(&json!({"type": "nothing"}), "is not a JSON Schema: ");
    for (schema, reason) in [
        (json!({"$ref": "#"}), "refers to itself without an end"),
        (json!({"$ref": "file:///etc/passwd"}), "refers to `file:///etc/passwd`"),
    ] {
        foreign(&schema).line("call b go 1").refuses(2, reason, "");
    }
}

#[test]
fn schema_over_size_limit_is_refused() {
    let all: Vec<usize> = (0..10_000).collect();
    let limit = "has more than 10000 values in it";
    let vactor = foreign(&json!({"enum": all}));
    vactor.line("call b go 1").refuses(2, &format!("x: its schema {limit}"), "");
    let number: Value = serde_json::from_str(r#"{"multipleOf":1e-999999999}"#).unwrap();
    refused_at_register(&number, "has the number 1e-999999999 of more than 400 digits");
    foreign(&number).line("call b go 1").refuses(2, "of more than 400 digits", "");
}

#[test]
fn pattern_is_matched_in_linear_time() {
    refused_at_register(&json!({"pattern": "(a{500}){500}"}), "is not a JSON Schema: ");
    refused_at_register(&json!({"pattern": "^(?=a)b"}), "is not a JSON Schema: ");
    let vactor = Vactor::with("hostile", &class(&json!({"type": "string", "pattern": "^(a|a)*(a+)+$"})));
    vactor.line("create hostile a").ok();
    let text = "a".repeat(100_000);
    assert_eq!(vactor.run(["call", "a", "go", &text]).ok(), "null\n");
    vactor.run(["call", "a", "go", &(text + "b")]).refuses(2, "x: ", "go(x: string)");
}

#[test]
fn validation_work_is_bounded() {
    let choices: Vec<Value> = (0..2_000).map(|n| json!({"minimum": n})).collect();
    let vactor = Vactor::with("hostile", &class(&json!({"items": {"anyOf": choices}})));
    vactor.line("create hostile a").ok();
    assert_eq!(vactor.line("call a go [0,1,2.0]").ok(), "null\n");
    vactor.write("many", format!("[{}0]", "1.0,".repeat(50_000)));
    vactor.line("call a go @many").refuses(2, "x: to check it takes more than 4000000 steps", "go(x: ");
    let line = format!(r#"{{"actor":"a","method":"go","args":[[{}0]]}}"#, "1.0,".repeat(50_000));
    assert_eq!(vactor.fed(["batch"], line).code, 2);
}

#[test]
fn validation_error_is_short_for_any_value() {
    let options: Vec<String> = (0..1_000).map(|n| format!("option {n}")).collect();
    let vactor = Vactor::with("hostile", &class(&json!({"additionalProperties": false, "enum": options})));
    vactor.line("create hostile a").ok();
    let names: Map<String, Value> = (0..10_000).map(|n| (format!("name {n}"), json!(n))).collect();
    vactor.write("args", json!({ "x": names }).to_string());
    let said = vactor.line("call a go --args @args").fails(2);
    assert!(said.len() < 2_000, "{} bytes", said.len());
    let said = vactor.run(["call", "a", "go", "--args", &format!("{{\"{}\":1}}", "k".repeat(50_000))]).fails(2);
    assert!(said.len() < 2_000, "{} bytes", said.len());
}
