//! The description of a class.

use std::collections::HashSet;
use std::fmt::{self, Write};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::id::is_identifier;
use super::schema::{self, Schema, Steps};
use super::{Event, Json, deserialize_value, shortened};

/// A class's documentation and methods, as its `describe` returned them.
#[derive(Clone, Debug, Deserialize)]
pub struct Description {
    /// The documentation of the class; empty if there is none.
    #[serde(default)]
    pub doc: String,
    /// The form of the saved state.
    #[serde(default)]
    pub state: StateDescription,
    /// The events that the methods wait for.
    #[serde(default)]
    pub events: Vec<EventDescription>,
    /// The methods, in the order of the class.
    pub methods: Vec<Method>,
}

/// The form of a class's saved state.
#[derive(Clone, Debug, Deserialize)]
pub struct StateDescription {
    /// The number that `migrate` of a later version of the class gets, from 1 on.
    #[serde(default = "first_version")]
    pub version: u32,
    /// JSON Schema of the state, if it is JSON.
    #[serde(default, deserialize_with = "not_null")]
    pub schema: Option<Value>,
}

impl Default for StateDescription {
    fn default() -> StateDescription {
        StateDescription { version: first_version(), schema: None }
    }
}

fn first_version() -> u32 {
    1
}

/// An event that a class's methods wait for.
#[derive(Clone, Debug, Deserialize)]
pub struct EventDescription {
    /// A name that ends in `*` stands for all names with that prefix.
    pub name: String,
    /// JSON Schema of the payload.
    #[serde(default = "anything")]
    pub schema: Schema,
    /// The documentation; empty if there is none.
    #[serde(default)]
    pub doc: String,
}

/// A method of a class.
#[derive(Clone, Debug, Deserialize)]
pub struct Method {
    /// An identifier, unique in the class.
    pub name: String,
    /// Which calls the method is for.
    pub kind: MethodKind,
    /// The documentation; empty if there is none.
    #[serde(default)]
    pub doc: String,
    /// The parameters, in the order of a list of arguments.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// JSON Schema of the result; None if the method returns nothing.
    #[serde(default, deserialize_with = "not_null")]
    pub result: Option<Value>,
    /// How often a task that failed is tried again.
    #[serde(default)]
    pub retries: u32,
    /// Milliseconds before the first retry of a task. The pause doubles with each further retry.
    #[serde(default, rename = "backoff-ms")]
    pub backoff_ms: u64,
}

/// Which calls a method is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MethodKind {
    /// Makes the first state.
    Constructor,
    /// May change the state.
    Mutation,
    /// Cannot change the state.
    Query,
    /// Has no state: a piece of work that runs by itself.
    Task,
}

impl MethodKind {
    /// Kinds as a choice: `mutation or a query`.
    pub(super) fn list(kinds: &[MethodKind]) -> String {
        kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or a ")
    }
}

impl fmt::Display for MethodKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MethodKind::Constructor => "constructor",
            MethodKind::Mutation => "mutation",
            MethodKind::Query => "query",
            MethodKind::Task => "task",
        })
    }
}

/// A parameter of a method.
#[derive(Clone, Debug, Deserialize)]
pub struct Parameter {
    /// An identifier, unique in the method.
    pub name: String,
    /// JSON Schema of the value.
    #[serde(default = "anything")]
    pub schema: Schema,
    /// The value of a missing argument. A `null` is a value.
    #[serde(default, deserialize_with = "present")]
    pub default: Option<Value>,
    /// The documentation; empty if there is none.
    #[serde(default)]
    pub doc: String,
}

fn anything() -> Schema {
    Schema::from(Value::Bool(true))
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    deserialize_value(deserializer).map(Some)
}

fn not_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    deserialize_value(deserializer).map(|value| Some(value).filter(|value| !value.is_null()))
}

impl Description {
    /// Reads the result of `describe`. The error is a sentence.
    pub fn read(json: &Json) -> Result<Description, String> {
        json.read().map_err(|error| format!("it does not have the contract's shape: {error}"))
    }

    /// Reads the description of a registered class. `register` has checked its schemas; calls that
    /// need an invalid schema fail. The error is a sentence.
    pub fn read_stored(json: &Json) -> Result<Description, String> {
        let description = Description::read(json)?;
        description.check_names()?;
        Ok(description)
    }

