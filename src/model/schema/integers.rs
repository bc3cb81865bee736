//! Integers that are written with a fraction or an exponent.

use std::collections::HashSet;
use std::ptr;

use serde_json::Value;

use super::subschemas::{Applied, subschemas};
use crate::model::json::number;

/// The schemas that apply to the same value as `schemas`, with these. Each is there once, also if
/// schemas refer to one another.
fn in_place<'s>(schemas: Vec<&'s Value>, root: &'s Value) -> Vec<&'s Value> {
    let mut found = schemas;
    let mut known: HashSet<*const Value> = found.iter().map(|schema| ptr::from_ref(*schema)).collect();
    let mut next = 0;
    while let Some(schema) = found.get(next).copied() {
        next += 1;
        let Value::Object(keywords) = schema else { continue };
        let here = subschemas(keywords, root).filter(|(applied, _)| *applied == Applied::Here);
        found.extend(here.map(|(_, schema)| schema).filter(|schema| known.insert(ptr::from_ref(*schema))));
    }
    found
}

/// Writes numbers such as `10.0` and `1e1` as integers, wherever the schema has the type `integer`
/// and not the type `number`. The value must satisfy the schema.
pub fn write_integers(value: &mut Value, schema: &Value) {
    if has_fraction(value) {
        rewrite(value, vec![schema], schema);
    }
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number::is_spelled_as_fraction(number),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(map) => map.values().any(has_fraction),
        _ => false,
    }
}

fn rewrite<'s>(value: &mut Value, schemas: Vec<&'s Value>, root: &'s Value) {
    if schemas.is_empty() {
        return;
    }
    let schemas = in_place(schemas, root);
    match value {
        Value::Number(number) if number::is_spelled_as_fraction(number) => {
            let says = |name: &str| schemas.iter().any(|schema| has_type(schema, name));
            if says("integer") && !says("number") {
                *number = number::as_integer(number).unwrap_or_else(|| number.clone());
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                rewrite(item, schemas.iter().filter_map(|schema| of_item(schema, at)).collect(), root);
            }
        }
        Value::Object(map) => {
            for (name, item) in map {
                rewrite(item, schemas.iter().filter_map(|schema| of_property(schema, name)).collect(), root);
            }
        }
        _ => {}
    }
}

fn has_type(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::String(only) => only == name,
        Value::Array(names) => names.iter().any(|one| one == name),
        _ => false,
    }
}

/// The schema of an array's item. The drafts before 2020 write `items` where the later write
/// `prefixItems`.
fn of_item(schema: &Value, at: usize) -> Option<&Value> {
    let (first, items) = (schema.get("prefixItems"), schema.get("items"));
    let listed = first.or_else(|| items.filter(|items| items.is_array())).and_then(Value::as_array);
    match listed {
        Some(listed) if at < listed.len() => listed.get(at),
        _ => items.filter(|items| !items.is_array()).or_else(|| schema.get("additionalItems")),
    }
}

fn of_property<'s>(schema: &'s Value, name: &str) -> Option<&'s Value> {
    let declared = schema.get("properties").and_then(|properties| properties.get(name));
    declared.or_else(|| schema.get("additionalProperties"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::read_value;

    fn written(schema: Value, text: &str) -> String {
        let mut value = read_value(text).unwrap();
        write_integers(&mut value, &schema);
        value.to_string()
    }

    #[test]
    fn integral_number_is_written_as_integer_where_the_schema_says_so() {
        for schema in [
            json!({"type": "integer"}),
            json!({"type": ["integer", "null"]}),
            json!({"anyOf": [{"type": "integer"}, {"type": "null"}]}),
            json!({"allOf": [{"minimum": 1}, {"type": "integer"}]}),
            json!({"$ref": "#/$defs/My%20count", "$defs": {"My count": {"$ref": "#/$defs/N"}, "N": {"type": "integer"}}}),
        ] {
            for text in ["10.0", "1e1", "100E-1", "10"] {
                assert_eq!(written(schema.clone(), text), "10", "{schema}");
            }
        }
        for schema in [json!(true), json!({}), json!({"type": "number"}), json!({"type": ["integer", "number"]})] {
            assert_eq!(written(schema, "10.0"), "10.0");
        }
    }

    #[test]
    fn integers_are_written_within_arrays_and_objects() {
        let node = json!({
            "$ref": "#/$defs/Node",
            "$defs": {"Node": {"type": "object", "properties": {
                "n": {"type": "integer"},
                "x": {"type": "number"},
                "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
            }, "additionalProperties": {"type": "integer"}}},
        });
        let text = r#"{"n":1.0,"x":1.0,"next":{"n":2e0,"x":2e0,"other":3.0,"next":null}}"#;
        assert_eq!(written(node, text), r#"{"n":1,"x":1.0,"next":{"n":2,"x":2e+0,"other":3,"next":null}}"#);
        let list = json!({"prefixItems": [{"type": "number"}], "items": {"items": {"type": "integer"}}});
        assert_eq!(written(list, "[1.0,[2.0],3.0]"), "[1.0,[2],3.0]");
        assert_eq!(written(json!({"items": [{"type": "integer"}, true]}), "[1.0,2.0]"), "[1,2.0]");
    }

    #[test]
    fn schema_that_refers_to_itself_ends() {
        let circle = json!({"anyOf": [{"$ref": "#"}, {"allOf": [{"$ref": "#"}, {"type": "integer"}]}]});
        assert_eq!(written(circle, "10.0"), "10");
        assert_eq!(written(json!({"$ref": "#/nowhere"}), "10.0"), "10.0");
        assert_eq!(written(json!({"$ref": "http://x.example/y"}), "10.0"), "10.0");
    }
}
