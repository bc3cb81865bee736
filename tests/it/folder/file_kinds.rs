//! Irregular files in the place of a store's file.

use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;

use nix::sys::stat::{Mode, SFlag, mknod};

use super::*;

/// Kinds of files that may stand in the place of a store's file, with the words that vactor uses
/// for them.
const KINDS: [(&str, &str); 7] = [
    ("link", "is a symbolic link"),
    ("dangling link", "is a symbolic link"),
    ("hard link", "has a second name"),
    ("folder", "is a folder"),
    ("pipe", "is a named pipe"),
    ("socket", "is a socket"),
    ("device", "is a device"),
];

const SAFE: &str = "safe\n";

/// Creates the file. False if this user may not.
fn plant(vactor: &Vactor, kind: &str, name: &str) -> bool {
    let path = vactor.path(".vactor").join(name);
    let victim = vactor.write("victim", SAFE);
    match fs::symlink_metadata(&path) {
        Ok(there) if there.is_dir() => fs::remove_dir(&path).unwrap(),
        Ok(_) => fs::remove_file(&path).unwrap(),
        Err(_) => {}
    }
    match kind {
        "link" => symlink(&victim, &path).unwrap(),
        "dangling link" => symlink(vactor.path("nothing"), &path).unwrap(),
        "hard link" => fs::hard_link(&victim, &path).unwrap(),
        "folder" => fs::create_dir(&path).unwrap(),
        "pipe" => nix::unistd::mkfifo(&path, Mode::S_IRWXU).unwrap(),
        "socket" => drop(UnixListener::bind(&path).unwrap()),
        _ => {
            let null = fs::metadata("/dev/null").unwrap();
            assert!(null.file_type().is_char_device());
            let number = std::os::unix::fs::MetadataExt::rdev(&null);
            return mknod(&path, SFlag::S_IFCHR, Mode::S_IRWXU, number).is_ok();
        }
    }
    true
}

fn unharmed(vactor: &Vactor) {
    assert_eq!(fs::read_to_string(vactor.path("victim")).unwrap(), SAFE);
    assert!(!vactor.path("nothing").exists());
}

#[test]
fn irregular_data_file_is_refused() {
    let vactor = vactor();
    for (kind, said) in KINDS {
        if !plant(&vactor, kind, "store.redb") {
            continue;
        }
        let hint = if kind == "hard link" { "copy it" } else { "restore the store's own file" };
        for line in ["worker --until-idle", "init", "register plain class"] {
            vactor.line(line).refuses(6, &format!("store.redb {said}"), hint);
        }
        // a file with a second name is read
        for line in ["get a ask", "call a go", "call a go --async"].into_iter().filter(|_| kind != "hard link") {
            vactor.line(line).refuses(6, &format!("store.redb {said}"), hint);
        }
        unharmed(&vactor);
    }
}

/// Stores that are only read may share a file, as packages and images do.
#[test]
fn data_file_with_second_name_is_read_only() {
    let vactor = vactor();
    fs::hard_link(vactor.path(".vactor/store.redb"), vactor.path("copy")).unwrap();
    assert_eq!(vactor.line("get a ask").ok(), "7\n");
    vactor.line("call a go").refuses(6, "store.redb has a second name (a hard link)", "copy it");
}

#[test]
fn irregular_lock_file_is_refused_before_accept() {
    let vactor = vactor();
    for (kind, said) in KINDS {
        if !plant(&vactor, kind, "lock") {
            continue;
        }
        for line in ["call a go", "call a go --async", "create plain b", "emit a x", "worker --until-idle"] {
            vactor.line(line).refuses(6, &format!("lock {said}"), "remove it");
        }
        assert_eq!(vactor.line("get a ask").ok(), "7\n", "a {kind}");
        assert_eq!(vactor.line("log a").ok().lines().count(), 2, "a {kind}");
        unharmed(&vactor);
    }
}

#[test]
fn irregular_worker_log_stops_no_worker() {
    for (kind, said) in KINDS {
        // a store of its own, because the worker of the last one may be about to leave
        let vactor = vactor();
        if !plant(&vactor, kind, "worker.log") {
            continue;
        }
        let ran = vactor.line("call a go --async");
        assert!(ran.stderr.contains(&format!("worker.log {said}")), "{ran:?}");
        assert_eq!(ran.ok(), "a#2\n");
        // the worker alone runs it: `log` runs no call
        while !vactor.line("log a").ok().contains("a#2\t") {}
        unharmed(&vactor);
    }
}

#[test]
fn unfinished_store_is_removed_and_not_followed() {
    for (kind, said) in KINDS {
        let vactor = Vactor::new();
        fs::create_dir(vactor.path(".vactor")).unwrap();
        plant(&vactor, kind, "store.redb.new");
        if kind == "folder" {
            vactor.line("init").refuses(6, &format!("store.redb.new {said}"), "remove it");
        } else {
            vactor.line("init").ok();
            assert_eq!(vactor.line("ls --json").ok(), "");
        }
        unharmed(&vactor);
    }
}

#[test]
fn irregular_folder_is_refused() {
    for (kind, _) in KINDS {
        let vactor = Vactor::new();
        fs::create_dir(vactor.path(".vactor")).unwrap();
        if kind == "folder" || kind == "dangling link" || !plant(&vactor, kind, "../store") {
            continue;
        }
        vactor.line("ls --store store").refuses(6, "store is a file, and a store is a folder", "");
        vactor.line("init --store store").refuses(6, "store is a file, and a store is a folder", "");
        unharmed(&vactor);
    }
}
