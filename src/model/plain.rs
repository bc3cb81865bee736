//! Values of plain types, judged without the schema library.
//!
//! The library's first validator in a process takes 1.6 ms (it reads the metaschemas of every draft), more than half
//! of what a whole `vactor call` may take. So what is plainly right is let through here; all else, wrong values above
//! all, goes to the library, which also finds the words for what is wrong.

use serde_json::{Map, Value};

/// Whether the value satisfies the schema for certain. False says nothing: ask the library.
pub(super) fn plainly_fits(schema: &Value, value: &Value) -> bool {
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
        // says something only to who reads it; a format binds nobody in the drafts since 2019
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

    /// What is let through here, the library lets through too; and the plain is let through.
    #[test]
    fn never_laxer_than_the_library() {
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
