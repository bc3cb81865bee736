//! The CLI reference, `docs/cli.md`, made from the same definitions as `--help`.

use std::fmt::Write;

use clap::{Arg, Command};

use crate::cli::commands::TABLE;
use crate::cli::options::{LIMITS, VARIABLES};
use crate::cli::output::CODES;

/// The whole page.
fn page() -> String {
    let mut tree = TABLE.tree();
    tree.build();
    let mut page = String::from(
        "# The command line\n\n\
         Made from the definitions that `vactor --help` shows; `REWRITE=1 cargo test reference` makes it anew.\n\n\
         A result goes to stdout, as one line of compact JSON; notes, the lines of classes and errors go to stderr.\n\n",
    );
    let name_of = |command: &&Command| command.get_bin_name().unwrap_or_default().to_owned();
    let commands = leaves(&tree);
    let links = commands.iter().map(name_of).map(|name| format!("[{name}](#{})", name.replace(' ', "-")));
    page.push_str(&links.collect::<Vec<_>>().join(" · "));
    page.push_str(" · [limits](#limits) · [variables](#variables) · [exit codes](#exit-codes)\n");
    for command in &commands {
        section(command, &mut page);
    }
    page.push_str("\n## Limits\n\nOf every command that runs a class.\n\n");
    let call = tree.find_subcommand("call").expect("there is a call");
    options(call.get_arguments().filter(|arg| is_limit(arg)), &mut page);
    page.push_str("\n## Options of every command\n\n");
    options(tree.get_arguments().filter(|arg| arg.is_global_set()), &mut page);
    page.push_str("\n## Variables\n\nThe limits have variables, too.\n\n| variable | meaning |\n| --- | --- |\n");
    for (variable, meaning) in VARIABLES {
        let _ = writeln!(page, "| `{variable}` | {meaning} |");
    }
    page.push_str("\n## Exit codes\n\n| code | meaning |\n| --- | --- |\n");
    for (code, _, meaning) in CODES {
        let _ = writeln!(page, "| {code} | {meaning} |");
    }
    page
}

/// The commands without commands of their own.
fn leaves(command: &Command) -> Vec<&Command> {
    let commands = command.get_subcommands().filter(|command| command.get_name() != "help");
    let leaves: Vec<_> = commands.flat_map(leaves).collect();
    if leaves.is_empty() { vec![command] } else { leaves }
}

fn section(command: &Command, page: &mut String) {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let _ = write!(page, "\n## {name}\n\n```text\n{usage}\n```\n\n{about}\n");
    let told_once = |arg: &&Arg| arg.is_global_set() || is_limit(arg) || arg.get_id() == "help";
    let own: Vec<&Arg> = command.get_arguments().filter(|arg| !told_once(arg)).collect();
    if !own.is_empty() {
        page.push('\n');
        options(own.into_iter(), page);
    }
    let limits: Vec<&Arg> = command.get_arguments().filter(|arg| is_limit(arg)).collect();
    if limits.iter().any(|arg| arg.is_hide_set()) {
        let shown = limits.iter().filter(|arg| !arg.is_hide_set()).filter_map(|arg| arg.get_long());
        let shown: Vec<_> = shown.map(|name| format!("`--{name}`")).collect();
        let _ = match shown.is_empty() {
            true => write!(page, "\nThe [limits](#limits) have no effect here: they count when a call is accepted.\n"),
            false => write!(page, "\nOf the [limits](#limits) these can be met: {}.\n", shown.join(", ")),
        };
    } else if !limits.is_empty() {
        page.push_str("\nIt takes the [limits](#limits) as well.\n");
    }
}

/// The flags of many commands have a section of their own.
fn is_limit(arg: &Arg) -> bool {
    arg.get_help_heading() == Some(LIMITS)
}

fn options<'a>(args: impl Iterator<Item = &'a Arg>, page: &mut String) {
    page.push_str("| argument | meaning |\n| --- | --- |\n");
    for arg in args.filter(|arg| !arg.is_hide_set()) {
        let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
        let default: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let values: Vec<_> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        let takes = arg.get_action().takes_values();
        let mut cell = help.split("\n\n").map(|part| part.replace('\n', " ")).collect::<Vec<_>>().join("<br>");
        if takes && !values.is_empty() {
            let _ = write!(cell, " ({})", values.join(", "));
        }
        if takes && !default.is_empty() {
            let _ = write!(cell, " [default: {}]", default.join(" "));
        }
        if let Some(variable) = arg.get_env() {
            let _ = write!(cell, " [env: {}]", variable.to_string_lossy());
        }
        // a bar would end the cell
        let name = arg.to_string().replace('|', "\\|");
        let short = arg.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
        let _ = writeln!(page, "| {short}`{name}` | {} |", cell.replace('|', "\\|"));
    }
}

#[test]
fn reference_page_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md");
    if std::env::var_os("REWRITE").is_some() {
        std::fs::write(path, page()).unwrap();
    }
    let stands = std::fs::read_to_string(path).unwrap_or_default();
    assert!(stands == page(), "docs/cli.md is stale: `REWRITE=1 cargo test reference` makes it anew");
}
