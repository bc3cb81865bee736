//! Creating actors that exist, or whose construction is pending.

use crate::raw::{NULL, RawClass};
use crate::support::{Ran, Vactor};

/// A store with the classes `plain` and `other`. No worker is started.
fn vactor() -> Vactor {
    let class = RawClass::new().text("seven", "7").query("ask", "(call $ok (call $text_seven))").mutation("go", NULL);
    let vactor = Vactor::with("plain", &class);
    vactor.line("register other class").ok();
    vactor
}

fn line(vactor: &Vactor, line: &str) -> Ran {
    let mut command = vactor.command();
    Ran::from(command.env("VACTOR_WORKER", "off").args(line.split_whitespace()).output().unwrap())
}

#[test]
fn if_absent_refuses_actor_of_other_class() {
    let vactor = vactor();
    line(&vactor, "create plain a").ok();
    for flags in ["--if-absent", "--if-absent --json", "--if-absent --async"] {
        let ran = line(&vactor, &format!("create other a {flags}"));
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(ran.stderr.contains("the actor a is of the class plain, not of other"), "{ran:?}");
        assert_eq!(line(&vactor, &format!("create nosuch a {flags}")).code, 3);
        assert_eq!(line(&vactor, &format!("create plain a {flags}")).code, 0);
    }
    // also with a pending construction
    line(&vactor, "create plain b --async").ok();
    for flags in ["--if-absent", "--if-absent --async"] {
        line(&vactor, &format!("create other b {flags}")).refuses(4, "b is of the class plain, not of other", "show b");
    }
}

#[test]
fn async_if_absent_creates_actor_once() {
    let vactor = vactor();
    assert_eq!(line(&vactor, "create plain a --async --if-absent").ok(), "a#1\n");
    // the construction is pending: its reference is printed
    assert_eq!(line(&vactor, "create plain a --async --if-absent").ok(), "a#1\n");
    line(&vactor, "worker --until-idle").ok();
    let ran = line(&vactor, "create plain a --async --if-absent");
    assert!(ran.code == 0 && ran.stdout.is_empty() && ran.stderr.contains("a exists already"), "{ran:?}");
    let expected = r#"{"id":"a","class":"plain","created":false,"reference":null,"step":null}"#;
    assert_eq!(line(&vactor, "create plain a --async --if-absent --json").ok().trim_end(), expected);
    assert_eq!(line(&vactor, "ps --actor a").ok().lines().count(), 2);
}

#[test]
fn pending_construction_is_reported() {
    let vactor = vactor();
    line(&vactor, "create plain a --async").ok();
    for command in
        ["get a ask", "call a ask", "show a", "log a", "rm a --yes", "create plain a", "create plain a --async"]
    {
        line(&vactor, command).refuses(4, "a is being made by a#1", "`vactor wait a#1`");
    }
    line(&vactor, "rm a --yes").refuses(4, "a is being made by a#1", "`--force` removes it");
    let listed = line(&vactor, "ls").ok();
    assert_eq!(listed.lines().last().unwrap(), "a\tplain\t1\t0\tbeing made by a#1");
    let listed = line(&vactor, "ls a --json").ok();
    assert!(listed.contains(r#""updated":null,"being_made_by":"a#1""#), "{listed}");
    // calls are accepted before the construction ran
    assert_eq!(line(&vactor, "call a go --async").ok(), "a#2\n");
    assert_eq!(line(&vactor, "create plain a --if-absent").ok(), "");
    assert_eq!(line(&vactor, "get a ask").ok(), "7\n");
    let listed = line(&vactor, "ls a --json").ok();
    assert!(listed.contains(r#""being_made_by":null"#), "{listed}");
}

#[test]
fn actor_with_pending_construction_is_removed_by_force() {
    let vactor = vactor();
    line(&vactor, "create plain a --async").ok();
    line(&vactor, "call a go --async").ok();
    line(&vactor, "rm a --yes --force").ok();
    assert_eq!(line(&vactor, "ls").ok().lines().count(), 1);
    let ran = line(&vactor, "wait a#1");
    assert!(ran.code == 4 && ran.stderr.contains("a was removed before this had ended"), "{ran:?}");
    line(&vactor, "show a").refuses(3, "there is no actor a", "");
    // the name is free, and its numbers continue
    assert_eq!(line(&vactor, "create plain a --async").ok(), "a#3\n");
}

#[test]
fn failed_construction_frees_id() {
    let fails = "(call $fail (call $text_no) (call $text_no) (i32.const 0) (i32.const 0))";
    let class = RawClass::new().text("no", "no").export("construct", fails);
    let vactor = Vactor::with("failing", &class);
    line(&vactor, "create failing a --async").ok();
    line(&vactor, "worker --until-idle").ok();
    line(&vactor, "show a").refuses(3, "there is no actor a", "");
    assert_eq!(line(&vactor, "ls").ok().lines().count(), 1);
    assert_eq!(line(&vactor, "create failing a --async").ok(), "a#2\n");
    line(&vactor, "show a").refuses(4, "a is being made by a#2", "");
    line(&vactor, "cancel a#2").ok();
    line(&vactor, "show a").refuses(3, "there is no actor a", "");
}

#[test]
fn class_with_pending_construction_is_removed_only_by_force() {
    let vactor = vactor();
    line(&vactor, "create plain a").ok();
    line(&vactor, "create plain b --async").ok();
    let hint = "`--force` removes it";
    line(&vactor, "rm --class plain --yes").refuses(4, "b is being made by b#1", hint);
    // none was removed
    assert_eq!(line(&vactor, "ls").ok().lines().count(), 3);
    let removed = line(&vactor, "rm --class plain --yes --force --json").ok();
    assert_eq!(removed.lines().count(), 3, "{removed}");
    assert_eq!(line(&vactor, "wait b#1").code, 4);
    assert_eq!(line(&vactor, "ls").ok().lines().count(), 1);
    line(&vactor, "create plain a").refuses(3, "there is no class plain", "");
}

#[test]
fn class_with_pending_tasks_is_removed_only_by_force() {
    let class = RawClass::new().task("go", NULL);
    let vactor = Vactor::with("tasks", &class);
    line(&vactor, "create tasks a").ok();
    line(&vactor, "run tasks go --async").ok();
    let error = "the class tasks is used by tasks/go#1";
    line(&vactor, "rm --class tasks --yes").refuses(4, error, "`vactor rm --class tasks --force`");
    assert_eq!(line(&vactor, "ls").ok().lines().count(), 2);
    line(&vactor, "rm --class tasks --yes --force").ok();
    line(&vactor, "wait tasks/go#1").refuses(3, "there is no invocation tasks/go#1", "");
}
