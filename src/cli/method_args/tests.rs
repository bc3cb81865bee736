use std::io::Cursor;

use serde_json::json;

use super::*;

fn method() -> Method {
    let parameters = json!([
        {"name": "n", "schema": {"type": "integer"}},
        {"name": "text", "schema": {"type": "string"}},
        {"name": "maybe", "schema": {"type": ["string", "null"]}},
        {"name": "any"},
        {"name": "list", "schema": {"type": "array", "items": {"type": "string"}}, "default": []},
        {"name": "size", "schema": {"enum": ["small", "large"]}, "default": "small"},
        {"name": "either", "schema": {"anyOf": [{"type": "integer"}, {"type": "string"}]}},
    ]);
    serde_json::from_value(json!({"name": "m", "kind": "mutation", "parameters": parameters})).unwrap()
}

fn read_with(words: &[&str], stdin: &[u8]) -> Result<Value, Problem> {
    let words = MethodArgs { words: words.iter().map(Into::into).collect(), all: None };
    let mut stdin = Cursor::new(stdin);
    words.read(|| Ok(method()), &mut ValueSources::new(&mut stdin, 64))
}

fn read(words: &[&str]) -> Result<Value, Problem> {
    read_with(words, b"")
}

fn refused(words: &[&str]) -> String {
    let problem = read(words).unwrap_err();
    assert_eq!(i32::from(problem.code()), 2, "{problem}");
    format!("{} / {} / {}", problem.message, problem.cause.unwrap_or_default(), problem.hint.unwrap_or_default())
}

#[test]
fn positional_arguments_follow_the_declaration() {
    assert_eq!(read(&["3", "hello"]).unwrap(), json!({"n": 3, "text": "hello"}));
    assert_eq!(read(&[]).unwrap(), json!({}));
    assert_eq!(read(&["-5", "-5"]).unwrap(), json!({"n": -5, "text": "-5"}));
}

#[test]
fn named_argument_sets_any_parameter() {
    assert_eq!(read(&["3", "size=large", "text=a=b"]).unwrap(), json!({"n": 3, "size": "large", "text": "a=b"}));
    assert!(refused(&["3", "n=4"]).contains("n is given twice"));
}

#[test]
fn unknown_name_is_refused_unless_a_text_follows() {
    let refusal = refused(&["m=3"]);
    assert!(refusal.contains("there is no parameter m"), "{refusal}");
    assert!(refused(&["siz=large"]).contains("did you mean `size=`"));
    assert_eq!(read(&["3", "siz=large"]).unwrap(), json!({"n": 3, "text": "siz=large"}));
    assert_eq!(read(&["3", "siz:=large"]).unwrap(), json!({"n": 3, "text": "siz:=large"}));
    assert_eq!(read(&["3", "=x", "a b=c"]).unwrap(), json!({"n": 3, "text": "=x", "maybe": "a b=c"}));
}

#[test]
fn literal_text_is_unchanged() {
    for text in ["", "5", "null", "\"quoted\"", "{", "true", " "] {
        assert_eq!(read(&[&format!("text={text}")]).unwrap(), json!({"text": text}));
    }
    assert_eq!(read(&["maybe=null"]).unwrap(), json!({"maybe": null}));
    assert_eq!(read(&["maybe:=null"]).unwrap(), json!({"maybe": "null"}));
    assert_eq!(read(&["maybe=5"]).unwrap(), json!({"maybe": "5"}));
    assert_eq!(read(&["text:=@x", "maybe:=-"]).unwrap(), json!({"text": "@x", "maybe": "-"}));
}

#[test]
fn parameter_of_strings_and_others_prefers_json() {
    assert_eq!(read(&["any=5", "either=5"]).unwrap(), json!({"any": 5, "either": 5}));
    assert_eq!(read(&["any=\"5\"", "either=\"5\""]).unwrap(), json!({"any": "5", "either": "5"}));
    assert_eq!(read(&["any=abc", "either=true"]).unwrap(), json!({"any": "abc", "either": "true"}));
    assert_eq!(read(&["any={\"a\":[1]}", "either=1.5"]).unwrap(), json!({"any": {"a": [1]}, "either": "1.5"}));
    assert_eq!(read(&["any:=5"]).unwrap(), json!({"any": "5"}));
}

#[test]
fn parameter_without_strings_takes_json() {
    assert_eq!(read(&["list=[\"a\"]", "n:=3"]).unwrap(), json!({"list": ["a"], "n": 3}));
    for bad in ["ten", "007", "+5", "", "1 2", "'5'"] {
        let refusal = refused(&[&format!("n={bad}")]);
        assert!(refusal.contains("is not a JSON integer") && refusal.contains("m(n: integer"), "{refusal}");
    }
    assert!(refused(&["list=a,b"]).contains("is not a JSON list of string"));
}

#[test]
fn numbers_keep_their_digits() {
    let big = "340282366920938463463374607431768211457";
    assert_eq!(read(&[big]).unwrap().to_string(), format!("{{\"n\":{big}}}"));
    assert_eq!(read(&["any=0.1000000000000000000001"]).unwrap().to_string(), r#"{"any":0.1000000000000000000001}"#);
}

#[test]
fn too_many_arguments_are_refused() {
    let words = ["1", "a", "b", "c", "[]", "small", "x", "extra"];
    assert!(refused(&words).contains("`extra` is one too many, it takes 7 arguments"));
}

#[test]
fn stdin_is_read_as_one_argument() {
    assert_eq!(read_with(&["3", "-"], b"hello\n").unwrap(), json!({"n": 3, "text": "hello"}));
    assert_eq!(read_with(&["text=-"], b"a\n\n").unwrap(), json!({"text": "a\n"}));
    assert_eq!(read_with(&["-"], b" 12\n").unwrap(), json!({"n": 12}));
    assert_eq!(read_with(&["maybe=-"], b"null\n").unwrap(), json!({"maybe": "null"}));
    assert_eq!(read_with(&["any=-"], b"null\n").unwrap(), json!({"any": null}));
    assert!(read_with(&["-"], b"").unwrap_err().message.contains("stdin is empty"));
    assert!(read_with(&["-", "-"], b"1").unwrap_err().message.contains("n and text cannot both"));
    assert!(read_with(&["text=-"], b"\xff").unwrap_err().message.contains("not UTF-8"));
    let over = read_with(&["text=-"], &[b'x'; 100]).unwrap_err();
    assert_eq!((&*over.kind, i32::from(over.code())), ("limit", 2));
}

#[test]
fn file_is_read_as_one_argument() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    std::fs::write(&path, "from a file\r\n").unwrap();
    assert_eq!(read(&[&format!("text=@{}", path.display())]).unwrap(), json!({"text": "from a file"}));
    let refusal = refused(&["text=@/no/such/file"]);
    assert!(refusal.contains("from /no/such/file") && refusal.contains("`text:=@/no"), "{refusal}");
}

#[test]
fn args_flag_takes_an_object() {
    let all = |text: &str, stdin: &[u8]| {
        let words = MethodArgs { words: vec![], all: Some(text.into()) };
        let mut stdin = Cursor::new(stdin.to_owned());
        words.read(|| panic!("the method is not needed"), &mut ValueSources::new(&mut stdin, 64))
    };
    assert_eq!(all(r#"{"n": 3}"#, b"").unwrap(), json!({"n": 3}));
    assert_eq!(all("-", br#"{"n": 3}"#).unwrap(), json!({"n": 3}));
    assert!(all("[1]", b"").unwrap_err().message.contains("not a JSON object"));
    assert!(all("{", b"").unwrap_err().message.contains("not JSON"));
}
