//! Calls that nobody waits for, by the command line.

use crate::raw;
use crate::support::Vactor;

fn counter() -> Vactor {
    let vactor = Vactor::new();
    vactor.write("counter.wasm", include_bytes!("../contracts/counter-0.1.0.wasm"));
    vactor.line("register counter counter.wasm").ok();
    vactor.line("create counter my_counter 0").ok();
    vactor
}

#[test]
fn the_story_of_an_async_call() {
    let vactor = counter();
    assert_eq!(vactor.line("call my_counter incr 10").ok(), "10\n");
    assert_eq!(vactor.line("call --async my_counter incr 10").ok(), "my_counter#3\n");
    assert_eq!(vactor.line("call my_counter incr 10").ok(), "30\n");
    assert_eq!(vactor.line("wait my_counter#3").ok(), "20\n");
    assert_eq!(vactor.line("get my_counter value").ok(), "30\n");
}

/// Nothing but the detached worker runs what was accepted here: `show` only looks.
#[test]
fn a_detached_worker_runs_what_was_accepted() {
    let vactor = counter();
    vactor.line("call --async my_counter incr 7").ok();
    while !vactor.line("show my_counter --json").ok().contains(r#""state":{"val":7}"#) {}
    let listed = vactor.line("ps --actor my_counter").ok();
    let rows: Vec<Vec<&str>> = listed.lines().skip(1).map(|line| line.split('\t').take(3).collect()).collect();
    assert_eq!(rows, [["my_counter#2", "incr", "succeeded"], ["my_counter#1", "new", "succeeded"]]);
}

#[test]
fn without_a_worker_it_waits_for_one() {
    let vactor = counter();
    let submit = |line: &str| {
        let mut command = vactor.command();
        command.env("VACTOR_WORKER", "off").args(line.split_whitespace());
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(submit("create --async counter later 5"), "later#1\n");
    assert_eq!(submit("call --async later incr 1"), "later#2\n");
    assert_eq!(vactor.line("ps --status queued").ok().lines().count(), 3);
    vactor.line("worker --until-idle").ok();
    assert_eq!(vactor.line("wait later#2 later#1").ok(), "6\nnull\n");
    assert_eq!(vactor.line("get later value").ok(), "6\n");
    assert_eq!(vactor.line("ps").ok().lines().count(), 1, "the header alone");
    // cancelled while it is queued; and once it has ended there is nothing to cancel
    assert_eq!(submit("call --async later incr 1"), "later#3\n");
    vactor.line("cancel later#3").ok();
    vactor.line("cancel later#3").refuses(4, "later#3 has ended already", "later#3");
    let waited = vactor.line("wait later#3");
    assert_eq!((waited.code, waited.stdout.as_str()), (4, "null\n"));
    assert!(waited.stderr.contains("error: later#3 was cancelled"), "{}", waited.stderr);
    assert_eq!(vactor.line("get later value").ok(), "6\n");
}

#[test]
fn what_failed_says_so_and_can_be_taken_up_again() {
    let vactor = Vactor::with("hostile", &raw::hostile());
    vactor.line("create hostile h").ok();
    assert_eq!(vactor.line("call h fail --async").ok(), "h#2\n");
    let waited = vactor.line("wait h#2 h#1");
    assert_eq!((waited.code, waited.stdout.as_str()), (1, "null\nnull\n"));
    assert!(waited.stderr.contains("error: h#2: no, I will not"), "{}", waited.stderr);
    assert_eq!(vactor.line("resume h#2").ok(), "h#3\n");
    vactor.line("resume h#2").refuses(4, "h#2 was resumed already, as h#3", "h#3");
    vactor.line("wait h#9").refuses(3, "there is no invocation h#9", "vactor log h");
    vactor.line("wait nobody#1").refuses(3, "there is no invocation nobody#1", "");
    vactor.line("wait h").refuses(2, "", "");
    let first = vactor.line("wait --any h#3 h#2");
    assert_eq!((first.code, first.stdout.as_str()), (1, "h#3\tnull\n"));
}
