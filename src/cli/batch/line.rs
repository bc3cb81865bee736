//! A line of a batch, read as a call.

use serde::Deserialize;
use serde_json::Value;
use vactor::{GroupCall, Options};
use vactor::{NotJson, deserialize_value};

use crate::cli::encoding::without_mark;
use crate::cli::output::Problem;

const EXAMPLE: &str = r#"a line is such as `{"actor":"my_counter","method":"incr","args":{"val":10}}`"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Fields {
    actor: String,
    method: String,
    #[serde(default, deserialize_with = "deserialize_value")]
    args: Value,
    #[serde(default)]
    key: Option<String>,
    #[serde(default, deserialize_with = "deserialize_value")]
    meta: Value,
}

/// The actor that a line calls. The rest of the line is checked to be JSON only.
pub fn actor(line: &[u8]) -> Result<String, Problem> {
    #[derive(Deserialize)]
    #[serde(expecting = "an object")]
    struct ActorField {
        actor: String,
    }
    let read: Result<ActorField, _> = serde_json::from_slice(without_mark(line));
    read.map(|read| read.actor).map_err(not_a_call)
}

/// The call of a line.
pub fn call(line: &[u8]) -> Result<GroupCall, Problem> {
    let fields: Fields = serde_json::from_slice(without_mark(line)).map_err(not_a_call)?;
    let meta = match fields.meta {
        Value::Null => Vec::new(),
        Value::Object(meta) => meta.into_iter().map(pair).collect::<Result<_, _>>()?,
        _ => return Err(bad_meta()),
    };
    let options = Options { key: fields.key, meta, ..Options::default() };
    Ok(GroupCall { id: fields.actor, method: fields.method, arguments: fields.args, options })
}

fn pair((name, value): (String, Value)) -> Result<(String, String), Problem> {
    match value {
        Value::String(text) if !name.is_empty() => Ok((name, text)),
        _ => Err(bad_meta()),
    }
}

fn bad_meta() -> Problem {
    Problem::input("`meta` is not an object of names and texts").hint(r#"such as `"meta":{"why":"a test"}`"#)
}

fn not_a_call(error: serde_json::Error) -> Problem {
    let is_data = error.is_data();
    let error = NotJson::from(error);
    let message = if is_data { format!("the line is not a call: {error}") } else { error.of("the line") };
    // serde's message for a field of the line itself
    let message = match message.split_once("duplicate field `") {
        Some((before, after)) => format!("{before}`{}", after.replacen('`', "` is given twice", 1)),
        None => message,
    };
    // serde counts the lines of its input, which is this line alone
    Problem::input(message.replace(" at line 1 column ", " at column ")).hint(EXAMPLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_has_actor_method_and_options() {
        let call = call(br#" {"method":"m","actor":"a","args":[1],"key":"k","meta":{"b":"1","a":"2"}} "#).unwrap();
        assert_eq!((call.id.as_str(), call.method.as_str(), call.arguments.to_string().as_str()), ("a", "m", "[1]"));
        let meta = [("b".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        assert_eq!((call.options.key.as_deref(), call.options.meta.as_slice()), (Some("k"), meta.as_slice()));
        let bare = super::call(br#"{"actor":"a","method":"m","args":null,"key":null,"meta":null}"#).unwrap();
        assert!(bare.arguments.is_null() && bare.options.key.is_none() && bare.options.meta.is_empty());
    }

    #[test]
    fn actor_is_found_in_each_possible_call() {
        assert_eq!(actor(br#"{"x":[1],"actor":"a"}"#), Ok("a".to_owned()));
        for bad in [&b""[..], b"7", b"{\"actor\":7}", b"{\"actor\":\"a\"", b"{\"actor\":\"a\"} x"] {
            assert_eq!(actor(bad).unwrap_err().category, vactor::Category::BadInput);
        }
    }

    #[test]
    fn line_without_a_call_is_refused_with_the_reason() {
        let refused = |line: &[u8]| call(line).unwrap_err().message;
        assert_eq!(refused(b""), "the line is not JSON: EOF while parsing a value at column 0");
        assert!(refused(b"{\"actor\":\"\xff\"}").starts_with("the line is not JSON: "));
        assert!(refused(br#"{"actor":"a","method":"m"} {}"#).starts_with("the line is not JSON: trailing characters"));
        assert!(refused(br#"{"actor":"a"}"#).starts_with("the line is not a call: missing field `method`"));
        let unknown = refused(br#"{"actor":"a","method":"m","argz":[]}"#);
        assert!(
            unknown.starts_with("the line is not a call: unknown field `argz`, expected one of `actor`"),
            "{unknown}"
        );
        assert!(refused(b"7").starts_with("the line is not a call: invalid type: integer `7`, expected an object"));
        assert!(refused(br#"{"actor":"a","method":"m","meta":{"x":1}}"#).starts_with("`meta` is not an object"));
    }
}
