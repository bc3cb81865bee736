//! How much work it is to judge a value by a schema, found without judging it.

use std::collections::HashMap;
use std::ptr;

use serde_json::{Map, Value};

use super::referenced;
use super::shape::times;

/// How many steps a value may take: schemas that judge a part of it, names and options that are compared, characters
/// that a pattern looks at.
pub const MAX_STEPS: u64 = 4_000_000;

/// What a pattern does with a character of a text, in steps: it may be in thousands of states.
const A_CHARACTER: usize = 8;

/// How deep schemas may judge within one another, those of the same value and those of its parts. The judge's stack
/// grows with it.
pub const MAX_LEVELS: usize = 600;

/// Why a value is not judged: a sentence whose subject is to judge it.
pub type TooMuch = String;

/// Walks a value as its judge will, by every way and to each end.
pub struct Work<'s> {
    root: &'s Value,
    left: u64,
    /// The levels below what a reference leads to, for each value that it judges there: that is judged once.
    /// None where references are followed each time.
    judged: Option<HashMap<(*const Value, *const Value), usize>>,
}

impl<'s> Work<'s> {
    /// Of finding out whether the value fits, where no reference is followed twice for one value.
    pub fn of_judging(root: &'s Value) -> Work<'s> {
        Work { root, left: MAX_STEPS, judged: Some(HashMap::new()) }
    }

    /// Of finding the words for what does not fit, where references are followed each time.
    pub fn of_explaining(root: &'s Value) -> Work<'s> {
        Work { root, left: MAX_STEPS / 10, judged: None }
    }

    pub fn check(mut self, value: &Value) -> Result<(), TooMuch> {
        self.levels(self.root, value, 0).map(|_| ())
    }

    fn spend(&mut self, steps: usize) -> Result<(), TooMuch> {
        let left = self.left.checked_sub(steps as u64);
        self.left = left.ok_or_else(|| format!("takes more than {MAX_STEPS} steps"))?;
        Ok(())
    }

    fn spend_values(&mut self, value: &Value) -> Result<(), TooMuch> {
        self.spend(1)?;
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.spend_values(item)),
            Value::Object(map) => map.values().try_for_each(|item| self.spend_values(item)),
            _ => Ok(()),
        }
    }

    /// The levels below this one.
    fn levels(&mut self, schema: &'s Value, value: &Value, depth: usize) -> Result<usize, TooMuch> {
        self.spend(1)?;
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
            ("enum" | "const", options, _) => self.spend_values(options).map(|()| 0),
            ("required", Value::Array(names), _) => self.spend(names.len()).map(|()| 0),
            ("pattern", _, Value::String(text)) => self.spend(text.len() * A_CHARACTER).map(|()| 0),
            ("minLength" | "maxLength", _, Value::String(text)) => self.spend(text.len() / 64).map(|()| 0),
            ("uniqueItems", _, Value::Array(_)) => self.spend_values(value).map(|()| 0),
            (_, _, Value::Array(items)) => self.items(keyword, wanted, items, depth),
            (_, _, Value::Object(map)) => self.properties(keyword, wanted, map, depth),
            _ => Ok(0),
        }
    }

    fn referenced(&mut self, target: &'s Value, value: &Value, depth: usize) -> Result<usize, TooMuch> {
        let pair = (ptr::from_ref(target), ptr::from_ref(value));
        if let Some(levels) = self.judged.as_ref().and_then(|judged| judged.get(&pair)) {
            return Ok(*levels);
        }
        let levels = self.levels(target, value, depth)?;
        if let Some(judged) = &mut self.judged {
            judged.insert(pair, levels);
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
                self.spend(declared.len())?;
                for (name, schema) in declared {
                    if let Some(value) = map.get(name) {
                        deepest = deepest.max(self.levels(schema, value, depth)?);
                    }
                }
            }
            ("patternProperties", Value::Object(patterns)) => {
                for (name, value) in map {
                    self.spend(name.len() * patterns.len() * A_CHARACTER)?;
                    deepest = deepest.max(self.all(patterns.values(), value, depth)?);
                }
            }
            ("additionalProperties" | "unevaluatedProperties", schema) => {
                for value in map.values() {
                    deepest = deepest.max(self.levels(schema, value, depth)?);
                }
            }
            ("propertyNames", schema) => {
                // a name is no value that stays where it is
                let judged = self.judged.take();
                for name in map.keys() {
                    deepest = deepest.max(self.levels(schema, &Value::from(name.as_str()), depth)?);
                }
                self.judged = judged;
            }
            _ => {}
        }
        Ok(deepest)
    }
}
