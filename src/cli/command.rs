//! The interface of a command, the table of commands, and clap's tree made from it.

use std::time::Instant;

use clap::{ArgMatches, Args, Command};
use schemars::Schema;
use vactor::StopSignal;
use vactor::similar;

use crate::cli::options::{Common, VARIABLES};
use crate::cli::output::{Console, Problem};

/// The state of one run of the program, which every command is given.
pub struct Cli {
    pub commands: &'static CommandTable,
    pub common: Common,
    pub console: Console,
    /// Set by Ctrl-C; it interrupts the running class.
    pub stop: StopSignal,
    /// Whether a worker is started for accepted calls.
    pub workers: bool,
    pub started: Instant,
}

/// One command of the command line.
pub trait RunCommand: Args {
    /// The shape of its lines in `--json`.
    type Line: schemars::JsonSchema;

    fn run(self, cli: &Cli) -> Result<(), Problem>;
}

const MORE_HELP: &str = "`vactor help COMMAND` describes a command, `vactor help exit-codes` lists the exit codes.";

/// All commands, in the order in which `--help` shows them.
pub struct CommandTable(pub &'static [CommandEntry]);

/// A line of the table.
pub struct CommandEntry {
    pub name: &'static str,
    define: fn(Command) -> Command,
    /// Runs the command; the matches are those of the whole command line.
    pub run: fn(&ArgMatches, &Cli) -> Result<(), Problem>,
    /// The schema of its lines in `--json`.
    pub schema: fn() -> Schema,
}

impl CommandEntry {
    pub const fn new<C: RunCommand>(name: &'static str) -> CommandEntry {
        CommandEntry { name, define: C::augment_args, run: run::<C>, schema: || schemars::schema_for!(C::Line) }
    }

    /// The tree of this command alone. It parses a line of the command without the cost of all
    /// others.
    pub fn tree(&self) -> Command {
        root().subcommand(self.command())
    }

    pub fn has_argument(&self, id: &str) -> bool {
        self.command().get_arguments().any(|arg| arg.get_id() == id)
    }

    fn command(&self) -> Command {
        (self.define)(Command::new(self.name)).disable_version_flag(true)
    }
}

fn run<C: RunCommand>(matches: &ArgMatches, cli: &Cli) -> Result<(), Problem> {
    let (_, own) = matches.subcommand().expect("clap asks for a command");
    C::from_arg_matches(own)?.run(cli)
}

impl CommandTable {
    pub fn find(&self, name: &str) -> Option<&'static CommandEntry> {
        self.0.iter().find(|entry| entry.name == name)
    }

    /// The tree of all commands, for help, completions, man pages and error messages.
    pub fn tree(&self) -> Command {
        let variables = VARIABLES.map(|(name, meaning)| format!("  {name}: {meaning}\n")).concat();
        let root = root().after_long_help(format!("Variables:\n{variables}\n{MORE_HELP}"));
        self.0.iter().fold(root, |root, entry| root.subcommand(entry.command()))
    }

    /// The command of this name, or of the two words of a command of `util`; without words, the
    /// root.
    pub fn named(&self, words: &[String]) -> Result<Command, Problem> {
        let mut command = self.tree();
        command.build();
        for word in words {
            let Some(found) = command.find_subcommand(word) else {
                let names: Vec<_> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
                let problem = Problem::input(format!("there is no command `{word}`"));
                return Err(match similar(word, names.iter().map(String::as_str)) {
                    Some(name) => problem.hint(format!("did you mean `{name}`?")),
                    None => problem.hint("`vactor --help` lists all commands"),
                });
            };
            command = found.clone();
        }
        Ok(command)
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
        .after_help(MORE_HELP);
    Common::augment_args(root).about("Durable objects in one file, no server").long_about(None)
}
