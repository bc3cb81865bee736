//! The cost of validating a value, estimated before the validation.

use std::collections::HashMap;
use std::ptr;

use serde_json::{Map, Value};

use super::rules::times;
use super::subschemas::referenced;

/// The most steps for the arguments of one call, or for the schemas and defaults of one class. A
/// step is a schema that applies to a part of a value, a compared name or option, or a fraction of
/// a matched character.
pub const MAX_STEPS: u64 = 4_000_000;

/// Steps of compiling, for each value in a schema.
const COMPILED: usize = 20;

/// Steps of a pattern for each character of a text: the matcher may be in thousands of states.
const CHARACTER: usize = 8;

/// The most schemas in a row, of a value and of its parts. The validator's stack grows with them.
pub const MAX_LEVELS: usize = 600;

/// Why a value is not validated: a predicate whose subject is the validation.
pub type TooMuch = String;

/// The steps that are left.
pub struct Steps(u64);

impl Steps {
    /// All steps that one call or one class has.
    pub fn new() -> Steps {
        Steps(MAX_STEPS)
    }

    /// The steps for finding the words of an error.
    fn few() -> Steps {
        Steps(MAX_STEPS / 10)
    }

    fn spend(&mut self, steps: usize) -> Result<(), TooMuch> {
        self.0 = self.0.checked_sub(steps as u64).ok_or_else(|| format!("takes more than {MAX_STEPS} steps"))?;
        Ok(())
    }

    /// Spends steps for each value within a value.
    fn spend_values(&mut self, value: &Value, each: usize) -> Result<(), TooMuch> {
        self.spend(each)?;
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.spend_values(item, each)),
            Value::Object(map) => map.values().try_for_each(|item| self.spend_values(item, each)),
            _ => Ok(()),
        }
    }

    /// Spends the steps of compiling a schema.
    pub fn compile(&mut self, schema: &Value) -> Result<(), TooMuch> {
        self.spend_values(schema, COMPILED)
    }

    /// Spends the steps of validating a value. No reference is followed twice for one value.
    pub fn validate(&mut self, schema: &Value, value: &Value) -> Result<(), TooMuch> {
        let walk = CostWalk { root: schema, steps: self, validated: Some(HashMap::new()) };
        walk.run(value)
    }

    /// Whether the steps suffice to find the part that does not fit: references are followed each
    /// time.
    pub fn can_explain(schema: &Value, value: &Value) -> bool {
        CostWalk { root: schema, steps: &mut Steps::few(), validated: None }.run(value).is_ok()
    }
}

/// Walks a value as its validator does, by every way.
struct CostWalk<'s> {
    root: &'s Value,
    steps: &'s mut Steps,
    /// The levels below the target of a reference, for each value: a pair of both is validated
    /// once. None if references are followed each time.
    validated: Option<HashMap<(*const Value, *const Value), usize>>,
}

impl<'s> CostWalk<'s> {
    fn run(mut self, value: &Value) -> Result<(), TooMuch> {
        self.levels(self.root, value, 0).map(|_| ())
    }

    /// The levels below this one.
    fn levels(&mut self, schema: &'s Value, value: &Value, depth: usize) -> Result<usize, TooMuch> {
        self.steps.spend(1)?;
        let Value::Object(keywords) = schema else { return Ok(0) };
        let mut deepest = 0;
        for _ in 0..times(keywords) {
            for (keyword, wanted) in keywords {
                deepest = deepest.max(self.keyword(keyword, wanted, value, depth + 1)?);
            }
        }
        if depth + deepest > MAX_LEVELS {
            return Err(format!("goes through more than {MAX_LEVELS} schemas within one another"));
        }
        Ok(deepest + 1)
    }

