//! An actor whose method runs in another process.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::Child;

use crate::raw::{NULL, RawClass};
use crate::support::{Ran, Vactor, signal};

/// A store with an actor `a`, and a process that runs its method `spin`, which never ends.
fn busy() -> (Vactor, Spinning) {
    let spin = "(call $log (i32.const 1) (call $text_begun)) (loop (br 0)) (unreachable)";
    let class = RawClass::new().text("begun", "begun").mutation("spin", spin).mutation("go", NULL).query("ask", NULL);
    let vactor = Vactor::with("spinning", &class);
    vactor.line("create spinning a").ok();
    let mut child = vactor.start(["call", "a", "spin", "--max-time", "1h"]);
    let mut said = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "a: begun\n");
    (vactor, Spinning(child))
}

/// The process is killed on drop.
struct Spinning(Child);

impl Drop for Spinning {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn query_of_busy_actor_does_not_wait() {
    let (vactor, _spinning) = busy();
    assert_eq!(vactor.line("get a ask").ok(), "null\n");
    assert_eq!(vactor.line("call a ask").ok(), "null\n");
    assert_eq!(vactor.line("log a").ok().lines().count(), 2);
}

#[test]
fn call_past_timeout_continues_in_worker() {
    let (vactor, spinning) = busy();
    vactor.line("call a go --timeout 50ms").refuses(4, "a#2 had not ended when the time ran out; it goes on", "a#2");
    drop(spinning);
    // it runs before the next call
    assert_eq!(vactor.line("call a go").ok(), "null\n");
    let steps = vactor.line("log a --json").ok();
    let references: Vec<_> = steps.lines().map(|line| line.split('"').nth(5).unwrap().to_owned()).collect();
    assert_eq!(references, ["a#1", "a#2", "a#3"]);
}

#[test]
fn waiting_call_ends_when_actor_is_free() {
    let (vactor, spinning) = busy();
    let waiting = vactor.start(["call", "a", "go"]);
    until_queued(&vactor, 1);
    drop(spinning);
    assert_eq!(Ran::from(waiting.wait_with_output().unwrap()).ok(), "null\n");
}

#[test]
fn ctrl_c_of_waiting_call_names_reference() {
    let (vactor, _spinning) = busy();
    let waiting = vactor.start(["call", "a", "go"]);
    until_queued(&vactor, 1);
    signal(&waiting, "INT");
    Ran::from(waiting.wait_with_output().unwrap()).refuses(130, "interrupted; a#2 was accepted and goes on", "a#2");
}

#[test]
fn busy_actor_is_removed_only_by_force() {
    let (vactor, spinning) = busy();
    vactor.line("rm a --yes").refuses(4, "a is busy", "`--force`");
    vactor.line("rm --class spinning --yes").refuses(4, "a is busy", "`--force`");
    vactor.line("rm a --yes --force").ok();
    vactor.line("show a").refuses(3, "there is no actor a", "");
    drop(spinning);
    vactor.line("show a").refuses(3, "there is no actor a", "");
}

/// Waits until `count` calls are in the inbox.
fn until_queued(vactor: &Vactor, count: u64) {
    loop {
        let shown: serde_json::Value = serde_json::from_str(&vactor.line("show a --json").ok()).unwrap();
        if shown["queued"] == count {
            return;
        }
    }
}
