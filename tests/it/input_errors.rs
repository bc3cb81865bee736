//! Wrong input, each kind with its exit code and its hint.

use crate::raw::{NULL, RawClass};
use crate::support::{Ran, Vactor};

/// A store with an actor `first` of a class `plain`, whose query `echo` gives back its arguments.
fn vactor() -> Vactor {
    let class = RawClass::new()
        .description(
            r#"{"methods":[
                {"name":"new","kind":"constructor","parameters":[{"name":"size","schema":{"type":"integer"},"default":1}]},
                {"name":"echo","kind":"query","result":{},"parameters":[
                    {"name":"n","schema":{"type":"integer"}},
                    {"name":"text","schema":{"type":"string"},"default":"x"}]},
                {"name":"change","kind":"mutation","parameters":[]}]}"#,
        )
        .query("echo", "(call $ok (local.get $arguments) (local.get $arguments.len))")
        .mutation("change", NULL);
    let vactor = Vactor::with("plain", &class);
    vactor.line("create plain first").ok();
    vactor
}

#[test]
fn unknown_name_is_not_found() {
    let vactor = vactor();
    vactor.line("call fist change").refuses(3, "there is no actor fist", "did you mean `first`?");
    vactor.line("get missing echo 1").refuses(3, "there is no actor missing", "`vactor ls`");
    vactor.line("show fist").refuses(3, "there is no actor fist", "did you mean `first`?");
    vactor.line("log fist").refuses(3, "there is no actor fist", "did you mean `first`?");
    vactor.line("rm fist --yes").refuses(3, "there is no actor fist", "did you mean `first`?");
    vactor.line("create plan second").refuses(3, "there is no class plan", "did you mean `plain`?");
    vactor.line("describe plan").refuses(3, "there is no class plan", "did you mean `plain`?");
    vactor.line("rm --class plan --yes").refuses(3, "there is no class plan", "did you mean `plain`?");
    vactor.line("call first chang").refuses(2, "the class plain has no method chang", "did you mean `change`?");
    vactor.line("get first other").refuses(2, "the class plain has no method other", "`vactor describe plain`");
    assert_eq!(vactor.line("ls missing").ok(), "id\tclass\tversion\tsteps\tupdated\n");
}

#[test]
fn method_of_other_kind_is_refused() {
    let vactor = vactor();
    vactor.line("get first change").refuses(2, "change is a mutation", "`vactor call`");
    vactor.line("call first new").refuses(2, "new is a constructor", "`vactor create`");
    // `call` runs a query too
    assert_eq!(vactor.line("call first echo 1").ok(), "{\"n\":1,\"text\":\"x\"}\n");
}

#[test]
fn mismatched_argument_is_refused() {
    let vactor = vactor();
    let signature = "echo(n: integer, text: string = \"x\")";
    vactor.line("get first echo").refuses(2, "n is missing", signature);
    vactor.line("get first echo 1 a b").refuses(2, "`b` is one too many", signature);
    vactor.line("get first echo one").refuses(2, "`one` is not a JSON integer", signature);
    vactor.line("get first echo 1.5").refuses(2, "n: ", signature);
    vactor.line("get first echo {").refuses(2, "`{` is not a JSON integer", signature);
    vactor.line("get first echo m=1").refuses(2, "there is no parameter m", signature);
    vactor.line("get first echo 1 n=2").refuses(2, "n is given twice", signature);
    vactor.line("get first echo 1 txt=a").ok();
    vactor.line("get first echo 1 a txt=a").refuses(2, "there is no parameter txt", "did you mean `text=`?");
    vactor.line("call first change 1").refuses(2, "it takes no arguments", "change()");
    vactor.line("create plain second big").refuses(2, "`big` is not a JSON integer", "new(size: integer = 1)");
    vactor.line("create plain second 1 2").refuses(2, "it takes one argument", "new(size: integer = 1)");
}

