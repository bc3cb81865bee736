//! JSON input: one reader with the same rules everywhere.

use crate::raw::RawClass;
use crate::support::Vactor;

const OBJECT: &str = r#"{"$serde_json::private::Number":"7"}"#;

/// A store with an actor `a` whose methods return their arguments: `echo` takes any value, `count`
/// an integer and a list of integers. `take` returns the payload of the event `go`; `call`, `send`
/// and `run` start other methods with the text `{"n":1,"n":2}`.
fn echo() -> Vactor {
    let arguments = "(call $ok (local.get $arguments) (local.get $arguments.len))";
    let parameters = r#"[{"name":"any"},{"name":"maybe","schema":{"type":["string","integer"]},"default":0}]"#;
    let counted = r##"[
        {"name":"n","schema":{"type":"integer"},"default":5.0},
        {"name":"all","schema":{"$ref":"#/$defs/All","$defs":{"All":{"type":"array","items":{"type":"integer"}}}},
         "default":[1e1]}]"##;
    let description = format!(
        r#"{{"methods":[
            {{"name":"new","kind":"constructor"}},
            {{"name":"echo","kind":"mutation","result":{{}},"parameters":{parameters}}},
            {{"name":"count","kind":"mutation","result":{{}},"parameters":{counted}}},
            {{"name":"ask","kind":"query","result":{{}},"parameters":{counted}}},
            {{"name":"job","kind":"task","result":{{}},"parameters":{counted}}},
            {{"name":"take","kind":"mutation","result":{{}}}},
            {{"name":"give","kind":"mutation","result":{{}}}},
            {{"name":"call","kind":"mutation","result":{{}}}},
            {{"name":"pass","kind":"mutation","result":{{}}}}]}}"#
    );
    let start = |text: &str| {
        format!(
            "(call $ok (call $wait (call $start-actor (call $text_a) (call $text_method_count) (call $text_{text}))))"
        )
    };
    let class = RawClass::new()
        .operations()
        .description(&description)
        .text("a", "a")
        .text("go", "go")
        .text("twice", r#"{"n":1,"n":2}"#)
        .text("fraction", r#"{"n":10.0,"all":[2e0]}"#)
        .mutation("echo", arguments)
        .mutation("count", arguments)
        .query("ask", arguments)
        .task("job", arguments)
        .mutation("take", "(call $ok (call $wait (call $event (call $text_go))))")
        .mutation("give", "(call $ok (call $text_twice))")
        .mutation("call", &start("twice"))
        .mutation("pass", &start("fraction").replace("$text_a)", "$text_b)"))
        .text("b", "b");
    let vactor = Vactor::with("echo", &class);
    vactor.line("create echo a").ok();
    vactor.line("create echo b").ok();
    vactor
}

fn nested(levels: usize) -> String {
    "[".repeat(levels) + &"]".repeat(levels)
}

/// Sends an event and returns the payload that a method takes.
#[track_caller]
fn emitted(vactor: &Vactor, payload: &str) -> String {
    vactor.run(["emit", "a", "go", payload, "-q"]).ok();
    vactor.line("call a take").ok().trim_end().to_owned()
}

fn steps(vactor: &Vactor) -> usize {
    vactor.line("log a --json").ok().lines().count()
}

#[test]
fn duplicate_keys_are_refused_everywhere() {
    let vactor = echo();
    let twice = r#"{"any":1,"any":100}"#;
    let inner = r#"{"any":[{"x":1,"x":2}]}"#;
    let hint = "--args '{\"val\": 1}'";
    vactor.write("twice", twice);
    vactor.run(["call", "a", "echo", "--args", twice]).refuses(2, "`--args`: `any` is given twice at line 1", hint);
    vactor.run(["call", "a", "echo", "--args", inner]).refuses(2, "`x` is given twice", hint);
    vactor.line("call a echo --args @twice").refuses(2, "`any` is given twice", hint);
    vactor.fed(["call", "a", "echo", "--args", "-"], twice).refuses(2, "`any` is given twice", hint);
    vactor.run(["call", "a", "echo", r#"{"b":1,"b":1}"#]).refuses(2, "any: `b` is given twice", "literally");
    vactor.line("call a echo @twice").refuses(2, "any: `any` is given twice", "");
    vactor.run(["emit", "a", "go", r#"{"a":1,"a":2}"#]).refuses(2, "PAYLOAD: `a` is given twice at line 1", "");
    vactor.run(["run", "echo", "job", "--args", r#"{"n":1,"n":1}"#]).refuses(2, "`n` is given twice", "");
    vactor.line("call a echo 1 --meta why=a --meta why=b").refuses(2, "the metadata `why` is given twice", "once");
    vactor.line("call a echo 1 --async --meta why=a --meta why=b").refuses(2, "`why` is given twice", "once");
    assert_eq!(steps(&vactor), 1, "nothing ran");

    let lines = [
        r#"{"actor":"a","method":"echo","args":{"any":1,"any":100}}"#,
        r#"{"actor":"a","method":"echo","args":{"any":{"x":1,"x":1}}}"#,
        r#"{"actor":"a","method":"echo","args":[1],"meta":{"why":"a","why":"b"}}"#,
        r#"{"actor":"a","method":"echo","args":[1],"args":[2]}"#,
        r#"{"actor":"a","actor":"b","method":"echo","args":[1]}"#,
    ];
    let ran = vactor.fed(["batch"], lines.join("\n"));
    assert_eq!(ran.code, 2, "{ran:?}");
    for (answer, name) in ran.stdout.lines().zip(["any", "x", "why", "args", "actor"]) {
        assert!(answer.contains(&format!("`{name}` is given twice at column ")), "{answer}");
    }
    assert_eq!((ran.stdout.lines().count(), steps(&vactor)), (5, 1));
}

#[test]
fn duplicate_keys_from_class_are_class_error() {
    let vactor = echo();
    vactor.line("call a give").refuses(5, "the result of give: `n` is given twice", "no key twice");
    let ran = vactor.line("call b call");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "null\n"), "{ran:?}");
    assert!(ran.stderr.contains("bad-arguments") && ran.stderr.contains("`n` is given twice"), "{ran:?}");
    let description = r#"{"methods":[{"name":"new","kind":"constructor"}],"doc":"a","doc":"b"}"#;
    vactor.write("class", RawClass::new().description(description).build());
    vactor.line("register twice class").refuses(2, "the result of describe: `doc` is given twice", "");
}

#[test]
fn object_with_reserved_key_stays_object() {
    let vactor = echo();
    assert_eq!(emitted(&vactor, OBJECT), OBJECT);
    assert_eq!(emitted(&vactor, &OBJECT.replace('7', "x")), OBJECT.replace('7', "x"));
    assert!(vactor.line("log a --json").ok().contains(&format!("\"result\":{OBJECT}")));
    let any = format!("{{\"any\":{OBJECT},\"maybe\":0}}\n");
    assert_eq!(vactor.run(["call", "a", "echo", OBJECT]).ok(), any);
    assert_eq!(vactor.run(["call", "a", "echo", "--args", &any]).ok(), any);
    vactor.run(["call", "a", "count", OBJECT]).refuses(2, "n: ", "count(");
    let line = format!(r#"{{"actor":"a","method":"count","args":{{"n":{OBJECT}}}}}"#);
    let ran = vactor.fed(["batch"], line);
    assert!(ran.code == 2 && ran.stdout.contains("bad-arguments"), "{ran:?}");
}

#[test]
fn integral_number_matches_integer_schema() {
    let vactor = echo();
    let ten = "{\"n\":10,\"all\":[10]}\n";
    for written in ["10", "10.0", "1e1", "100E-1"] {
        assert_eq!(vactor.line(&format!("call a count {written}")).ok(), ten);
        assert_eq!(vactor.line(&format!("get a ask n={written}")).ok(), ten);
        assert_eq!(vactor.line(&format!("call a count --key k {written}")).ok(), ten);
        assert_eq!(vactor.line(&format!("run echo job {written}")).ok(), ten);
        let line = format!(r#"{{"actor":"a","method":"count","args":{{"n":{written},"all":[{written}]}}}}"#);
        assert!(vactor.fed(["batch"], line).ok().contains("\"result\":{\"n\":10,\"all\":[10]}}"));
        let reference = vactor.line(&format!("call a count {written} --async")).ok();
        assert_eq!(vactor.line(&format!("wait {reference}")).ok(), ten);
    }
    assert_eq!(vactor.line("call a count").ok(), "{\"n\":5,\"all\":[10]}\n", "defaults too");
    assert_eq!(vactor.line("call a pass").ok(), "{\"n\":10,\"all\":[2]}\n", "arguments of a child too");
    vactor.line("call a count 10.5").refuses(2, "n: ", "count(n: integer");
    // a value without a schema stays as written
    assert_eq!(vactor.line("call a echo 10.0").ok(), "{\"any\":10.0,\"maybe\":0}\n");
}

#[test]
fn number_of_any_length_is_returned() {
    let vactor = echo();
    let long = "9".repeat(100_000);
    for (key, number) in
        ["1e+999999999", "-1e-999999999", "1e+99999999999999999999999", "1e+400", &long].iter().enumerate()
    {
        let key = key.to_string();
        let refused = "has more than 400 digits";
        vactor.run(["call", "a", "count", "--", number]).refuses(2, refused, "count(");
        vactor.run(["call", "a", "count", "--key", "k", "--", number]).refuses(2, refused, "count(");
        vactor.run(["call", "a", "count", "--async", "--", number]).refuses(2, refused, "count(");
        // without a schema the number is kept
        assert_eq!(vactor.run(["call", "a", "echo", "--", number]).ok(), format!("{{\"any\":{number},\"maybe\":0}}\n"));
        vactor.run(["emit", "a", "go", "--key", &key, "--", number]).fails(0);
    }
}

#[test]
fn invalid_payload_is_refused_with_position() {
    let vactor = echo();
    let deep = nested(200);
    for (payload, error) in [
        (r#"{"by": "Ada",}"#, "PAYLOAD is not JSON: trailing comma at line 1 column 14"),
        ("{'by': 'Ada'}", "PAYLOAD is not JSON: key must be a string at line 1 column 2"),
        ("[1, 2", "at line 1 column 5"),
        (" \n[NaN]", "at line 2 column "),
        (r#""\ud800""#, "at line 1 column "),
        (r#"{"a": "\udc00x"}"#, "at line 1 column "),
        ("\"open", "at line 1 column 5"),
        ("{} {}", "trailing characters at line 1 column 4"),
        (&deep, "PAYLOAD: it is nested deeper than 120 levels at line 1 column "),
    ] {
        vactor.run(["emit", "a", "go", payload]).refuses(2, error, "quotes");
        vactor.run(["emit", "a", "go", payload, "--json"]).fails(2);
        vactor.fed(["emit", "a", "go", "-"], payload).refuses(2, "PAYLOAD", "quotes");
        vactor.run(["call", "a", "echo", payload]).refuses(2, "any", "`any:=TEXT`");
        vactor.fed(["call", "a", "echo", "-"], payload).refuses(2, "any", "`any:=TEXT`");
        vactor.run(["call", "a", "echo", &format!("any:={payload}"), "-q"]).ok();
    }
    for (payload, note) in [("NaN", r#""NaN""#), ("True", r#""True""#), ("hello", r#""hello""#), ("'x'", r#""'x'""#)] {
        let ran = vactor.run(["emit", "a", "go", payload]);
        assert!(ran.stderr.starts_with(&format!("PAYLOAD is not JSON: it is sent as the string {note}\n")), "{ran:?}");
        assert_eq!(ran.code, 0);
        let ran = vactor.run(["call", "a", "echo", payload]);
        assert_eq!((ran.code, ran.stdout), (0, format!("{{\"any\":{note},\"maybe\":0}}\n")));
        assert_eq!(ran.stderr, format!("any is sent as the string {note}; `any:=TEXT` does so without this note\n"));
        assert_eq!(vactor.run(["call", "a", "echo", payload, "-q"]).stderr, "");
    }
    assert_eq!(
        vactor.run(["call", "a", "echo", "0", "{a"]).ok(),
        "{\"any\":0,\"maybe\":\"{a\"}\n",
        "an object cannot be meant"
    );
}

#[test]
fn byte_order_mark_is_skipped() {
    let vactor = echo();
    let marked = |text: &str| format!("\u{feff}{text}");
    vactor.fed(["emit", "a", "go", "-", "-q"], marked(r#"{"by":"Ada"}"#)).ok();
    assert_eq!(vactor.line("call a take").ok(), "{\"by\":\"Ada\"}\n");
    assert_eq!(emitted(&vactor, &marked("[1]")), "[1]");
    vactor.write("value", marked("7\n"));
    vactor.write("args", marked("{\"any\":7}\n"));
    let seven = "{\"any\":7,\"maybe\":0}\n";
    assert_eq!(vactor.line("call a echo @value").ok(), seven);
    assert_eq!(vactor.line("call a echo --args @args").ok(), seven);
    assert_eq!(vactor.fed(["call", "a", "echo", "--args", "-"], marked("{\"any\":7}")).ok(), seven);
    assert_eq!(vactor.run(["call", "a", "echo", "--args", &marked("{\"any\":7}")]).ok(), seven);
    vactor.write("text", marked("words\n"));
    assert_eq!(vactor.line("call a echo 1 maybe=@text -q").ok(), "{\"any\":1,\"maybe\":\"words\"}\n");
    let line = r#"{"actor":"a","method":"echo","args":[7]}"#;
    vactor.write("lines", marked(line));
    assert!(vactor.line("batch lines").ok().contains(r#""result":{"any":7,"#));
    assert!(vactor.fed(["batch"], marked(line)).ok().contains(r#""result":{"any":7,"#));
}

#[test]
fn text_in_other_encoding_is_refused_by_name() {
    let vactor = echo();
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let line = "{\"actor\":\"a\",\"method\":\"echo\",\"args\":[7]}\n".repeat(3);
    for (mark, hint) in [("", "`iconv -f utf-16le -t utf-8`"), ("\u{feff}", "`iconv -f utf-16 -t utf-8`")] {
        let bytes = |text: &str| utf16(&format!("{mark}{text}"));
        vactor.fed(["batch"], bytes(&line)).refuses(2, "the batch is UTF-16 text", hint);
        vactor.fed(["emit", "a", "go", "-"], bytes("{}")).refuses(2, "PAYLOAD from stdin is UTF-16 text", hint);
        vactor.write("file", bytes("{\"any\":7}\r\n"));
        vactor.line("call a echo --args @file").refuses(2, "--args from file is UTF-16 text", hint);
        vactor.line("call a echo 1 maybe=@file").refuses(2, "maybe from file is UTF-16 text", hint);
    }
    vactor.fed(["call", "a", "echo", "-"], b"\"\xe4\"").refuses(2, "any from stdin is not UTF-8 text", "");
    assert_eq!(steps(&vactor), 1);
}

#[test]
fn nesting_has_one_limit_everywhere() {
    let vactor = echo();
    let hint = "";
    // the object of the arguments is one level; a batch also takes the list of arguments
    for (levels, fits) in [(119, true), (120, false), (126, false), (127, false), (128, false), (10_000, false)] {
        let value = nested(levels);
        let args = format!("{{\"any\":{value}}}");
        let line = format!(r#"{{"actor":"a","method":"echo","args":{args}}}"#);
        for ran in [
            vactor.run(["call", "a", "echo", &value]),
            vactor.run(["call", "a", "echo", "--args", &args]),
            vactor.run(["call", "a", "echo", "--key", &levels.to_string(), &value]),
        ] {
            match fits {
                true => assert_eq!(ran.ok(), format!("{{\"any\":{value},\"maybe\":0}}\n")),
                false => ran.refuses(2, "120 levels", hint),
            }
        }
        let ran = vactor.fed(["batch"], &line);
        assert_eq!((ran.code, ran.stdout.contains("120 levels")), if fits { (0, false) } else { (2, true) }, "{ran:?}");
    }
    assert_eq!(emitted(&vactor, &nested(120)), nested(120));
    vactor.run(["emit", "a", "go", "--key", "k", &nested(120)]).fails(0);
    vactor.run(["emit", "a", "go", &nested(121)]).refuses(2, "120 levels", "");
    let result = |levels: usize| {
        let class = RawClass::new().text("deep", nested(levels)).mutation("go", "(call $ok (call $text_deep))");
        let vactor = Vactor::with("deep", &class);
        vactor.line("create deep a").ok();
        vactor.line("call a go")
    };
    assert_eq!(result(120).ok(), nested(120) + "\n");
    result(121).refuses(5, "the result of go: it is nested deeper than 120 levels", "");
    result(20_000).refuses(5, "the result of go: it is nested deeper than 120 levels", "");
}
