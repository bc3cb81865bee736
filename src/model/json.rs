//! JSON text that is known to be one value.

mod not_json;
pub(super) mod number;
mod reader;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use not_json::{MAX_NESTING, NotJson, too_deep};
pub use reader::{deserialize_value, is_deeper, read_value, shortened};

/// One JSON value as compact text. Numbers keep their digits, so an integer of any size stays
/// exact; an object keeps the order of its keys and has no key twice.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Box<str>")]
pub struct Json(Box<str>);

impl Json {
    /// Reads a text by the rules of [`read_value`].
    pub fn parse(text: &str) -> Result<Json, NotJson> {
        read_value(text).map(Json::from)
    }

    /// The JSON form of a value. It fails if the type has none (a map whose keys are no strings,
    /// for example), or if the form breaks a rule of [`read_value`].
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Json, NotJson> {
        serde_json::to_string(value).map_err(NotJson::from).and_then(|text| Json::parse(&text))
    }

    /// The value `null`.
    pub fn null() -> Json {
        Json("null".into())
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        &*self.0 == "null"
    }

    /// The compact text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value. A text that is nested too deep to be read gives a string of the text.
    pub fn value(&self) -> Value {
        read_value(&self.0).unwrap_or_else(|_| Value::from(self.as_str()))
    }

    /// Reads a Rust value. For a JSON value, use [`value`](Json::value): `serde_json` would take an
    /// object with a certain key for a number. It fails if the text is not of the type.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, NotJson> {
        serde_json::from_str(&self.0).map_err(NotJson::from)
    }

    /// Text that is the same for equal values: keys sorted, no space, each number as its digits
    /// without leading or trailing zeros and an exponent (so `1`, `1.0` and `10e-1` are one number,
    /// and `9007199254740993` is not `9007199254740992`).
    pub fn canonical(&self) -> String {
        canonical(&self.value())
    }
}

/// The canonical text of a value, as [`Json::canonical`] gives it.
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

/// Stored text is checked as typed text is.
impl TryFrom<Box<str>> for Json {
    type Error = NotJson;

    fn try_from(text: Box<str>) -> Result<Json, NotJson> {
        read_value(&text).map(|_| Json(text))
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Json {
        Json(value.to_string().into())
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Json {
        Json::from(&value)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Number(number) => text.push_str(&number::canonical(number)),
        Value::Array(items) => {
            text.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            text.push('{');
            for (n, (key, item)) in entries.into_iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(item, text);
            }
            text.push('}');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_compacted_and_numbers_stay_exact() {
        let json = Json::parse(" { \"b\" : 18446744073709551616 ,\"a\": [1.50, -0] } ").unwrap();
        assert_eq!(json.as_str(), r#"{"b":18446744073709551616,"a":[1.50,-0]}"#);
        assert!(Json::parse("{").is_err());
        assert!(Json::parse("1 2").is_err());
    }

    #[test]
    fn stored_text_is_parsed_when_it_is_read() {
        let stored = |text: &str| serde_json::from_str::<Json>(&Value::from(text).to_string());
        assert_eq!(stored(r#"{"a":[1.50]}"#).unwrap().as_str(), r#"{"a":[1.50]}"#);
        assert_eq!(serde_json::to_string(&Json::null()).unwrap(), r#""null""#);
        for text in ["", "{", "1 2", "not json", &"[".repeat(100_000)] {
            assert!(stored(text).is_err(), "{text:.20}");
        }
    }

    #[test]
    fn equal_values_have_one_canonical_text() {
        let same = |a: &str, b: &str| Json::parse(a).unwrap().canonical() == Json::parse(b).unwrap().canonical();
        assert!(same(r#"{"a":1,"b":[2]}"#, r#"{"b":[2.0],"a":10e-1}"#));
        assert!(same("0", "-0.0e5"));
        assert!(same("120", "1.2e2"));
        assert!(same(r#""\u0041""#, r#""A""#));
        assert!(!same("9007199254740993", "9007199254740992"));
        assert!(!same("1", "-1"));
        assert!(!same("1", r#""1""#));
        assert!(!same("0.1", "0.01"));
        assert!(!same("1e99999999999999999999", "1"));
    }
}
