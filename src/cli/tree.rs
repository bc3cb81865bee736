//! The table of commands, and clap's tree made from it.

use clap::{ArgMatches, Args, Command};
use schemars::Schema;
use vactor::model::similar;

use super::commands::*;
use super::{Cli, Common, Problem, Run};

/// A line of the table.
pub struct Entry {
    pub name: &'static str,
    define: fn(Command) -> Command,
    /// Runs it; the matches are those of the whole line.
    pub run: fn(&ArgMatches, &Cli) -> Result<(), Problem>,
    /// The schema of its lines in `--json`.
    pub schema: fn() -> Schema,
}

/// All commands, in the order in which `--help` shows them.
pub const COMMANDS: &[Entry] = &[
    entry::<New>("new"),
    entry::<Build>("build"),
    entry::<Register>("register"),
    entry::<Create>("create"),
    entry::<Call>("call"),
    entry::<Get>("get"),
    entry::<Batch>("batch"),
    entry::<RunTask>("run"),
    entry::<Wait>("wait"),
    entry::<Cancel>("cancel"),
    entry::<Resume>("resume"),
    entry::<Ps>("ps"),
    entry::<Emit>("emit"),
    entry::<Worker>("worker"),
    entry::<Show>("show"),
    entry::<Ls>("ls"),
    entry::<Log>("log"),
    entry::<Rm>("rm"),
    entry::<Classes>("classes"),
    entry::<Describe>("describe"),
    entry::<Init>("init"),
    entry::<Where>("where"),
    entry::<Util>("util"),
    entry::<Help>("help"),
];

const fn entry<C: Run>(name: &'static str) -> Entry {
    Entry { name, define: C::augment_args, run: run_one::<C>, schema: schema_of::<C> }
}

fn run_one<C: Run>(matches: &ArgMatches, cli: &Cli) -> Result<(), Problem> {
    let (_, own) = matches.subcommand().expect("clap asks for a command");
    C::from_arg_matches(own).map_err(Problem::from)?.run(cli)
}

fn schema_of<C: Run>() -> Schema {
    schemars::schema_for!(C::Line)
}

pub fn entry_of(name: &str) -> Option<&'static Entry> {
    COMMANDS.iter().find(|entry| entry.name == name)
}

/// The whole tree, for help, completions, man pages and error messages.
pub fn whole() -> Command {
    COMMANDS.iter().fold(root(), |root, entry| root.subcommand(entry.command()))
}

/// A tree with one command: what a line that names it needs, without the cost of all others.
pub fn only(entry: &Entry) -> Command {
    root().subcommand(entry.command())
}

/// The command of this name (of two words for one of `util`); the root for none.
pub fn named(words: &[String]) -> Result<Command, Problem> {
    let mut command = whole();
    command.build();
    for word in words {
        let Some(found) = command.find_subcommand(word) else {
            let names: Vec<_> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
            let problem = Problem::input(format!("there is no command {word}"));
            return Err(match similar(word, names.iter().map(String::as_str)) {
                Some(name) => problem.hint(format!("did you mean `{name}`?")),
                None => problem.hint("`vactor --help` shows all commands"),
            });
        };
        command = found.clone();
    }
    Ok(command)
}

impl Entry {
    fn command(&self) -> Command {
        (self.define)(Command::new(self.name)).disable_version_flag(true)
    }
}

fn root() -> Command {
    let root = Command::new("vactor")
        .bin_name("vactor")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .infer_long_args(false)
        .max_term_width(100)
        .after_help("`vactor help COMMAND` says more about one, `vactor help exit-codes` what the exit codes mean.");
    Common::augment_args(root).about("Durable objects in one file, no server").long_about(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_are_sound() {
        whole().debug_assert();
    }

    #[test]
    fn every_command_and_every_flag_says_what_it_is() {
        let mut tree = whole();
        tree.build();
        for command in tree.get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for arg in command.get_arguments().filter(|arg| arg.get_id() != "help") {
                assert!(arg.get_help().is_some(), "{} {}", command.get_name(), arg.get_id());
            }
        }
    }
}
