//! Judging a value by a schema: the schema library's work, within bounds.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use super::work::Work;
use super::{shape, write_integers};
use crate::model::json::number;
use crate::model::plain::plainly_fits;
use crate::model::shortened;

/// How large a compiled pattern may be, in bytes.
const PATTERN_BYTES: usize = 64 << 10;

/// Compiles a schema that passes [`shape::check`]. The error is a reason whose subject is the schema.
///
/// Patterns are matched by an engine whose time is linear in the text. Formats are not judged: in the drafts since 2019
/// they bind nothing.
pub fn compile(schema: &Value) -> Result<Validator, String> {
    shape::check(schema)?;
    jsonschema::options()
        .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES))
        .should_validate_formats(false)
        .build(schema)
        .map_err(|error| format!("is not a JSON Schema: {}", shortened(&error.to_string(), 400)))
}

/// The value as it goes to a class: one that fits the schema, with integers written as such. The error is a place in
/// the value and a reason, such as `/size: …`.
pub fn fitting(schema: &Value, mut value: Value) -> Result<Value, String> {
    if plainly_fits(schema, &value) {
        return Ok(value);
    }
    if let Some(number) = number::find_too_long(&value) {
        let shown = shortened(number.as_str(), 40);
        return Err(format!(": the number {shown} has more than {} digits", number::MAX_DIGITS));
    }
    let validator = compile(schema).map_err(|reason| format!(": its schema {reason}"))?;
    Work::of_judging(schema).check(&value).map_err(|reason| format!(": to check it {reason}"))?;
    if !validator.is_valid(&value) {
        return Err(explained(schema, &validator, &value));
    }
    write_integers(&mut value, schema);
    Ok(value)
}

/// Why a value does not fit.
fn explained(schema: &Value, validator: &Validator, value: &Value) -> String {
    if Work::of_explaining(schema).check(value).is_err() {
        return ": it does not fit its schema, which is too involved to say where".to_owned();
    }
    match validator.validate(value) {
        Err(error) => {
            let place = error.instance_path().to_string();
            format!("{}: {}", shortened(&place, 200), shortened(&error.masked_with("the value").to_string(), 400))
        }
        Ok(()) => ": it does not fit its schema".to_owned(),
    }
}