    fn keyword(&mut self, keyword: &str, wanted: &'s Value, value: &Value, depth: usize) -> Result<usize, TooMuch> {
        if depth > MAX_LEVELS {
            return Ok(MAX_LEVELS);
        }
        match (keyword, wanted, value) {
            ("$ref", Value::String(place), _) => match referenced(place, self.root) {
                Some(target) => self.referenced(target, value, depth),
                None => Ok(0),
            },
            ("allOf" | "anyOf" | "oneOf", Value::Array(all), _) => self.all(all, value, depth),
            ("not" | "if" | "then" | "else", one, _) => self.levels(one, value, depth),
            ("dependentSchemas" | "dependencies", Value::Object(all), _) => self.all(all.values(), value, depth),
            ("enum" | "const", options, _) => self.steps.spend_values(options, 1).map(|()| 0),
            ("required", Value::Array(names), _) => self.steps.spend(names.len()).map(|()| 0),
            ("pattern", _, Value::String(text)) => self.steps.spend(text.len() * CHARACTER).map(|()| 0),
            ("minLength" | "maxLength", _, Value::String(text)) => self.steps.spend(text.len() / 64).map(|()| 0),
            ("uniqueItems", _, Value::Array(_)) => self.steps.spend_values(value, 1).map(|()| 0),
            (_, _, Value::Array(items)) => self.items(keyword, wanted, items, depth),
            (_, _, Value::Object(map)) => self.properties(keyword, wanted, map, depth),
            _ => Ok(0),
        }
    }

    fn referenced(&mut self, target: &'s Value, value: &Value, depth: usize) -> Result<usize, TooMuch> {
        let pair = (ptr::from_ref(target), ptr::from_ref(value));
        if let Some(levels) = self.validated.as_ref().and_then(|validated| validated.get(&pair)) {
            return Ok(*levels);
        }
        let levels = self.levels(target, value, depth)?;
        if let Some(validated) = &mut self.validated {
            validated.insert(pair, levels);
        }
        Ok(levels)
    }

    fn all(
        &mut self,
        schemas: impl IntoIterator<Item = &'s Value>,
        value: &Value,
        depth: usize,
    ) -> Result<usize, TooMuch> {
        schemas.into_iter().try_fold(0, |deepest, one| Ok(deepest.max(self.levels(one, value, depth)?)))
    }

    fn items(&mut self, keyword: &str, wanted: &'s Value, items: &[Value], depth: usize) -> Result<usize, TooMuch> {
        let mut deepest = 0;
        match (keyword, wanted) {
            ("items" | "prefixItems", Value::Array(listed)) => {
                for (schema, item) in listed.iter().zip(items) {
                    deepest = deepest.max(self.levels(schema, item, depth)?);
                }
            }
            ("items" | "additionalItems" | "unevaluatedItems" | "contains", schema) => {
                for item in items {
                    deepest = deepest.max(self.levels(schema, item, depth)?);
                }
            }
            _ => {}
        }
        Ok(deepest)
    }

    fn properties(
        &mut self,
        keyword: &str,
        wanted: &'s Value,
        map: &Map<String, Value>,
        depth: usize,
    ) -> Result<usize, TooMuch> {
        let mut deepest = 0;
        match (keyword, wanted) {
            ("properties", Value::Object(declared)) => {
                self.steps.spend(declared.len())?;
                for (name, schema) in declared {
                    if let Some(value) = map.get(name) {
                        deepest = deepest.max(self.levels(schema, value, depth)?);
                    }
                }
            }
            ("patternProperties", Value::Object(patterns)) => {
                for (name, value) in map {
                    self.steps.spend(name.len() * patterns.len() * CHARACTER)?;
                    deepest = deepest.max(self.all(patterns.values(), value, depth)?);
                }
            }
            ("additionalProperties" | "unevaluatedProperties", schema) => {
                for value in map.values() {
                    deepest = deepest.max(self.levels(schema, value, depth)?);
                }
            }
            ("propertyNames", schema) => {
                // the address of a name is no key: names are temporary
                let validated = self.validated.take();
                for name in map.keys() {
                    deepest = deepest.max(self.levels(schema, &Value::from(name.as_str()), depth)?);
                }
                self.validated = validated;
            }
            _ => {}
        }
        Ok(deepest)
    }
}
