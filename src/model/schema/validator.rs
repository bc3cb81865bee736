//! A schema with its validator.

use std::ops::Deref;
use std::panic::catch_unwind;
use std::sync::{Arc, OnceLock};

use jsonschema::{PatternOptions, Validator};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::cost::Steps;
use super::integers::write_integers;
use super::plain::plainly_fits;
use super::rules;
use crate::model::json::{deserialize_value, number, shortened};

/// The size of a compiled pattern, in bytes, at most.
const PATTERN_BYTES: usize = 64 << 10;

/// A JSON Schema, and its validator. The validator is built at the first value that needs it, once
/// for the schema and all its clones.
#[derive(Clone, Debug)]
pub struct Schema {
    json: Value,
    validator: Arc<OnceLock<Validator>>,
}

impl Schema {
    /// Checks the rules of schemas and builds the validator. The error is a predicate whose subject
    /// is the schema.
    pub fn check(&self, steps: &mut Steps) -> Result<(), String> {
        self.validator(steps).map(drop)
    }

    /// The value as a class gets it: it satisfies the schema, and its integers are written as
    /// integers. The error is a place in the value and a reason, such as `/size: …`.
    pub fn fit(&self, mut value: Value, steps: &mut Steps) -> Result<Value, String> {
        if plainly_fits(&self.json, &value) {
            return Ok(value);
        }
        if let Some(number) = number::find_too_long(&value) {
            let shown = shortened(number.as_str(), 40);
            return Err(format!(": the number {shown} has more than {} digits", number::MAX_DIGITS));
        }
        let validator = self.validator(steps).map_err(|reason| format!(": its schema {reason}"))?;
        steps.validate(&self.json, &value).map_err(|reason| format!(": to check it {reason}"))?;
        if !validator.is_valid(&value) {
            return Err(explained(&self.json, validator, &value));
        }
        write_integers(&mut value, &self.json);
        Ok(value)
    }

    /// A failure to build it is not kept: it can be a shortage of the machine.
    fn validator(&self, steps: &mut Steps) -> Result<&Validator, String> {
        match self.validator.get() {
            Some(validator) => Ok(validator),
            None => {
                let built = compile(&self.json, steps)?;
                Ok(self.validator.get_or_init(|| built))
            }
        }
    }
}

impl From<Value> for Schema {
    fn from(json: Value) -> Schema {
        Schema { json, validator: Arc::default() }
    }
}

impl Deref for Schema {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.json
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Schema, D::Error> {
        deserialize_value(deserializer).map(Schema::from)
    }
}

/// Compiles a schema that passes [`rules::check`]. The error is a predicate whose subject is the
/// schema.
///
/// The time of matching a pattern is linear in the text. Formats are not validated: since the draft
/// of 2019 they are annotations.
pub fn compile(schema: &Value, steps: &mut Steps) -> Result<Validator, String> {
    rules::check(schema)?;
    steps.compile(schema)?;
    let build = || {
        jsonschema::options()
            .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES))
            .should_validate_formats(false)
            .build(schema)
    };
    // the library panics if the machine gives it no random bytes; a second attempt can succeed
    let built = catch_unwind(build)
        .or_else(|_| catch_unwind(build))
        .map_err(|_| "cannot be read: this machine gives no random bytes".to_owned())?;
    built.map_err(|error| format!("is not a JSON Schema: {}", shortened(&error.to_string(), 400)))
}

