//! What a class says of itself: the JSON that the contract's `describe` gives.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::class::{Argument, Output};
use crate::json;

/// A class's description, as it grows.
pub struct Description {
    class: Map<String, Value>,
    methods: Vec<Value>,
}

impl Description {
    pub fn new(doc: &str) -> Self {
        let mut class = Map::new();
        put_doc(&mut class, doc);
        Description { class, methods: Vec::new() }
    }

    pub fn method(&mut self, method: Method) {
        self.methods.push(method.finish());
    }

    pub fn finish(mut self) -> String {
        self.class.insert("methods".into(), self.methods.into());
        serde_json::to_string(&self.class).expect("JSON can be written as JSON")
    }
}

/// One method's description, as it grows.
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
        let schema = schema_of::<T>(SchemaSettings::draft2020_12().for_deserialize());
        let mut parameter = Map::new();
        parameter.insert("name".into(), name.into());
        parameter.insert("schema".into(), schema.into());
        put_doc(&mut parameter, doc);
        self.parameters.push(parameter.into());
    }

    /// Gives the parameter that was added last its default.
    ///
    /// # Panics
    ///
    /// When the default cannot be written as JSON: registering the class then fails, and says so.
    pub fn default<T: Serialize>(&mut self, default: T) {
        let default = json::value(&default).expect("a default can be written as JSON");
        let last = self.parameters.last_mut().and_then(Value::as_object_mut);
        last.expect("a default follows its parameter").insert("default".into(), default);
    }

    /// Says what the method gives, unless that is nothing. The function is one that splits what the
    /// method returns into a value and an error.
    pub fn result<R, T: Output, E>(&mut self, _: fn(R) -> Result<T, E>) {
        let schema = schema_of::<T>(SchemaSettings::draft2020_12().for_serialize());
        if *schema.as_value() != json!({ "type": "null" }) {
            self.method.insert("result".into(), schema.into());
        }
    }

    /// How often the task is tried again after a failure.
    pub fn retries(&mut self, times: u32) {
        self.method.insert("retries".into(), times.into());
    }

    /// How many milliseconds the first of the retries waits.
    pub fn backoff(&mut self, ms: u64) {
        self.method.insert("backoff-ms".into(), ms.into());
    }

    fn finish(mut self) -> Value {
        self.method.insert("parameters".into(), self.parameters.into());
        self.method.into()
    }
}

fn put_doc(object: &mut Map<String, Value>, doc: &str) {
    if !doc.is_empty() {
        object.insert("doc".into(), doc.into());
    }
}

/// A type's schema, whole in itself: what it refers to is written out in place, or is in its own
/// `$defs` where a type contains itself.
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
