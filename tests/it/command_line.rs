//! Parsing of the command line.

use serde_json::Value;

use crate::support::Vactor;

#[test]
fn invalid_command_line_is_refused_with_hint() {
    let vactor = Vactor::new();
    vactor.line("").refuses(2, "a command is missing", "vactor --help");
    vactor.line("-v").refuses(2, "a command is missing", "`vactor --help`");
    vactor.line("util").refuses(2, "a command is missing", "`vactor util --help`");
    vactor.line("call a m --timeout -5s").refuses(2, "invalid value `-5s` for `--timeout <TIME>`: write a time", "");
    vactor.line("call a m --val 3").refuses(2, "unexpected argument `--val`", "given as `val=VALUE`");
    vactor.line("wher").refuses(2, "unrecognized subcommand `wher`", "did you mean `where`?");
    vactor.line("where --jsn").refuses(2, "unexpected argument `--jsn`", "did you mean `--json`?");
    vactor.line("where --color=pink").refuses(2, "invalid value `pink`", "");
    vactor.line("help wher").refuses(2, "there is no command `wher`", "did you mean `where`?");
    vactor.line("where -q -v").refuses(2, "`--quiet` cannot be used with", "usage: ");
}

#[test]
fn error_in_json_mode_is_object() {
    let said = Vactor::new().line("where --jsn --json").fails(2);
    let error: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(error["error"]["kind"], "usage");
    assert_eq!(error["error"]["hint"], "did you mean `--json`?");
}

#[test]
fn help_goes_to_stdout() {
    let vactor = Vactor::new();
    let help = vactor.line("--help").ok();
    assert!(help.contains("Commands:") && help.contains("where"), "{help}");
    assert!(!help.contains('\u{1b}'), "colour in a pipe: {help:?}");
    assert_eq!(vactor.line("where --help").ok(), vactor.line("help where").ok());
    assert_eq!(vactor.line("--version").ok(), concat!("vactor ", env!("CARGO_PKG_VERSION"), "\n"));
    assert!(vactor.line("--help --color=always").ok().contains('\u{1b}'));
}

#[test]
fn help_shows_only_limits_that_apply() {
    let vactor = Vactor::new();
    let compiling = "component compile-time compile-memory";
    for (command, shown) in [
        ("build", format!("time memory result log {compiling}")),
        ("register", format!("time memory result log {compiling}")),
        ("create", format!("time memory state args result log children operations depth {compiling}")),
        ("call", format!("time memory state args result log children operations depth {compiling}")),
        ("get", format!("time memory args result log {compiling}")),
        ("run", format!("time memory args result log {compiling}")),
        ("wait", compiling.to_owned()),
        ("worker", compiling.to_owned()),
        ("emit", "args".to_owned()),
        ("show", String::new()),
    ] {
        let help = vactor.line(&format!("{command} --help")).ok();
        let limits: Vec<_> = help.split_whitespace().filter_map(|word| word.strip_prefix("--max-")).collect();
        assert_eq!(limits.join(" "), shown, "{command}");
        // but a script may set it for all commands
        let taken = !vactor.line(&format!("{command} --max-depth 3")).stderr.contains("unexpected argument");
        assert_eq!(taken, !shown.is_empty(), "{command}");
    }
}

#[test]
fn exit_codes_are_listed() {
    let codes = Vactor::new().line("help exit-codes").ok();
    let listed: Vec<_> = codes.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(listed, ["code", "0", "1", "2", "3", "4", "5", "6", "130"]);
}

#[test]
fn commands_have_schema_and_man_page() {
    let vactor = Vactor::new();
    let lines = vactor.line("util schema").ok();
    let schemas: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for schema in &schemas {
        let name = schema["command"].as_str().unwrap();
        assert!(jsonschema::validator_for(&schema["schema"]).is_ok(), "{schema}");
        if name != "error" {
            let page = vactor.run(["util", "man", name]).ok();
            assert!(page.contains(&format!(".TH vactor-{name}")), "{page}");
        }
    }
    let error = serde_json::from_str::<Value>(&vactor.line("util schema error").ok()).unwrap();
    let said: Value = serde_json::from_str(&vactor.line("where --jsn --json").fails(2)).unwrap();
    assert!(jsonschema::is_valid(&error, &said), "{said} is not as {error} says");
}

#[test]
fn shells_get_completions() {
    let vactor = Vactor::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = vactor.run(["util", "completions", shell]).ok();
        assert!(script.contains("VACTOR_COMPLETE"), "{script}");
    }
}

#[test]
fn where_shows_store_and_reason() {
    let vactor = Vactor::new();
    let none = vactor.line("where");
    assert_eq!((none.code, none.stderr.contains("there is no store")), (3, true), "{none:?}");

    let why = |args: &[&str], variable: Option<&str>| -> Value {
        let mut command = vactor.command();
        command.args(args).arg("--json");
        command.envs(variable.map(|value| ("VACTOR_STORE", value)));
        serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(why(&["where"], None)["why"], "new");
    assert_eq!(why(&["where"], Some(""))["why"], "new");
    assert_eq!(why(&["where"], Some("elsewhere"))["store"], "elsewhere");
    assert_eq!(why(&["where", "--store", "here"], Some("elsewhere"))["store"], "here");
    assert_eq!(why(&["--store=here", "where"], None)["why"], "flag");
    vactor.line("where --store postgres://host/db").refuses(2, "postgres://", "folder");
}
