//! From the words that were typed to clap's matches, and from clap's complaints to ours.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, ArgMatches, Command};

use super::options::{Color, Common, variable};
use super::problem::Code;
use super::tree::{self, Entry};
use super::{Console, Problem};

/// A command line that clap agrees with.
pub struct Typed {
    pub command: &'static Entry,
    pub matches: ArgMatches,
}

/// A command line that ends here: help was asked for, or it makes no sense.
pub struct Stop {
    error: clap::Error,
    common: Common,
}

/// Reads the words, the program's name first.
pub fn read(words: &[OsString]) -> Result<Typed, Stop> {
    // The first word that names a command is almost always the command. If it is not (a flag's value, say), the
    // small tree refuses the line, and the whole one judges it.
    let named = words.iter().skip(1).find_map(|word| tree::entry_of(word.to_str()?));
    if let Some(entry) = named
        && let Ok(matches) = parse(tree::only(entry), words)
    {
        return Ok(Typed { command: entry, matches });
    }
    let matches = parse(tree::whole(), words).map_err(|error| Stop::new(error, words))?;
    let command = matches.subcommand_name().and_then(tree::entry_of);
    Ok(Typed { command: command.expect("the tree is made from the table"), matches })
}

fn parse(mut tree: Command, words: &[OsString]) -> Result<ArgMatches, clap::Error> {
    if words.iter().any(is_value_with_a_dash) {
        let words = values_last(&mut tree, words);
        tree.try_get_matches_from_mut(words)
    } else {
        tree.try_get_matches_from_mut(words)
    }
}

/// `-` followed by a digit or a dot is a value. clap knows that of plain numbers at most.
fn is_value_with_a_dash(word: &OsString) -> bool {
    matches!(word.as_encoded_bytes(), [b'-', b'0'..=b'9' | b'.', ..])
}

/// The same line with all that is no flag behind a `--`, where clap takes everything for a value.
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
            if wants_a_value(command, &text) {
                flags.extend(words.next());
                join_a_value_with_a_dash(&mut flags);
            }
        }
    }
    flags.push("--".into());
    flags.into_iter().chain(values).chain(words).collect()
}

/// `--timeout -5s` becomes `--timeout=-5s`: clap would take `-5s` for a flag that nobody meant.
fn join_a_value_with_a_dash(flags: &mut Vec<OsString>) {
    if let Some(value) = flags.pop_if(|word| is_value_with_a_dash(word)) {
        let flag = flags.last_mut().expect("the value stands behind its flag");
        flag.push("=");
        flag.push(value);
    }
}

/// Whether the word after this flag is its value.
fn wants_a_value(command: &Command, flag: &str) -> bool {
    let takes = |arg: &clap::Arg| matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    if let Some(long) = flag.strip_prefix("--") {
        return command.get_arguments().any(|arg| arg.get_long() == Some(long) && takes(arg));
    }
    // in `-rk`, `k` may want a value; in `-kr`, `r` is it
    let of = |c: char| command.get_arguments().find(|arg| arg.get_short() == Some(c)).is_some_and(takes);
    let first = flag.chars().skip(1).position(of);
    first.is_some_and(|at| at + 2 == flag.chars().count())
}

impl Stop {
    pub fn new(error: clap::Error, words: &[OsString]) -> Stop {
        Stop { error, common: guessed(words) }
    }

    /// Prints the help that was asked for, or what is wrong.
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
                let rendered = self.error.render().to_string();
                let usage = rendered.lines().find_map(|line| line.trim().strip_prefix("Usage: "));
                let command = usage.and_then(|usage| usage.split_once(" [")).map_or("vactor", |(command, _)| command);
                Err(Problem::input("a command is missing").hint(format!("`{command} --help` shows them all")))
            }
            _ => Err(problem(&self.error)),
        }
    }
}