    /// Checks the description of a new class: it has exactly one constructor, unique names that are
    /// identifiers, valid schemas, and defaults that satisfy them. The error is a sentence.
    pub fn check(&self) -> Result<(), String> {
        self.check_names()?;
        let mut steps = Steps::new();
        if let Some(schema) = &self.state.schema {
            schema::compile(schema, &mut steps).map_err(|reason| format!("the schema of the state {reason}"))?;
        }
        for EventDescription { name, schema, .. } in &self.events {
            schema.check(&mut steps).map_err(|reason| format!("the schema of the event {name} {reason}"))?;
        }
        for method in &self.methods {
            method.check_schemas(&mut steps).map_err(|reason| format!("in method {}, {reason}", method.name))?;
        }
        Ok(())
    }

    fn check_names(&self) -> Result<(), String> {
        let constructors = self.methods.iter().filter(|m| m.kind == MethodKind::Constructor).count();
        if constructors != 1 {
            return Err(format!("a class has exactly one constructor, this one has {constructors}"));
        }
        let mut names = HashSet::new();
        for method in &self.methods {
            if !is_identifier(&method.name) {
                return Err(format!("{:?} is no name for a method", shortened(&method.name, 40)));
            }
            if !names.insert(&method.name) {
                return Err(format!("two methods have the name {}", method.name));
            }
            method.check_names().map_err(|reason| format!("in method {}, {reason}", method.name))?;
        }
        self.check_state_and_events()
    }

    fn check_state_and_events(&self) -> Result<(), String> {
        if self.state.version == 0 {
            return Err("the versions of a state begin with 1".to_owned());
        }
        let mut names = HashSet::new();
        for EventDescription { name, .. } in &self.events {
            if !Event::is_name(name) {
                return Err(format!("{:?} is no name for an event", shortened(name, 40)));
            }
            if !names.insert(name) {
                return Err(format!("two events have the name {name}"));
            }
        }
        Ok(())
    }

    /// The constructor; None in a description that was not checked.
    pub fn constructor(&self) -> Option<&Method> {
        self.methods.iter().find(|method| method.kind == MethodKind::Constructor)
    }

    /// The method of this name.
    pub fn method(&self, name: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.name == name)
    }
}

impl Method {
    fn check_names(&self) -> Result<(), String> {
        let mut names = HashSet::new();
        for parameter in &self.parameters {
            if !is_identifier(&parameter.name) {
                return Err(format!("{:?} is no name for a parameter", shortened(&parameter.name, 40)));
            }
            if !names.insert(&parameter.name) {
                return Err(format!("two parameters have the name {}", parameter.name));
            }
        }
        Ok(())
    }

    fn check_schemas(&self, steps: &mut Steps) -> Result<(), String> {
        for parameter in &self.parameters {
            parameter.check(steps)?;
        }
        if let Some(schema) = &self.result {
            schema::compile(schema, steps).map_err(|reason| format!("the schema of the result {reason}"))?;
        }
        Ok(())
    }

    /// The signature on one line: `incr(val: integer = 1) -> integer`.
    pub fn signature(&self) -> String {
        let mut text = format!("{}(", self.name);
        for (n, parameter) in self.parameters.iter().enumerate() {
            let separator = if n > 0 { ", " } else { "" };
            let _ = write!(text, "{separator}{}: {}", parameter.name, type_name(&parameter.schema));
            if let Some(default) = &parameter.default {
                let _ = write!(text, " = {}", shortened(&default.to_string(), 60));
            }
        }
        text.push(')');
        if let Some(result) = &self.result {
            let _ = write!(text, " -> {}", type_name(result));
        }
        shortened(&text, 1000)
    }
}

impl Parameter {
    fn check(&self, steps: &mut Steps) -> Result<(), String> {
        let name = &self.name;
        self.schema.check(steps).map_err(|reason| format!("the schema of the parameter {name} {reason}"))?;
        match self.default.clone().map(|default| self.schema.fit(default, steps)) {
            Some(Err(reason)) => Err(format!("the default of the parameter {name} does not fit{reason}")),
            _ => Ok(()),
        }
    }
}

