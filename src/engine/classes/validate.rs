//! Checking a call against the declaration of its method.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::LoadedClass;
use crate::model::{Error, Json, Limit, Method, MethodKind, Result, read_value, shortened};

/// The method of a call that a guest makes, and its checked arguments.
pub fn checked_text<'l>(
    loaded: &'l LoadedClass,
    method: &str,
    arguments: &str,
    allowed: u64,
    kind: MethodKind,
) -> Result<(&'l Method, Json)> {
    let method = loaded.method(method)?;
    expect_kind(method, &[kind])?;
    Ok((method, complete(method, &object_in(method, arguments)?, allowed)?))
}

/// The arguments of a run: checked, with defaults, within `allowed` bytes.
pub fn complete(method: &Method, sent: &Map<String, Value>, allowed: u64) -> Result<Json> {
    let complete = method.complete(sent)?;
    match complete.as_str().len() as u64 <= allowed {
        true => Ok(complete),
        false => Err(Error::OverLimit { limit: Limit::Arguments, allowed }),
    }
}

/// Whether a class version takes a mutation with these arguments.
pub fn check_again(loaded: &LoadedClass, method: &str, arguments: &Json) -> Result<()> {
    let method = loaded.method(method)?;
    expect_kind(method, &[MethodKind::Mutation])?;
    method.complete(&object(method, arguments.value())?).map(drop)
}

/// Refuses a method of any other kind.
pub fn expect_kind(method: &Method, wanted: &[MethodKind]) -> Result<()> {
    if wanted.contains(&method.kind) {
        return Ok(());
    }
    Err(Error::WrongKind { method: method.name.clone(), kind: method.kind, wanted: wanted.to_vec() })
}

/// Arguments by parameter; null stands for none.
pub fn object(method: &Method, arguments: Value) -> Result<Map<String, Value>> {
    match arguments {
        Value::Object(map) => Ok(map),
        Value::Null => Ok(Map::new()),
        _ => Err(method.refuse("they are not one JSON object keyed by parameter".to_owned())),
    }
}

/// Arguments by parameter, of a JSON text.
pub fn object_in(method: &Method, text: &str) -> Result<Map<String, Value>> {
    let arguments = read_value(text).map_err(|error| method.refuse(error.of("their text")))?;
    object(method, arguments)
}

/// Metadata is shown as an object, so each name may be given once.
pub fn check_meta(meta: &[(String, String)]) -> Result<()> {
    let mut names = HashSet::new();
    match meta.iter().find(|(name, _)| !names.insert(name)) {
        None => Ok(()),
        Some((name, _)) => Err(Error::MetadataTwice { name: shortened(name, 40) }),
    }
}