/// Why a value does not fit.
fn explained(schema: &Value, validator: &Validator, value: &Value) -> String {
    if !Steps::can_explain(schema, value) {
        return ": it does not fit its schema, which is too involved to say where".to_owned();
    }
    match validator.validate(value) {
        Err(error) => {
            let place = error.instance_path().to_string();
            format!("{}: {}", shortened(&place, 200), shortened(&error.masked_with("the value").to_string(), 400))
        }
        Ok(()) => ": it does not fit its schema".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn fitting(schema: &Value, value: Value) -> Result<Value, String> {
        Schema::from(schema.clone()).fit(value, &mut Steps::new())
    }

    fn refused(schema: &Value, value: Value) -> String {
        fitting(schema, value).unwrap_err()
    }

    #[test]
    fn steps_are_those_of_all_values_together() {
        let schema = json!({"items": {"anyOf": [{"minimum": 5}, {"maximum": 4}]}});
        let (value, mut steps) = (json!(vec![1; 500_000]), Steps::new());
        let schema = Schema::from(schema);
        assert!(schema.fit(value.clone(), &mut steps).is_ok());
        assert!(schema.fit(value.clone(), &mut steps).is_ok());
        let reason = schema.fit(value, &mut steps).unwrap_err();
        assert_eq!(reason, ": to check it takes more than 4000000 steps");
        let schemas = json!({"anyOf": vec![json!({"minimum": 5}); 3000]});
        let mut steps = Steps::new();
        let compiled = (0..100).take_while(|_| compile(&schemas, &mut steps).is_ok()).count();
        assert!((10..100).contains(&compiled), "{compiled}");
    }

    #[test]
    fn validator_is_built_once_for_a_schema_and_its_clones() {
        let schema = Schema::from(json!({"enum": ["a", "b"]}));
        let clone = schema.clone();
        assert!(schema.fit(json!("a"), &mut Steps::new()).is_ok());
        let built: *const Validator = schema.validator.get().unwrap();
        assert!(clone.fit(json!("c"), &mut Steps::new()).is_err());
        assert!(std::ptr::eq(built, clone.validator.get().unwrap()));
    }

    #[test]
    fn reason_names_the_place() {
        let schema = json!({"properties": {"size": {"items": {"type": "integer"}}}});
        assert_eq!(refused(&schema, json!({"size": [1, "2"]})), "/size/1: the value is not of type \"integer\"");
        assert_eq!(refused(&json!({"type": "string"}), json!(1)), ": the value is not of type \"string\"");
    }

    #[test]
    fn value_of_many_references_is_validated_once() {
        let side = json!({"$ref": "#"});
        let choice = |n: usize| {
            let properties = json!({"op": {"const": n}, "left": side, "right": side});
            json!({"type": "object", "properties": properties, "required": ["op"]})
        };
        let schema = json!({"oneOf": (0..10).map(choice).collect::<Vec<_>>()});
        let mut tree = json!({"op": 3});
        for _ in 0..60 {
            tree = json!({"op": 5, "left": {"op": 1}, "right": tree});
        }
        assert_eq!(fitting(&schema, tree.clone()), Ok(tree));
        let mut wrong = json!({"op": 11});
        for _ in 0..60 {
            wrong = json!({"op": 5, "right": wrong});
        }
        assert!(refused(&schema, wrong).contains("it does not fit its schema, which is too involved"));
    }

    #[test]
    fn unevaluated_parts_are_counted_at_each_evaluation() {
        let mut nested = json!({"properties": {"a": {"type": "integer"}}});
        for _ in 0..22 {
            nested = json!({"allOf": [nested], "unevaluatedProperties": false});
        }
        assert!(refused(&nested, json!({"a": 1})).contains("lead more than 10000 ways"));
        let mut below = json!({"type": "integer"});
        let mut value = json!(1);
        for _ in 0..22 {
            below = json!({"anyOf": [{"properties": {"a": below}}], "unevaluatedProperties": false});
            value = json!({ "a": value });
        }
        assert!(refused(&below, value).contains("takes more than 4000000 steps"));
        let list = json!({"anyOf": [{"type": "object", "properties": {"a": {"$ref": "#"}}}, {"type": "integer"}],
            "unevaluatedProperties": {"type": "integer"}});
        let mut value = json!(1);
        for _ in 0..60 {
            value = json!({ "a": value, "b": 1 });
        }
        assert_eq!(fitting(&list, value.clone()), Ok(value));
    }

    #[test]
    fn deepest_value_fits_a_small_stack() {
        let mut schema = json!({"type": ["array", "integer"], "items": {"$ref": "#"}});
        for _ in 0..3 {
            schema = json!({ "allOf": [schema] });
        }
        let mut value = json!(1.0);
        for _ in 0..118 {
            value = json!([value]);
        }
        let validate = move || {
            assert!(fitting(&schema, value.clone()).unwrap().to_string().contains("[1]"));
            let deeper = json!({ "allOf": [schema] });
            assert!(refused(&deeper, value).contains("more than 600 schemas within one another"));
        };
        std::thread::Builder::new().stack_size(1 << 20).spawn(validate).unwrap().join().unwrap();
    }

    #[test]
    fn long_text_is_matched_by_no_pattern() {
        let schema = json!({"pattern": "^(a{1,20}){1,20}$"});
        assert!(fitting(&schema, json!("a".repeat(100))).is_ok());
        assert!(refused(&schema, json!("a".repeat(1_000_000))).contains("takes more than 4000000 steps"));
        let names: Map<_, _> = (0..1000).map(|n| (format!("{n:0>1000}"), Value::Null)).collect();
        assert!(refused(&json!({"patternProperties": {"x": true}}), Value::Object(names)).contains("steps"));
    }

    #[test]
    fn formats_are_not_validated() {
        let schema = json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "string", "format": "regex"});
        assert!(fitting(&schema, json!("(")).is_ok());
    }
}
