//! Paths that are not UTF-8, or not one line.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::raw::{NULL, RawClass};
use crate::support::{Ran, Vactor};

fn class() -> RawClass {
    RawClass::new().mutation("go", NULL)
}

/// A folder for a store, and the command that runs in it.
fn folder(vactor: &Vactor, name: &[u8]) -> PathBuf {
    let folder = vactor.path(Path::new(OsStr::from_bytes(name)));
    fs::create_dir(&folder).unwrap();
    folder
}

fn run(vactor: &Vactor, folder: &Path, words: &[&OsStr]) -> Ran {
    Ran::from(vactor.command().current_dir(folder).args(words).output().unwrap())
}

fn line(vactor: &Vactor, folder: &Path, line: &str) -> Ran {
    run(vactor, folder, &line.split(' ').map(OsStr::new).collect::<Vec<_>>())
}

#[test]
fn store_in_folder_of_any_name_is_used() {
    for name in [&b"x\xff"[..], b"y\nz", b"-w", b"a b'c"] {
        let vactor = Vactor::new();
        let folder = folder(&vactor, name);
        fs::write(folder.join("class"), class().build()).unwrap();
        line(&vactor, &folder, "register plain class").ok();
        line(&vactor, &folder, "create plain a").ok();
        assert_eq!(line(&vactor, &folder, "call a go --async").ok(), "a#2\n");
        // the worker alone runs it
        while !line(&vactor, &folder, "log a").ok().contains("a#2\t") {}
        let named = folder.join(".vactor");
        let words = ["--store".as_ref(), named.as_os_str(), "call".as_ref(), "a".as_ref(), "go".as_ref()];
        assert_eq!(run(&vactor, Path::new("/"), &words).ok(), "null\n", "{name:?}");
        let mut joined = OsString::from("--store=");
        joined.push(&named);
        let words = [joined.as_os_str(), "call".as_ref(), "a".as_ref(), "go".as_ref(), "--async".as_ref()];
        assert_eq!(run(&vactor, Path::new("/"), &words).ok(), "a#4\n", "{name:?}");
        while !line(&vactor, &folder, "log a").ok().contains("a#4\t") {}
        let mut command = vactor.command();
        command.current_dir("/").env("VACTOR_STORE", &named).args(["call", "a", "go"]);
        assert_eq!(Ran::from(command.output().unwrap()).ok(), "null\n", "{name:?}");
    }
}

#[test]
fn where_prints_line_that_shell_reads_back() {
    for (name, quoted) in [
        (&b"plain"[..], None),
        (b"a b'c", None),
        (b"x\xff", None),
        (b"y\nz", Some(r"$'/y\nz/.vactor'")),
        (b"\xff\n'\\", Some(r"$'/\xff\n\'\\/.vactor'")),
    ] {
        let vactor = Vactor::new();
        let folder = folder(&vactor, name);
        line(&vactor, &folder, "init --store .vactor").ok();
        let printed = vactor.command().current_dir(&folder).args(["where", "-q"]).output().unwrap().stdout;
        let path = fs::canonicalize(folder.join(".vactor")).unwrap();
        assert_eq!(printed.iter().filter(|byte| **byte == b'\n').count(), 1, "{name:?}");
        match quoted {
            None => assert_eq!(printed, [path.as_os_str().as_bytes(), b"\n"].concat()),
            Some(quoted) => {
                let top = fs::canonicalize(vactor.path(".")).unwrap();
                let expected = quoted.replacen('/', &format!("{}/", top.display()), 1) + "\n";
                assert_eq!(String::from_utf8(printed.clone()).unwrap(), expected);
                let script = format!("cd {} && pwd -P", String::from_utf8(printed).unwrap().trim_end());
                let shell = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
                assert_eq!(shell.stdout, [path.as_os_str().as_bytes(), b"\n"].concat());
            }
        }
        let json = vactor.command().current_dir(&folder).args(["where", "--json"]).output().unwrap().stdout;
        let json: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["store"], path.to_string_lossy().as_ref());
    }
}

