//! The schemas within a schema.

use serde_json::{Map, Value};

/// The part of the schema `root` that a `$ref` names: `#`, or `#` and a JSON pointer.
pub fn referenced<'s>(reference: &str, root: &'s Value) -> Option<&'s Value> {
    root.pointer(&percent_decoded(reference.strip_prefix('#')?)?)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).ok()
}

/// The part of a value that a schema within a schema applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The value itself.
    Here,
    /// Its items, properties or property names.
    Below,
}

/// The schemas within a schema, and those that it refers to.
pub fn subschemas<'s>(
    keywords: &'s Map<String, Value>,
    root: &'s Value,
) -> impl Iterator<Item = (Applied, &'s Value)> + 's {
    keywords.iter().flat_map(move |(keyword, value)| {
        let (applied, found): (_, Vec<&Value>) = match (keyword.as_str(), value) {
            ("allOf" | "anyOf" | "oneOf", Value::Array(all)) => (Applied::Here, all.iter().collect()),
            ("not" | "if" | "then" | "else", one) => (Applied::Here, vec![one]),
            ("$ref", Value::String(place)) => (Applied::Here, referenced(place, root).into_iter().collect()),
            ("dependentSchemas" | "dependencies", Value::Object(all)) => (Applied::Here, all.values().collect()),
            ("properties" | "patternProperties", Value::Object(all)) => (Applied::Below, all.values().collect()),
            ("items" | "prefixItems", Value::Array(all)) => (Applied::Below, all.iter().collect()),
            (
                "items"
                | "additionalItems"
                | "unevaluatedItems"
                | "contains"
                | "additionalProperties"
                | "unevaluatedProperties"
                | "propertyNames",
                one,
            ) => (Applied::Below, vec![one]),
            _ => (Applied::Here, vec![]),
        };
        found.into_iter().map(move |schema| (applied, schema))
    })
}
