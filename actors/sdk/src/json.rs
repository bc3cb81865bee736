//! Values as JSON: everything that the SDK writes goes through here.
//!
//! serde_json writes a float that is not finite as `null`, which an `Option` reads as `None`. So a serializer here wraps
//! those of serde_json, and refuses such a float wherever it is in a value.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use serde::ser::{self, Error, Serialize, Serializer};

/// Reads as text, as arguments are read: reading bytes would be the same code a second time, 15 KB of a small class.
pub fn read<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    let text = str::from_utf8(json).map_err(serde::de::Error::custom)?;
    serde_json::from_str(text)
}

/// The message of an error without its place, which counts in a text that the caller never typed.
pub fn reason(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    message.strip_suffix(&place).unwrap_or(&message).to_owned()
}

pub fn text(value: &(impl Serialize + ?Sized)) -> serde_json::Result<String> {
    serde_json::to_string(&Finite(value))
}

pub fn value(value: &(impl Serialize + ?Sized)) -> serde_json::Result<serde_json::Value> {
    serde_json::to_value(Finite(value))
}

/// A value that cannot be written if a float within it is not finite.
struct Finite<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> Serialize for Finite<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Checked(serializer))
    }
}

/// A serializer (or one for the parts of a value) that passes on everything but floats that are not finite.
struct Checked<S>(S);

fn check<E: Error>(is_finite: bool) -> Result<(), E> {
    if is_finite { Ok(()) } else { Err(E::custom("NaN and infinities are no JSON numbers")) }
}

/// Methods for values without parts.
macro_rules! plain {
    ($($method:ident($($name:ident: $ty:ty),*))+) => {$(
        fn $method(self, $($name: $ty),*) -> Result<S::Ok, S::Error> {
            self.0.$method($($name),*)
        }
    )+};
}

/// Methods for values with parts.
macro_rules! composite {
    ($($method:ident($($name:ident: $ty:ty),*) -> $parts:ident)+) => {$(
        fn $method(self, $($name: $ty),*) -> Result<Checked<S::$parts>, S::Error> {
            self.0.$method($($name),*).map(Checked)
        }
    )+};
}

impl<S: Serializer> Serializer for Checked<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Checked<S::SerializeSeq>;
    type SerializeTuple = Checked<S::SerializeTuple>;
    type SerializeTupleStruct = Checked<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Checked<S::SerializeTupleVariant>;
    type SerializeMap = Checked<S::SerializeMap>;
    type SerializeStruct = Checked<S::SerializeStruct>;
    type SerializeStructVariant = Checked<S::SerializeStructVariant>;

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        check(value.is_finite())?;
        self.0.serialize_f32(value)
    }

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        check(value.is_finite())?;
        self.0.serialize_f64(value)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_some(&Finite(value))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_struct(name, &Finite(value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_variant(name, index, variant, &Finite(value))
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }

    plain! {
        serialize_bool(value: bool)
        serialize_i8(value: i8)
        serialize_i16(value: i16)
        serialize_i32(value: i32)
        serialize_i64(value: i64)
        serialize_i128(value: i128)
        serialize_u8(value: u8)
        serialize_u16(value: u16)
        serialize_u32(value: u32)
        serialize_u64(value: u64)
        serialize_u128(value: u128)
        serialize_char(value: char)
        serialize_str(value: &str)
        serialize_bytes(value: &[u8])
        serialize_none()
        serialize_unit()
        serialize_unit_struct(name: &'static str)
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str)
    }

    composite! {
        serialize_seq(length: Option<usize>) -> SerializeSeq
        serialize_tuple(length: usize) -> SerializeTuple
        serialize_tuple_struct(name: &'static str, length: usize) -> SerializeTupleStruct
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, length: usize) -> SerializeTupleVariant
        serialize_map(length: Option<usize>) -> SerializeMap
        serialize_struct(name: &'static str, length: usize) -> SerializeStruct
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, length: usize) -> SerializeStructVariant
    }
}

/// The parts of a value; those of a structure have names.
macro_rules! parts {
    ($($kind:ident: $part:ident($($name:ident)?) $($skip:ident)?;)+) => {$(
        impl<S: ser::$kind> ser::$kind for Checked<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $part<T: Serialize + ?Sized>(
                &mut self,
                $($name: &'static str,)?
                value: &T,
            ) -> Result<(), S::Error> {
                self.0.$part($($name,)? &Finite(value))
            }

            $(fn $skip(&mut self, name: &'static str) -> Result<(), S::Error> {
                self.0.$skip(name)
            })?

            fn end(self) -> Result<S::Ok, S::Error> {
                self.0.end()
            }
        }
    )+};
}

parts! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeTupleStruct: serialize_field();
    SerializeTupleVariant: serialize_field();
    SerializeStruct: serialize_field(name) skip_field;
    SerializeStructVariant: serialize_field(name) skip_field;
}