#[test]
fn value_is_read_from_file_of_any_name() {
    let class = RawClass::new()
        .description(
            r#"{"methods":[{"name":"new","kind":"constructor"},{"name":"go","kind":"mutation",
            "parameters":[{"name":"n","schema":{"type":"integer"}}],"result":{}}]}"#,
        )
        .mutation("go", NULL);
    let vactor = Vactor::with("plain", &class);
    vactor.line("create plain a").ok();
    let name = OsStr::from_bytes(b"f\xff");
    fs::write(vactor.path(Path::new(name)), "7\n").unwrap();
    fs::write(vactor.path(Path::new(OsStr::from_bytes(b"all\xff"))), r#"{"n":7}"#).unwrap();
    let with = |words: &[&[u8]]| vactor.run(words.iter().map(|word| OsStr::from_bytes(word)));
    for words in [
        &[&b"call"[..], b"a", b"go", b"@f\xff"][..],
        &[b"call", b"a", b"go", b"n=@f\xff"],
        &[b"call", b"a", b"go", b"--args", b"@all\xff"],
    ] {
        assert_eq!(with(words).ok(), "null\n");
    }
    with(&[b"emit", b"a", b"e", b"@f\xff"]).ok();
    for words in [&[&b"call"[..], b"a", b"go", b"f\xff"][..], &[b"call", b"a", b"go", b"n=f\xff"]] {
        with(words).refuses(2, "n: `f\u{fffd}` is not UTF-8 text", "after `@`");
    }
    with(&[b"call", b"a", b"go", b"m\xff=1"]).refuses(2, "`m\u{fffd}=1` is not UTF-8 text", "");
    with(&[b"call", b"a", b"go", b"--args", b"\xff"]).refuses(2, "is not UTF-8 text", "");
    with(&[b"emit", b"a", b"e", b"f\xff"]).refuses(2, "PAYLOAD: `f\u{fffd}` is not UTF-8 text", "");
    with(&[b"call", b"a\xff", b"go"]).refuses(2, "`a\u{fffd}` is not UTF-8 text", "only the path");
    with(&[b"new", b"t\xff"]).refuses(2, "a class cannot be named", "a name is ASCII letters");
    let mut command = vactor.command();
    command.args(["call", "a", "go", "7"]).env("VACTOR_MAX_TIME", OsStr::from_bytes(b"\xff"));
    Ran::from(command.output().unwrap()).refuses(2, "the value of the variable VACTOR_MAX_TIME is not UTF-8 text", "");
}

#[test]
fn completion_finds_store_of_any_name() {
    let vactor = Vactor::new();
    let folder = folder(&vactor, b"x\xff");
    fs::write(folder.join("class"), class().build()).unwrap();
    line(&vactor, &folder, "register plain class").ok();
    line(&vactor, &folder, "create plain actor").ok();
    let mut store = OsString::from("--store=");
    store.push(folder.join(".vactor"));
    for before in [vec![store], vec!["--store".into(), folder.join(".vactor").into()]] {
        let mut command = vactor.command();
        let index = before.len() + 2;
        command.env("VACTOR_COMPLETE", "fish").arg("--").arg("vactor").args(&before).args(["show", "a"]);
        command.env("_CLAP_COMPLETE_INDEX", index.to_string());
        let offered = command.output().unwrap();
        let offered = String::from_utf8_lossy(&offered.stdout).into_owned();
        assert!(offered.starts_with("actor"), "{offered:?}");
    }
    // a word that is no UTF-8 has no completions and causes no panic
    let mut command = vactor.command();
    command.env("VACTOR_COMPLETE", "fish").args(["--", "vactor", "show"]).arg(OsStr::from_bytes(b"\xff"));
    let ran = Ran::from(command.output().unwrap());
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
}
