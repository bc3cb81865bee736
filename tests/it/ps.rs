//! `vactor ps`: accepted calls and their states.

use serde_json::Value;

use crate::raw::{NULL, RawClass};
use crate::support::{Ran, Vactor};

/// A store with actors `a` and `b`, whose `go` does nothing, `fail` fails, and `spin` never ends.
/// `a#2` is queued, `b#2` is delayed, `b#3` succeeded, `b#4` failed, `b#5` is its resumption, `b#6`
/// was cancelled.
fn vactor() -> Vactor {
    let spin = "(call $log (i32.const 1) (call $text_begun)) (loop (br 0)) (unreachable)";
    let fail = "(call $fail (call $text_begun) (call $text_begun) (i32.const 0) (i32.const 0))";
    let class =
        RawClass::new().text("begun", "begun").mutation("go", NULL).mutation("fail", fail).mutation("spin", spin);
    let vactor = Vactor::with("plain", &class);
    vactor.line("create plain a").ok();
    vactor.line("create plain b").ok();
    accept(&vactor, "call a go --async", "a#2");
    accept(&vactor, "call b go --after 7d", "b#2");
    vactor.line("call b go").ok();
    vactor.line("call b fail").fails(1);
    accept(&vactor, "resume b#4", "b#5");
    accept(&vactor, "call b spin --async", "b#6");
    accept(&vactor, "cancel b#6", "");
    vactor
}

/// Accepts a call without a worker.
fn accept(vactor: &Vactor, line: &str, reference: &str) {
    let mut command = vactor.command();
    command.env("VACTOR_WORKER", "off").args(line.split_whitespace());
    assert_eq!(Ran::from(command.output().unwrap()).ok().trim_end(), reference);
}

fn listed(vactor: &Vactor, line: &str) -> Vec<String> {
    let rows = vactor.line(line).ok();
    rows.lines().skip(1).map(|row| row.split('\t').step_by(2).take(2).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn ps_filters_calls_by_status() {
    let vactor = vactor();
    assert_eq!(listed(&vactor, "ps"), ["a#2 queued", "b#5 queued", "b#2 queued"]);
    assert_eq!(listed(&vactor, "ps --status queued --actor b"), ["b#5 queued", "b#2 queued"]);
    assert_eq!(listed(&vactor, "ps --limit 1"), ["a#2 queued"]);
    assert_eq!(listed(&vactor, "ps --status running"), [""; 0]);
    assert_eq!(
        listed(&vactor, "ps --actor b"),
        ["b#6 cancelled", "b#5 queued", "b#4 failed", "b#3 succeeded", "b#2 queued", "b#1 succeeded"]
    );
    // ended calls of all actors
    assert_eq!(listed(&vactor, "ps --status succeeded"), ["a#1 succeeded", "b#3 succeeded", "b#1 succeeded"]);
    assert_eq!(listed(&vactor, "ps --status succeeded --limit 2"), ["a#1 succeeded", "b#3 succeeded"]);
    assert_eq!(listed(&vactor, "ps --status failed"), ["b#4 failed"]);
    assert_eq!(listed(&vactor, "ps --status cancelled --actor b"), ["b#6 cancelled"]);
    vactor.line("ps --status done").refuses(2, "invalid value `done`", "");
    vactor.line("ps --actor a//b").refuses(2, "empty part", "");
}

#[test]
fn ps_of_unknown_name_is_refused() {
    let class = RawClass::new().mutation("go", NULL).task("work", NULL);
    let vactor = Vactor::with("plain", &class);
    vactor.line("create plain shelf/lamp").ok();
    for (name, hint) in [
        ("shelf/lmap", "did you mean `shelf/lamp`?"),
        ("plain/wrok", "did you mean `plain/work`?"),
        ("plan/work", "`vactor ls` shows the actors"),
        ("x", "`vactor ls` shows the actors"),
    ] {
        for status in ["", " --status queued", " --status succeeded", " --json"] {
            let ran = vactor.line(&format!("ps --actor {name}{status}"));
            assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{name}{status}: {}", ran.stderr);
            assert!(ran.stderr.contains(&format!("there is no actor {name}")), "{}", ran.stderr);
            assert!(ran.stderr.contains(hint), "{}", ran.stderr);
        }
    }
    // names without calls
    assert_eq!(listed(&vactor, "ps --actor plain/work"), [""; 0]);
    assert_eq!(listed(&vactor, "ps --actor shelf/lamp --status queued"), [""; 0]);
    accept(&vactor, "create plain b --async", "b#1");
    assert_eq!(listed(&vactor, "ps --actor b"), ["b#1 queued"]);
    accept(&vactor, "cancel b#1", "");
    assert_eq!(listed(&vactor, "ps --actor b"), ["b#1 cancelled"]);
}

#[test]
fn resumed_call_is_linked_to_failed_call() {
    let vactor = vactor();
    let lines: Vec<Value> =
        vactor.line("ps --actor b --json").ok().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[1]["resumes"], &lines[1]["resumed_by"]), (&"b#4".into(), &Value::Null));
    assert_eq!((&lines[2]["resumes"], &lines[2]["resumed_by"]), (&Value::Null, &"b#5".into()));
    let rows = vactor.line("ps --actor b").ok();
    let links: Vec<&str> = rows.lines().map(|row| row.split('\t').nth(6).unwrap()).collect();
    assert_eq!(links, ["link", "", "resumes b#4", "resumed by b#5", "", "", ""]);
}