impl<S: ser::SerializeMap> ser::SerializeMap for Checked<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        self.0.serialize_key(&Finite(key))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.0.serialize_value(&Finite(value))
    }

    fn serialize_entry<K: Serialize + ?Sized, V: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &V,
    ) -> Result<(), S::Error> {
        self.0.serialize_entry(&Finite(key), &Finite(value))
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;
    use serde_json::json;
    use serde_json::value::RawValue;

    #[derive(Serialize)]
    struct Point {
        x: f64,
        label: Option<f32>,
    }

    #[derive(Serialize)]
    struct Meters(f64);

    #[derive(Serialize)]
    struct Pair(u8, f32);

    #[derive(Serialize)]
    struct Flat {
        name: &'static str,
        #[serde(flatten)]
        point: Point,
    }

    #[derive(Serialize)]
    enum Shape {
        Empty,
        Circle(f64),
        Box(f64, f64),
        At { x: f64 },
    }

    #[derive(Serialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        At { x: f64 },
    }

    #[derive(Serialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(f64),
    }

    /// A float within each kind of value that serde knows.
    fn holders(float: f64) -> Vec<(&'static str, serde_json::Result<String>)> {
        let map = BTreeMap::from([("a", float)]);
        let point = |x| Point { x, label: None };
        vec![
            ("f64", super::text(&float)),
            ("f32", super::text(&(float as f32))),
            ("option", super::text(&Some(float))),
            ("list", super::text(&[1.0, float])),
            ("tuple", super::text(&(1, float))),
            ("map", super::text(&map)),
            ("structure", super::text(&point(float))),
            ("option in a structure", super::text(&Point { x: 1.0, label: Some(float as f32) })),
            ("newtype", super::text(&Meters(float))),
            ("tuple structure", super::text(&Pair(1, float as f32))),
            ("flattened structure", super::text(&Flat { name: "a", point: point(float) })),
            ("newtype variant", super::text(&Shape::Circle(float))),
            ("tuple variant", super::text(&Shape::Box(1.0, float))),
            ("structure variant", super::text(&Shape::At { x: float })),
            ("tagged variant", super::text(&Tagged::At { x: float })),
            ("untagged variant", super::text(&Untagged::Number(float))),
            ("list of maps of options", super::text(&[BTreeMap::from([(1, Some(Meters(float)))])])),
            ("box", super::text(&Box::new(float))),
            ("value", super::value(&point(float)).map(|value| value.to_string())),
        ]
    }

    #[test]
    fn float_that_is_not_finite_is_refused_in_each_kind_of_value() {
        for float in [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for (holder, written) in holders(float) {
                let error = written.expect_err(holder).to_string();
                assert_eq!(error, "NaN and infinities are no JSON numbers", "{holder}");
            }
        }
        let mut keys = std::collections::HashMap::new();
        keys.insert(ordered(f64::NAN), 1);
        assert!(super::text(&keys).is_err(), "a key");
    }

    /// A float that can be a key.
    fn ordered(float: f64) -> impl Serialize + Eq + std::hash::Hash {
        #[derive(Serialize)]
        struct Key(f64);
        impl PartialEq for Key {
            fn eq(&self, other: &Key) -> bool {
                self.0.total_cmp(&other.0).is_eq()
            }
        }
        impl Eq for Key {}
        impl std::hash::Hash for Key {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.0.to_bits().hash(state);
            }
        }
        Key(float)
    }

    #[test]
    fn finite_value_is_written_as_by_serde_json() {
        for (holder, written) in holders(0.5) {
            assert!(written.is_ok_and(|text| text.contains("0.5")), "{holder}");
        }
        #[derive(Serialize)]
        struct All {
            wide: (i128, u128, i8, u64),
            text: char,
            bytes: &'static [u8],
            #[serde(skip_serializing_if = "Option::is_none")]
            skipped: Option<u8>,
            none: Option<f64>,
            unit: (),
            empty: Shape,
            raw: Box<RawValue>,
            value: serde_json::Value,
            keys: BTreeMap<i32, bool>,
            flat: Flat,
        }
        let all = All {
            wide: (i128::MIN, u128::MAX, -1, u64::MAX),
            text: '"',
            bytes: b"ab",
            skipped: None,
            none: None,
            unit: (),
            empty: Shape::Empty,
            raw: RawValue::from_string("[1,  2]".to_owned()).expect("it is JSON"),
            value: json!({ "a": [0.1, null, "b"] }),
            keys: BTreeMap::from([(-1, true)]),
            flat: Flat { name: "a", point: Point { x: 0.5, label: Some(0.1) } },
        };
        assert_eq!(super::text(&all).ok(), serde_json::to_string(&all).ok());
        let point = Point { x: 0.5, label: None };
        assert_eq!(super::value(&point).ok(), serde_json::to_value(&point).ok());
    }
}
