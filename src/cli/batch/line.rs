//! A line of a batch, read as a call.

use serde::Deserialize;
use serde_json::{Map, Value};
use vactor::engine::{ManyCall, Options};

use crate::cli::Problem;

const SUCH_AS: &str = r#"a line is such as `{"actor":"my_counter","method":"incr","args":{"val":10}}`"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Fields {
    actor: String,
    method: String,
    #[serde(default)]
    args: Value,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    meta: Option<Map<String, Value>>,
}

/// The actor that a line calls. The rest of it is looked at as JSON alone.
pub fn actor(line: &[u8]) -> Result<String, Problem> {
    #[derive(Deserialize)]
    #[serde(expecting = "an object")]
    struct Actor {
        actor: String,
    }
    let read: Result<Actor, _> = serde_json::from_slice(line);
    read.map(|read| read.actor).map_err(|error| not_a_call(&error))
}

/// The call that a line asks for.
pub fn call(line: &[u8]) -> Result<ManyCall, Problem> {
    let fields: Fields = serde_json::from_slice(line).map_err(|error| not_a_call(&error))?;
    let meta = fields.meta.into_iter().flatten().map(pair).collect::<Result<_, _>>()?;
    let options = Options { key: fields.key, meta, ..Options::default() };
    Ok(ManyCall { id: fields.actor, method: fields.method, arguments: fields.args, options })
}

fn pair((name, value): (String, Value)) -> Result<(String, String), Problem> {
    match value {
        Value::String(text) if !name.is_empty() => Ok((name, text)),
        _ => Err(Problem::input("`meta` is no object of names and texts").hint(r#"such as `"meta":{"why":"a test"}`"#)),
    }
}

fn not_a_call(error: &serde_json::Error) -> Problem {
    let message = match error.is_data() {
        true => format!("the line is no call: {error}"),
        false => format!("the line is no JSON: {error}"),
    };
    // there is one line, and it is this
    Problem::input(message.replace(" at line 1 column ", " at column ")).hint(SUCH_AS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_an_actor_and_a_method_and_what_else_it_needs() {
        let call = call(br#" {"method":"m","actor":"a","args":[1],"key":"k","meta":{"b":"1","a":"2"}} "#).unwrap();
        assert_eq!((call.id.as_str(), call.method.as_str(), call.arguments.to_string().as_str()), ("a", "m", "[1]"));
        let meta = [("b".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        assert_eq!((call.options.key.as_deref(), call.options.meta.as_slice()), (Some("k"), meta.as_slice()));
        let bare = super::call(br#"{"actor":"a","method":"m","args":null,"key":null,"meta":null}"#).unwrap();
        assert!(bare.arguments.is_null() && bare.options.key.is_none() && bare.options.meta.is_empty());
    }

    #[test]
    fn an_actor_is_found_in_any_line_that_may_be_a_call() {
        assert_eq!(actor(br#"{"x":[1],"actor":"a"}"#), Ok("a".to_owned()));
        for bad in [&b""[..], b"7", b"{\"actor\":7}", b"{\"actor\":\"a\"", b"{\"actor\":\"a\"} x"] {
            assert_eq!(actor(bad).unwrap_err().category, vactor::Category::BadInput);
        }
    }

    #[test]
    fn what_is_no_call_says_why() {
        let refused = |line: &[u8]| call(line).unwrap_err().message;
        assert_eq!(refused(b""), "the line is no JSON: EOF while parsing a value at column 0");
        assert!(refused(b"{\"actor\":\"\xff\"}").starts_with("the line is no JSON: "));
        assert!(refused(br#"{"actor":"a","method":"m"} {}"#).starts_with("the line is no JSON: trailing characters"));
        assert!(refused(br#"{"actor":"a"}"#).starts_with("the line is no call: missing field `method`"));
        let unknown = refused(br#"{"actor":"a","method":"m","argz":[]}"#);
        assert!(unknown.starts_with("the line is no call: unknown field `argz`, expected one of `actor`"), "{unknown}");
        assert!(refused(b"7").starts_with("the line is no call: invalid type: integer `7`, expected an object"));
        assert!(refused(br#"{"actor":"a","method":"m","meta":{"x":1}}"#).starts_with("`meta` is no object"));
    }
}
