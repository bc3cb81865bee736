//! Output on a terminal, which scripts do not get.
#![cfg(target_os = "linux")]

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::raw::{NULL, RawClass};
use crate::support::Vactor;

/// Written to the terminal when the command has ended. Without it, the last output could be lost
/// with the terminal.
const END: &str = "(end)";

/// Runs a line on a terminal, on which this text is typed. The output of the terminal, and the exit
/// code.
fn on_terminal(vactor: &Vactor, line: &str, typed: &str, variables: &[(&str, &str)]) -> (String, i32) {
    let mut command = vactor.command();
    command.args(line.split_whitespace()).env("TERM", "xterm").envs(variables.iter().copied());
    typed_to(command, |terminal| terminal.write_all(typed.as_bytes()).unwrap())
}

/// Runs a command on a terminal, where `person` types.
fn typed_to(mut command: Command, person: impl FnOnce(&mut File)) -> (String, i32) {
    let pair = nix::pty::openpty(None, None).unwrap();
    let (mut master, mut slave) = (File::from(pair.master), File::from(pair.slave));
    let end = || Stdio::from(slave.try_clone().unwrap());
    let mut child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
    let mut typing = master.try_clone().unwrap();
    let reader = std::thread::spawn(move || {
        let mut shown = Vec::new();
        let mut buffer = [0; 4096];
        while !shown.ends_with(END.as_bytes()) {
            let read = master.read(&mut buffer).unwrap();
            shown.extend_from_slice(&buffer[..read]);
        }
        String::from_utf8(shown).unwrap()
    });
    person(&mut typing);
    let code = child.wait().unwrap().code().unwrap();
    slave.write_all(END.as_bytes()).unwrap();
    let shown = reader.join().unwrap();
    (shown.trim_end_matches(END).replace("\r\n", "\n"), code)
}

fn shown(vactor: &Vactor, line: &str) -> String {
    on_terminal(vactor, line, "", &[]).0
}

fn vactor() -> Vactor {
    let speaking = "(call $log (i32.const 1) (call $text_said)) (call $ok (call $text_given))";
    let class = RawClass::new()
        .text("said", "one\u{1b}[2J\ntwo")
        .text("given", "\"a\\u001b]0;title \u{9b}\"")
        .query("ask", speaking)
        .mutation("go", NULL);
    let vactor = Vactor::with("plain", &class);
    vactor.line("create plain a").ok();
    vactor
}

#[test]
fn class_text_does_not_control_terminal() {
    let vactor = vactor();
    assert_eq!(shown(&vactor, "get a ask -r"), "a: one\\u{1b}[2J\na: two\na\\u{1b}]0;title \\u{9b}\n");
    assert_eq!(shown(&vactor, "get a ask -q"), "\"a\\u001b]0;title \\u{9b}\"\n");
}

/// Characters that reorder, hide or cut text on a terminal.
const HIDING: &str = "x\u{61c}\u{200b}\u{ad}\u{feff}\u{2028}\u{e0041}\u{202e}\u{fe0f}\u{3164}\u{34f}y";
const CODES: &str = r"x\u{61c}\u{200b}\u{ad}\u{feff}\u{2028}\u{e0041}\u{202e}\u{fe0f}\u{3164}\u{34f}y";
const JSON_CODES: &str = r"x\u061c\u200b\u00ad\ufeff\u2028\udb40\udc41\u202e\ufe0f\u3164\u034fy";

