//! JSON text that is known to be one value.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One JSON value as compact text. Numbers keep the digits they were written with, so an integer of
/// any size stays exact; object keys keep their order.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<str>);

/// Why a text is no JSON value, with line and column.
#[derive(Debug)]
pub struct NotJson(serde_json::Error);

impl Json {
    pub fn parse(text: &str) -> Result<Json, NotJson> {
        serde_json::from_str::<Value>(text).map(|value| Json::from(&value)).map_err(NotJson)
    }

    /// Any value of a type that serializes; an error says that the type has no JSON form (a map whose keys are
    /// no strings, say).
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Json, NotJson> {
        serde_json::to_string(value).map(|text| Json(text.into())).map_err(NotJson)
    }

    pub fn null() -> Json {
        Json("null".into())
    }

    pub fn is_null(&self) -> bool {
        &*self.0 == "null"
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).expect("Json holds one JSON value")
    }

    /// Reads a Rust value out of it.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, NotJson> {
        serde_json::from_str(&self.0).map_err(NotJson)
    }

    /// Text that is the same for equal values: keys sorted, no space, each number as its digits without
    /// leading or trailing zeros and an exponent (so `1`, `1.0` and `10e-1` are one number, and
    /// `9007199254740993` is not `9007199254740992`).
    pub fn canonical(&self) -> String {
        let mut text = String::with_capacity(self.0.len());
        write_canonical(&self.value(), &mut text);
        text
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

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for NotJson {}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Number(number) => text.push_str(&canonical_number(number.as_str())),
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

/// `number` is of JSON's grammar. Where its exponent is past 64 bits it stays as it was written.
fn canonical_number(number: &str) -> String {
    let (sign, rest) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return "0".to_owned();
    }
    let dropped = digits.len() - digits.trim_end_matches('0').len();
    let shift = dropped as i64 - fraction.len() as i64;
    match exponent.parse::<i64>().ok().and_then(|exponent| exponent.checked_add(shift)) {
        Some(0) => format!("{sign}{significant}"),
        Some(exponent) => format!("{sign}{significant}e{exponent}"),
        None => number.to_owned(),
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
