//! Stopped processes (SIGSTOP, Ctrl-Z, a suspended container), and their effect on others.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use vactor::Timestamp;
use vactor::engine::{Engine, Options, Settings};
use vactor::sandbox::{Cache, Sandbox};
use vactor::store::{Announcement, Mode, RedbStore, Store};

use crate::raw::{NULL, RawClass};
use crate::support::lock::{Lock, Range};
use crate::support::{Ran, Vactor, signal};

/// A store with an actor `a`, whose `spin` logs `begun` and never ends, and whose `go` ends at
/// once.
fn plain() -> Vactor {
    let spin = "(call $log (i32.const 1) (call $text_begun)) (loop (br 0)) (unreachable)";
    let class = RawClass::new().text("begun", "begun").mutation("spin", spin).mutation("go", NULL).query("ask", NULL);
    let vactor = Vactor::with("plain", &class);
    vactor.line("create plain a").ok();
    vactor
}

fn accept(vactor: &Vactor, line: &str) -> String {
    let mut command = vactor.command();
    command.env("VACTOR_WORKER", "off").args(line.split_whitespace());
    Ran::from(command.output().unwrap()).ok().trim_end().to_owned()
}

/// A worker that runs `a#2` and is stopped.
fn stopped_worker(vactor: &Vactor) -> Child {
    assert_eq!(accept(vactor, "call a spin --async"), "a#2");
    let mut worker = vactor.start(["worker"]);
    let mut said = String::new();
    BufReader::new(worker.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "a: begun\n");
    signal(&worker, "STOP");
    wait_until(|| announced(vactor).iter().any(|one| one.process.pid == worker.id() && one.process.stopped));
    worker
}

fn announced(vactor: &Vactor) -> Vec<Announcement> {
    RedbStore::open(&vactor.path(".vactor"), Mode::Read).unwrap().announcements(None)
}

fn detached(vactor: &Vactor) -> Vec<u32> {
    let workers = announced(vactor).into_iter().filter(|one| one.name.as_str().starts_with("#worker"));
    workers.map(|one| one.process.pid).collect()
}

fn wait_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        sleep(Duration::from_millis(10));
    }
}

fn end(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The lines of `ps`, by their references.
fn listed(vactor: &Vactor, reference: &str) -> Value {
    let lines = vactor.line("ps --json").ok();
    let mut lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.find(|line| line["reference"] == reference).unwrap()
}

#[test]
fn ps_names_process_that_runs_call() {
    let vactor = plain();
    let worker = stopped_worker(&vactor);
    let (pid, line) = (worker.id(), listed(&vactor, "a#2"));
    assert_eq!((&line["status"], &line["process"], &line["stopped"]), (&"running".into(), &pid.into(), &true.into()));
    let table = vactor.line("ps").ok();
    assert!(table.contains(&format!("in process {pid}, which is stopped")), "{table}");
    kill(worker);
    let line = listed(&vactor, "a#2");
    assert_eq!((&line["status"], &line["process"]), (&"queued".into(), &Value::Null));
}

#[test]
fn cancel_frees_actor_of_stopped_process() {
    let vactor = plain();
    let worker = stopped_worker(&vactor);
    assert_eq!(accept(&vactor, "call a go --async"), "a#3");
    assert_eq!(listed(&vactor, "a#3")["status"], "queued");
    vactor.line("call a go --timeout 1ms").fails(4);
    vactor.line("rm a").fails(4);
    accept(&vactor, "cancel a#2");
    vactor.line("call a go").ok();
    assert_eq!(vactor.line("wait a#3 a#4").ok(), "null\nnull\n");
    // it continues, and finds its call cancelled
    signal(&worker, "CONT");
    assert_eq!(vactor.line("call a go --async").ok(), "a#6\n");
    assert_eq!(vactor.line("wait a#6").ok(), "null\n");
    signal(&worker, "INT");
    assert_eq!(Ran::from(worker.wait_with_output().unwrap()).code, 0);
    vactor.line("rm a --force --yes").ok();
}

#[test]
fn store_locked_by_stopped_process_names_it() {
    let vactor = plain();
    let worker = stopped_worker(&vactor);
    // it wrote last, so the lock is its own
    let data = File::options().read(true).write(true).open(vactor.path(".vactor/store.redb")).unwrap();
    let held = Lock::take(data, Range::Writer);
    let who = format!("process {}, which is stopped, holds", worker.id());
    let hint = format!("`kill -CONT {}`", worker.id());
    vactor.line("call a go --timeout 1ms").refuses(4, &format!("the store is busy: {who} it"), &hint);
    let ps = vactor.line("ps");
    assert!(ps.code == 0 && ps.stderr.contains(&format!("{who} the store")), "{ps:?}");
    let mut waits = vactor.start(["emit", "a", "x"]);
    let mut said = String::new();
    BufReader::new(waits.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, format!("waiting for the store: {who} it\n"));
    drop(held);
    assert_eq!(Ran::from(waits.wait_with_output().unwrap()).code, 0);
    kill(worker);
    let ps = vactor.line("ps");
    assert!(!ps.stderr.contains("holds the store"), "{ps:?}");
}

#[test]
fn stopped_worker_prevents_no_other_worker() {
    let vactor = plain();
    vactor.line("create plain b").ok();
    vactor.line("call b go --after 1h").ok();
    wait_until(|| detached(&vactor).len() == 1);
    let first = detached(&vactor)[0];
    assert!(Command::new("kill").args(["-STOP", &first.to_string()]).status().unwrap().success());
    wait_until(|| announced(&vactor).iter().any(|one| one.process.pid == first && one.process.stopped));
    vactor.line("call a go --async").ok();
    wait_until(|| vactor.line("log a").ok().lines().count() == 3);
    let workers = detached(&vactor);
    assert_eq!((workers.len(), workers.contains(&first)), (2, true));
    // a worker runs again, so no third one starts
    vactor.line("call a go --async").ok();
    wait_until(|| vactor.line("log a").ok().lines().count() == 4);
    assert_eq!(detached(&vactor), workers);
    workers.into_iter().for_each(end);
}

#[test]
fn impossible_announcement_is_ignored() {
    let vactor = plain();
    assert_eq!(accept(&vactor, "call a go --async"), "a#2");
    let file = vactor.path(".vactor/running");
    for junk in [vec![0xff; 4096], vec![0; 10], b"{}".repeat(3000)] {
        std::fs::write(&file, junk).unwrap();
        assert_eq!(listed(&vactor, "a#2")["status"], "queued");
        vactor.line("call a ask").ok();
    }
    // a link to any place
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &file).unwrap();
    assert_eq!(listed(&vactor, "a#2")["status"], "queued");
    assert_eq!(vactor.line("wait a#2").ok(), "null\n");
}

