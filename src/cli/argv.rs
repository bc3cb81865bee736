//! From the words of the command line to clap's matches.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{ArgAction, ArgMatches, Command};

use crate::cli::command::{CommandEntry, CommandTable};
use crate::cli::options::{Color, Common};
use crate::cli::output::{Code, Console, Problem};
use crate::cli::{method_args, usage};

/// A valid command line.
pub struct ParsedCommand {
    pub command: &'static CommandEntry,
    pub matches: ArgMatches,
}

/// The end of a command line that runs no command: help was requested, or the line is invalid.
pub struct EarlyExit {
    error: clap::Error,
    command: Option<&'static CommandEntry>,
    common: Common,
}

/// Parses the words, the program's name first.
pub fn parse(table: &CommandTable, words: &[OsString]) -> Result<ParsedCommand, EarlyExit> {
    // The first word that names a command is almost always the command. If it is not (a flag's
    // value, say), the small tree refuses the line, and the whole tree parses it.
    let named = words.iter().skip(1).find_map(|word| table.find(word.to_str()?));
    if let Some(command) = named
        && let Ok(matches) = parse_by(command.tree(), words)
    {
        return Ok(ParsedCommand { command, matches });
    }
    let matches = parse_by(table.tree(), words).map_err(|error| EarlyExit {
        error,
        command: command_of_invalid(table, words),
        common: common_of_invalid(words),
    })?;
    let command = matches.subcommand_name().and_then(|name| table.find(name));
    Ok(ParsedCommand { command: command.expect("the tree is made from the table"), matches })
}

fn parse_by(mut tree: Command, words: &[OsString]) -> Result<ArgMatches, clap::Error> {
    if words.iter().any(is_value_with_a_dash) {
        let words = values_last(&mut tree, words);
        tree.try_get_matches_from_mut(words)
    } else {
        tree.try_get_matches_from_mut(words)
    }
}

/// A `-` before a digit or a dot begins a value. clap accepts only numbers as such.
fn is_value_with_a_dash(word: &OsString) -> bool {
    matches!(word.as_encoded_bytes(), [b'-', b'0'..=b'9' | b'.', ..])
}

/// The same line with all values after a `--`, where clap takes every word for a value.
fn values_last(tree: &mut Command, words: &[OsString]) -> Vec<OsString> {
    tree.build();
    let mut words = words.iter().cloned();
    let (mut flags, mut values): (Vec<_>, Vec<_>) = (words.next().into_iter().collect(), vec![]);
    let mut command = &*tree;
    while let Some(word) = words.next() {
        let text = word.to_string_lossy().into_owned();
        if text == "--" {
            break;
        } else if text == "-" || !text.starts_with('-') || is_value_with_a_dash(&word) {
            match command.find_subcommand(&text).filter(|_| values.is_empty()) {
                Some(found) => (command, _) = (found, flags.push(word)),
                None => values.push(word),
            }
        } else {
            flags.push(word);
            if takes_a_value(command, &text) {
                flags.extend(words.next());
                join_a_value_with_a_dash(&mut flags);
            }
        }
    }
    flags.push("--".into());
    flags.into_iter().chain(values).chain(words).collect()
}

/// `--timeout -5s` becomes `--timeout=-5s`: clap would take `-5s` for a flag.
fn join_a_value_with_a_dash(flags: &mut Vec<OsString>) {
    if let Some(value) = flags.pop_if(|word| is_value_with_a_dash(word)) {
        let flag = flags.last_mut().expect("the value is after its flag");
        flag.push("=");
        flag.push(value);
    }
}

/// Whether the word after this flag is its value.
fn takes_a_value(command: &Command, flag: &str) -> bool {
    let takes = |arg: &clap::Arg| matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    if let Some(long) = flag.strip_prefix("--") {
        return command.get_arguments().any(|arg| arg.get_long() == Some(long) && takes(arg));
    }
    // in `-rk`, `k` may take a value; in `-kr`, `r` is the value of `k`
    let of = |c: char| command.get_arguments().find(|arg| arg.get_short() == Some(c)).is_some_and(takes);
    let first = flag.chars().skip(1).position(of);
    first.is_some_and(|at| at + 2 == flag.chars().count())
}

impl EarlyExit {
    /// Prints the requested help, or the error.
    pub fn show(self) -> Code {
        let console = Console::new(&self.common);
        match self.show_on(&console) {
            Ok(()) => Code::DONE,
            Err(problem) => console.fail(&problem),
        }
    }

