//! `vactor util`: completions, man pages and schemas, made from the same definitions as `--help`.

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::env::{EnvCompleter, Fish, Powershell, Zsh};

use crate::cli::command::{Cli, RunCommand};
use crate::cli::complete::VARIABLE;
use crate::cli::output::{ErrorLine, Problem};

/// Completions, man pages, schemas
#[derive(Args)]
pub struct Util {
    #[command(subcommand)]
    command: UtilCommand,
}

#[derive(Subcommand)]
enum UtilCommand {
    /// Prints a shell's completion script, which completes ids, classes and methods of the store,
    /// too
    Completions {
        #[arg(value_enum)]
        /// The shell; `eval "$(vactor util completions bash)"` in its start file does it
        shell: Shell,
    },
    /// Prints a man page
    Man {
        /// A command; without one, the page of vactor itself
        command: Vec<String>,
    },
    /// Prints the JSON Schemas of the lines that `--json` prints
    Schema {
        /// A command, or `error`; without one, all of them, one line each
        command: Option<String>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct SchemaLine {
    /// A command's name, or `error`.
    command: &'static str,
    /// The JSON Schema of its lines.
    schema: schemars::Schema,
}

impl RunCommand for Util {
    type Line = SchemaLine;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        match self.command {
            UtilCommand::Completions { shell } => completions(cli, shell),
            UtilCommand::Man { command } => man(cli, &command),
            UtilCommand::Schema { command } => schema(cli, command.as_deref()),
        }
    }
}

fn completions(cli: &Cli, shell: Shell) -> Result<(), Problem> {
    let shell: &dyn EnvCompleter = match shell {
        // clap's own script completes nothing behind a character at which bash splits words
        Shell::Bash => return cli.console.data(include_str!("../complete.bash")),
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
        Shell::Powershell => &Powershell,
    };
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "vactor", "vactor", "vactor", &mut script).expect("memory takes every write");
    cli.console.data(&String::from_utf8_lossy(&script))
}

fn man(cli: &Cli, command: &[String]) -> Result<(), Problem> {
    let mut page = Vec::new();
    clap_mangen::Man::new(cli.commands.named(command)?).render(&mut page).expect("memory takes every write");
    cli.console.data(&String::from_utf8_lossy(&page))
}

fn schema(cli: &Cli, command: Option<&str>) -> Result<(), Problem> {
    let error = SchemaLine { command: "error", schema: schemars::schema_for!(ErrorLine) };
    match command {
        None => {
            for entry in cli.commands.0 {
                cli.console.json(&SchemaLine { command: entry.name, schema: (entry.schema)() })?;
            }
            cli.console.json(&error)
        }
        Some("error") => cli.console.json(&error.schema),
        Some(name) => {
            cli.commands.named(&[name.to_owned()])?;
            let entry = cli.commands.find(name).expect("the tree is made from the table");
            cli.console.json(&(entry.schema)())
        }
    }
}
