//! The walls of the house (docs/architecture.md): who may name whom, and who sees a person.

use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Each room, and the rooms of the house that it may name beside itself.
const ROOMS: [(&str, &[&str]); 5] = [
    ("model", &[]),
    ("store", &["model"]),
    ("sandbox", &["model"]),
    ("engine", &["model", "store", "sandbox"]),
    // the binary's own: the library has another name there, and its public face alone
    ("cli", &[]),
];

/// Crates that one room alone may name.
const BEHIND_A_WALL: [(&str, &str); 5] = [
    ("wasmtime", "sandbox"),
    ("wasmparser", "sandbox"),
    ("wit_component", "sandbox"),
    ("wit_parser", "sandbox"),
    ("redb", "store"),
];

/// Words of who speaks to a person, or ends the process: of `cli` alone.
const TO_A_PERSON: &str =
    "print println eprint eprintln dbg stdin stdout stderr exit clap anstream comfy_table indicatif anyhow";

/// Files that use these words for another process of the same program, which compiles: no person sees it.
const TO_A_PROCESS: &str = "src/sandbox/compile/";

#[test]
fn no_room_names_a_room_that_it_must_not() {
    let broken = each_room(|room, said| {
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else { return Vec::new() };
        said.roots.into_iter().filter(|(name, _)| name != room && !allowed.contains(&name.as_str())).collect()
    });
    assert_eq!(broken, [""; 0], "a room names what it must not");
}

#[test]
fn wasmtime_and_redb_stay_in_their_rooms() {
    let broken = each_room(|room, said| {
        let elsewhere = |word: &str| BEHIND_A_WALL.iter().any(|(name, home)| *name == word && *home != room);
        said.words.into_iter().filter(|(word, _)| elsewhere(word)).collect()
    });
    assert_eq!(broken, [""; 0], "a crate is named outside of its room");
}

#[test]
fn only_the_command_line_sees_a_person() {
    let mut broken = each_room(|room, said| match room {
        "cli" | "main" => Vec::new(),
        _ => said.words.into_iter().filter(|(word, _)| TO_A_PERSON.split(' ').any(|one| one == word)).collect(),
    });
    broken.retain(|place| !place.starts_with(TO_A_PROCESS));
    assert_eq!(broken, [""; 0], "the library speaks to a person");
}

/// A file that another user planted in a store's folder is recognised there, and nowhere else.
#[test]
fn only_the_folder_module_opens_files_of_a_store() {
    let broken = each_file(|place, said| {
        // it reads /proc alone
        if place == "store/process" {
            return Vec::new();
        }
        let in_a_stores_folder = place.starts_with("store/") && !place.starts_with("store/folder/")
            || ["cli/detached", "cli/place", "cli/work", "engine/schedule/worker"].contains(&place);
        if !in_a_stores_folder { Vec::new() } else { opening(&said.words) }
    });
    assert_eq!(broken, [""; 0], "a file is opened past src/store/folder");
}

/// Words that open a file, or look at one, by its path.
fn opening(words: &[(String, usize)]) -> Vec<(String, usize)> {
    let by_path =
        ["OpenOptions", "exists", "is_file", "is_dir", "symlink_metadata", "canonicalize", "read_link", "openat"];
    let functions = ["open", "create", "create_new", "options"];
    let is = |at: usize, wanted: &[&str]| words.get(at).is_some_and(|(word, _)| wanted.contains(&word.as_str()));
    let opens = |at: usize| is(at, &by_path) || is(at, &["fs"]) && !is(at + 1, &["TryLockError"]);
    let at_once = |at: usize| is(at, &["File"]) && is(at + 1, &functions);
    (0..words.len()).filter(|at| opens(*at) || at_once(*at)).map(|at| words[at].clone()).collect()
}

/// What a file says, each with its line.
#[derive(Default)]
struct Said {
    /// Names at the crate's root, whichever way they are written.
    roots: Vec<(String, usize)>,
    /// Every word of the code that is no test.
    words: Vec<(String, usize)>,
}

/// `FILE:LINE: WORD` for all that `judge` finds in a file of a room.
fn each_room(judge: impl Fn(&str, Said) -> Vec<(String, usize)>) -> Vec<String> {
    each_file(|place, said| judge(place.split('/').next().unwrap(), said))
}

