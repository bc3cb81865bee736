//! The JSON types that a parameter's schema accepts, as far as the parsing of a word needs them.

use std::collections::HashMap;
use std::ptr;

use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum JsonType {
    Null = 1,
    Boolean = 2,
    Number = 4,
    Fraction = 8,
    String = 16,
    Array = 32,
    Object = 64,
}

/// A set of types. `Number` is the integers, `Fraction` all other numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonTypes(u8);

const ALL: JsonTypes = JsonTypes(127);
const NONE: JsonTypes = JsonTypes(0);
/// The most nested references and choices; a registered class has no more.
const DEEPEST: usize = 64;

impl JsonTypes {
    /// The types that a schema accepts. In doubt the set is too large: the engine validates.
    pub fn by(schema: &Value) -> JsonTypes {
        SchemaReader { root: schema, read: HashMap::new(), depth: 0 }.taken(schema)
    }

    pub fn has(self, json_type: JsonType) -> bool {
        self.0 & json_type as u8 != 0
    }

    pub fn without(self, json_type: JsonType) -> JsonTypes {
        JsonTypes(self.0 & !(json_type as u8))
    }

    pub fn is_empty(self) -> bool {
        self == NONE
    }

    pub fn has_type_of(self, value: &Value) -> bool {
        self.has(kind(value))
    }

    /// The first characters of JSON of these types, and of a string in quotes.
    pub fn first_characters(self) -> String {
        let brackets = [(JsonType::Array, "["), (JsonType::Object, "{")].into_iter();
        brackets.filter(|(kind, _)| self.has(*kind)).map(|(_, first)| first).chain(["\""]).collect()
    }

    fn or(self, other: JsonTypes) -> JsonTypes {
        JsonTypes(self.0 | other.0)
    }

    fn and(self, other: JsonTypes) -> JsonTypes {
        JsonTypes(self.0 & other.0)
    }
}

/// Reads each schema once, even if several references lead to it.
struct SchemaReader<'s> {
    root: &'s Value,
    read: HashMap<*const Value, JsonTypes>,
    depth: usize,
}

impl<'s> SchemaReader<'s> {
    fn taken(&mut self, schema: &'s Value) -> JsonTypes {
        let Value::Object(keywords) = schema else { return if schema == &Value::Bool(false) { NONE } else { ALL } };
        if let Some(taken) = self.read.get(&ptr::from_ref(schema)) {
            return *taken;
        }
        // a reference of a schema to itself restricts nothing
        self.read.insert(ptr::from_ref(schema), ALL);
        if self.depth == DEEPEST {
            return ALL;
        }
        self.depth += 1;
        let taken = keywords.iter().fold(ALL, |found, (keyword, value)| found.and(self.by_keyword(keyword, value)));
        self.depth -= 1;
        self.read.insert(ptr::from_ref(schema), taken);
        taken
    }

    fn by_keyword(&mut self, keyword: &str, value: &'s Value) -> JsonTypes {
        match (keyword, value) {
            ("type", Value::String(name)) => of_type(name),
            ("type", Value::Array(names)) => {
                names.iter().filter_map(Value::as_str).map(of_type).fold(NONE, JsonTypes::or)
            }
            ("const", value) => JsonTypes(kind(value) as u8),
            ("enum", Value::Array(values)) => values.iter().map(|v| JsonTypes(kind(v) as u8)).fold(NONE, JsonTypes::or),
            ("anyOf" | "oneOf", Value::Array(all)) => all.iter().map(|one| self.taken(one)).fold(NONE, JsonTypes::or),
            ("allOf", Value::Array(all)) => all.iter().map(|one| self.taken(one)).fold(ALL, JsonTypes::and),
            ("$ref", Value::String(pointer)) => match vactor::referenced(pointer, self.root) {
                Some(target) => self.taken(target),
                None => ALL,
            },
            _ => ALL,
        }
    }
}

fn of_type(name: &str) -> JsonTypes {
    JsonTypes(match name {
        "null" => JsonType::Null as u8,
        "boolean" => JsonType::Boolean as u8,
        "integer" => JsonType::Number as u8,
        "number" => JsonType::Number as u8 | JsonType::Fraction as u8,
        "string" => JsonType::String as u8,
        "array" => JsonType::Array as u8,
        "object" => JsonType::Object as u8,
        _ => 0,
    })
}

fn kind(value: &Value) -> JsonType {
    match value {
        Value::Null => JsonType::Null,
        Value::Bool(_) => JsonType::Boolean,
        // 1.0 and 10e-1 are integers to a schema, and may be meant as text; here only digits are an
        // integer
        Value::Number(number) if number.to_string().bytes().all(|b| b.is_ascii_digit() || b == b'-') => {
            JsonType::Number
        }
        Value::Number(_) => JsonType::Fraction,
        Value::String(_) => JsonType::String,
        Value::Array(_) => JsonType::Array,
        Value::Object(_) => JsonType::Object,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kinds(schema: Value) -> Vec<JsonType> {
        use JsonType::*;
        let taken = JsonTypes::by(&schema);
        [Null, Boolean, Number, Fraction, String, Array, Object].into_iter().filter(|kind| taken.has(*kind)).collect()
    }

    #[test]
    fn types_are_found_through_every_keyword() {
        use JsonType::*;
        assert_eq!(kinds(json!({"type": "string"})), [String]);
        assert_eq!(kinds(json!({"type": ["integer", "null"]})), [Null, Number]);
        assert_eq!(kinds(json!({"type": "number"})), [Number, Fraction]);
        assert_eq!(kinds(json!({"enum": ["a", "b", null]})), [Null, String]);
        assert_eq!(kinds(json!({"anyOf": [{"type": "string"}, {"type": "object"}]})), [String, Object]);
        assert_eq!(kinds(json!({"oneOf": [{"const": "a"}, {"const": 1}]})), [Number, String]);
        assert_eq!(kinds(json!({"allOf": [{"type": ["string", "null"]}, {"type": "string"}]})), [String]);
        let referring =
            json!({"anyOf": [{"$ref": "#/$defs/Part"}, {"type": "null"}], "$defs": {"Part": {"type": "array"}}});
        assert_eq!(kinds(referring), [Null, Array]);
        assert_eq!(kinds(json!(true)).len(), 7);
        assert_eq!(kinds(json!({"$ref": "#"})).len(), 7);
    }
}
