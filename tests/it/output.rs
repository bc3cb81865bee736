//! Output that fails or blocks.

use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Read, Write, pipe};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use serde_json::{Value, json};

use crate::classes;
use crate::raw::{NULL, RawClass};
use crate::support::{Ran, Vactor};

/// An output on a full device.
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

fn unblocked(end: impl AsFd) {
    fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
}

/// A pipe whose writing end does not block.
fn pipe_for_output() -> (PipeReader, PipeWriter) {
    let (reader, writer) = pipe().unwrap();
    unblocked(&writer);
    (reader, writer)
}

fn probes(ids: &[&str]) -> Vactor {
    let vactor = Vactor::new();
    let component = classes::component("probe");
    vactor.run(["register".as_ref(), "probe".as_ref(), component.as_os_str()]).ok();
    ids.iter().for_each(|id| drop(vactor.run(["create", "probe", id]).ok()));
    vactor
}

fn call(id: &str, method: &str) -> String {
    json!({"actor": id, "method": method}).to_string() + "\n"
}

/// A line by which `p` sends `q` a message that adds one.
fn send() -> String {
    json!({"actor": "p", "method": "send", "args": {"other": "q", "n": 1}}).to_string() + "\n"
}

/// Calls that print a result of a megabyte, which no pipe holds, and log a long line.
fn talkative() -> Vactor {
    let body = "(drop (memory.grow (i32.const 16)))
        (memory.fill (i32.const 65536) (i32.const 120) (i32.const 1000000))
        (i32.store8 (i32.const 65536) (i32.const 34)) (i32.store8 (i32.const 1065535) (i32.const 34))
        (call $log (i32.const 1) (i32.const 65537) (i32.const 200000))
        (call $ok (i32.const 65536) (i32.const 1000000))";
    let class = RawClass::new().mutation("go", body);
    let vactor = Vactor::with("plain", &class);
    vactor.line("create plain a").ok();
    vactor
}