/// `FILE:LINE: WORD` for all that `judge` finds in a file, which it knows as `room/…/module`.
fn each_file(judge: impl Fn(&str, Said) -> Vec<(String, usize)>) -> Vec<String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    for (room, _) in ROOMS {
        assert!(files.iter().any(|file| file.starts_with(src.join(room))), "there is no room {room}");
    }
    let mut broken = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&src).unwrap().with_extension("");
        let path: Vec<_> = relative.iter().map(|part| part.to_str().unwrap()).filter(|part| *part != "mod").collect();
        let depth = if path == ["lib"] || path == ["main"] { 0 } else { path.len() };
        let found = judge(
            &relative.to_str().unwrap().replace('\\', "/"),
            said(&std::fs::read_to_string(&file).unwrap(), depth),
        );
        let of_tests = path.last() == Some(&"tests");
        let place = |(word, line): (String, usize)| format!("src/{}.rs:{line}: {word}", relative.display());
        broken.extend(found.into_iter().filter(|_| !of_tests).map(place));
    }
    broken
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
}

fn said(source: &str, depth: usize) -> Said {
    let mut said = Said::default();
    listen(source.parse().unwrap(), depth, false, &mut said);
    said
}

/// Walks tokens, and so sees into macros, but not into comments and texts. `depth`: modules from the root to here.
fn listen(tokens: TokenStream, depth: usize, test: bool, said: &mut Said) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut next_is_test = false;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Group(group) => {
                next_is_test |= group.stream().to_string() == "cfg (test)";
                listen(group.stream(), depth, test, said);
            }
            TokenTree::Ident(word) if word == "mod" => {
                if let Some(TokenTree::Group(body)) = tokens.get(at + 2) {
                    listen(body.stream(), depth + 1, test || next_is_test, said);
                    at += 2;
                }
                next_is_test = false;
            }
            TokenTree::Ident(word) => {
                if word == "crate" {
                    after(&tokens[at + 1..], 0, said);
                } else if word == "super" {
                    after(&tokens[at + 1..], depth.saturating_sub(1), said);
                }
                if !test {
                    said.words.push((word.to_string(), word.span().start().line));
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// What follows the module at `depth` in a path: `::name`, `::super…`, `::*`, `::{…}`.
fn after(path: &[TokenTree], depth: usize, said: &mut Said) {
    let [TokenTree::Punct(colon), TokenTree::Punct(_), rest @ ..] = path else { return };
    if colon.as_char() == ':' {
        element(rest, depth, said);
    }
}

fn element(tokens: &[TokenTree], depth: usize, said: &mut Said) {
    match tokens {
        [TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Brace => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
            inner.split(is_comma).for_each(|one| element(one, depth, said));
        }
        [TokenTree::Ident(word), rest @ ..] if word == "super" => after(rest, depth.saturating_sub(1), said),
        [token, ..] if depth == 0 => said.roots.push((token.to_string(), token.span().start().line)),
        _ => {}
    }
}

#[test]
fn the_scan_sees_every_way_to_name_a_room() {
    let roots = |depth, source: &str| {
        let names = said(source, depth).roots.into_iter().map(|(name, _)| name);
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(roots(1, "use crate::store::Store;"), "store");
    assert_eq!(roots(1, "use crate::{store, sandbox::{self, Run}};"), "store sandbox");
    assert_eq!(roots(1, "use super::{store as s, model};"), "store model");
    assert_eq!(roots(2, "use super::{super::{store}, other};"), "store");
    assert_eq!(roots(2, "fn f() { super::super::store::open(); super::near(); }"), "store");
    assert_eq!(roots(1, "mod tests { use super::super::store; use super::*; }"), "store");
    assert_eq!(roots(1, "use crate::*; use crate::{self as all};"), "* self");
    assert_eq!(roots(1, "fn f() { format!(\"{}\", crate::store::NAME) }"), "store");
    assert_eq!(roots(1, "// crate::store\nconst A: &str = \"crate::store\"; pub(crate) fn g() {}"), "");
    let opened = |source| opening(&said(source, 1).words).into_iter().map(|(word, _)| word).collect::<Vec<_>>();
    assert_eq!(
        opened("fn f() { std::fs::read(x); File::open(x); x.exists(); OpenOptions::new() }"),
        "fs File exists OpenOptions".split(' ').collect::<Vec<_>>()
    );
    assert!(opened("use std::fs::TryLockError; fn f(file: &File, x: &str) { open(file); folder.open(x) }").is_empty());
    let words = |source| said(source, 1).words.into_iter().map(|(word, _)| word).collect::<Vec<_>>();
    assert!(words("fn f() { vec![dbg!(1)] }").contains(&"dbg".to_owned()));
    assert!(!words("#[cfg(test)] mod tests { fn f() { println!() } }").contains(&"println".to_owned()));
}
