//! Many processes on one store, some of which are killed.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;
use vactor::store::{Mode, RedbStore, Store};

use super::fixture::*;
use super::helper::{Helper, command};
use super::workload::dump;

fn counter() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (store, made) = RedbStore::create(folder.path()).unwrap();
    assert!(made);
    make(&store, "a", b"0");
    folder
}

fn a_minute() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// The content of a folder: names, bytes, and times of change.
fn traces(folder: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let trace = |entry: std::fs::DirEntry| {
        let changed = entry.metadata().unwrap().modified().unwrap();
        (entry.file_name().into_string().unwrap(), (std::fs::read(entry.path()).unwrap_or_default(), changed))
    };
    entries.map(trace).collect()
}

/// Reads the counter without leaving a trace.
fn read(folder: &Path) -> u64 {
    let before = traces(folder);
    let store = RedbStore::open(folder, Mode::Read).unwrap();
    store.watch().unwrap().wait(Instant::now());
    let state = store.load(&id("a")).unwrap().unwrap().state;
    assert!(traces(folder) == before, "a reader left a trace");
    String::from_utf8(state).unwrap().parse().unwrap()
}

#[test]
fn reader_needs_no_repair_after_unclosed_store() {
    let folder = counter();
    let mut helper = Helper::start("steps and exits without closing", folder.path());
    assert_eq!(helper.hear().as_deref(), Some("1"));
    helper.child.wait().unwrap();
    assert_eq!(read(folder.path()), 1);
}

#[test]
fn kill_loses_no_acknowledged_commit() {
    let folder = counter();
    let mut random = fastrand::Rng::new();
    let mut known = 0;
    for _ in 0..20 {
        let mut helper = Helper::start("increments for ever", folder.path());
        for _ in 0..random.u32(1..30) {
            known = helper.hear().unwrap().parse().unwrap();
        }
        std::thread::sleep(Duration::from_micros(random.u64(..2000)));
        helper.child.kill().unwrap();
        // the messages before it was killed
        while let Some(said) = helper.hear() {
            known = said.parse().unwrap();
        }
        helper.child.wait().unwrap();
        let found = read(folder.path());
        assert!(found == known || found == known + 1, "{found} after {known} was acknowledged");
        known = found;
    }
    let store = RedbStore::open(folder.path(), Mode::Write).unwrap();
    assert!(store.steps(&id("a"), 1, usize::MAX).unwrap().len() as u64 == known + 1);
    dump(&store).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn reader_does_not_wait_for_writer() {
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc;
    let folder = counter();
    // redb's lock of a write transaction, as another process in a transaction has it
    let file = std::fs::File::options().write(true).open(folder.path().join("store.redb")).unwrap();
    let byte = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 1 << 62,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(&file, FcntlArg::F_OFD_SETLK(&byte)).unwrap();
    assert_eq!(read(folder.path()), 0);
    // it is the right lock: a writer waits for it
    let mut helper = Helper::start("increments when told", folder.path());
    drop(file);
    assert_eq!(helper.hear().as_deref(), Some("ready"));
    helper.kill();
}

#[test]
fn read_only_user_reads() {
    let folder = counter();
    let set = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let file = folder.path().join("store.redb");
    set(&file, 0o444);
    set(folder.path(), 0o555);
    let before = traces(folder.path());
    let mut helper = Helper::start("reads as a stranger", folder.path());
    assert_eq!(helper.hear().as_deref(), Some("0"));
    for _ in 0..2 {
        let refused = helper.hear().unwrap();
        assert!(refused.starts_with("cannot open") && refused.contains("Permission denied"), "{refused}");
    }
    helper.child.wait().unwrap();
    assert!(traces(folder.path()) == before);
    set(&file, 0o200);
    let mut helper = Helper::start("is refused as a stranger", folder.path());
    assert!(helper.hear().unwrap().contains("Permission denied"));
    helper.child.wait().unwrap();
    set(folder.path(), 0o755);
}

#[test]
fn concurrent_processes_lose_no_increment() {
    let folder = counter();
    let mut helpers: Vec<Helper> = (0..4).map(|_| Helper::start("increments fifty times", folder.path())).collect();
    let mut results = Vec::new();
    for helper in &mut helpers {
        while let Some(result) = helper.hear() {
            results.push(result.parse::<u64>().unwrap());
        }
        assert!(helper.child.wait().unwrap().success());
    }
    results.sort();
    assert_eq!(results, (1..=200).collect::<Vec<_>>());
    assert_eq!(read(folder.path()), 200);
}

#[test]
fn lock_ends_with_its_process() {
    let folder = counter();
    let store = RedbStore::open(folder.path(), Mode::Write).unwrap();
    let mut helper = Helper::start("holds", folder.path());
    assert_eq!(helper.hear().as_deref(), Some("holds"));
    assert!(store.lock(&name("a"), Some(Instant::now())).unwrap().is_none());
    assert!(store.lock(&name("b"), Some(Instant::now())).unwrap().is_some());
    helper.kill();
    assert!(store.lock(&name("a"), Some(a_minute())).unwrap().is_some());
}

#[test]
fn watch_sees_commit_of_other_process() {
    let folder = counter();
    for mode in [Mode::Read, Mode::Write] {
        let store = RedbStore::open(folder.path(), mode).unwrap();
        let before = read(folder.path());
        let mut helper = Helper::start("increments when told", folder.path());
        assert_eq!(helper.hear().as_deref(), Some("ready"));
        let mut watch = store.watch().unwrap();
        helper.tell();
        let end = a_minute();
        while store.load(&id("a")).unwrap().unwrap().state == before.to_string().as_bytes() {
            assert!(Instant::now() < end, "no commit was seen");
            watch.wait(end);
        }
        helper.child.wait().unwrap();
    }
}

#[test]
fn file_size_limit_is_error() {
    let folder = counter();
    let limited = command("grows", folder.path());
    let mut shell = std::process::Command::new("sh");
    // a megabyte in blocks of 512 bytes
    shell.args(["-c", "ulimit -f 2000; exec \"$0\" \"$@\""]).arg(limited.get_program()).args(limited.get_args());
    shell.envs(limited.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut helper = Helper::run(shell);
    let mut grown = 0;
    let error = loop {
        let said = helper.hear().expect("it was killed before it could say what is wrong");
        match said.parse::<usize>() {
            Ok(bytes) => grown = bytes,
            Err(_) => break said,
        }
    };
    assert!(error.starts_with("Store cannot use") && error.contains("ulimit -f"), "{error}");
    assert!(helper.child.wait().unwrap().success());
    let store = RedbStore::open(folder.path(), Mode::Write).unwrap();
    assert_eq!(store.load(&id("a")).unwrap().unwrap().state.len(), grown);
    step(&store, "a", b"it goes on");
}