/// Starts a batch whose stdin stays open.
fn batch(vactor: &Vactor, stdout: impl Into<Stdio>) -> Child {
    let mut command = vactor.command();
    command.args(["batch", "-q"]).stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn batch_with_failed_output_ends_although_input_is_open() {
    let vactor = Vactor::with("plain", &RawClass::new().mutation("go", NULL));
    vactor.line("create plain a").ok();
    let mut child = batch(&vactor, full());
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(call("a", "go").as_bytes()).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    ran.refuses(6, "a#2 was made; its result could not be written", "`vactor wait a#2` prints it");
    drop(stdin);
}

#[test]
fn batch_with_failed_output_stops_reading_and_leaves_worker() {
    let vactor = probes(&["p", "q"]);
    let mut child = batch(&vactor, full());
    let mut stdin = child.stdin.take().unwrap();
    // the input has no end, but the batch stops reading it
    while stdin.write_all(send().repeat(100).as_bytes()).is_ok() {}
    let ran = Ran::from(child.wait_with_output().unwrap());
    ran.refuses(6, "could not be written", "no result was written");
    // the worker alone runs the messages: `ps` runs none
    while vactor.line("ps").ok().lines().count() > 1 {}
    let sent = vactor.line("log p").ok().lines().count() - 2;
    assert_eq!(vactor.line("get q value").ok(), format!("{sent}\n"));
}

#[test]
fn batch_with_closed_reader_leaves_worker_for_messages() {
    let vactor = probes(&["p", "q"]);
    let (reader, stdout) = UnixStream::pair().unwrap();
    reader.shutdown(Shutdown::Both).unwrap();
    let mut child = batch(&vactor, OwnedFd::from(stdout));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(send().as_bytes()).unwrap();
    assert_eq!(Ran::from(child.wait_with_output().unwrap()).fails(0), "");
    drop(stdin);
    while vactor.line("get q value").ok() != "1\n" {}
}

#[test]
fn batch_names_calls_with_lost_answers() {
    let vactor = Vactor::with("plain", &RawClass::new().mutation("go", NULL));
    vactor.line("create plain a").ok();
    let (mut reader, stdout) = UnixStream::pair().unwrap();
    let mut command = vactor.command();
    command.args(["batch", "-q", "--json"]).stdin(Stdio::piped()).stdout(OwnedFd::from(stdout));
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(call("a", "go").as_bytes()).unwrap();
    assert!(reader.read(&mut [0; 4096]).unwrap() > 0, "the first answer");
    drop(command);
    reader.shutdown(Shutdown::Both).unwrap();
    stdin.write_all(call("a", "go").as_bytes()).unwrap();
    // a closed reader is no error
    assert_eq!(Ran::from(child.wait_with_output().unwrap()).fails(0), "");
    let mut command = vactor.command();
    command.args(["batch", "-q", "--json"]).stdin(Stdio::piped()).stdout(full()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = call("a", "go").repeat(3) + &call("a", "nothing");
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let said = Ran::from(child.wait_with_output().unwrap()).fails(6);
    let error = &serde_json::from_str::<Value>(&said).unwrap()["error"];
    assert!(error["message"].as_str().unwrap().ends_with("could not be written"), "{said}");
    assert_eq!((&error["kind"], &error["reference"]), (&json!("io"), &json!("a#4")), "{said}");
}

#[test]
fn nonblocking_output_is_written_whole() {
    let vactor = talkative();
    for line in ["call a go", "log a", "log a --json", "batch line"] {
        vactor.write("line", call("a", "go").repeat(3));
        let (mut reader, writer) = pipe_for_output();
        let mut command = vactor.command();
        let child = command.args(line.split(' ')).stdout(writer).stderr(Stdio::null()).spawn().unwrap();
        drop(command);
        let mut written = String::new();
        reader.read_to_string(&mut written).unwrap();
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!(ran.code, 0, "{line}");
        assert!(written.ends_with('\n') && written.len() > 1_000_000, "{line}: {} bytes", written.len());
    }
}

#[test]
fn nonblocking_stderr_is_written_whole() {
    let vactor = talkative();
    let (mut reader, writer) = pipe_for_output();
    let mut command = vactor.command();
    let mut child = command.args(["call", "a", "go"]).stdout(Stdio::null()).stderr(writer).spawn().unwrap();
    drop(command);
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(said.len(), "a: \n".len() + 200_000);
}

#[test]
fn nonblocking_input_is_awaited() {
    let vactor = Vactor::with("plain", &RawClass::new().mutation("go", NULL));
    vactor.line("create plain a").ok();
    let (reader, mut writer) = pipe().unwrap();
    unblocked(&reader);
    let mut command = vactor.command();
    let mut child = command.args(["batch", "-q"]).stdin(reader).stdout(Stdio::piped()).spawn().unwrap();
    drop(command);
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for n in 2..4 {
        // the line is answered before more input arrives
        writer.write_all(call("a", "go").as_bytes()).unwrap();
        assert!(answers.next().unwrap().unwrap().contains(&format!("a#{n}")));
    }
    drop(writer);
    assert!(child.wait().unwrap().success());
    let (reader, mut writer) = pipe().unwrap();
    unblocked(&reader);
    let mut command = vactor.command();
    let child = command.args(["call", "a", "go", "--args", "-"]).stdin(reader).stdout(Stdio::piped()).spawn().unwrap();
    drop(command);
    writer.write_all(b"{}").unwrap();
    drop(writer);
    assert_eq!(Ran::from(child.wait_with_output().unwrap()).ok(), "null\n");
}

#[test]
fn command_with_failed_output_reports_its_effect() {
    let class = RawClass::new().text("one", "1").mutation("go", "(call $ok (call $text_one))");
    let class = class.query("ask", "(call $ok (call $text_one))").task("work", "(call $ok (call $text_one))");
    let vactor = Vactor::with("plain", &class);
    vactor.line("create plain a").ok();
    let to_full = |line: &str| {
        let mut command = vactor.command();
        let child = command.args(line.split(' ')).stdout(full()).stderr(Stdio::piped()).spawn().unwrap();
        Ran::from(child.wait_with_output().unwrap())
    };
    for (line, reference, did) in [
        ("call a go", "a#2", "was made"),
        ("call a go --key k", "a#4", "was made"),
        ("call a go --key k", "a#4", "was made"),
        ("run plain work", "plain/work#1", "was made"),
        ("wait a#2", "a#2", "has ended"),
        ("wait --any a#2", "a#2", "has ended"),
    ] {
        let hint = format!("`vactor wait {reference}` prints it");
        to_full(line).refuses(6, &format!("{reference} {did}; its result could not be written"), &hint);
        let said = to_full(&format!("{line} --json")).fails(6);
        let error = &serde_json::from_str::<Value>(&said).unwrap()["error"];
        let named = error["reference"].as_str().unwrap();
        assert_eq!(named.split('#').next(), reference.split('#').next(), "{said}");
        assert!(error["message"].as_str().unwrap().contains("; its result could not be written"), "{said}");
        assert!(error["cause"].as_str().unwrap().starts_with("No space left on device"), "{said}");
    }
    for (line, said) in [
        ("create plain b --json", "b#1 was made; its result could not be written"),
        (
            "register plain class --json",
            "plain has these bytes already, version 1, but the output could not be written",
        ),
        ("emit a e --json", "e was sent to a, but the output could not be written"),
        ("init --store other --json", "made a store at other, but the output could not be written"),
        ("new tally --json", "wrote tally, but the output could not be written"),
        ("get a ask", "cannot write the output"),
        ("call a ask", "cannot write the output"),
        ("ls", "cannot write the output"),
        ("where", "cannot write the output"),
    ] {
        let ran = to_full(line);
        assert_eq!((ran.code, ran.stderr.contains(said)), (6, true), "{line}: {ran:?}");
    }
    vactor.line("show b").ok();
}

#[test]
fn removal_with_failed_output_removes() {
    let vactor = Vactor::with("plain", &RawClass::new());
    let rm = |stdout: Stdio| {
        ["a", "b", "c"].iter().for_each(|id| drop(vactor.run(["create", "plain", id]).ok()));
        let mut command = vactor.command();
        command.args(["rm", "a", "b", "c", "--yes", "--json", "-q"]).stdout(stdout).stderr(Stdio::piped());
        let ran = Ran::from(command.spawn().unwrap().wait_with_output().unwrap());
        assert_eq!(vactor.line("ls --json").ok(), "", "{ran:?}");
        ran
    };
    assert!(rm(full()).fails(6).contains("a and 2 more were removed, but the output could not be written"));
    let (reader, stdout) = UnixStream::pair().unwrap();
    reader.shutdown(Shutdown::Both).unwrap();
    assert_eq!(rm(OwnedFd::from(stdout).into()).fails(0), "");
}
