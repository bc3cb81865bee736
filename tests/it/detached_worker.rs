//! The detached worker that a command starts, and its environment.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::classes;
use crate::raw::{NULL, RawClass};
use crate::support::{Ran, Vactor};

fn plain() -> Vactor {
    let vactor = Vactor::with("plain", &RawClass::new().mutation("go", NULL));
    vactor.line("create plain a").ok();
    vactor
}

/// The process of a store's detached worker. It ends with the test.
struct Worker(u32);

impl Worker {
    fn of(vactor: &Vactor) -> Worker {
        let store = fs::canonicalize(vactor.path(".vactor")).unwrap();
        let words = [&b"worker\0--detached\0--store\0"[..], store.as_os_str().as_bytes(), b"\0"].concat();
        let processes =
            fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        let is_worker = |process: &u32| {
            fs::read(format!("/proc/{process}/cmdline"))
                .is_ok_and(|line| line.windows(words.len()).any(|part| part == words))
        };
        let found: Vec<u32> = processes.into_iter().filter(is_worker).collect();
        let [process] = *found else { panic!("the workers are {found:?}") };
        Worker(process)
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.0.to_string()).join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.to_string()).status();
    }
}

/// Runs a script in a shell with the binary as `$VACTOR`.
fn script(vactor: &Vactor, script: &str) -> Ran {
    let settings = vactor.command();
    let mut shell = Command::new("bash");
    shell.env_clear().current_dir(vactor.path(".")).stdin(Stdio::null());
    shell.envs(settings.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("VACTOR", settings.get_program()).args(["-c", script]);
    Ran::from(shell.output().unwrap())
}

#[test]
fn worker_inherits_no_descriptor() {
    let vactor = plain();
    // a lock ends when the last descriptor is closed, and a pipe as well: the shell waits for the
    // end of its `$(…)`
    let ran = script(
        &vactor,
        r#"exec 9> held; flock 9
        text=$( { $VACTOR call a go --after 1h > printed; } 8>&1 )
        exec 9>&-; flock --nonblock held cat printed"#,
    );
    assert_eq!(ran.ok(), "a#2\n");
    let worker = Worker::of(&vactor);
    let store = fs::canonicalize(vactor.path(".vactor")).unwrap();
    for entry in fs::read_dir(worker.file("fd")).unwrap() {
        // the descriptor may be closed by now
        let Ok(file) = fs::read_link(entry.unwrap().path()) else { continue };
        let is_own = file.starts_with(&store) || file == Path::new("/dev/null") || !file.starts_with("/");
        // a file of the cache, before it is mapped
        let is_cached = file.extension().is_some_and(|extension| extension == "compiled");
        assert!(is_own || is_cached, "{file:?}");
    }
}

#[test]
fn worker_has_own_directory_session_and_environment() {
    let vactor = plain();
    fs::create_dir(vactor.path("deep")).unwrap();
    let ran = script(
        &vactor,
        "trap '' HUP TERM; export CLICOLOR_FORCE=1 LD_PRELOAD= VACTOR_STORE=nothing OTHER=1; cd deep; ulimit -S -c 0
        $VACTOR call a go --after 1h --store ../.vactor 2>&1",
    );
    assert_eq!(ran.ok(), "a#2\n");
    let worker = Worker::of(&vactor);
    assert_eq!(fs::read_link(worker.file("cwd")).unwrap(), Path::new("/"));
    let environment = worker.read("environ");
    let mut names: Vec<_> = environment.split('\0').filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "PATH", "XDG_CACHE_HOME"]);
    // the fields after the name in brackets: state, parent, group, session, terminal
    let stat = worker.read("stat");
    let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let own = worker.0.to_string();
    assert_eq!((fields[2], fields[3], fields[4]), (own.as_str(), own.as_str(), "0"));
    let status = worker.read("status");
    let mask = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    const HUP: u64 = 1;
    const TERM: u64 = 1 << 14;
    assert_eq!(mask("SigIgn:") & (HUP | TERM), 0, "no signal is ignored that its command ignored");
}

