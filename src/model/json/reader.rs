//! The one reader of JSON text from outside: from a command line, a file, a class or a store.
//!
//! It differs from `serde_json`'s reader of a `Value` in three ways. It refuses an object with a
//! key twice, as one of the values would be lost. It bounds the depth in one place. An object with
//! the key that marks a number of `serde_json` stays an object.

use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

use super::{MAX_NESTING, NotJson, too_deep};

/// Reads a text that is one JSON value.
pub fn read_value(text: &str) -> Result<Value, NotJson> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = deserialize_value(&mut deserializer).map_err(NotJson::from)?;
    deserializer.end().map_err(NotJson::from)?;
    Ok(value)
}

/// Reads a field of a type that derives `Deserialize`, by the same rules.
pub fn deserialize_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    ValueSeed { left: MAX_NESTING }.deserialize(deserializer)
}

/// Whether arrays and objects are nested in one another at more than `levels` levels.
pub fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| is_deeper(item, levels - 1)),
        Value::Object(map) => levels == 0 || map.values().any(|item| is_deeper(item, levels - 1)),
        _ => false,
    }
}

/// A value of a text from outside, which may have this many levels.
#[derive(Clone, Copy)]
struct ValueSeed {
    left: usize,
}

impl ValueSeed {
    fn inner<E: Error>(self) -> Result<ValueSeed, E> {
        let left = self.left.checked_sub(1).ok_or_else(|| E::custom(too_deep()))?;
        Ok(ValueSeed { left })
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("it is not a finite number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key_seed(AnyKey)? {
            let name = match key {
                ObjectKey::Name(name) => name,
                ObjectKey::Number => return Ok(Value::Number(Number::from_string_unchecked(entries.next_value()?))),
            };
            if map.contains_key(&name) {
                return Err(A::Error::custom(format_args!("`{}` is given twice", shortened(&name, 40))));
            }
            map.insert(name, entries.next_value_seed(self.inner()?)?);
        }
        if map.is_empty() {
            self.inner::<A::Error>()?;
        }
        Ok(Value::Object(map))
    }
}

/// A text as a part of a sentence: its first characters.
pub fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A key of an object, or the mark of a map by which `serde_json` gives a number's digits.
enum ObjectKey {
    Name(String),
    Number,
}

/// The mark is no key of the text. If an option is requested, a key of the text is `Some`, as a key
/// cannot be null; the mark gives a string.
struct AnyKey;

impl<'de> DeserializeSeed<'de> for AnyKey {
    type Value = ObjectKey;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<ObjectKey, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for AnyKey {
    type Value = ObjectKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_some<D: Deserializer<'de>>(self, key: D) -> Result<ObjectKey, D::Error> {
        String::deserialize(key).map(ObjectKey::Name)
    }

    fn visit_str<E: Error>(self, _mark: &str) -> Result<ObjectKey, E> {
        Ok(ObjectKey::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        read_value(text).unwrap_err().to_string()
    }

    #[test]
    fn reader_keeps_order_digits_and_escapes() {
        let text = r#"{"b":1.50,"a":[-0,1e+5,340282366920938463463374607431768211457,null,true],"":"\n\"ü"}"#;
        assert_eq!(read_value(text).unwrap().to_string(), text);
        assert_eq!(read_value(" \t\r\n7 ").unwrap().to_string(), "7");
        assert_eq!(read_value("1E999999999").unwrap().to_string(), "1e+999999999");
    }

    #[test]
    fn reader_refuses_equal_keys_at_every_depth() {
        assert_eq!(refused(r#"{"val":1,"val":100}"#), "`val` is given twice at line 1 column 14");
        for text in [r#"[{"a":{"b":1,"b":1}}]"#, r#"{"\u0062":1,"b":2}"#, r#"{"x":1,"b":{},"b":[]}"#] {
            assert!(refused(text).contains("`b` is given twice"), "{text}: {}", refused(text));
        }
        assert!(read_value(r#"{"a":{"b":1},"b":1}"#).is_ok());
        assert!(refused(&format!("{{{0}:1,{0}:2}}", format!("\"{}\"", "k".repeat(10_000)))).len() < 200);
    }

    #[test]
    fn object_with_the_key_of_a_number_stays_an_object() {
        let mark = "$serde_json::private::Number";
        for text in [
            format!(r#"{{"{mark}":"7"}}"#),
            format!(r#"{{"{mark}":"x"}}"#),
            format!(r#"{{"{mark}":7}}"#),
            format!(r#"[{{"a":{{"{mark}":"7","b":1}}}}]"#),
            format!(r#"{{"a":1,"{mark}":"7"}}"#),
            r#"{"$serde_json::private::RawValue":"7"}"#.to_owned(),
        ] {
            assert_eq!(read_value(&text).unwrap().to_string(), text);
        }
        let escaped = format!(r#"{{"\u0024{}":"7"}}"#, &mark[1..]);
        assert!(read_value(&escaped).unwrap().is_object());
    }

    #[test]
    fn reader_names_the_depth_that_it_refuses() {
        let nested = |open: &str, close: &str, levels: usize| {
            read_value(&format!("{}{}", open.repeat(levels), close.repeat(levels)))
        };
        for (open, close) in [("[", "]"), ("{\"a\":[", "]}")] {
            let levels = MAX_NESTING / open.replace("\"a\":", "").len();
            assert!(nested(open, close, levels).is_ok());
            for more in [levels + 1, 64, 200, 100_000] {
                let error = nested(open, close, levels.max(more) + 1).unwrap_err().to_string();
                assert!(error.starts_with("it is nested deeper than 120 levels at line 1 column "), "{error}");
            }
        }
        let deepest = nested("[", "]", MAX_NESTING).unwrap();
        assert!(is_deeper(&deepest, MAX_NESTING - 1) && !is_deeper(&deepest, MAX_NESTING));
    }

    #[test]
    fn reader_says_where_a_text_is_no_json() {
        for (text, place) in [
            (r#"{"by": "Ada",}"#, "line 1 column 14"),
            ("{'by': 'Ada'}", "line 1 column 2"),
            (r#""\ud800""#, "line 1 column 8"),
            ("{\n  \"a\": nan\n}", "line 2 column "),
            ("1 2", "line 1 column 3"),
            ("\u{feff}1", "line 1 column 1"),
            ("\"a\nb\"", "line 2 column 0"),
        ] {
            assert!(refused(text).contains(place), "{text}: {}", refused(text));
        }
    }
}
