//! The rules of a class's schema. They bound the work of validating a value.

use std::collections::{HashMap, HashSet};
use std::ptr;

use serde_json::{Map, Value};

use super::subschemas::{Applied, referenced, subschemas};
use crate::model::json::number;
use crate::model::shortened;

/// The most JSON values in a schema.
pub const MAX_NODES: usize = 10_000;

/// The most schemas that apply to one value, each counted once for every way by which references
/// and choices lead to it.
pub const MAX_WAYS: usize = 10_000;

/// The longest chain of schemas that apply to one value.
pub const MAX_CHAIN: usize = 64;

/// Refuses a schema that is too large, that refers to another document, or that refers to itself
/// for one value without an end. The error is a predicate whose subject is the schema.
pub fn check(schema: &Value) -> Result<(), String> {
    if !has_at_most(schema, &mut { MAX_NODES }) {
        return Err(format!("has more than {MAX_NODES} values in it"));
    }
    if let Some(number) = number::find_too_long(schema) {
        let shown = shortened(number.as_str(), 40);
        return Err(format!("has the number {shown} of more than {} digits", number::MAX_DIGITS));
    }
    let mut ways = Ways { root: schema, measured: HashMap::new() };
    let mut found = vec![schema];
    let mut known = HashSet::from([ptr::from_ref(schema)]);
    let mut next = 0;
    while let Some(one) = found.get(next).copied() {
        next += 1;
        let Value::Object(keywords) = one else { continue };
        check_names(keywords, schema, next == 1)?;
        ways.measure(one, 0)?;
        let below = subschemas(keywords, schema).map(|(_, below)| below);
        found.extend(below.filter(|below| known.insert(ptr::from_ref(*below))));
    }
    Ok(())
}

/// Whether a value consists of at most `left` values. It lowers `left` by them.
fn has_at_most(value: &Value, left: &mut usize) -> bool {
    let Some(fewer) = left.checked_sub(1) else { return false };
    *left = fewer;
    match value {
        Value::Array(items) => items.iter().all(|item| has_at_most(item, left)),
        Value::Object(map) => map.values().all(|item| has_at_most(item, left)),
        _ => true,
    }
}

/// How often the schema library evaluates the schemas that apply to the same value as this one: to
/// find unevaluated parts, it evaluates them again.
pub fn times(keywords: &Map<String, Value>) -> usize {
    let looks_again = ["unevaluatedProperties", "unevaluatedItems"].iter().any(|name| keywords.contains_key(*name));
    if looks_again { 3 } else { 1 }
}

/// Refuses references to other documents, and names by which a reference could lead elsewhere.
fn check_names(keywords: &Map<String, Value>, root: &Value, is_root: bool) -> Result<(), String> {
    if let Some(reference) = keywords.get("$ref").and_then(Value::as_str)
        && referenced(reference, root).is_none()
    {
        let shown = shortened(reference, 100);
        return Err(format!("refers to `{shown}`, which is no place in it such as `#/$defs/Part`"));
    }
    let refused = ["$dynamicRef", "$recursiveRef"]
        .into_iter()
        .chain(if is_root { &[][..] } else { &["$id", "id"] }.iter().copied());
    match refused.into_iter().find(|name| keywords.get(*name).is_some_and(Value::is_string)) {
        Some(name) => Err(format!("uses `{name}`, which is not supported")),
        None => Ok(()),
    }
}

/// Counts the ways that lead to the schemas of one value.
struct Ways<'s> {
    root: &'s Value,
    /// None while a schema is being measured.
    measured: HashMap<*const Value, Option<Measure>>,
}

#[derive(Clone, Copy)]
struct Measure {
    ways: usize,
    chain: usize,
}

impl<'s> Ways<'s> {
    fn measure(&mut self, schema: &'s Value, depth: usize) -> Result<Measure, String> {
        let Value::Object(keywords) = schema else { return Ok(Measure { ways: 1, chain: 1 }) };
        let measure = match self.measured.get(&ptr::from_ref(schema)) {
            Some(Some(measure)) => *measure,
            Some(None) => return Err("refers to itself without an end".to_owned()),
            None => self.measure_anew(schema, keywords, depth)?,
        };
        if depth + measure.chain > MAX_CHAIN {
            return Err(format!("has more than {MAX_CHAIN} references and choices in a row"));
        }
        Ok(measure)
    }

