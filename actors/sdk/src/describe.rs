//! A class's description: the JSON of the contract's `describe`.

use std::marker::PhantomData;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::class::{Argument, Output};
use crate::json;

/// Builds a class's description.
pub struct Description {
    class: Map<String, Value>,
    events: Vec<Value>,
    methods: Vec<Value>,
}

impl Description {
    pub fn new(doc: &str) -> Self {
        let mut class = Map::new();
        put_doc(&mut class, doc);
        Description { class, events: Vec::new(), methods: Vec::new() }
    }

    /// The version of the state, and its schema. Version 1 is the default.
    pub fn state(&mut self, version: u32, schema: Option<Schema>) {
        let mut state = Map::new();
        if version != 1 {
            state.insert("version".into(), version.into());
        }
        if let Some(schema) = schema {
            state.insert("schema".into(), schema.into());
        }
        if !state.is_empty() {
            self.class.insert("state".into(), state.into());
        }
    }

    /// An event that the methods wait for, with a payload of this type.
    pub fn event<T: Argument>(&mut self, name: &str, doc: &str) {
        self.events.push(parameter::<T>(name, doc));
    }

    pub fn method(&mut self, method: Method) {
        self.methods.push(method.finish());
    }

    pub fn finish(mut self) -> String {
        if !self.events.is_empty() {
            self.class.insert("events".into(), self.events.into());
        }
        self.class.insert("methods".into(), self.methods.into());
        serde_json::to_string(&self.class).expect("JSON can be written as JSON")
    }
}

/// Builds one method's description.
pub struct Method {
    method: Map<String, Value>,
    parameters: Vec<Value>,
}

impl Method {
    pub fn new(name: &str, kind: &str, doc: &str) -> Self {
        let mut method = Map::new();
        method.insert("name".into(), name.into());
        method.insert("kind".into(), kind.into());
        put_doc(&mut method, doc);
        Method { method, parameters: Vec::new() }
    }

    pub fn parameter<T: Argument>(&mut self, name: &str, doc: &str) {
        self.parameters.push(parameter::<T>(name, doc));
    }

    /// The default of the parameter that was added last.
    ///
    /// # Panics
    ///
    /// If the default cannot be written as JSON. Registering the class then fails with that message.
    pub fn default<T: Serialize>(&mut self, default: T) {
        let default = json::value(&default).expect("a default can be written as JSON");
        let last = self.parameters.last_mut().and_then(Value::as_object_mut);
        last.expect("a default follows its parameter").insert("default".into(), default);
    }

    /// The schema of the result, unless there is none. The function splits the method's return value into a result and an
    /// error.
    pub fn result<R, T: Output, E>(&mut self, _: fn(R) -> Result<T, E>) {
        let schema = schema_of::<T>(SchemaSettings::draft2020_12().for_serialize());
        if *schema.as_value() != json!({ "type": "null" }) {
            self.method.insert("result".into(), schema.into());
        }
    }

    /// The number of retries of a task.
    pub fn retries(&mut self, times: u32) {
        self.method.insert("retries".into(), times.into());
    }

    /// The pause before the first retry, in milliseconds.
    pub fn backoff(&mut self, ms: u64) {
        self.method.insert("backoff-ms".into(), ms.into());
    }

    fn finish(mut self) -> Value {
        self.method.insert("parameters".into(), self.parameters.into());
        self.method.into()
    }
}

/// A name with the schema of a value that a caller sends.
fn parameter<T: Argument>(name: &str, doc: &str) -> Value {
    let schema = schema_of::<T>(SchemaSettings::draft2020_12().for_deserialize());
    let mut parameter = Map::new();
    parameter.insert("name".into(), name.into());
    parameter.insert("schema".into(), schema.into());
    put_doc(&mut parameter, doc);
    parameter.into()
}

/// The type of a class that leaves its state to serde. Method lookup finds its schema if it has one, as the choices of
/// [`outcome`](crate::outcome) are made.
pub struct StateType<A>(PhantomData<A>);

impl<A> StateType<A> {
    #[expect(clippy::new_without_default, reason = "for the macro alone")]
    pub fn new() -> Self {
        StateType(PhantomData)
    }
}

pub trait StateWithSchema {
    fn schema(&self) -> Option<Schema>;
}

impl<A: JsonSchema> StateWithSchema for &StateType<A> {
    fn schema(&self) -> Option<Schema> {
        Some(schema_of::<A>(SchemaSettings::draft2020_12().for_serialize()))
    }
}

pub trait StateWithoutSchema {
    fn schema(&self) -> Option<Schema> {
        None
    }
}

impl<A> StateWithoutSchema for StateType<A> {}

fn put_doc(object: &mut Map<String, Value>, doc: &str) {
    if !doc.is_empty() {
        object.insert("doc".into(), doc.into());
    }
}

/// A type's schema, complete in itself: it contains the types that it refers to, or has them in its own `$defs` if a type
/// contains itself.
fn schema_of<T: JsonSchema>(mut settings: SchemaSettings) -> Schema {
    settings.inline_subschemas = true;
    let mut generator = settings.into_generator();
    let mut schema = generator.subschema_for::<T>();
    let definitions = generator.take_definitions(true);
    if !definitions.is_empty() {
        schema.insert("$defs".into(), definitions.into());
    }
    schema
}
