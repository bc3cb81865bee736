//! Flags that several commands share.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use clap::{Arg, Args, ValueHint};
use vactor::Compiling;
use vactor::{Error, Limit, LimitOverrides};

use crate::cli::output::hint;
use crate::cli::program;
use crate::cli::quantity::{bytes, duration};

// No doc comment: clap would take it for the command's description.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// The store's folder [else: VACTOR_STORE, else the nearest .vactor from here upwards, which must be yours]
    #[arg(long, global = true, value_name = "PATH", value_hint = ValueHint::DirPath, help_heading = "Common options")]
    pub store: Option<OsString>,
    /// Prints one JSON object per line, and errors as JSON
    #[arg(long, global = true, help_heading = "Common options")]
    pub json: bool,
    /// Drops notes and what the class says
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Common options")]
    pub quiet: bool,
    /// Adds timings
    #[arg(short, long, global = true, help_heading = "Common options")]
    pub verbose: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t, help_heading = "Common options")]
    pub color: Color,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

// Only for commands that run a class.
#[derive(Args, Clone, Debug, Default)]
pub struct LimitFlags {
    /// How long it may compute, in processor time [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = duration, env = "VACTOR_MAX_TIME", hide_env_values = true)]
    #[arg(help_heading = LIMITS)]
    max_time: Option<Duration>,
    /// How much memory it may use [default: 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = bytes, env = "VACTOR_MAX_MEMORY", hide_env_values = true)]
    #[arg(help_heading = LIMITS)]
    max_memory: Option<u64>,
    /// How large the saved state may be [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = bytes, env = "VACTOR_MAX_STATE", hide_env_values = true)]
    #[arg(help_heading = LIMITS)]
    max_state: Option<u64>,
    /// How large the arguments may be, as JSON [default: 8MiB]
    #[arg(long, value_name = "SIZE", value_parser = bytes, env = "VACTOR_MAX_ARGS", hide_env_values = true)]
    #[arg(help_heading = LIMITS)]
    max_args: Option<u64>,
    /// How large the result may be, as JSON [default: 8MiB]
    #[arg(long, value_name = "SIZE", value_parser = bytes, env = "VACTOR_MAX_RESULT", hide_env_values = true)]
    #[arg(help_heading = LIMITS)]
    max_result: Option<u64>,
    /// How much of what it says is kept; the rest is cut [default: 256KiB]
    #[arg(long, value_name = "SIZE", value_parser = bytes, env = "VACTOR_MAX_LOG", hide_env_values = true)]
    #[arg(help_heading = LIMITS)]
    max_log: Option<u64>,
    /// How many calls and messages it may start and send [default: 10000]
    #[arg(long, value_name = "N", env = "VACTOR_MAX_CHILDREN", hide_env_values = true, help_heading = LIMITS)]
    max_children: Option<u64>,
    /// How much it may ask for in all: what it starts and sends, its waits, saves and cancels [default: 100000]
    #[arg(long, value_name = "N", env = "VACTOR_MAX_OPERATIONS", hide_env_values = true, help_heading = LIMITS)]
    max_operations: Option<u64>,
    /// How many calls may wait for one another in a row [default: 64]
    #[arg(long, value_name = "N", env = "VACTOR_MAX_DEPTH", hide_env_values = true, help_heading = LIMITS)]
    max_depth: Option<u32>,
    /// How large a class may be [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = bytes, env = "VACTOR_MAX_COMPONENT", hide_env_values = true)]
    #[arg(help_heading = LIMITS)]
    max_component: Option<u64>,
    /// How long a class may take to compile, in processor time [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = duration, env = "VACTOR_MAX_COMPILE_TIME", hide_env_values = true)]
    #[arg(help_heading = LIMITS)]
    max_compile_time: Option<Duration>,
    /// How much memory a class may take to compile [default: 2GiB]
    #[arg(long, value_name = "SIZE", value_parser = bytes, env = "VACTOR_MAX_COMPILE_MEMORY", hide_env_values = true)]
    #[arg(help_heading = LIMITS)]
    max_compile_memory: Option<u64>,
}

/// For a command that can run into some of the limits only: its help shows these. It takes the others all the same, so
/// that a script may give all its commands the same.
pub fn only(named: &'static [&'static str]) -> impl Fn(Arg) -> Arg {
    move |arg| {
        let shown = arg.get_help_heading() != Some(LIMITS) || named.contains(&arg.get_id().as_str());
        if shown { arg } else { arg.hide(true) }
    }
}