#[test]
fn running_call_is_listed_as_running() {
    let vactor = vactor();
    accept(&vactor, "call a spin --async", "a#3");
    let mut worker = vactor.start(["worker", "--max-time", "1h"]);
    while listed(&vactor, "ps --actor a --status running") != ["a#3 running"] {}
    accept(&vactor, "cancel a#3", "");
    assert_eq!(listed(&vactor, "ps --actor a"), ["a#3 cancelled", "a#2 succeeded", "a#1 succeeded"]);
    worker.kill().unwrap();
    worker.wait().unwrap();
}

#[test]
fn watch_needs_terminal() {
    let vactor = vactor();
    vactor.line("ps --watch").refuses(2, "`--watch` is for a terminal", "`vactor ps` lists them once");
    assert!(vactor.line("ps --watch --json").fails(2).contains("cannot be used with"));
}

#[cfg(target_os = "linux")]
#[test]
fn watch_shows_changes_on_terminal() {
    use std::fs::File;
    use std::io::Read;
    use std::process::Stdio;

    let vactor = vactor();
    let pair = nix::pty::openpty(None, None).unwrap();
    let (mut master, slave) = (File::from(pair.master), File::from(pair.slave));
    let mut command = vactor.command();
    command.args(["ps", "--watch", "--actor", "a"]).env("TERM", "xterm").env("NO_COLOR", "1").stdout(slave);
    let mut watching = command.stderr(Stdio::piped()).spawn().unwrap();
    drop(command);
    // reads the output up to these words
    let mut until = |words: &str| {
        let (mut shown, mut buffer) = (String::new(), [0; 4096]);
        while !shown.contains(words) {
            let read = master.read(&mut buffer).unwrap();
            shown.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    };
    until("a#2        go      queued");
    vactor.line("call a go").ok();
    until("a#3        go      succeeded");
    crate::support::signal(&watching, "INT");
    assert_eq!(watching.wait().unwrap().code(), Some(130));
}

#[cfg(target_os = "linux")]
#[test]
fn watch_omits_rows_that_do_not_fit() {
    use std::fs::File;
    use std::io::Read;

    let vactor = vactor();
    let size = nix::pty::Winsize { ws_row: 5, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let pair = nix::pty::openpty(&size, None).unwrap();
    let (mut master, slave) = (File::from(pair.master), File::from(pair.slave));
    let mut command = vactor.command();
    command.args(["ps", "--watch", "--actor", "b"]).env("TERM", "xterm").env("NO_COLOR", "1").stdout(slave);
    let mut watching = command.spawn().unwrap();
    drop(command);
    // up to the beginning of the second screen
    let (mut shown, mut buffer) = (String::new(), [0; 4096]);
    while shown.matches(CLEARED).count() < 2 {
        let read = master.read(&mut buffer).unwrap();
        shown.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    crate::support::signal(&watching, "INT");
    watching.wait().unwrap();
    let first = shown.split(CLEARED).nth(1).unwrap();
    assert!(first.starts_with("REFERENCE") && first.contains("b#6"), "{first}");
    assert_eq!(first.lines().count(), 4, "{first}");
}

/// The beginning of each screen.
#[cfg(target_os = "linux")]
const CLEARED: &str = "\u{1b}[H\u{1b}[2J";
