//! Stores that cannot be used: exit code 6, or 3 where there is none.

use std::fs;
use std::path::Path;

use crate::raw::{NULL, RawClass};
use crate::support::Vactor;

/// A store with an actor `a`, whose query `ask` gives 7.
fn vactor() -> Vactor {
    let class = RawClass::new().text("seven", "7").query("ask", "(call $ok (call $text_seven))").mutation("go", NULL);
    let vactor = Vactor::with("plain", &class);
    vactor.line("create plain a").ok();
    vactor
}

/// Reading and writing commands report the same error.
#[track_caller]
fn all_refuse(vactor: &Vactor, code: i32, error: &str, hint: &str) {
    for line in ["call a go", "get a ask", "show a", "ls", "log a", "classes", "describe plain", "rm a --yes"] {
        vactor.line(line).refuses(code, error, hint);
    }
    for line in ["create plain b", "batch", "ps", "wait a#1", "cancel a#1", "resume a#1", "worker --until-idle"] {
        vactor.line(line).refuses(code, error, hint);
    }
}

fn file(vactor: &Vactor) -> std::path::PathBuf {
    vactor.path(".vactor/store.redb")
}

#[test]
fn missing_store_is_not_found() {
    let vactor = Vactor::new();
    all_refuse(&vactor, 3, "there is no store in ", "`vactor init`");
    vactor.line("ls --store elsewhere").refuses(3, "there is no store at elsewhere", "`vactor init`");
    fs::create_dir(vactor.path(".vactor")).unwrap();
    all_refuse(&vactor, 3, "there is no store at ", "`vactor init`");
}

#[test]
fn folder_around_store_is_refused() {
    let vactor = vactor();
    vactor.line("ls --store .").refuses(3, "there is no store at .", "did you mean the store in it, `./.vactor`?");
}

#[test]
fn file_in_place_of_folder_is_refused() {
    let vactor = Vactor::new();
    vactor.write(".vactor", "a file");
    all_refuse(&vactor, 6, "is a file", "");
    vactor.line("init").refuses(6, "is a file", "");
    let class = vactor.write("class", RawClass::new().build());
    vactor.run(["register".as_ref(), "c".as_ref(), class.as_os_str()]).refuses(6, "is a file", "");
}

#[test]
fn folder_in_place_of_data_file_is_refused() {
    let vactor = Vactor::new();
    fs::create_dir_all(file(&vactor)).unwrap();
    all_refuse(&vactor, 6, "store.redb is a folder, and should be a regular file", "restore the store's own file");
}

#[test]
fn foreign_data_file_is_refused() {
    let vactor = vactor();
    fs::write(file(&vactor), "x".repeat(100_000)).unwrap();
    all_refuse(&vactor, 6, "is no store", "");
    fs::write(file(&vactor), "").unwrap();
    all_refuse(&vactor, 6, "is no store", "");
}

#[test]
fn truncated_store_gives_right_answer_or_error() {
    let vactor = vactor();
    let whole = fs::read(file(&vactor)).unwrap();
    // the bytes after the last used page may be unused
    for (line, right) in [("get a ask", "7\n"), ("call a go --json", "null\n")] {
        for length in [0, 100, 4096, 8192, whole.len() / 4, whole.len() / 2, whole.len() - 4096] {
            fs::write(file(&vactor), &whole[..length]).unwrap();
            let ran = vactor.line(line);
            let right = (ran.code, ran.stdout.as_str()) == (0, right);
            assert!(ran.code == 6 || (right && length > 8192), "{line} on {length} bytes: {ran:?}");
            assert!(!ran.stderr.contains("panicked at"), "{line} on {length} bytes: {ran:?}");
        }
    }
}

#[test]
fn store_of_other_format_is_refused_with_number() {
    let vactor = vactor();
    for (format, error, hint) in [
        (7_u16, "the store has format 7, this vactor knows 2", "a newer vactor"),
        (1, "the store has format 1, which was never released; this vactor knows 2", "`vactor init --store PATH`"),
    ] {
        let mut bytes = fs::read(file(&vactor)).unwrap();
        // docs/store-format.md: the format follows redb's header and the tag
        bytes[320 + 8..][..2].copy_from_slice(&format.to_be_bytes());
        fs::write(file(&vactor), bytes).unwrap();
        all_refuse(&vactor, 6, error, hint);
    }
}

#[test]
fn flipped_bit_gives_right_answer_or_error() {
    let vactor = vactor();
    let whole = fs::read(file(&vactor)).unwrap();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..50 {
        let mut bytes = whole.clone();
        let (at, bit) = (random.usize(..bytes.len()), random.u8(..8));
        bytes[at] ^= 1 << bit;
        fs::write(file(&vactor), bytes).unwrap();
        let ran = vactor.line("get a ask");
        let right = (ran.code, ran.stdout.as_str()) == (0, "7\n");
        assert!(right || ran.code == 6, "bit {bit} of byte {at}: {ran:?}");
        assert!(!ran.stderr.contains("panicked at"), "bit {bit} of byte {at}: {ran:?}");
    }
}

#[cfg(unix)]
mod permissions {
    use std::os::unix::fs::PermissionsExt;

    use crate::support::Ran;

    use super::*;

    const STRANGER: u32 = 65534;

    /// Runs a line as a user who is bound by permissions, which root is not. The store is named,
    /// because another user owns it.
    fn as_another(vactor: &Vactor, line: &str) -> Ran {
        vactor.line_as(STRANGER, &format!("{line} --store .vactor"))
    }

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn read_only_store_is_read() {
        let vactor = vactor();
        vactor.line("call a go").ok();
        allow(&vactor.path("."), 0o755);
        for entry in fs::read_dir(vactor.path(".vactor")).unwrap() {
            allow(&entry.unwrap().path(), 0o444);
        }
        allow(&vactor.path(".vactor"), 0o555);
        assert_eq!(as_another(&vactor, "get a ask").ok(), "7\n");
        assert_eq!(as_another(&vactor, "log a").ok().lines().count(), 3);
        for line in ["show a", "ls", "classes", "describe plain"] {
            as_another(&vactor, line).ok();
        }
        for line in ["call a go", "create plain b", "rm a --yes"] {
            as_another(&vactor, line).refuses(6, "ermission denied", "");
        }
        allow(&vactor.path(".vactor"), 0o755);
    }

    #[test]
    fn unreadable_store_is_refused() {
        let vactor = vactor();
        allow(&vactor.path("."), 0o755);
        allow(&file(&vactor), 0o000);
        for line in ["get a ask", "call a go", "ls"] {
            as_another(&vactor, line).refuses(6, "ermission denied", "");
        }
    }

    #[test]
    fn full_disk_loses_nothing() {
        let vactor = Vactor::with(
            "plain",
            &RawClass::new().mutation(
                "go",
                "(drop (memory.grow (i32.const 100)))
            (global.set $state.len (i32.const 5000000)) (call $ok (call $text_null))",
            ),
        );
        vactor.line("create plain a").ok();
        let state = vactor.line("show a --json").ok();
        let blocks = fs::metadata(file(&vactor)).unwrap().len() / 1024 + 64;
        let shell = format!("ulimit -f {blocks}; exec {} call a go", env!("CARGO_BIN_EXE_vactor"));
        let mut command = std::process::Command::new("bash");
        command.args(["-c", &shell]).current_dir(vactor.path(".")).envs(vactor.environment());
        Ran::from(command.output().unwrap()).fails(6);
        assert_eq!(vactor.line("show a --json").ok(), state);
        vactor.line("call a go").ok();
    }
}
