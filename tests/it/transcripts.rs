//! The console blocks of the pages are played against the real binary.
//!
//! The blocks of a page are one session in a folder of its own, with the components of the example
//! classes that the page names. Transcripts show stdout alone; every command must end with 0. Of
//! other blocks, `file=PATH` is written to the folder, and `from=PATH` must be part of that file of
//! the project.
//!
//! `REWRITE=1 cargo test transcripts` writes the output into the pages.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::classes;

#[test]
fn transcripts_of_readme() {
    play("README.md");
}

#[test]
fn transcripts_of_docs() {
    play_all("docs");
}

#[test]
fn transcripts_of_examples() {
    play_all("docs/examples");
}

fn play_all(folder: &str) {
    let mut pages: Vec<_> = std::fs::read_dir(project(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    assert!(pages.len() > 2, "the pages are elsewhere");
    pages.iter().for_each(play);
}

fn project(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn play(page: impl AsRef<Path>) {
    let path = project(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["counter", "account", "inventory", "approval", "trainer", "transfer"] {
        let file = format!("{name}.wasm");
        if text.contains(&file) {
            std::fs::copy(classes::component(name), folder.path().join(file)).unwrap();
        }
    }
    let played = played(&text, folder.path(), &path);
    if std::env::var_os("REWRITE").is_some() {
        std::fs::write(&path, played).unwrap();
    } else if let Some((at, (page, real))) = text.lines().zip(played.lines()).enumerate().find(|(_, (a, b))| a != b) {
        let place = format!("{}:{}", path.display(), at + 1);
        panic!(
            "{place}: the page has\n  {page}\nwhere there was\n  {real}\n`REWRITE=1 cargo test transcripts` writes it anew"
        );
    } else {
        assert_eq!(text, played, "{}", path.display());
    }
}

/// The page with the present output of its commands.
fn played(text: &str, folder: &Path, page: &Path) -> String {
    let mut played = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        played.push_str(&format!("{line}\n"));
        let Some(info) = line.strip_prefix("```") else { continue };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let whole: String = body.iter().flat_map(|line| [line, "\n"]).collect();
        let word = |key: &str| info.split(' ').find_map(|word| word.strip_prefix(key));
        if info == "console" {
            session(&body, folder, page, &mut played);
        } else if let Some(file) = word("from=") {
            let source = std::fs::read_to_string(project(file)).unwrap();
            assert!(source.contains(&whole), "{}: a block is not as in {file}", page.display());
            played.push_str(&whole);
        } else {
            if let Some(file) = word("file=") {
                std::fs::write(folder.join(file), &whole).unwrap();
            }
            played.push_str(&whole);
        }
        played.push_str("```\n");
    }
    played
}

/// Commands begin with `$ ` and continue after `> `; the other lines are their output.
fn session(block: &[&str], folder: &Path, page: &Path, played: &mut String) {
    let mut lines = block.iter().peekable();
    while let Some(line) = lines.next() {
        let Some(start) = line.strip_prefix("$ ") else { continue };
        played.push_str(&format!("{line}\n"));
        let mut command = start.to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with("> ")) {
            played.push_str(&format!("{more}\n"));
            command.push_str(&format!("\n{}", &more[2..]));
        }
        let output = shell(&command, folder);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: `{command}`: {}\n{said}", page.display(), output.status);
        played.push_str(std::str::from_utf8(&output.stdout).unwrap());
    }
}

fn shell(command: &str, folder: &Path) -> std::process::Output {
    let vactor = Path::new(env!("CARGO_BIN_EXE_vactor")).parent().unwrap().to_owned();
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([vactor].into_iter().chain(std::env::split_paths(&rest))).unwrap();
    let mut shell = Command::new("bash");
    classes::set_environment(&mut shell).env("PATH", path).args(["-c", command]).current_dir(folder);
    shell.output().unwrap()
}