#[test]
fn mismatched_json_arguments_are_refused() {
    let vactor = vactor();
    vactor.run(["get", "first", "echo", "--args", "{"]).refuses(2, "`--args` is not JSON", "");
    vactor.run(["get", "first", "echo", "--args", "[1]"]).refuses(2, "`--args` is not a JSON object", "names");
    vactor.run(["get", "first", "echo", "--args", r#"{"m":1}"#]).refuses(2, "no parameter m", "echo(");
    vactor.run(["get", "first", "echo", "--args", r#"{"n":"1"}"#]).refuses(2, "n: ", "echo(");
    vactor.run(["get", "first", "echo", "--args", "{}", "1"]).refuses(2, "`--args <JSON>` cannot be used", "");
}

#[test]
fn missing_argument_file_is_refused() {
    let vactor = vactor();
    vactor.fed(["get", "first", "echo", "-"], "").refuses(2, "n comes from stdin, and stdin is empty", "");
    vactor.fed(["get", "first", "echo", "--args", "-"], "").refuses(2, "stdin is empty", "");
    vactor.fed(["get", "first", "echo", "-", "-"], "1").refuses(2, "n and text cannot both", "");
    vactor.fed(["get", "first", "echo", "1", "-"], b"\xff").refuses(2, "not UTF-8", "");
    vactor.line("get first echo 1 @none").refuses(2, "cannot read text from none", "`text:=@none`");
    vactor.line("get first echo @none").refuses(2, "cannot read n from none", "");
    vactor.line("get first echo 1 @.").refuses(2, "cannot read text from .", "");
    vactor.line("get first echo --args @none").refuses(2, "cannot read --args from none", "");
    assert_eq!(
        vactor.fed(["get", "first", "echo", "-", "two words"], "12\n").ok(),
        "{\"n\":12,\"text\":\"two words\"}\n"
    );
}

#[test]
fn arguments_over_limit_are_refused() {
    let vactor = vactor();
    let text = "x".repeat(2000);
    vactor.write("text", &text);
    vactor.line("get first echo 1 @text --max-args 1KiB").refuses(
        2,
        "arguments are over the limit of 1024 bytes",
        "`--max-args`",
    );
    vactor.fed(["get", "first", "echo", "1", "-", "--max-args=1KiB"], &text).refuses(2, "1024", "`--max-args`");
    vactor.run(["get", "first", "echo", "1", &text, "--max-args=1KiB"]).refuses(2, "1024", "`--max-args`");
    let mut command = vactor.command();
    command.args(["get", "first", "echo", "1", "@text"]).env("VACTOR_MAX_ARGS", "1KiB");
    assert_eq!(command.output().unwrap().status.code(), Some(2));
    let mut command = vactor.command();
    command.args(["get", "first", "echo", "1"]).env("VACTOR_MAX_ARGS", "many");
    Ran::from(command.output().unwrap()).refuses(2, "invalid value `many` for `--max-args", "VACTOR_MAX_ARGS has this");
    vactor.line("get first echo 1 @text --max-args 4KiB").ok();
    vactor.line("get first echo 1 --max-args many").refuses(2, "invalid value `many`", "");
}

#[test]
fn numbers_arrive_as_typed() {
    let vactor = vactor();
    let big = "-340282366920938463463374607431768211457";
    assert_eq!(vactor.run(["get", "first", "echo", big]).ok(), format!("{{\"n\":{big},\"text\":\"x\"}}\n"));
    assert_eq!(vactor.line("get first echo 1 -.5kg").ok(), "{\"n\":1,\"text\":\"-.5kg\"}\n");
    assert_eq!(vactor.line("get first echo -1 --quiet -2x --store .vactor").ok(), "{\"n\":-1,\"text\":\"-2x\"}\n");
    assert_eq!(vactor.line("get first echo 1 -- --quiet").ok(), "{\"n\":1,\"text\":\"--quiet\"}\n");
    vactor.line("get first echo 1 --quite").refuses(2, "unexpected argument `--quite`", "did you mean `--quiet`?");
    vactor.line("get first echo -1 --quite").refuses(2, "unexpected argument `--quite`", "did you mean `--quiet`?");
}

#[test]
fn invalid_id_is_refused() {
    let vactor = vactor();
    let long = "x".repeat(256);
    for id in ["", "x//y", "/x", "..", "a/../b", "a\u{7}b", "a b", "a#1", "é", &long] {
        let hint = "an id is 1 to 255 letters";
        vactor.run(["create", "plain", id]).refuses(2, "the id", hint);
        vactor.run(["call", id, "change"]).refuses(2, "the id", hint);
        vactor.run(["get", id, "echo", "1"]).refuses(2, "the id", hint);
        vactor.run(["show", id]).refuses(2, "the id", hint);
        // these two commands take the reference of a task's call as well
        if id != "a#1" {
            vactor.run(["log", id]).refuses(2, "the id", hint);
            vactor.run(["rm", id, "--yes"]).refuses(2, "the id", hint);
        }
    }
    vactor.line("log a#1").refuses(3, "there is no invocation a#1", "");
    vactor.line("rm a#1 --yes").refuses(3, "there is no invocation a#1", "");
    vactor.run(["create", "plain", &"x".repeat(255)]).ok();
    for id in ["ada+news@example.org", "+43/1-234"] {
        vactor.run(["create", "plain", id]).ok();
        assert_eq!(vactor.run(["get", id, "echo", "1"]).ok(), "{\"n\":1,\"text\":\"x\"}\n");
    }
    for words in [&["--", "plain", "-x"][..], &["--async", "--", "plain", "-5"], &["--if-absent", "--", "plain", "-"]] {
        let create = [&["create"], words].concat();
        vactor.run(create).refuses(2, "begins with `-`, as a flag does", "not beginning with `-`");
    }
    vactor.line("wait -- -x#9").refuses(3, "there is no invocation -x#9", "`vactor ps --actor=-x` lists");
    vactor.run(["create", "pl ain", "x"]).refuses(2, "the class name", "a class name is");
}

#[test]
fn create_of_existing_actor_is_refused() {
    let vactor = vactor();
    vactor.line("create plain first").refuses(4, "first exists already", "`--if-absent`");
    assert_eq!(vactor.line("create plain first --if-absent").ok(), "");
    let line = vactor.line("create plain first --if-absent --json").ok();
    assert!(line.contains(r#""created":false"#), "{line}");
}

#[test]
fn reused_key_with_other_call_is_refused() {
    let vactor = vactor();
    vactor.line("call first change --key k").ok();
    vactor.line("call first change --key k").ok();
    vactor.run(["call", "first", "change", "--key", ""]).refuses(2, "the key", "a key is 1 to 255 bytes");
    vactor.run(["call", "first", "change", "--key", &"k".repeat(256)]).refuses(2, "the key", "");
    vactor.line("create plain second --key c").ok();
    vactor.line("create plain second --key c").ok();
    vactor.line("create plain second 2 --key c").refuses(4, "the key \"c\" was used", "take another key");
    vactor.line("call first change --meta who").refuses(2, "invalid value `who`", "");
    vactor.line("call first change --timeout soon").refuses(2, "invalid value `soon`", "");
}

#[test]
fn file_without_class_is_refused() {
    let vactor = vactor();
    let component = RawClass::new().build();
    let register = |bytes: &[u8]| {
        vactor.write("file", bytes);
        vactor.line("register other file")
    };
    register(b"what I wrote in my diary").refuses(2, "no WebAssembly", "`vactor build`");
    register(b"").refuses(2, "it is empty", "`vactor build`");
    register(&component[..component.len() / 2]).refuses(2, "this is no actor class", "");
    let wasi = r#"(component (import "wasi:cli/environment@0.2.0" (instance
        (export "get-arguments" (func (result (list string)))))))"#;
    register(&wat::parse_str(wasi).unwrap()).refuses(2, "wasi:cli/environment", "wasm32-unknown-unknown");
    register(&wat::parse_str("(component)").unwrap()).refuses(2, "does not export", "`vactor build`");
    register(&wat::parse_str("(module)").unwrap()).refuses(2, "core module", "`vactor build`");
    register(&RawClass::new().first("describe", "(unreachable)").build()).refuses(2, "no actor class", "");
    register(&RawClass::new().description("{}").build()).refuses(2, "no actor class", "");
    vactor.write("file", RawClass::new().first("describe", "(loop (br 0))").build());
    vactor.line("register other file --max-time 50ms").refuses(2, "", "`--max-time`");
    vactor.line("register other none").refuses(2, "cannot read none", "`vactor build`");
    vactor.line("register other .").refuses(2, ". is a folder", "`vactor build .`");
    vactor.write("file", &component);
    vactor.line("register 1other file").refuses(2, "does not begin with a letter", "a class name is");
    assert!(!vactor.line("classes").ok().contains("other"));
}

#[test]
fn refused_command_creates_no_store() {
    let vactor = Vactor::new();
    vactor.write("diary", "dear diary");
    vactor.line("register diary diary").fails(2);
    assert!(!vactor.path(".vactor").exists());
}

#[test]
fn rm_without_yes_is_refused() {
    let vactor = vactor();
    vactor.line("rm").refuses(2, "required arguments", "usage: vactor rm");
    vactor.line("rm first").refuses(2, "this removes first and its journal (1 steps)", "`--yes`");
    vactor.line("rm --class plain").refuses(2, "the class plain with all its versions and its 1 actors", "`--yes`");
    vactor.line("rm first missing --yes").refuses(3, "there is no actor missing", "");
    vactor.line("show first").ok();
    vactor.line("rm first --yes").ok();
    vactor.line("rm --class plain --yes").ok();
    assert_eq!(vactor.line("classes").ok(), "class\tversion\tsize\tregistered\tdoc\n");
}
