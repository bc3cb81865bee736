//! Values of plain types, validated without the schema library.
//!
//! The library's first validator in a process takes 1.6 ms, as it reads the metaschemas of every
//! draft. That is more than half of the time of a whole `vactor call`. So plainly valid values are
//! accepted here. The library validates all others, and finds the words of the error.

use serde_json::{Map, Value};

/// Whether the value satisfies the schema for certain. If false, the library decides.
pub fn plainly_fits(schema: &Value, value: &Value) -> bool {
    match schema {
        Value::Bool(anything) => *anything,
        Value::Object(keywords) => keywords.iter().all(|(keyword, wanted)| keeps(keyword, wanted, keywords, value)),
        _ => false,
    }
}

fn keeps(keyword: &str, wanted: &Value, schema: &Map<String, Value>, value: &Value) -> bool {
    match keyword {
        "type" => match wanted {
            Value::String(name) => is_of(name, value),
            Value::Array(names) => names.iter().filter_map(Value::as_str).any(|name| is_of(name, value)),
            _ => false,
        },
        "items" => value.as_array().is_none_or(|items| items.iter().all(|item| plainly_fits(wanted, item))),
        "minimum" => !value.is_number() || matches!((value.as_i64(), wanted.as_i64()), (Some(v), Some(w)) if v >= w),
        "maximum" => !value.is_number() || matches!((value.as_i64(), wanted.as_i64()), (Some(v), Some(w)) if v <= w),
        // annotations; since the draft of 2019 a format is one, too
        "title" | "description" | "default" | "examples" => true,
        "format" => schema.get("type").is_some_and(|name| name != "string"),
        _ => false,
    }
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plainly_valid_value_is_valid_for_the_library() {
        let schemas = [
            json!(true),
            json!(false),
            json!({"type": "integer", "format": "int64"}),
            json!({"type": "integer", "format": "uint64", "minimum": 0}),
            json!({"type": "integer", "minimum": -128, "maximum": 127, "title": "i8"}),
            json!({"type": ["string", "null"]}),
            json!({"type": "array", "items": {"type": "integer", "minimum": 0}}),
            json!({"type": "number", "format": "double"}),
            json!({"type": "string", "enum": ["a"]}),
            json!({"items": {"type": "string"}}),
            json!({"minimum": 3}),
            json!({"type": "object", "properties": {"a": {"type": "integer"}}}),
            json!({"anyOf": [{"type": "integer"}, {"type": "null"}]}),
            json!({"$ref": "#/$defs/A", "$defs": {"A": {"type": "integer"}}}),
        ];
        let texts = [
            "null",
            "true",
            "0",
            "-1",
            "-129",
            "128",
            "1.0",
            "1.5",
            "1e3",
            "18446744073709551615",
            "18446744073709551616",
            "-99999999999999999999",
            "\"a\"",
            "\"b\"",
            "[]",
            "[1,2]",
            "[-1]",
            "[\"a\"]",
            "{}",
            "{\"a\":\"x\"}",
        ];
        let mut plain = 0;
        for schema in &schemas {
            let library = jsonschema::validator_for(schema).unwrap();
            for text in texts {
                let value: Value = serde_json::from_str(text).unwrap();
                if plainly_fits(schema, &value) {
                    plain += 1;
                    assert!(library.is_valid(&value), "{value} does not satisfy {schema}");
                }
            }
        }
        assert!(plain > 40, "only {plain} values were plain");
        assert!(plainly_fits(&schemas[2], &json!(10)) && plainly_fits(&schemas[3], &json!(10)));
    }
}