#[test]
fn hiding_text_is_shown_as_codes_and_piped_unchanged() {
    let failing = "(call $fail (call $text_kind) (call $text_x) (call $text_quoted))";
    let description = format!(
        r#"{{"doc":"{HIDING}","methods":[{{"name":"new","kind":"constructor","doc":"{HIDING}"}},
        {{"name":"ask","kind":"query","doc":"{HIDING}","result":{{}},
          "parameters":[{{"name":"p","doc":"{HIDING}","schema":{{"enum":["{HIDING}"]}},"default":"{HIDING}"}}]}},
        {{"name":"fail","kind":"mutation"}},{{"name":"go","kind":"mutation","result":{{}}}}]}}"#
    );
    let class = RawClass::new()
        .description(&description)
        .text("x", HIDING)
        .text("kind", "kind")
        .text("quoted", format!("\"{HIDING}\""))
        .query("ask", "(call $log (i32.const 1) (call $text_x)) (call $ok (call $text_quoted))")
        .mutation("fail", failing)
        .mutation("go", "(call $log (i32.const 1) (call $text_x)) (call $ok (call $text_quoted))");
    let vactor = Vactor::with("plain", &class);
    vactor.line("create plain a").ok();
    vactor.line("call a fail").fails(1);
    // U+2028 counts as a space, at which lines are split
    let typed = HIDING.replace('\u{2028}', "");
    vactor.line(&format!("call a go --meta why={typed}")).ok();
    vactor.line(&format!("emit a {typed} {typed} -q")).fails(0);
    let is_shown = |line: &str, json: bool| {
        let (shown, _) = on_terminal(&vactor, line, "", &[("NO_COLOR", "1")]);
        let hidden = HIDING.chars().filter(|c| !c.is_ascii()).find(|c| shown.contains(*c));
        assert_eq!(hidden, None, "{line}: {shown:?}");
        let codes = if json { JSON_CODES } else { CODES };
        // a table wraps its cells
        let codes = if line == "log a" { r"\u{61" } else { codes };
        assert!(shown.contains(codes) || shown.contains(&codes.replace(r"\u{2028}", "")), "{line}: {shown:?}");
    };
    for line in ["get a ask", "get a ask -r", "call a fail", "call a go", "log a", "describe plain"] {
        is_shown(line, false);
    }
    for line in ["call a go", "emit a go", "emit a", "ls", "call a"] {
        is_shown(&format!("{line} {typed}"), false);
    }
    is_shown(&format!("show a --store {typed}"), false);
    for line in ["get a ask --json", "call a fail --json", "log a --json", "describe plain --json"] {
        is_shown(line, true);
    }
    vactor.write("line", r#"{"actor":"a","method":"go"}"#);
    is_shown("batch line -q", true);
    for line in ["get a ask", "log a", "log a --json", "describe plain", "describe plain --json", "batch line"] {
        let piped = vactor.line(line).ok();
        assert!(piped.contains(HIDING), "{line}: {piped:?}");
    }
    let ran = vactor.line("call a fail");
    assert!(ran.stderr.contains(HIDING), "{ran:?}");
    let ran = vactor.run(["emit", "a", "go", HIDING]);
    assert!(ran.stderr.contains(HIDING), "{ran:?}");
}

#[test]
fn completion_shows_hiding_text_as_codes() {
    let description = format!(
        r#"{{"methods":[{{"name":"new","kind":"constructor"}},{{"name":"go","kind":"mutation","doc":"{HIDING}"}}]}}"#
    );
    let vactor = Vactor::with("plain", &RawClass::new().description(&description).mutation("go", NULL));
    vactor.line("create plain a").ok();
    let mut command = vactor.command();
    command.args(["--", "vactor", "call", "a", ""]).env("VACTOR_COMPLETE", "zsh").env("_CLAP_COMPLETE_INDEX", "3");
    let offered = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(offered.contains("go") && offered.contains("u{61c}"), "{offered:?}");
    assert!(!offered.contains('\u{61c}') && !offered.contains('\u{200b}'), "{offered:?}");
}

#[test]
fn tables_are_drawn_on_terminal() {
    let vactor = vactor();
    let plain = |line: &str| on_terminal(&vactor, line, "", &[("NO_COLOR", "1")]).0;
    let listed = plain("ls");
    assert!(listed.starts_with("ID  CLASS  VERSION  STEPS  UPDATED\na   plain  1        1      "), "{listed}");
    assert!(plain("show a").starts_with("id          a\nclass       plain\n"));
    assert_eq!(plain("ls missing"), "there is no actor whose id begins with missing\n");
}

