//! The output of each command: data on stdout, messages on stderr.

use serde_json::Value;

use crate::raw::{NULL, RawClass};
use crate::support::{Ran, Vactor};

/// A class `plain` in version 1: `keep` saves its arguments as the state, `ask` returns the state,
/// `say` returns a text and logs one, `go` returns nothing.
fn class() -> RawClass {
    RawClass::new()
        .description(
            r#"{"doc":"A class.\nWith a second line.","methods":[
            {"name":"new","kind":"constructor","doc":"Makes one."},
            {"name":"keep","kind":"mutation","result":{},"parameters":[{"name":"v","schema":true,"doc":"What."}]},
            {"name":"ask","kind":"query","result":{}},
            {"name":"say","kind":"query","result":{"type":"string"}},
            {"name":"go","kind":"mutation"}]}"#,
        )
        .text("said", "hello")
        .text("given", "\"a \\\"text\\\"\"")
        .mutation(
            "keep",
            "(global.set $state (local.get $arguments)) (global.set $state.len (local.get $arguments.len))
             (call $ok (call $text_null))",
        )
        .query("ask", "(call $ok (global.get $state) (global.get $state.len))")
        .query("say", "(call $log (i32.const 1) (call $text_said)) (call $ok (call $text_given))")
        .mutation("go", NULL)
}

fn vactor() -> Vactor {
    let vactor = Vactor::with("plain", &class());
    vactor.line("create plain a/1").ok();
    vactor
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn result_is_one_line_of_json() {
    let vactor = vactor();
    let ran = vactor.line("call a/1 keep {\"b\":[1,2.50],\"a\":null}");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("null\n", ""));
    assert_eq!(vactor.line("get a/1 ask").ok(), "{\"v\":{\"b\":[1,2.50],\"a\":null}}\n");
    assert_eq!(vactor.line("get a/1 say").ok(), "\"a \\\"text\\\"\"\n");
    assert_eq!(vactor.line("get a/1 say -r").ok(), "a \"text\"\n");
    assert_eq!(vactor.line("get a/1 ask --raw").ok(), "{\"v\":{\"b\":[1,2.50],\"a\":null}}\n");
}

#[test]
fn method_without_result_prints_none() {
    let vactor = vactor();
    let ran = vactor.line("call a/1 go");
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
    assert_eq!(vactor.line("call a/1 go --json").ok(), "null\n");
}

#[test]
fn quiet_drops_notes_and_log_lines() {
    let vactor = vactor();
    assert_eq!(vactor.line("create plain b").stderr, "created b\n");
    assert_eq!(vactor.line("create plain c -q").stderr, "");
    assert_eq!(vactor.line("get a/1 say").stderr, "a/1: hello\n");
    assert_eq!(vactor.line("--quiet get a/1 say").stderr, "");
    let timed = vactor.line("call a/1 go -v").stderr;
    assert!(timed.starts_with("a/1#2, step 2, ") && timed.trim_end().ends_with("s"), "{timed}");
}

#[test]
fn json_lines_match_their_schemas() {
    let vactor = Vactor::new();
    vactor.write("class", class().build());
    for line in [
        "init",
        "where",
        "register plain class",
        "create plain a 
        ",
        "create plain a --if-absent",
        "call a keep 1 --meta who=me",
        "get a ask",
        "show a",
        "ls",
        "log a",
        "classes",
        "describe plain",
        "rm a --yes",
        "rm --class plain --yes",
        "help exit-codes",
        "util schema",
    ] {
        let command = line.split_whitespace().next().unwrap();
        let schema = json(&vactor.run(["util", "schema", command]).ok());
        let printed = vactor.line(&format!("{line} --json")).ok();
        assert!(!printed.is_empty(), "{line}");
        for object in printed.lines().map(json) {
            let checked = jsonschema::validate(&schema, &object).map_err(|error| error.to_string());
            assert_eq!(checked, Ok(()), "{line}: {object}\n{schema}");
        }
    }
}

