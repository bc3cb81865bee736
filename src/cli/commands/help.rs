//! `vactor help`: the same as `--help`, and topics of no command.

use std::ffi::OsString;

use clap::Args;

use crate::cli::argv;
use crate::cli::command::{Cli, RunCommand};
use crate::cli::output::{CODES, Listing, Problem};

/// Describes a command, or lists the exit codes
#[derive(Args)]
pub struct Help {
    /// A command, such as `util man`, or `exit-codes`
    #[arg(value_name = "TOPIC")]
    topic: Vec<String>,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
pub struct HelpLine {
    /// An exit code.
    code: i32,
    /// Its meaning.
    meaning: &'static str,
}

impl RunCommand for Help {
    type Line = HelpLine;

    fn run(self, cli: &Cli) -> Result<(), Problem> {
        if self.topic == ["exit-codes"] {
            return exit_codes(cli);
        }
        cli.commands.named(&self.topic)?;
        let words = ["vactor"].into_iter().chain(self.topic.iter().map(String::as_str)).chain(["--help"]);
        let words: Vec<OsString> = words.map(Into::into).collect();
        match argv::parse(cli.commands, &words) {
            Err(stop) => stop.show_on(&cli.console),
            Ok(_) => unreachable!("--help ends every line"),
        }
    }
}

fn exit_codes(cli: &Cli) -> Result<(), Problem> {
    let mut listing = Listing::new(&cli.console, &["code", "meaning"]);
    for (code, _, meaning) in CODES {
        listing.add(|| HelpLine { code: code.into(), meaning }, || [code.to_string(), meaning.to_owned()]);
    }
    listing.end("")
}
