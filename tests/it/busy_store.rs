//! Commands on a store that another process has locked, or that is read-only.
#![cfg(target_os = "linux")]

use std::fs::{File, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;

use crate::raw::{NULL, RawClass};
use crate::support::lock::{Lock, Range};
use crate::support::{Ran, Vactor, signal};

/// A store with an actor `a` of a class with the query `ask`, the mutation `go` and the task
/// `work`; the call `a#2` has ended.
fn plain() -> Vactor {
    let class = RawClass::new().query("ask", NULL).mutation("go", NULL).task("work", NULL);
    let vactor = Vactor::with("plain", &class);
    vactor.line("create plain a").ok();
    vactor.line("call a go").ok();
    vactor
}

fn lock(vactor: &Vactor, range: Range) -> Lock {
    Lock::take(File::options().read(true).write(true).open(vactor.path(".vactor/store.redb")).unwrap(), range)
}

/// Commands that need no right to write.
const READING: [&str; 9] =
    ["ps", "ps --actor a", "wait a#2", "call a ask", "get a ask", "ls", "show a", "log a", "ps --tree"];

#[test]
fn reading_commands_work_on_unwritable_store() {
    let vactor = plain();
    let store = vactor.path(".vactor");
    let set = |name: &str, mode| std::fs::set_permissions(store.join(name), Permissions::from_mode(mode)).unwrap();
    for name in std::fs::read_dir(&store).unwrap() {
        set(name.unwrap().file_name().to_str().unwrap(), 0o444);
    }
    set(".", 0o555);
    std::fs::set_permissions(vactor.path("."), Permissions::from_mode(0o755)).unwrap();
    let as_stranger = |line: &str| vactor.line_as(65534, &format!("{line} --store {}", store.display()));
    for line in READING {
        assert_eq!(as_stranger(line).ok(), vactor.line(line).ok(), "{line}");
    }
    for line in ["call a go", "create plain b", "emit a go"] {
        as_stranger(line).refuses(6, "Permission denied", "");
    }
    set(".", 0o755);
}

#[test]
fn commands_end_at_their_timeout_while_another_process_writes() {
    let vactor = plain();
    let before = vactor.line("show a --json").ok();
    let held = lock(&vactor, Range::Writer);
    for line in READING {
        vactor.line(line).ok();
    }
    for line in ["call a go --timeout 1ms", "create plain b --timeout 1ms", "run plain work --timeout 1ms"] {
        vactor.line(line).refuses(4, "the store is busy: another process holds it", "--timeout");
        let said = vactor.line(&format!("{line} --json")).fails(4);
        assert!(said.contains(r#""kind":"store-busy""#), "{said}");
    }
    drop(held);
    assert_eq!(vactor.line("show a --json").ok(), before);
    vactor.line("call a go").ok();
}

#[test]
fn commands_end_at_their_timeout_while_another_process_has_the_header() {
    let vactor = plain();
    for (range, lines) in [
        (Range::Header, &["call a go --timeout 1ms", "call a ask --timeout 1ms", "wait a#2 --timeout 1ms"][..]),
        (Range::HeaderShared, &["call a go --timeout 1ms", "run plain work --timeout 1ms"]),
    ] {
        let held = lock(&vactor, range);
        for line in lines {
            vactor.line(line).refuses(4, "the store is busy", "--timeout");
        }
        if range == Range::HeaderShared {
            READING.iter().for_each(|line| drop(vactor.line(line).ok()));
        }
        drop(held);
        vactor.line("call a go").ok();
    }
}

#[test]
fn command_that_waits_for_store_says_so_and_continues() {
    let vactor = plain();
    for line in ["call a go", "create plain b", "emit a go", "cancel a#1", "register other class"] {
        let held = lock(&vactor, Range::Writer);
        let mut child = vactor.start(line.split(' '));
        let mut said = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "waiting for the store: another process holds it\n");
        drop(held);
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!(ran.code, if line == "cancel a#1" { 4 } else { 0 }, "{ran:?}");
    }
}

#[test]
fn ctrl_c_ends_wait_for_store() {
    let vactor = plain();
    let held = lock(&vactor, Range::Writer);
    for line in ["call a go", "cancel a#2", "worker --until-idle"] {
        let mut child = vactor.start(line.split(' '));
        let mut said = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert!(said.starts_with("waiting for the store"), "{said}");
        signal(&child, "INT");
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!(ran.code, 130, "{ran:?}");
    }
    drop(held);
}
