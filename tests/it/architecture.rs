//! The rules of docs/architecture.md: which module may use which, which names are unique, how sentences are written.

mod circles;
mod imports;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::Item;
use syn::visit::{self, Visit};

use imports::Imports;
use sources::Crate;

/// The roots of the crates that the rules bind.
const ROOTS: [&str; 4] = ["src/lib.rs", "src/main.rs", "actors/sdk/src/lib.rs", "actors/sdk-macros/src/lib.rs"];

/// Each module of `src`, and the modules that it may use beside itself.
const MODULES: [(&str, &[&str]); 5] = [
    ("model", &[]),
    ("store", &["model"]),
    ("sandbox", &["model"]),
    ("engine", &["model", "store", "sandbox"]),
    // of the binary, another crate: it sees the public face of the library alone
    ("cli", &[]),
];

/// The layers of `src/engine`, the lowest first. A layer uses itself and those before it.
const LAYERS_OF_ENGINE: [&str; 5] = ["core", "classes", "run", "schedule", "api"];

/// Crates that one module alone may name.
const CRATES_OF_ONE_MODULE: [(&str, &str); 5] = [
    ("wasmtime", "sandbox"),
    ("wasmparser", "sandbox"),
    ("wit_component", "sandbox"),
    ("wit_parser", "sandbox"),
    ("redb", "store"),
];

/// Words that write to the terminal, or end the process: of `cli` alone.
const OF_THE_TERMINAL: &str =
    "print println eprint eprintln dbg stdin stdout stderr exit clap anstream comfy_table indicatif anyhow";

/// Files that use these words for another process of the same program, which compiles.
const OF_THE_COMPILER_PROCESS: &str = "src/sandbox/compile/";

/// Words in the place of the noun that is meant: the caller, a worker, a process.
const INDEFINITE: [&str; 6] = ["somebody", "nobody", "whoever", "anybody", "everybody", "whomever"];

#[test]
fn files_import_each_other_without_circles() {
    let mut report = String::new();
    for root in ROOTS {
        let imports = imports_of(root);
        for circle in circles::circles(imports) {
            report += &circles::describe(imports, &circle);
        }
    }
    assert!(report.is_empty(), "{report}");
}

#[test]
fn modules_use_only_modules_below_them() {
    let mut wrong = Vec::new();
    for (module, allowed) in MODULES {
        let root = if module == "cli" { "src/main.rs" } else { "src/lib.rs" };
        let imports = imports_of(root);
        assert!(imports.keys().any(|file| part(file, 1) == module), "there is no module {module}");
        for (from, to, names) in edges(imports).filter(|(from, ..)| part(from, 1) == module) {
            let other = part(to, 1);
            if other != module && !allowed.contains(&&*other) {
                wrong.push(format!("{} uses {}: {names}", from.display(), to.display()));
            }
        }
    }
    assert_eq!(wrong, [""; 0], "a module uses one that it must not");
}

#[test]
fn layers_of_engine_use_only_layers_below_them() {
    let height = |file: &Path| LAYERS_OF_ENGINE.iter().position(|layer| *layer == part(file, 2));
    let imports = imports_of("src/lib.rs");
    let inside = |file: &Path| part(file, 1) == "engine";
    let wrong: Vec<_> = edges(imports)
        .filter(|(from, to, _)| inside(from) && inside(to))
        .filter(|(from, to, _)| height(from).zip(height(to)).is_some_and(|(from, to)| from < to))
        .map(|(from, to, names)| format!("{} uses {}: {names}", from.display(), to.display()))
        .collect();
    assert_eq!(wrong, [""; 0], "a layer of the engine uses one above it");
}

#[test]
fn wasmtime_and_redb_are_named_in_one_module_each() {
    let wrong = each_file(|place, words| {
        let module = place.split('/').next().unwrap();
        let elsewhere = |word: &str| CRATES_OF_ONE_MODULE.iter().any(|(name, home)| *name == word && *home != module);
        words.into_iter().filter(|(word, _)| elsewhere(word)).collect()
    });
    assert_eq!(wrong, [""; 0], "a crate is named outside of its module");
}