#[test]
fn colour_follows_terminal_and_settings() {
    let vactor = vactor();
    let coloured =
        |line: &str, variables: &[(&str, &str)]| on_terminal(&vactor, line, "", variables).0.contains('\u{1b}');
    assert!(coloured("show missing", &[]) && coloured("ls", &[]) && coloured("--help", &[]));
    for (line, variables) in [
        ("show missing", &[("NO_COLOR", "1")]),
        ("ls", &[("NO_COLOR", "1")]),
        ("--help", &[("NO_COLOR", "1")]),
        ("show missing", &[("TERM", "dumb")]),
        ("show missing --color=never", &[("CLICOLOR_FORCE", "1")]),
        ("--help --color=never", &[("CLICOLOR_FORCE", "1")]),
    ] {
        assert!(!coloured(line, variables), "{line} {variables:?}");
    }
    assert!(vactor.line("show missing --color=always").stderr.contains('\u{1b}'));
    let mut command = vactor.command();
    let forced = command.args(["show", "missing"]).env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(forced.stderr.contains(&0x1b));
}

#[test]
fn destructive_command_asks_on_terminal() {
    let vactor = vactor();
    for no in ["n\n", "\n", "maybe\n"] {
        let (shown, code) = on_terminal(&vactor, "rm a", no, &[("NO_COLOR", "1")]);
        assert!(shown.contains("remove a and its journal (1 steps)? [y/N] "), "{shown:?}");
        assert_eq!((code, shown.ends_with("nothing was removed\n")), (130, true), "{shown:?}");
    }
    vactor.line("show a").ok();
    let (shown, code) = on_terminal(&vactor, "rm a", "y\n", &[]);
    assert_eq!((code, shown.ends_with("removed a\n")), (0, true), "{shown}");
    vactor.line("show a").fails(3);
}

#[test]
fn long_command_shows_progress() {
    let vactor = vactor();
    let cache = vactor.path("another-cache");
    let (shown, code) = on_terminal(&vactor, "call a go", "", &[("XDG_CACHE_HOME", cache.to_str().unwrap())]);
    assert_eq!(code, 0);
    assert!(shown.contains("compiling plain") && shown.ends_with("null\n"), "{shown:?}");
    assert_eq!(on_terminal(&vactor, "call a go", "", &[("XDG_CACHE_HOME", cache.to_str().unwrap())]).0, "null\n");
}

/// A real bash, with readline and its word breaks. Text that is typed early waits in the terminal
/// until bash reads it.
#[test]
fn bash_completes_words_with_split_characters() {
    let vactor =
        Vactor::with("plain", &RawClass::new().text("seven", "7").query("ask", "(call $ok (call $text_seven))"));
    for id in ["user:1/cart", "ada@example.org"] {
        vactor.line(&format!("create plain {id}")).ok();
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_vactor")).parent().unwrap();
    let mut bash = Command::new("bash");
    bash.args(["--norc", "--noprofile", "-i"]).env_clear().envs(vactor.environment()).current_dir(vactor.path("."));
    let path = std::env::join_paths([binary.to_owned()].into_iter().chain(std::env::split_paths(&path()))).unwrap();
    bash.env("PATH", path).env("PS1", "> ").env("HISTFILE", "");
    let settings = vactor.write("inputrc", "set enable-bracketed-paste off\n");
    bash.env("TERM", "xterm").env("INPUTRC", settings);
    let lines = [
        "vactor get user:1\tas\t\n",
        "vactor get user:\tas\t\n",
        "vactor get user\\:1\tas\t\n",
        "vactor get \"user:1\tas\t\n",
        "vactor get ada@\tas\t\n",
        "vactor get --store=.vac\t ada@ex\tas\t\n",
        "vactor get --store .vac\t user:\tas\t\n",
    ];
    let (shown, code) = typed_to(bash, |terminal| {
        terminal.write_all(b"eval \"$(vactor util completions bash)\"\n").unwrap();
        lines.iter().for_each(|line| terminal.write_all(line.as_bytes()).unwrap());
        terminal.write_all(b"exit 0\n").unwrap();
    });
    assert_eq!((shown.lines().filter(|line| *line == "7").count(), code), (lines.len(), 0), "{shown}");
}

fn path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}
