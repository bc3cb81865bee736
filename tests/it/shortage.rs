//! Processes without the resources that a class needs: the class is not blamed, and nothing is
//! recorded.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::raw::{NULL, RawClass};
use crate::support::{Ran, Vactor};

/// Kibibytes of address space: less than the reservation of one memory, and less than 1 GiB of
/// memory needs.
const LITTLE: u32 = 4 << 20;
const LESS: u32 = 900 << 10;

/// A store with the actors `a` and `z`. Each `go` adds one to the state, `eat` allocates 1 GiB
/// first.
fn counting() -> Vactor {
    let begins = "(global.set $state.len (i32.add (global.get $state.len) (i32.const 1)))";
    let eat = "(if (i32.eq (memory.grow (i32.const 16384)) (i32.const -1)) (then (unreachable)))";
    let count = "(call $ok (i32.const 65536) (i32.const 1))";
    let digit = "(i32.store8 (i32.const 65536) (i32.add (i32.const 48) (global.get $state.len)))";
    let class = RawClass::new()
        .mutation("go", &[begins, digit, count].concat())
        .mutation("eat", &[begins, eat, NULL].concat())
        .query("count", &[digit, count].concat())
        .task("work", "(call $ok (call $text_null))");
    let vactor = Vactor::with("counting", &class);
    vactor.line("create counting a").ok();
    vactor.line("create counting z").ok();
    vactor
}

/// Runs a line with this much address space.
fn within(vactor: &Vactor, kibibytes: u32, line: &str) -> Ran {
    let settings = vactor.command();
    let mut shell = Command::new("sh");
    shell.env_clear().current_dir(settings.get_current_dir().unwrap()).env("VACTOR_WORKER", "off");
    shell.envs(settings.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.args(["-c", &format!("ulimit -v {kibibytes}; exec \"$0\" {line}")]).arg(settings.get_program());
    Ran::from(shell.output().unwrap())
}

fn steps(vactor: &Vactor, id: &str) -> Vec<(bool, String)> {
    let log = vactor.line(&format!("log {id} --json")).ok();
    let step = |line: &str| {
        let step: Value = serde_json::from_str(line).unwrap();
        (step["ok"].as_bool().unwrap(), step["method"].as_str().unwrap().to_owned())
    };
    log.lines().map(step).collect()
}

#[test]
fn class_runs_without_reserved_address_space() {
    let vactor = counting();
    assert_eq!(within(&vactor, LITTLE, "call a go --key k").ok(), "1\n");
    assert_eq!(vactor.line("call a go --key k").ok(), "1\n");
    assert_eq!(within(&vactor, LITTLE, "call a go --async").ok(), "a#3\n");
    within(&vactor, LITTLE, "worker --until-idle --jobs 2").ok();
    for line in ["get a count", "call a count"] {
        assert_eq!(within(&vactor, LITTLE, line).ok(), "2\n");
    }
    assert_eq!(within(&vactor, LITTLE, "run counting work").ok(), "null\n");
    vactor.write("input", r#"{"actor":"a","method":"go"}"#);
    assert_eq!(
        within(&vactor, LITTLE, "batch input --jobs 2").ok(),
        "{\"reference\":\"a#4\",\"step\":4,\"result\":3}\n"
    );
    within(&vactor, LITTLE, "create counting b").ok();
    assert!(steps(&vactor, "a").iter().all(|(ok, _)| *ok));
}

#[test]
fn call_without_memory_for_class_records_nothing() {
    let vactor = counting();
    let eat = "call a eat --key k --max-memory 2GiB";
    within(&vactor, LESS, eat).refuses(6, "this machine cannot run eat: ", "nothing is recorded");
    assert_eq!(steps(&vactor, "a").len(), 1);
    vactor.line(eat).ok();
    assert_eq!(steps(&vactor, "a").len(), 2);
}

#[test]
fn worker_without_memory_for_class_runs_other_classes() {
    let vactor = counting();
    within(&vactor, LESS, "call a eat --async --max-memory 2GiB").ok();
    within(&vactor, LESS, "call z go --async").ok();
    let said = within(&vactor, LESS, "worker --until-idle --jobs 2").fails(6);
    assert_eq!(said.matches("warning: the calls of a could not run and are tried again").count(), 1, "{said}");
    assert!(said.contains("error: this machine cannot run eat: "), "{said}");
    assert_eq!((steps(&vactor, "a").len(), steps(&vactor, "z").len()), (1, 2));
    assert!(vactor.line("ps --status queued").ok().contains("a#2"));
    within(&vactor, 1 << 30, "worker --until-idle --jobs 2").ok();
    assert_eq!(steps(&vactor, "a"), [(true, "new".to_owned()), (true, "eat".to_owned())]);
}

/// The limit on file sizes stands for a full disk: the process can write again as soon as it is
/// raised.
#[cfg(target_os = "linux")]
#[test]
fn worker_continues_when_full_disk_has_space_again() {
    let large = "(drop (memory.grow (i32.const 32))) (global.set $state.len (i32.const 1000000))";
    let class = RawClass::new().mutation("grow", &format!("{large} {NULL}"));
    for worker in ["worker", "worker --detached"] {
        let vactor = Vactor::with("growing", &class);
        vactor.line("create growing a").ok();
        within(&vactor, 1 << 30, "call a grow --async").ok();
        let size = vactor.path(".vactor/store.redb").metadata().unwrap().len();
        let mut shell = Command::new("bash");
        let settings = vactor.command();
        shell.env_clear().envs(settings.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.current_dir(vactor.path(".")).stderr(Stdio::piped()).args([
            "-c",
            "ulimit -S -f $1; exec $2 $3 $4",
            "bash",
        ]);
        shell.arg(size.div_ceil(1024).to_string()).arg(settings.get_program()).args(worker.split(' '));
        let mut worker = shell.spawn().unwrap();
        let mut said = BufReader::new(worker.stderr.take().unwrap()).lines();
        let told =
            said.find(|line| line.as_ref().is_ok_and(|line| line.contains("a could not run and are tried again")));
        assert!(told.is_some(), "it ended: {:?}", worker.wait());
        let pid = worker.id().to_string();
        assert!(Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status().unwrap().success());
        // later output must not end it
        std::thread::spawn(move || said.for_each(drop));
        while steps(&vactor, "a").len() < 2 {}
        assert!(steps(&vactor, "a")[1].0, "it succeeded");
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
}
