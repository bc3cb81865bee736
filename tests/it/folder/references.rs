//! The reference of an accepted call is printed, even if a later action fails.

use std::process::Stdio;

use super::*;
use crate::support::Ran;

fn with_actor() -> Vactor {
    let vactor = adas();
    vactor.line_as(ADA, "register plain class").ok();
    vactor.line_as(ADA, "create plain a").ok();
    vactor
}

/// Runs a line that cannot start a process.
fn alone(vactor: &Vactor, line: &str) -> Ran {
    vactor.script_as(ADA, &format!("ulimit -u 1; exec $VACTOR {line}"))
}

#[test]
fn accepted_call_prints_reference_without_worker() {
    let vactor = with_actor();
    for (line, reference) in
        [("call a go --async", "a#2"), ("call a go --after 1s", "a#3"), ("create plain b --async", "b#1")]
    {
        let ran = alone(&vactor, line);
        assert_eq!((ran.code, &*ran.stdout), (6, &*format!("{reference}\n")), "{ran:?}");
        let said = format!("error: {reference} was accepted, but no worker could be started: cannot start a process\n");
        assert!(ran.stderr.contains(&said), "{ran:?}");
    }
    let ran = alone(&vactor, "call a go --async --json");
    assert_eq!((ran.code, &*ran.stdout), (6, "\"a#4\"\n"), "{ran:?}");
    assert!(ran.stderr.contains(r#""reference":"a#4""#), "{ran:?}");
    let ran = alone(&vactor, "cancel a#4 --json");
    assert_eq!((ran.code, &*ran.stdout), (6, "{\"reference\":\"a#4\"}\n"), "{ran:?}");
    assert!(ran.stderr.contains("a#4 was cancelled, but no worker could be started"), "{ran:?}");
    let ran = alone(&vactor, "resume a#4");
    assert_eq!((ran.code, &*ran.stdout), (6, "a#5\n"), "{ran:?}");
    // no accepted call is lost
    vactor.line_as(ADA, "wait a#2 a#3 b#1 a#5").ok();
}

#[test]
fn accepted_call_with_lost_reference_is_named_and_run() {
    let vactor = vactor();
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let run = |line: &str, stdout: Stdio| {
        let mut command = vactor.command();
        command.args(line.split_whitespace()).stdout(stdout).stderr(Stdio::piped());
        Ran::from(command.spawn().unwrap().wait_with_output().unwrap())
    };
    run("call a go --async", full().into()).refuses(6, "a#2 was accepted, but the output could not be written", "");
    let told = run("call a go --async --json", full().into()).fails(6);
    assert!(told.contains(r#""reference":"a#3""#), "{told}");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    run("call a go --async", writer.into()).ok();
    // the started worker alone runs them: `log` runs no call
    while !vactor.line("log a").ok().contains("a#4\t") {}
}