    fn measure_anew(
        &mut self,
        schema: &'s Value,
        keywords: &'s Map<String, Value>,
        depth: usize,
    ) -> Result<Measure, String> {
        let mut sum = Measure { ways: 1, chain: 1 };
        if depth >= MAX_CHAIN {
            return Ok(Measure { chain: MAX_CHAIN, ..sum });
        }
        let times = times(keywords);
        self.measured.insert(ptr::from_ref(schema), None);
        for (_, part) in subschemas(keywords, self.root).filter(|(applied, _)| *applied == Applied::Here) {
            let part = self.measure(part, depth + 1)?;
            sum = Measure { ways: sum.ways + times * part.ways, chain: sum.chain.max(1 + part.chain) };
            if sum.ways > MAX_WAYS {
                return Err(format!("has references and choices that lead more than {MAX_WAYS} ways"));
            }
        }
        self.measured.insert(ptr::from_ref(schema), Some(sum));
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(schema: Value) -> String {
        check(&schema).unwrap_err()
    }

    /// A schema whose definitions refer to the next one twice.
    fn doubled(levels: usize, keyword: &str) -> Value {
        let mut defs = Map::new();
        for level in 0..levels {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            defs.insert(format!("d{level}"), json!({keyword: [next, next]}));
        }
        defs.insert(format!("d{levels}"), json!({"type": "integer"}));
        json!({"$ref": "#/$defs/d0", "$defs": defs})
    }

    #[test]
    fn usual_schemas_are_taken() {
        for schema in [
            json!(true),
            json!({}),
            json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://x.example/y", "type": "integer"}),
            json!({"$ref": "#/$defs/Tree", "$defs": {"Tree": {"anyOf": [{"type": "null"}, {"properties": {
                "left": {"$ref": "#/$defs/Tree"}, "right": {"$ref": "#/$defs/Tree"}, "id": {"type": "string"}}}]}}}),
            json!({"type": "array", "items": {"$ref": "#"}}),
            doubled(10, "anyOf"),
        ] {
            assert_eq!(check(&schema), Ok(()), "{schema}");
        }
    }

    #[test]
    fn exponential_schema_is_refused() {
        for keyword in ["anyOf", "allOf", "oneOf"] {
            assert_eq!(refused(doubled(30, keyword)), "has references and choices that lead more than 10000 ways");
        }
        let below = json!({"type": "array", "items": doubled(30, "anyOf")});
        assert!(refused(below).contains("is no place in it"));
    }

    #[test]
    fn schema_that_leads_back_to_itself_is_refused() {
        for schema in [
            json!({"$ref": "#"}),
            json!({"anyOf": [{"type": "integer"}, {"$ref": "#"}]}),
            json!({"$defs": {"a": {"allOf": [{"not": {"$ref": "#/$defs/a"}}]}}, "items": {"$ref": "#/$defs/a"}}),
            json!({"if": true, "then": {"dependentSchemas": {"x": {"$ref": "#"}}}}),
        ] {
            assert_eq!(refused(schema), "refers to itself without an end");
        }
        let mut chain = json!({"type": "integer"});
        for _ in 0..40 {
            chain = json!({"allOf": [{"anyOf": [chain]}]});
        }
        assert_eq!(refused(chain), "has more than 64 references and choices in a row");
        let many: Map<_, _> =
            (0..4000).map(|n| (format!("d{n}"), json!({"$ref": format!("#/$defs/d{}", n + 1)}))).collect();
        assert!(refused(json!({"$ref": "#/$defs/d0", "$defs": many})).contains("in a row"));
    }

    #[test]
    fn schema_that_lies_elsewhere_is_refused() {
        for reference in ["http://x.example/y", "file:///etc/passwd", "other.json", "#/$defs/none", "#anchor"] {
            assert!(refused(json!({"$ref": reference})).starts_with(&format!("refers to `{reference}`")));
            assert!(refused(json!({"properties": {"a": {"items": [{"$ref": reference}]}}})).contains(reference));
        }
        assert_eq!(refused(json!({"$dynamicRef": "#x"})), "uses `$dynamicRef`, which is not supported");
        assert_eq!(refused(json!({"items": {"$id": "http://x.example"}})), "uses `$id`, which is not supported");
    }

    #[test]
    fn large_schema_is_refused() {
        let all: Vec<Value> = (0..MAX_NODES).map(Value::from).collect();
        assert_eq!(refused(json!({"enum": all})), "has more than 10000 values in it");
        let schema: Value = serde_json::from_str(r#"{"multipleOf": 1e-999999999}"#).unwrap();
        assert_eq!(refused(schema), "has the number 1e-999999999 of more than 400 digits");
    }
}