#[test]
fn repeated_register_makes_no_version() {
    let vactor = Vactor::new();
    vactor.write("one", class().build());
    vactor.write("two", class().text("more", "x").build());
    let register = |file: &str| {
        let line = json(&vactor.run(["register", "c", file, "--json"]).ok());
        (line["registered"].as_str().unwrap().to_owned(), line["version"].as_u64().unwrap())
    };
    assert_eq!(register("one"), ("new".into(), 1));
    assert_eq!(register("one"), ("unchanged".into(), 1));
    assert_eq!(register("two"), ("new".into(), 2));
    assert_eq!(register("one"), ("again".into(), 1));
    let classes = json(&vactor.line("classes --json").ok());
    assert_eq!((&classes["version"], &classes["versions"]), (&1.into(), &2.into()));
}

#[test]
fn actor_is_shown_and_listed() {
    let vactor = vactor();
    vactor.line("create plain b").ok();
    vactor.line("call a/1 keep 5").ok();
    let shown = json(&vactor.line("show a/1 --json").ok());
    assert_eq!((&shown["class"], &shown["version"], &shown["steps"]), (&"plain".into(), &1.into(), &2.into()));
    assert_eq!((&shown["state"]["v"], &shown["state_bytes"]), (&5.into(), &7.into()));
    let piped = vactor.line("show a/1").ok();
    assert_eq!(piped.lines().count(), 2, "{piped}");
    assert!(piped.starts_with("id\tclass\tversion\t") && piped.ends_with("\t{\"v\":5}\n"), "{piped}");

    let ids = |line: &str| -> Vec<String> {
        vactor.line(line).ok().lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("ls"), ["id", "a/1", "b"]);
    assert_eq!(ids("ls a/"), ["id", "a/1"]);
    assert_eq!(ids("ls c"), ["id"]);
}

#[test]
fn class_is_described() {
    let vactor = vactor();
    let described = vactor.line("describe plain").ok();
    let lines: Vec<_> = described.lines().collect();
    assert_eq!(lines[0], "method\tkind\tparameters\tresult\tdoc");
    assert_eq!(lines[1], "new\tconstructor\t\t\tMakes one.");
    assert_eq!(lines[2], "keep\tmutation\tv: any\tany\tv: What.");
    assert_eq!(vactor.line("classes").ok().lines().nth(1).unwrap().split('\t').next_back(), Some("A class."));
}