#[test]
fn library_writes_nothing_to_the_terminal() {
    let mut wrong = each_file(|place, words| match place.split('/').next().unwrap() {
        "cli" | "main" => Vec::new(),
        _ => words.into_iter().filter(|(word, _)| OF_THE_TERMINAL.split(' ').any(|one| one == word)).collect(),
    });
    wrong.retain(|place| !place.starts_with(OF_THE_COMPILER_PROCESS));
    assert_eq!(wrong, [""; 0], "the library uses the terminal");
}

/// The folder module recognises a file that another user put into a store's folder.
#[test]
fn files_of_a_store_are_opened_by_the_folder_module_alone() {
    let wrong = each_file(|place, words| {
        // it reads /proc alone
        if place == "store/process" {
            return Vec::new();
        }
        let in_a_stores_folder = place.starts_with("store/") && !place.starts_with("store/folder/")
            || ["cli/spawn_worker", "cli/store_location", "cli/open", "engine/schedule/worker"].contains(&place);
        if !in_a_stores_folder { Vec::new() } else { opening(&words) }
    });
    assert_eq!(wrong, [""; 0], "a file is opened past src/store/folder");
}

#[test]
fn type_names_have_one_meaning() {
    let mut defined = TypeNames::default();
    for root in ["src/lib.rs", "src/main.rs"] {
        defined.read(&Crate::read(&path(root)));
    }
    defined.0.retain(|_, places| places.len() > 1);
    assert!(defined.0.is_empty(), "names of several types: {:#?}", defined.0);
}

#[test]
fn lines_name_their_subject() {
    let mut report = String::new();
    let mut files = Vec::new();
    for folder in ["src", "tests", "actors", "benches", "docs", "examples", "fuzz", "templates", "wit"] {
        files_in(&path(folder), &["rs", "md", "wit"], &mut files);
    }
    for file in files.into_iter().filter(|file| !file.ends_with("tests/it/architecture.rs")) {
        let relative = file.strip_prefix(path("")).unwrap();
        for (at, line) in std::fs::read_to_string(&file).unwrap().lines().enumerate() {
            if lacks_a_subject(line, file.extension().is_some_and(|extension| extension == "md")) {
                report += &format!("{}:{}: {}\n", relative.display(), at + 1, line.trim());
            }
        }
    }
    assert!(report.is_empty(), "{report}");
}

/// An indefinite word anywhere, or a comment that begins with a clause in the place of a noun.
fn lacks_a_subject(line: &str, is_prose: bool) -> bool {
    let lower = line.to_lowercase();
    let mut words = lower.split(|letter: char| !letter.is_alphanumeric());
    let comment = line.trim_start().trim_start_matches(['/', '!']);
    let begins = ["What ", "Who "].iter().any(|word| comment.trim_start().starts_with(word));
    words.any(|word| INDEFINITE.contains(&word)) || !is_prose && line.trim_start().starts_with("//") && begins
}

fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// The imports of a crate, by files as the repository names them.
fn imports_of(root: &str) -> &'static Imports {
    static READ: LazyLock<BTreeMap<&str, Imports>> = LazyLock::new(|| {
        let base = path("");
        let relative = |file: PathBuf| file.strip_prefix(&base).unwrap().to_owned();
        let by_relative = |(from, to): (_, BTreeMap<_, _>)| {
            (relative(from), to.into_iter().map(|(to, names)| (relative(to), names)).collect())
        };
        let read = |root| imports::imports(&Crate::read(&path(root))).into_iter().map(by_relative).collect();
        ROOTS.into_iter().map(|root| (root, read(root))).collect()
    });
    &READ[root]
}

fn edges(imports: &Imports) -> impl Iterator<Item = (&Path, &Path, String)> {
    imports.iter().flat_map(|(from, to)| {
        let names = |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        to.iter().map(move |(to, of)| (from.as_path(), to.as_path(), names(of)))
    })
}

/// One part of a path, without an extension.
fn part(file: &Path, at: usize) -> String {
    file.iter().nth(at).map_or(String::new(), |part| part.to_str().unwrap().trim_end_matches(".rs").to_owned())
}

fn files_in(folder: &Path, extensions: &[&str], files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            files_in(&path, extensions, files);
        } else if path.extension().is_some_and(|extension| extensions.iter().any(|one| extension == *one)) {
            files.push(path);
        }
    }
    files.sort();
}

/// Where each type is defined. Variants for several systems count once.
#[derive(Default)]
struct TypeNames(BTreeMap<String, BTreeSet<String>>);

