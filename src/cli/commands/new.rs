//! `vactor new`: a class's source, ready to build, in a new folder.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use clap::{Args, ValueEnum};
use include_dir::{Dir, DirEntry, include_dir};

use crate::cli::command::{Cli, RunCommand};
use crate::cli::output::{Effect, Problem};

/// The files of a new class, with the SDK. A manifest is named `Cargo.toml.in`, because a folder
/// with a `Cargo.toml` is left out of a packed crate (docs/decisions/0040-what-new-writes.md).
static RUST: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/rust");

/// Words of Rust that cannot be a crate's name.
const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn else enum extern false final fn for \
    gen if impl in let loop macro match mod move mut override priv pub ref return self static struct super trait true try type \
    typeof unsafe unsized use virtual where while yield";

/// Names of crates that the class or cargo uses.
const TAKEN: &str = "alloc core proc_macro serde std test vactor_sdk vactor_sdk_macros";

/// Writes the source of a new class, ready to build, to a new folder
#[derive(Args)]
pub struct New {
    /// The name of the class and of the folder, such as `shopping-cart`
    name: OsString,
    /// The language
    #[arg(long, value_enum, default_value_t)]
    lang: Lang,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Lang {
    #[default]
    Rust,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct NewLine<'a> {
    /// The folder that was written.
    folder: &'a str,
}

impl RunCommand for New {
    type Line = NewLine<'static>;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        let name = &*self.name.to_string_lossy();
        check(name)?;
        match self.lang {
            Lang::Rust => write_all(&RUST, name)?,
        }
        if cli.console.wants_json() {
            return Effect::new(format!("wrote {name}")).printed(cli.console.json(&NewLine { folder: name }));
        }
        cli.console
            .note(&format!("wrote {name}: the class is in {name}/src/lib.rs, `vactor build {name}` compiles it"));
        Ok(())
    }
}

/// Writes a template to a new folder. After an error, the folder is removed.
fn write_all(template: &Dir<'_>, name: &str) -> Result<(), Problem> {
    let folder = Path::new(name);
    std::fs::create_dir(folder).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Problem::conflict(format!("{name} exists already")).hint("choose another name, or move the folder")
        }
        _ => cannot_write(folder, error),
    })?;
    let words = [("{{package}}", name), ("{{type}}", &type_name(name))];
    write(template, folder, &words).inspect_err(|_| {
        // the first error is reported
        let _ = std::fs::remove_dir_all(folder);
    })
}

fn check(name: &str) -> Result<(), Problem> {
    let bad = |reason: &str| {
        Err(Problem::input(format!("a class cannot be named {name:?}: {reason}"))
            .hint("a name is ASCII letters, digits, `-` and `_`, beginning with a letter, such as `shopping-cart`"))
    };
    let is_in = |list: &str| list.split(' ').any(|word| word == name.replace('-', "_"));
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        bad("it does not begin with a letter")
    } else if let Some(c) = name.chars().find(|&c| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')) {
        bad(&format!("{c:?} is in it"))
    } else if name.len() > 64 {
        bad("it is longer than 64 bytes")
    } else if is_in(KEYWORDS) || name == "Self" {
        bad("it is a keyword of Rust")
    } else if is_in(TAKEN) {
        bad("a crate that it depends on has that name")
    } else {
        Ok(())
    }
}

/// `shopping-cart` names the type `ShoppingCart`.
fn type_name(name: &str) -> String {
    let capital = |part: &str| {
        let (first, rest) = part.split_at(part.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    name.split(['-', '_']).map(capital).collect()
}

fn write(from: &Dir<'_>, folder: &Path, words: &[(&str, &str)]) -> Result<(), Problem> {
    for entry in from.entries() {
        // the path of an entry begins at the template's root
        let name = entry.path().file_name().expect("an entry has a name");
        let to = folder.join(name);
        match entry {
            DirEntry::Dir(dir) => {
                std::fs::create_dir(&to).map_err(|e| cannot_write(&to, e))?;
                write(dir, &to, words)?;
            }
            DirEntry::File(file) => {
                let to = if to.extension().is_some_and(|e| e == "in") { to.with_extension("") } else { to };
                let text = file.contents_utf8().expect("templates are text");
                let text = words.iter().fold(text.to_owned(), |text, (word, with)| text.replace(word, with));
                std::fs::write(&to, text).map_err(|e| cannot_write(&to, e))?;
            }
        }
    }
    Ok(())
}

fn cannot_write(path: &Path, error: io::Error) -> Problem {
    Problem::input(format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_becomes_a_type_name() {
        for (name, expected) in [("tally", "Tally"), ("shopping-cart", "ShoppingCart"), ("a_1-b", "A1B"), ("x--", "X")]
        {
            assert_eq!(type_name(name), expected);
        }
    }

    #[test]
    fn bad_name_is_refused_with_the_reason() {
        for (name, reason) in [
            ("", "begin with a letter"),
            ("1st", "begin with a letter"),
            ("../up", "begin with a letter"),
            ("a/b", "'/' is in it"),
            ("café", "'é' is in it"),
            ("x\u{fffd}", "'\u{fffd}' is in it"),
            ("fn", "a keyword of Rust"),
            ("proc-macro", "a crate that it depends on"),
            (&"x".repeat(65), "longer than 64"),
        ] {
            let problem = check(name).expect_err(name);
            assert!(problem.to_string().contains(reason), "{name}: {problem}");
        }
        for name in ["tally", "Shopping-cart_2", &"x".repeat(64)] {
            assert!(check(name).is_ok(), "{name}");
        }
    }
}