/// The JSON type of a schema in a few words: `integer`, `string?`, `list of integer`.
pub fn type_name(schema: &Value) -> String {
    let types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    let optional = if types.contains(&"null") && types.len() > 1 { "?" } else { "" };
    let named: Vec<&str> = types.into_iter().filter(|name| optional.is_empty() || *name != "null").collect();
    match named[..] {
        [] => referenced_name(schema).unwrap_or("any").to_owned(),
        ["array"] if schema["items"].is_object() => format!("list of {}{optional}", type_name(&schema["items"])),
        ["array"] => format!("list{optional}"),
        _ => format!("{}{optional}", named.join("|")),
    }
}

/// The type of a schema without `type`: the name that it refers to, or the type of its choices.
fn referenced_name(schema: &Value) -> Option<&str> {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().filter(|name| name.len() <= 255);
    }
    let of_strings = |values: &Value| values.as_array().is_some_and(|all| all.iter().all(Value::is_string));
    if of_strings(&schema["enum"]) || schema["const"].is_string() { Some("string") } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn class(methods: Value) -> Result<(), String> {
        Description::read(&Json::from(json!({ "methods": methods }))).and_then(|d| d.check())
    }

    #[test]
    fn description_of_new_class_is_checked() {
        let new = json!({"name": "new", "kind": "constructor"});
        let with = |method: Value| class(json!([new, method])).unwrap_err();
        assert!(class(json!([new])).is_ok());
        assert!(class(json!([])).unwrap_err().contains("exactly one constructor, this one has 0"));
        assert!(with(json!({"name": "make", "kind": "constructor"})).contains("has 2"));
        assert!(with(json!({"name": "new", "kind": "query"})).contains("two methods have the name new"));
        assert!(with(json!({"name": "a b", "kind": "query"})).contains("no name for a method"));
        assert!(with(json!({"name": "a", "kind": "spell"})).contains("shape"));
        let parameters = |all: Value| with(json!({"name": "a", "kind": "query", "parameters": all}));
        assert!(parameters(json!([{"name": "x"}, {"name": "x"}])).contains("two parameters"));
        assert!(
            parameters(json!([{"name": "x", "schema": {"type": "nothing"}}]))
                .contains("the schema of the parameter x is not")
        );
        assert!(
            parameters(json!([{"name": "x", "schema": {"type": "integer"}, "default": "1"}]))
                .contains("the default of the parameter x does not fit: ")
        );
        assert!(
            parameters(json!([{"name": "x", "schema": {"type": "integer"}, "default": null}]))
                .contains("the default of the parameter x does not fit: ")
        );
    }

    #[test]
    fn state_and_events_of_a_class_are_checked() {
        let methods = json!([{"name": "new", "kind": "constructor"}]);
        let read = |state: Value, events: Value| {
            let class = json!({ "state": state, "events": events, "methods": methods });
            let description = Description::read(&Json::from(class))?;
            description.check().map(|()| (description.state.version, description.events))
        };
        let (version, events) = read(json!({"version": 7}), json!([{"name": "paid"}, {"name": "reply:*"}])).unwrap();
        assert_eq!((version, (*events[0].schema).clone(), events[1].name.as_str()), (7, json!(true), "reply:*"));
        assert_eq!(read(json!({}), json!([])).unwrap().0, 1);
        let refused = |state: Value, events: Value| read(state, events).unwrap_err();
        assert!(refused(json!({"version": 0}), json!([])).contains("begin with 1"));
        assert!(refused(json!({"schema": {"type": "x"}}), json!([])).contains("the schema of the state is not"));
        assert!(refused(json!({}), json!([{"name": "a b"}])).contains("no name for an event"));
        assert!(refused(json!({}), json!([{"name": "a"}, {"name": "a"}])).contains("two events have the name a"));
        assert!(refused(json!({}), json!([{"name": "a", "schema": 1}])).contains("the schema of the event a is not"));
    }

    #[test]
    fn a_signature_fits_on_a_line() {
        let method: Method = serde_json::from_value(json!({
            "name": "add", "kind": "mutation", "result": {"type": "integer"},
            "parameters": [
                {"name": "n", "schema": {"type": "integer"}, "default": 1},
                {"name": "tags", "schema": {"type": ["array", "null"], "items": {"type": "string"}}, "default": null},
                {"name": "part", "schema": {"$ref": "#/$defs/Part"}},
                {"name": "x"},
            ],
        }))
        .unwrap();
        assert_eq!(
            method.signature(),
            "add(n: integer = 1, tags: list of string? = null, part: Part, x: any) -> integer"
        );
    }
}