impl TypeNames {
    fn read(&mut self, krate: &Crate) {
        for module in &krate.modules {
            let file = module.file.strip_prefix(path("")).unwrap_or(&module.file).display().to_string();
            let mut names = Names { found: Vec::new(), conditional: module.conditional };
            module.items.iter().for_each(|item| names.visit_item(item));
            for (name, conditional) in names.found {
                let place = if conditional { "for one system".to_owned() } else { file.clone() };
                let places = self.0.entry(name).or_default();
                if !places.insert(place) {
                    places.insert(format!("{file} again"));
                }
                if conditional {
                    places.remove(&format!("{file} again"));
                }
            }
        }
    }
}

struct Names {
    found: Vec<(String, bool)>,
    conditional: bool,
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = sources::attributes(item);
        let name = match item {
            Item::Enum(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            // a module of its own
            Item::Mod(_) => return,
            _ => None,
        };
        if sources::is_of_tests(attributes) {
            return;
        }
        let conditional = self.conditional || sources::is_conditional(attributes);
        self.found.extend(name.map(|name| (name.to_string(), conditional)));
        let around = std::mem::replace(&mut self.conditional, conditional);
        visit::visit_item(self, item);
        self.conditional = around;
    }
}

/// `FILE:LINE: WORD` for all that `judge` finds in a file, which it knows as `engine/…/module`.
fn each_file(judge: impl Fn(&str, Vec<(String, usize)>) -> Vec<(String, usize)>) -> Vec<String> {
    let src = path("src");
    let mut files = Vec::new();
    files_in(&src, &["rs"], &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&src).unwrap().with_extension("");
        if relative.ends_with("tests") {
            continue;
        }
        let source = std::fs::read_to_string(&file).unwrap();
        let found = judge(&relative.to_str().unwrap().replace('\\', "/"), words(&source));
        wrong.extend(found.into_iter().map(|(word, line)| format!("src/{}.rs:{line}: {word}", relative.display())));
    }
    wrong
}

/// Each word of the code, with its line; those of tests, comments and texts are left out.
fn words(source: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    walk(source.parse().unwrap(), &mut found);
    found
}

/// Walks tokens, and so sees into macros.
fn walk(tokens: TokenStream, found: &mut Vec<(String, usize)>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut next_is_test = false;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Group(group) => {
                next_is_test |= group.delimiter() == Delimiter::Bracket && group.stream().to_string() == "cfg (test)";
                walk(group.stream(), found);
            }
            TokenTree::Ident(word) if word == "mod" && std::mem::take(&mut next_is_test) => {
                at += if matches!(tokens.get(at + 2), Some(TokenTree::Group(_))) { 2 } else { 0 };
            }
            TokenTree::Ident(word) => found.push((word.to_string(), word.span().start().line)),
            _ => {}
        }
        at += 1;
    }
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

#[test]
fn words_of_a_file_include_macros_and_leave_out_tests() {
    let names = |words: Vec<(String, usize)>| words.into_iter().map(|(word, _)| word).collect::<Vec<_>>();
    assert!(names(words("fn f() { vec![dbg!(1)] }")).contains(&"dbg".to_owned()));
    assert!(!names(words("#[cfg(test)] mod tests { fn f() { println!() } }")).contains(&"println".to_owned()));
    let opened = |source| names(opening(&words(source)));
    assert_eq!(
        opened("fn f() { std::fs::read(x); File::open(x); x.exists(); OpenOptions::new() }"),
        "fs File exists OpenOptions".split(' ').collect::<Vec<_>>()
    );
    assert!(opened("use std::fs::TryLockError; fn f(file: &File, x: &str) { open(file); folder.open(x) }").is_empty());
}

#[test]
fn lines_without_a_subject_are_recognised() {
    assert!(lacks_a_subject("fn f() {} // for nobody", false));
    assert!(lacks_a_subject("    /// What a run returns.", false));
    assert!(lacks_a_subject("Whoever runs it", true));
    assert!(!lacks_a_subject("What it is", true));
    assert!(!lacks_a_subject("/// Says what a run returns.", false));
}