    pub fn show_on(self, console: &Console) -> Result<(), Problem> {
        match self.error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                let help = self.error.render();
                let colours = console.colours(&std::io::stdout());
                let text = if colours { help.ansi().to_string() } else { help.to_string() };
                console.data(&format!("{}\n", text.trim_end()))
            }
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
                let group = self.command.map_or_else(String::new, |command| format!(" {}", command.name));
                Err(Problem::input("a command is missing").hint(format!("`vactor{group} --help` lists the commands")))
            }
            _ => {
                let takes_parameters = self.command.is_some_and(|command| command.has_argument(method_args::WORDS));
                Err(usage::problem(&self.error, takes_parameters))
            }
        }
    }
}

/// The command of a line that clap refused.
fn command_of_invalid(table: &CommandTable, words: &[OsString]) -> Option<&'static CommandEntry> {
    let matches = table.tree().ignore_errors(true).try_get_matches_from(words).ok()?;
    matches.subcommand_name().and_then(|name| table.find(name))
}

/// The form of the error of a line that clap refused: the flags of all commands, as far as they
/// stand alone.
fn common_of_invalid(words: &[OsString]) -> Common {
    let before_dashes = words.iter().take_while(|word| *word != "--");
    let mut common = Common::default();
    for word in before_dashes {
        match word.to_str() {
            Some("--json") => common.json = true,
            Some("--color=never") => common.color = Color::Never,
            Some("--color=always") => common.color = Color::Always,
            _ => (),
        }
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::TABLE;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(Into::into).collect()
    }

    #[test]
    fn values_with_a_dash_are_moved_after_all_flags() {
        for (typed, moved) in [
            ("vactor --store s call a m -5 --timeout 5s x -- -y", "vactor --store s call --timeout 5s -- a m -5 x -y"),
            ("vactor call --key=k -r a m -.5kg -q", "vactor call --key=k -r -q -- a m -.5kg"),
            ("vactor log -n 2 -1", "vactor log -n 2 -- -1"),
            ("vactor log -n2 -1 -fn 3", "vactor log -n2 -fn 3 -- -1"),
            ("vactor get get -1 -", "vactor get -- get -1 -"),
            ("vactor call a m --timeout -5s x", "vactor call --timeout=-5s -- a m x"),
            ("vactor log a -fn -1", "vactor log -fn=-1 -- a"),
        ] {
            assert_eq!(values_last(&mut TABLE.tree(), &words(typed)), words(moved), "{typed}");
        }
    }

    #[test]
    fn command_is_found_after_flags_and_their_values() {
        for (line, command) in [
            ("vactor --json get a m", "get"),
            ("vactor --store call get a m", "get"),
            ("vactor call get get", "call"),
            ("vactor -q call a m -1", "call"),
        ] {
            let parsed = parse(&TABLE, &words(line)).ok().expect(line);
            assert_eq!(parsed.command.name, command, "{line}");
        }
    }

    #[test]
    fn usage_error_is_one_sentence_with_a_hint() {
        let refused = |line: &str| {
            let exit = parse(&TABLE, &words(line)).err().expect(line);
            let problem = exit.show_on(&Console::new(&Common::default())).unwrap_err();
            (problem.message, problem.hint.unwrap_or_default())
        };
        let (message, hint) = refused("vactor call a");
        assert_eq!(message, "the following required arguments were not provided: <METHOD>");
        assert!(hint.starts_with("usage: vactor call "), "{hint}");
        let (message, hint) = refused("vactor call a m -x");
        assert_eq!(
            (message.as_str(), hint.as_str()),
            ("unexpected argument `-x` found", "to pass `-x` as a value, use `-- -x`")
        );
        let (_, hint) = refused("vactor call a m --val=3");
        assert_eq!(hint, "a method's parameter is given as `val=VALUE`; after `--`, `--val` is a value");
        let (message, _) = refused("vactor log a --last -1");
        assert_eq!(message, "invalid value `-1` for `--last <N>`: write a whole number such as 10");
        let (message, hint) = refused("vactor cal a m");
        assert_eq!((message.as_str(), hint.as_str()), ("unrecognized subcommand `cal`", "did you mean `call`?"));
    }
}

#[cfg(test)]
#[path = "argv_random_tests.rs"]
mod random_tests;