/// What a run that changes no actor can run into.
pub const OF_NO_MUTATION: &[&str] = &[
    "max_time",
    "max_memory",
    "max_args",
    "max_result",
    "max_log",
    "max_component",
    "max_compile_time",
    "max_compile_memory",
];

/// What `register` can run into: it describes the class.
pub const OF_REGISTER: &[&str] =
    &["max_time", "max_memory", "max_result", "max_log", "max_component", "max_compile_time", "max_compile_memory"];

/// What a command can run into that runs calls under the limits with which they were accepted.
pub const OF_COMPILING: &[&str] = &["max_component", "max_compile_time", "max_compile_memory"];

/// The heading of the limits in the help.
pub const LIMITS: &str = "Limits";

impl LimitFlags {
    /// The limits that were named, by flags or variables.
    pub fn overrides(&self) -> Result<LimitOverrides, Error> {
        Ok(LimitOverrides::new(self.named())?)
    }

    /// The limits whose flags are on the command line. A variable may be meant for other commands.
    pub fn flags(&self) -> Vec<&'static str> {
        let flags = self.named().map(|(limit, _)| hint::flag(limit));
        flags.filter(|flag| std::env::var_os(variable(flag)).is_none()).collect()
    }

    /// Each named limit with its value in the limit's unit.
    fn named(&self) -> impl Iterator<Item = (Limit, u64)> {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let all = [
            (Limit::Time, self.max_time.map(micros)),
            (Limit::Memory, self.max_memory),
            (Limit::State, self.max_state),
            (Limit::Arguments, self.max_args),
            (Limit::Result, self.max_result),
            (Limit::Log, self.max_log),
            (Limit::Children, self.max_children),
            (Limit::Operations, self.max_operations),
            (Limit::Depth, self.max_depth.map(u64::from)),
        ];
        all.into_iter().filter_map(|(limit, value)| Some((limit, value?)))
    }
}

/// The variable that gives a flag its value: `VACTOR_MAX_TIME` for `--max-time`.
pub fn variable(flag: &str) -> String {
    format!("VACTOR_{}", flag.trim_start_matches("--").replace('-', "_").to_uppercase())
}

impl LimitFlags {
    /// Those of this process alone, which no call keeps.
    pub fn of_compiling(&self) -> LimitFlags {
        LimitFlags {
            max_component: self.max_component,
            max_compile_time: self.max_compile_time,
            max_compile_memory: self.max_compile_memory,
            ..LimitFlags::default()
        }
    }

    /// How classes are compiled: by this program, in a process of its own.
    pub fn compiling(&self) -> Compiling {
        let default = Compiling::default();
        Compiling {
            command: Some(program::compiling()),
            component: self.max_component.unwrap_or(default.component),
            time: self.max_compile_time.unwrap_or(default.time),
            memory: self.max_compile_memory.unwrap_or(default.memory),
        }
    }
}

// For commands that call a method and leave a step.
#[derive(Args, Clone, Debug, Default)]
pub struct CallFlags {
    /// Makes the call once: made again with this key, it gives the recorded result and runs nothing
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// How long to wait for its end, such as 5s; what was accepted by then goes on
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Kept with the call in the journal; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub meta: Vec<(String, String)>,
}

impl CallFlags {
    /// A time to wait that is past the clock's end is for ever.
    pub fn deadline(&self, start: Instant) -> Option<Instant> {
        self.timeout.and_then(|timeout| start.checked_add(timeout))
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it is not of the form NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use vactor::Limits;

    use super::*;

    #[test]
    fn the_help_tells_the_defaults_that_hold() {
        let command = LimitFlags::augment_args(clap::Command::new("x")).no_binary_name(true);
        let told = command.get_arguments().flat_map(|arg| {
            let help = arg.get_help().unwrap().to_string();
            let default = help.split_once("[default: ").unwrap().1.trim_end_matches(']').to_owned();
            [format!("--{}", arg.get_long().unwrap()), default]
        });
        let told: Vec<_> = told.collect();
        let matches = command.get_matches_from(&told);
        let flags = <LimitFlags as clap::FromArgMatches>::from_arg_matches(&matches).unwrap();
        assert_eq!((told.len(), flags.overrides().unwrap().limits()), (24, Limits::default()));
        let compiling = Compiling { command: None, ..flags.compiling() };
        assert_eq!(compiling, Compiling::default());
    }

    #[test]
    fn meta_is_a_name_and_a_value() {
        assert_eq!(pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(pair("=b").is_err() && pair("a").is_err());
    }
}