#[test]
fn ps_shows_overdue_calls_and_missing_worker() {
    let vactor = plain();
    let store = RedbStore::open(&vactor.path(".vactor"), Mode::Write).unwrap();
    // accepted a minute ago
    let now = (Settings::default().clock)();
    let settings =
        Settings { clock: Arc::new(move || Timestamp::from_millis(now.as_millis() - 60_000)), ..Settings::default() };
    let engine = Engine::new(Arc::new(store), Sandbox::new(Cache::at(vactor.path("cache"))), settings);
    engine.submit_call("a", "go", json!({}), &Options::default()).unwrap();
    accept(&vactor, "call a go --async");
    accept(&vactor, "call a go --after 1h");
    let overdue = |reference| listed(&vactor, reference)["overdue"].clone();
    assert_eq!([overdue("a#2"), overdue("a#3"), overdue("a#4")], [true, false, false]);
    let ps = vactor.line("ps");
    assert!(ps.stdout.contains("overdue") && ps.stderr.contains("no worker works on the store"), "{ps:?}");
    vactor.line("worker --until-idle").ok();
    let ps = vactor.line("ps");
    assert!(!ps.stdout.contains("overdue") && ps.stderr.is_empty(), "{ps:?}");
}

#[test]
fn wait_of_read_only_user_leaves_call_to_worker() {
    use std::os::unix::fs::PermissionsExt;
    let vactor = plain();
    assert_eq!(
        (accept(&vactor, "call a spin --async"), accept(&vactor, "call a go --async")),
        ("a#2".into(), "a#3".into())
    );
    let mut worker = vactor.start(["worker"]);
    let mut said = String::new();
    BufReader::new(worker.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
    let store = vactor.path(".vactor");
    let set = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    std::fs::read_dir(&store).unwrap().for_each(|entry| set(&entry.unwrap().path(), 0o444));
    set(&store, 0o555);
    set(&vactor.path("."), 0o755);
    for call in ["a#2", "a#3"] {
        let line = format!("wait {call} --timeout 500ms --store {}", store.display());
        vactor.line_as(65534, &line).refuses(4, &format!("{call} had not ended"), "");
    }
    kill(worker);
    // no worker runs it
    let wait = format!("wait a#2 --store {}", store.display());
    let waited = vactor.line_as(65534, &wait);
    assert!(waited.code == 6 && waited.stderr.contains("Permission denied"), "{waited:?}");
    set(&store, 0o755);
}