/// How to tell of a line that clap refused: of the flags that all commands know, those that are plain to see.
fn guessed(words: &[OsString]) -> Common {
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

/// What clap has to say of a line, in our words: the sentence, and its tips or the usage as the hint.
pub fn problem(error: &clap::Error) -> Problem {
    if error.kind() == ErrorKind::InvalidUtf8 {
        return not_text(std::env::vars_os(), std::env::args_os());
    }
    let rendered = error.render().to_string();
    let mut paragraphs = rendered.split("\n\n");
    let message = joined(paragraphs.next().unwrap_or_default().trim_start_matches("error: "));
    let mut tips = Vec::new();
    let mut usage = None;
    for line in paragraphs.flat_map(str::lines).map(str::trim) {
        if let Some(tip) = line.strip_prefix("tip: ") {
            tips.push(tip.replace('\'', "`"));
        } else if let Some(line) = line.strip_prefix("Usage: ") {
            usage = Some(format!("usage: {line}"));
        }
    }
    let takes_arguments = usage.as_ref().is_some_and(|usage| usage.ends_with("[ARG]..."));
    let parameter = || parameter_as_a_flag(error).filter(|_| takes_arguments);
    let hint = did_you_mean(error)
        .or_else(parameter)
        .or_else(|| variable_that_says_so(error))
        .or_else(|| (!tips.is_empty()).then(|| tips.join("; ")))
        .or(usage);
    // std's words for what is no number
    let message = message.replace('\'', "`").replace("number too large to fit in target type", "it is too large");
    let message = ["invalid digit found in string", "cannot parse integer from empty string"]
        .iter()
        .fold(message, |message, words| message.replace(words, "write a whole number such as 10"));
    Problem { hint, ..Problem::new(vactor::model::Category::BadInput, "usage", message) }
}

/// The error of a line or of a limit's variable that is not UTF-8. clap does not say which of them it is: what may be a path
/// is not at fault.
fn not_text(
    mut variables: impl Iterator<Item = (OsString, OsString)>,
    mut words: impl Iterator<Item = OsString>,
) -> Problem {
    let is_limit = |name: &OsString| name.to_str().is_some_and(|name| name.starts_with("VACTOR_MAX_"));
    let what = match variables.find(|(name, value)| is_limit(name) && value.to_str().is_none()) {
        Some((name, _)) => format!("the value of the variable {} is not UTF-8 text", name.display()),
        None => match words.find(|word| word.to_str().is_none()) {
            Some(word) => format!("`{}` is not UTF-8 text", word.display()),
            None => "the command line is not UTF-8 text".to_owned(),
        },
    };
    let problem = Problem::new(vactor::model::Category::BadInput, "usage", what);
    problem.hint("only a path may be anything else: that of a file, a folder or a store")
}

/// A sentence and its list on one line.
fn joined(paragraph: &str) -> String {
    paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// `--val` where `val=` may be meant: methods have parameters, not flags.
fn parameter_as_a_flag(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
    let name = flag.strip_prefix("--").filter(|_| error.kind() == ErrorKind::UnknownArgument)?;
    Some(format!("a method's parameter is given as `{name}=VALUE`; after `--`, `{flag}` is a value"))
}

/// A value that nobody typed comes from the flag's variable.
fn variable_that_says_so(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(arg)) = error.get(ContextKind::InvalidArg) else { return None };
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else { return None };
    let name = arg.strip_prefix("--")?.split(' ').next()?;
    let variable = variable(name);
    let says_so = std::env::var(&variable).is_ok_and(|said| said == *value);
    says_so.then(|| format!("the variable {variable} has this value"))
}

fn did_you_mean(error: &clap::Error) -> Option<String> {
    let kinds = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let suggested = kinds.into_iter().find_map(|kind| error.get(kind))?;
    let name = match suggested {
        ContextValue::String(name) => name,
        ContextValue::Strings(names) => names.first()?,
        _ => return None,
    };
    Some(format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(Into::into).collect()
    }

    #[test]
    fn values_with_a_dash_stand_behind_all_flags() {
        for (typed, moved) in [
            ("vactor --store s call a m -5 --timeout 5s x -- -y", "vactor --store s call --timeout 5s -- a m -5 x -y"),
            ("vactor call --key=k -r a m -.5kg -q", "vactor call --key=k -r -q -- a m -.5kg"),
            ("vactor log -n 2 -1", "vactor log -n 2 -- -1"),
            ("vactor log -n2 -1 -fn 3", "vactor log -n2 -fn 3 -- -1"),
            ("vactor get get -1 -", "vactor get -- get -1 -"),
            ("vactor call a m --timeout -5s x", "vactor call --timeout=-5s -- a m x"),
            ("vactor log a -fn -1", "vactor log -fn=-1 -- a"),
        ] {
            assert_eq!(values_last(&mut tree::whole(), &words(typed)), words(moved), "{typed}");
        }
    }

    #[test]
    fn a_command_is_found_behind_flags_and_among_their_values() {
        for (line, command) in [
            ("vactor --json get a m", "get"),
            ("vactor --store call get a m", "get"),
            ("vactor call get get", "call"),
            ("vactor -q call a m -1", "call"),
        ] {
            let typed = read(&words(line)).ok().expect(line);
            assert_eq!(typed.command.name, command, "{line}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn text_that_is_not_utf8_is_named() {
        use std::os::unix::ffi::OsStringExt;

        let bad = || OsString::from_vec(b"x\xff".to_vec());
        let told = |variable: &str, words: &[OsString]| {
            not_text([(variable.into(), bad())].into_iter(), words.iter().cloned()).message
        };
        let told_of_limit = told("VACTOR_MAX_TIME", &[bad()]);
        assert_eq!(told_of_limit, "the value of the variable VACTOR_MAX_TIME is not UTF-8 text");
        assert_eq!(told("VACTOR_STORE", &["vactor".into(), bad()]), "`x\u{fffd}` is not UTF-8 text");
        assert_eq!(told("VACTOR_STORE", &[]), "the command line is not UTF-8 text");
    }

    #[test]
    fn a_complaint_is_one_sentence_with_a_way_out() {
        let told = |line: &str| {
            let stop = read(&words(line)).err().expect(line);
            let problem = problem(&stop.error);
            (problem.message, problem.hint.unwrap_or_default())
        };
        let (message, hint) = told("vactor call a");
        assert_eq!(message, "the following required arguments were not provided: <METHOD>");
        assert!(hint.starts_with("usage: vactor call "), "{hint}");
        let (message, hint) = told("vactor call a m -x");
        assert_eq!(
            (message.as_str(), hint.as_str()),
            ("unexpected argument `-x` found", "to pass `-x` as a value, use `-- -x`")
        );
        let (_, hint) = told("vactor call a m --val=3");
        assert_eq!(hint, "a method's parameter is given as `val=VALUE`; after `--`, `--val` is a value");
        let (message, _) = told("vactor log a --last -1");
        assert_eq!(message, "invalid value `-1` for `--last <N>`: write a whole number such as 10");
        let (message, hint) = told("vactor cal a m");
        assert_eq!((message.as_str(), hint.as_str()), ("unrecognized subcommand `cal`", "did you mean `call`?"));
    }
}
