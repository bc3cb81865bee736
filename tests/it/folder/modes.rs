//! Modes and groups of the files that vactor creates.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;

use super::*;
use crate::support::Ran;

const FILES: [&str; 3] = ["store.redb", "lock", "worker.log"];

/// Runs calls of all kinds, so that all files exist.
fn use_all(vactor: &Vactor, user: u32, umask: &str, store: &str) {
    let script = format!(
        "umask {umask}; export VACTOR_STORE={store}; $VACTOR register plain class && $VACTOR create plain a &&
         $VACTOR wait $($VACTOR call a go --async)"
    );
    vactor.script_as(user, &script).ok();
}

#[test]
fn new_store_is_accessible_to_owner_only() {
    for umask in ["000", "022", "077"] {
        let vactor = adas();
        use_all(&vactor, ADA, umask, "deep/s");
        assert_eq!(mode(&vactor.path("deep/s")), 0o700, "umask {umask}");
        assert_eq!(mode(&vactor.path("deep")), 0o777 & !u32::from_str_radix(umask, 8).unwrap());
        for name in FILES {
            assert_eq!(mode(&vactor.path("deep/s").join(name)), 0o600, "{name}, umask {umask}");
        }
    }
}

#[test]
fn existing_folder_and_umask_decide_access() {
    for (folder, umask, file) in
        [(0o755, "022", 0o644), (0o755, "077", 0o600), (0o750, "022", 0o640), (0o2770, "002", 0o660)]
    {
        let vactor = adas();
        fs::create_dir(vactor.path("s")).unwrap();
        give(&vactor.path("s"), ADA);
        allow(&vactor.path("s"), folder);
        use_all(&vactor, ADA, umask, "s");
        for name in FILES {
            assert_eq!(mode(&vactor.path("s").join(name)), file, "{name} in {folder:o}, umask {umask}");
        }
    }
}

#[test]
fn later_files_have_access_of_data_file() {
    let vactor = adas();
    use_all(&vactor, ADA, "022", "s");
    allow(&vactor.path("s/store.redb"), 0o640);
    for lost in ["lock", "worker.log"] {
        fs::remove_file(vactor.path("s").join(lost)).unwrap();
    }
    vactor.script_as(ADA, "umask 077; $VACTOR wait --store s $($VACTOR --store s call a go --async)").ok();
    for name in FILES {
        assert_eq!(mode(&vactor.path("s").join(name)), 0o640, "{name}");
    }
}

/// Ada created the store, and Bob is in the folder's group. Either may be the first to need a file.
#[test]
fn group_members_share_store() {
    if !has_users() {
        return;
    }
    const GROUP: u32 = 64_003;
    let vactor = adas();
    fs::create_dir(vactor.path("s")).unwrap();
    chown(vactor.path("s"), Some(ADA), Some(GROUP)).unwrap();
    allow(&vactor.path("s"), 0o2770);
    let line = |user: u32, line: &str| {
        let mut shell = vactor.shell_as(user, "umask 002; exec $VACTOR $LINE");
        shell.gid(GROUP).env("VACTOR_STORE", "s").env("LINE", line);
        Ran::from(shell.output().unwrap()).ok()
    };
    line(ADA, "register plain class");
    line(BOB, "create plain a");
    for (first, second) in [(ADA, BOB), (BOB, ADA)] {
        for lost in ["lock", "worker.log"] {
            let _ = fs::remove_file(vactor.path("s").join(lost));
        }
        for user in [first, second, first] {
            line(user, "call a go");
            let reference = line(user, "call a go --async");
            line(user, &format!("wait {reference}"));
        }
        for name in FILES {
            let file = fs::metadata(vactor.path("s").join(name)).unwrap();
            assert_eq!((file.gid(), file.mode() & 0o777), (GROUP, 0o660), "{name}");
        }
    }
}