/// The file of the program is replaced while the program runs, as by an update.
#[test]
fn replaced_program_starts_a_worker_and_compiles() {
    let vactor = Vactor::new();
    let component = classes::component("probe");
    vactor.run(["register".as_ref(), "probe".as_ref(), component.as_os_str()]).ok();
    ["p", "q"].iter().for_each(|id| drop(vactor.run(["create", "probe", id]).ok()));
    script(&vactor, "cp $VACTOR program; cp $VACTOR update").ok();
    let mut command = Command::new(vactor.path("program"));
    command.env_clear().envs(vactor.environment()).current_dir(vactor.path("."));
    // an empty cache
    command.env("XDG_CACHE_HOME", vactor.path("another-cache")).args(["batch", "-q"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    fs::rename(vactor.path("update"), vactor.path("program")).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let line = json!({"actor": "p", "method": "send", "args": {"other": "q", "n": 1}}).to_string() + "\n";
    stdin.write_all(line.as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut answer).unwrap();
    assert!(answer.contains(r#""reference":"p#2""#), "{answer}");
    drop(stdin);
    assert_eq!(Ran::from(child.wait_with_output().unwrap()).stderr, "");
    // a query runs no messages: the worker alone does
    while vactor.line("get q value").ok() != "1\n" {}
}

/// Runs a script without `/proc`. None if the test may not hide it.
fn without_proc(vactor: &Vactor, text: &str) -> Option<Ran> {
    let may = Command::new("unshare").args(["--mount", "umount", "--lazy", "/proc"]).output();
    if !may.is_ok_and(|ran| ran.status.success()) {
        println!("left out: `/proc` cannot be taken away here");
        return None;
    }
    let text = format!("umount --lazy /proc; test ! -e /proc/self || exit 99; {text}");
    Some(script(vactor, &format!("unshare --mount bash -c '{text}'")))
}

#[test]
fn worker_starts_without_proc() {
    let vactor = plain();
    let Some(ran) = without_proc(&vactor, "exec 9> held; flock 9; $VACTOR call a go --async; flock -u 9") else {
        return;
    };
    assert_eq!(ran.ok(), "a#2\n");
    while !vactor.line("log a").ok().contains("a#2\t") {}
    // the program is found through PATH
    let text = "PATH=${VACTOR%/*}:$PATH; XDG_CACHE_HOME=$PWD/cache; cd .vactor; vactor call a go --async --store .";
    assert_eq!(without_proc(&vactor, text).unwrap().ok(), "a#3\n");
    while !vactor.line("log a").ok().contains("a#3\t") {}
}

#[test]
fn async_call_without_program_file_is_refused() {
    let vactor = plain();
    for line in ["call a go --async", "call a go --after 1h", "create plain b --async"] {
        let text = format!("exec -a nothing $VACTOR {line}");
        let Some(ran) = without_proc(&vactor, &text) else { return };
        ran.refuses(6, "no worker could be started: the file of this program is not found", "VACTOR_WORKER=off");
    }
    assert_eq!(vactor.line("ps --json").ok(), "");
    let text = "VACTOR_WORKER=off exec -a nothing $VACTOR call a go --async";
    assert_eq!(without_proc(&vactor, text).unwrap().ok(), "a#2\n");
}

#[test]
fn worker_variable_decides_whether_worker_starts() {
    let vactor = plain();
    let run = |value: &str, line: &str| {
        let mut command = vactor.command();
        Ran::from(command.env("VACTOR_WORKER", value).args(line.split(' ')).output().unwrap())
    };
    for (n, off) in ["0", "off", "OFF", "false", "No"].iter().enumerate() {
        assert_eq!(run(off, "call a go --async").ok(), format!("a#{}\n", n + 2));
    }
    assert_eq!(vactor.line("ps --status queued --json").ok().lines().count(), 5);
    for wrong in ["maybe", "offf", " off", "2", "ø"] {
        for line in ["call a go --async", "call a go", "cancel a#2", "emit a x", "wait a#2", "create plain b", "batch"]
        {
            run(wrong, line).refuses(2, &format!("VACTOR_WORKER is `{wrong}`"), "off, false, no, 0");
        }
    }
    assert_eq!(vactor.line("ps --status queued --json").ok().lines().count(), 5);
    for (n, on) in ["on", "1", "TRUE", "yes", ""].iter().enumerate() {
        assert_eq!(run(on, "call a go --async").ok(), format!("a#{}\n", n + 7));
        while vactor.line("ps --json").ok() != "" {}
    }
}