/// A crate in a folder of its own: `src/NAME.rs`, or `src/NAME/mod.rs`.
fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, source) in files {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, source).unwrap();
    }
    let imports = imports::imports(&Crate::read(&folder.path().join("lib.rs")));
    let name = |file: &PathBuf| file.strip_prefix(folder.path()).unwrap().display().to_string();
    let circles = circles::circles(&imports);
    circles.iter().map(|circle| circle.iter().map(name).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn circle_is_seen_through_each_kind_of_path() {
    let two = |a: &str, b: &str| circles_of(&[("lib.rs", "mod a; mod b;"), ("a.rs", a), ("b.rs", b)]);
    let item_of_a = "pub struct A; impl A { pub fn go(&self) {} }";
    let circle = ["a.rs b.rs".to_owned()];
    let uses_b = |rest: &str| format!("{item_of_a} {rest}");
    for how in [
        "use crate::b::B;",
        "use super::{b::{self, B}};",
        "fn f() { crate::b::make() }",
        "use super::b; fn f() { b::make() }",
        "fn f(b: &crate::b::B) {}",
        "fn f() { format!(\"{}\", crate::b::MAX) }",
        "fn f() { matches!(x, crate::b::B { .. } if true) }",
        "use crate::b::*; fn f() { make() }",
    ] {
        let b = "use crate::a::A; pub struct B; pub fn make() {} pub const MAX: u8 = 0;";
        assert_eq!(two(&uses_b(how), b), circle, "{how}");
    }
    assert!(two(&uses_b("// crate::b::B"), "use crate::a::A; pub struct B;").is_empty());
    assert!(two(&uses_b("#[cfg(test)] mod tests { use crate::b::B; }"), "use crate::a::A; pub struct B;").is_empty());
}

#[test]
fn circle_is_seen_through_methods_of_one_type_in_two_files() {
    let a = "impl crate::Root { pub fn first(&self) { self.second() } }";
    let b = "use crate::Root; impl Root { pub fn second(&self) {} fn third(root: &Root) { root.first() } }";
    let lib = "mod a; mod b; pub struct Root;";
    assert_eq!(circles_of(&[("lib.rs", lib), ("a.rs", a), ("b.rs", b)]), ["a.rs b.rs"]);
    let field = "struct Inner { root: std::sync::Arc<crate::Root> } impl Inner { fn f(&self) { self.root.second() } } \
                 impl crate::Root { pub fn first(&self) {} }";
    assert_eq!(circles_of(&[("lib.rs", lib), ("a.rs", field), ("b.rs", b)]), ["a.rs b.rs"]);
    let other = "impl crate::Root { pub fn first(&self, list: Vec<u8>) { list.second() } }";
    assert!(circles_of(&[("lib.rs", lib), ("a.rs", other), ("b.rs", b)]).is_empty());
}

#[test]
fn re_exported_item_counts_for_the_file_that_defines_it() {
    let lib = "mod a;";
    let parent = "mod one; mod two; pub use one::One; pub use two::Two;";
    let files = |one: &'static str| {
        circles_of(&[
            ("lib.rs", lib),
            ("a/mod.rs", parent),
            ("a/one.rs", one),
            ("a/two.rs", "use super::One; pub struct Two;"),
        ])
    };
    assert!(files("pub struct One;").is_empty());
    assert_eq!(files("use super::Two; pub struct One;"), ["a/one.rs a/two.rs"]);
    let own = "mod one; pub use one::One; pub struct Own; fn f() -> One { One }";
    let one = "use super::Own; pub struct One;";
    assert_eq!(circles_of(&[("lib.rs", lib), ("a/mod.rs", own), ("a/one.rs", one)]), ["a/mod.rs a/one.rs"]);
}

#[test]
fn type_name_in_two_files_is_seen_and_variants_for_systems_are_one() {
    let names = |source: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("lib.rs"), source).unwrap();
        let mut names = TypeNames::default();
        names.read(&Crate::read(&folder.path().join("lib.rs")));
        names.0.into_iter().filter(|(_, places)| places.len() > 1).map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(names("struct A; mod b { enum A {} }"), ["A"]);
    assert_eq!(names("fn f() { struct A; } mod b { type A = u8; }"), ["A"]);
    assert_eq!(names("#[cfg(unix)] mod a { pub struct A; } #[cfg(not(unix))] mod b { pub struct A; }"), [""; 0]);
    assert_eq!(names("struct A; #[cfg(test)] mod tests { struct A; } trait B { type A; }"), [""; 0]);
}
