//! Errors in the use of the command line: clap's errors in the form of all others.

use std::error::Error as _;
use std::ffi::OsString;
use std::num::{IntErrorKind, ParseIntError};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use vactor::Category;

use crate::cli::options::variable;
use crate::cli::output::Problem;

impl From<clap::Error> for Problem {
    fn from(error: clap::Error) -> Problem {
        problem(&error, false)
    }
}

/// The problem that clap's error describes. If the command `takes_parameters` of a method, an
/// unknown flag may be meant as one.
pub fn problem(error: &clap::Error, takes_parameters: bool) -> Problem {
    if error.kind() == ErrorKind::InvalidUtf8 {
        return not_text(std::env::vars_os(), std::env::args_os());
    }
    let hint = suggestion(error)
        .or_else(|| parameter_as_a_flag(error).filter(|_| takes_parameters))
        .or_else(|| variable_with_value(error))
        .or_else(|| tips(error))
        .or_else(|| usage(error));
    Problem { hint, ..Problem::new(Category::BadInput, "usage", message(error)) }
}

fn message(error: &clap::Error) -> String {
    use ContextKind::{InvalidArg, InvalidSubcommand, InvalidValue, PriorArg, ValidValue};
    use ErrorKind::{ArgumentConflict, MissingRequiredArgument, UnknownArgument, ValueValidation};
    let all = |kind| strings(error, kind).join(", ");
    match error.kind() {
        MissingRequiredArgument => {
            format!("the following required arguments were not provided: {}", strings(error, InvalidArg).join(" "))
        }
        UnknownArgument => format!("unexpected argument `{}` found", all(InvalidArg)),
        ErrorKind::InvalidSubcommand => format!("unrecognized subcommand `{}`", all(InvalidSubcommand)),
        ArgumentConflict if strings(error, PriorArg) == strings(error, InvalidArg) => {
            format!("the argument `{}` cannot be used multiple times", all(InvalidArg))
        }
        ArgumentConflict => format!(
            "the argument `{}` cannot be used with `{}`",
            all(InvalidArg),
            strings(error, PriorArg).join("`, `")
        ),
        ErrorKind::InvalidValue if all(InvalidValue).is_empty() => {
            format!("a value is required for `{}` but none was supplied", all(InvalidArg))
        }
        ErrorKind::InvalidValue | ValueValidation => {
            let reason = match (reason(error), all(ValidValue)) {
                (Some(reason), _) => format!(": {reason}"),
                (None, values) if values.is_empty() => String::new(),
                (None, values) => format!(" [possible values: {values}]"),
            };
            format!("invalid value `{}` for `{}`{reason}", all(InvalidValue), all(InvalidArg))
        }
        kind => kind.to_string(),
    }
}

/// Why the parser of a value refused it.
fn reason(error: &clap::Error) -> Option<String> {
    let source = error.source()?;
    Some(match source.downcast_ref::<ParseIntError>().map(ParseIntError::kind) {
        None => source.to_string(),
        Some(IntErrorKind::PosOverflow | IntErrorKind::NegOverflow) => "it is too large".to_owned(),
        Some(_) => "write a whole number such as 10".to_owned(),
    })
}

fn strings(error: &clap::Error, kind: ContextKind) -> Vec<&str> {
    match error.get(kind) {
        Some(ContextValue::String(one)) => vec![one],
        Some(ContextValue::Strings(several)) => several.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

fn suggestion(error: &clap::Error) -> Option<String> {
    let kinds = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let name = kinds.into_iter().find_map(|kind| strings(error, kind).first().copied())?;
    Some(format!("did you mean `{name}`?"))
}

/// `--val` in the place of `val=`: methods have parameters, not flags.
fn parameter_as_a_flag(error: &clap::Error) -> Option<String> {
    let flag = strings(error, ContextKind::InvalidArg).first().copied()?;
    let name = flag.strip_prefix("--").filter(|_| error.kind() == ErrorKind::UnknownArgument)?;
    Some(format!("a method's parameter is given as `{name}=VALUE`; after `--`, `{flag}` is a value"))
}

/// A value that is not on the command line comes from the flag's variable.
fn variable_with_value(error: &clap::Error) -> Option<String> {
    let arg = strings(error, ContextKind::InvalidArg).first().copied()?;
    let value = strings(error, ContextKind::InvalidValue).first().copied()?;
    let variable = variable(arg.strip_prefix("--")?.split(' ').next()?);
    let has_value = std::env::var(&variable).is_ok_and(|set| set == value);
    has_value.then(|| format!("the variable {variable} has this value"))
}

fn tips(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::StyledStrs(tips)) = error.get(ContextKind::Suggested) else { return None };
    let tips: Vec<_> = tips.iter().map(|tip| tip.to_string().replace('\'', "`")).collect();
    (!tips.is_empty()).then(|| tips.join("; "))
}

fn usage(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) else { return None };
    Some(format!("usage: {}", usage.to_string().trim_start_matches("Usage: ")))
}

/// The error of a word or of a limit's variable that is not UTF-8. clap does not say which. Paths
/// may be any bytes, so they are not at fault.
fn not_text(
    mut variables: impl Iterator<Item = (OsString, OsString)>,
    mut words: impl Iterator<Item = OsString>,
) -> Problem {
    let is_limit = |name: &OsString| name.to_str().is_some_and(|name| name.starts_with("VACTOR_MAX_"));
    let message = match variables.find(|(name, value)| is_limit(name) && value.to_str().is_none()) {
        Some((name, _)) => format!("the value of the variable {} is not UTF-8 text", name.display()),
        None => match words.find(|word| word.to_str().is_none()) {
            Some(word) => format!("`{}` is not UTF-8 text", word.display()),
            None => "the command line is not UTF-8 text".to_owned(),
        },
    };
    let problem = Problem::new(Category::BadInput, "usage", message);
    problem.hint("only the path of a file, a folder or a store may be other bytes")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_not_utf8_is_named() {
        use std::os::unix::ffi::OsStringExt;

        let bad = || OsString::from_vec(b"x\xff".to_vec());
        let message = |variable: &str, words: &[OsString]| {
            not_text([(variable.into(), bad())].into_iter(), words.iter().cloned()).message
        };
        let of_limit = message("VACTOR_MAX_TIME", &[bad()]);
        assert_eq!(of_limit, "the value of the variable VACTOR_MAX_TIME is not UTF-8 text");
        assert_eq!(message("VACTOR_STORE", &["vactor".into(), bad()]), "`x\u{fffd}` is not UTF-8 text");
        assert_eq!(message("VACTOR_STORE", &[]), "the command line is not UTF-8 text");
    }
}