#[test]
fn journal_lists_calls() {
    let vactor = vactor();
    vactor.line("call a/1 keep 5 --meta who=me --meta why=because").ok();
    vactor.line("call a/1 go").ok();
    let lines: Vec<Value> = vactor.line("log a/1 --json").ok().lines().map(json).collect();
    let methods: Vec<_> = lines.iter().map(|line| line["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["new", "keep", "go"]);
    assert_eq!(lines[1]["meta"], json(r#"{"who":"me","why":"because"}"#));
    assert_eq!((&lines[1]["reference"], &lines[1]["arguments"]["v"]), (&"a/1#2".into(), &5.into()));
    let steps = |line: &str| {
        vactor.line(line).ok().lines().skip(1).map(|l| l.split('\t').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(steps("log a/1"), ["1", "2", "3"]);
    assert_eq!(steps("log a/1 --last 2"), ["2", "3"]);
    assert_eq!(steps("log a/1 -n 0"), [""; 0]);
    assert_eq!(steps("log a/1 --last 99"), ["1", "2", "3"]);
}

#[test]
fn recreated_actor_continues_numbers() {
    let vactor = vactor();
    vactor.line("call a/1 go").ok();
    let ran = vactor.line("rm a/1 --yes");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "removed a/1\n"));
    let made = json(&vactor.line("create plain a/1 --json").ok());
    assert_eq!((&made["reference"], &made["created"]), (&"a/1#3".into(), &true.into()));
}

#[test]
fn call_with_used_key_returns_recorded_result() {
    let vactor = vactor();
    vactor.line("call a/1 keep 5 --key k").ok();
    let again = vactor.line("call a/1 keep 5 --key k -v");
    assert!(again.stderr.contains("a/1#2, a duplicate of an earlier call"), "{again:?}");
    assert_eq!(json(&vactor.line("show a/1 --json").ok())["steps"], 2);
}

#[test]
fn store_is_found_from_subfolder() {
    let vactor = vactor();
    let deep = vactor.path("x/y");
    std::fs::create_dir_all(&deep).unwrap();
    let mut command = vactor.command();
    let output = command.current_dir(&deep).args(["where"]).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().trim_end().ends_with("/.vactor"));
    let mut command = vactor.command();
    let output = command.current_dir(&deep).args(["init"]).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("is used here already"));
    assert!(!deep.join(".vactor").exists());
    let mut command = vactor.command();
    command.current_dir(&deep).args(["init", "--store", ".vactor"]).output().unwrap();
    assert!(deep.join(".vactor/store.redb").exists());
}

#[test]
fn shell_completes_names_of_store() {
    let vactor = vactor();
    vactor.line("create plain b").ok();
    let offered = |words: &[&str]| -> Vec<String> {
        let mut command = vactor.command();
        command.env("VACTOR_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
        command.env("_CLAP_IFS", "\n").arg("--").args(words);
        let output = command.output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    };
    assert_eq!(offered(&["vactor", "call", "a"]), ["a/1"]);
    assert_eq!(offered(&["vactor", "call", "a/1", "g"]), ["go"]);
    assert_eq!(offered(&["vactor", "get", "b", "s"]), ["say"]);
    assert_eq!(offered(&["vactor", "call", "b", "keep", "v"]), ["v="]);
    assert_eq!(offered(&["vactor", "create", "p"]), ["plain"]);
    assert_eq!(offered(&["vactor", "descr"]), ["describe"]);
    vactor.line("call b go --at 2100-01-01T00:00Z").ok();
    for line in [["vactor", "wait", "b"], ["vactor", "cancel", "b#"]] {
        assert_eq!(offered(&line), ["b#2"]);
    }
    // also of an actor whose construction is pending
    let mut command = vactor.command();
    assert!(
        command
            .env("VACTOR_WORKER", "off")
            .args(["create", "plain", "c", "--async"])
            .output()
            .unwrap()
            .status
            .success()
    );
    assert_eq!(offered(&["vactor", "show", "c"]), ["c"]);
    assert_eq!(offered(&["vactor", "call", "c", "g"]), ["go"]);
    assert_eq!(offered(&["vactor", "call", "c", "keep", "v"]), ["v="]);
    assert!(offered(&["vactor", "call", "b", "--max-t"]).contains(&"--max-time".to_owned()));
}

#[test]
fn register_lists_actors_on_other_versions() {
    let vactor = Vactor::new();
    let register = |answer: &str| {
        let class =
            RawClass::new().text("answer", answer).query("ask", "(call $ok (call $text_answer))").task("work", NULL);
        vactor.write("class", class.build());
        vactor.line("register plain class")
    };
    let accept = |line: &str| {
        let mut command = vactor.command();
        Ran::from(command.env("VACTOR_WORKER", "off").args(line.split_whitespace()).output().unwrap()).ok()
    };
    assert_eq!(register("1").stderr.lines().last(), Some("registered plain, version 1"));
    vactor.line("create plain a").ok();
    assert_eq!(register("1").stderr, "plain has these bytes already, version 1\n");
    assert_eq!(register("2").stderr, "registered plain, version 2; 1 actor stays on version 1\n");
    vactor.line("create plain b").ok();
    vactor.line("create plain c").ok();
    accept("run plain work --async");
    accept("create plain d --async");
    let staying = "1 actor stays on version 1, 2 actors and 2 accepted calls on version 2";
    assert_eq!(register("3").stderr, format!("registered plain, version 3; {staying}\n"));
    assert_eq!(register("1").stderr, "plain has version 1 again; 2 actors and 2 accepted calls stay on version 2\n");
    vactor.line("rm a b c --yes").ok();
    accept("cancel d#1");
    accept("wait plain/work#1");
    assert_eq!(register("3").stderr, "plain has version 3 again\n");
    vactor.line("create plain a").ok();
    let line = json(&vactor.line("register plain class --json").ok());
    assert_eq!(line["staying"], Value::Array(vec![]));
    register("1");
    let line = json(&vactor.line("register plain class --json").ok());
    assert_eq!(line["staying"], json(r#"[{"version":3,"actors":1,"pending":0}]"#));
}
