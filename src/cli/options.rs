//! Flags that several commands share.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use clap::{Arg, Args, ValueHint};
use vactor::Compiling;
use vactor::{Error, Limit, LimitOverrides};

use crate::cli::output::hint;
use crate::cli::program;
use crate::cli::quantity::{bytes, duration};

/// The variables of every command, but for those of the limits.
pub const VARIABLES: [(&str, &str); 3] = [
    ("VACTOR_STORE", "the store's folder, if `--store` is not given"),
    ("VACTOR_WORKER", "`off`, `false`, `no` or `0` starts no worker in the background"),
    (
        "VACTOR_LOG",
        "`error`, `warn`, `info`, `debug` or `trace` writes the events of this level to stderr: stores that are opened, \
         locks, runs, commits",
    ),
];

// No doc comment: clap would take it for the command's description.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// The store's folder [default: VACTOR_STORE, else the nearest .vactor from here upwards]
    #[arg(long, global = true, value_name = "PATH", value_hint = ValueHint::DirPath, help_heading = "Common options")]
    pub store: Option<OsString>,
    /// Prints one JSON object per line, and errors as JSON
    #[arg(long, global = true, help_heading = "Common options")]
    pub json: bool,
    /// Drops notes and the lines of the class
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
    /// How long the method may compute, in processor time [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = duration, env = "VACTOR_MAX_TIME", hide_env_values = true)]
    #[arg(help_heading = LIMITS)]
    max_time: Option<Duration>,
    /// How much memory the class may use [default: 256MiB]
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
    /// How large the log may be; further lines are dropped [default: 256KiB]
    #[arg(long, value_name = "SIZE", value_parser = bytes, env = "VACTOR_MAX_LOG", hide_env_values = true)]
    #[arg(help_heading = LIMITS)]
    max_log: Option<u64>,
    /// How many children and messages it may start and send [default: 10000]
    #[arg(long, value_name = "N", env = "VACTOR_MAX_CHILDREN", hide_env_values = true, help_heading = LIMITS)]
    max_children: Option<u64>,
    /// How many operations it may make: starts, sends, waits, saves and cancels [default: 100000]
    #[arg(long, value_name = "N", env = "VACTOR_MAX_OPERATIONS", hide_env_values = true, help_heading = LIMITS)]
    max_operations: Option<u64>,
    /// How deep calls may be nested [default: 64]
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

/// Hides the limits that a command cannot reach from its help. It accepts them, so that a script
/// may give all commands the same flags.
pub fn only(named: &'static [&'static str]) -> impl Fn(Arg) -> Arg {
    move |arg| {
        let shown = arg.get_help_heading() != Some(LIMITS) || named.contains(&arg.get_id().as_str());
        if shown { arg } else { arg.hide(true) }
    }
}

/// The limits of a run that changes no actor.
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

/// The limits of `register`, which describes the class.
pub const OF_REGISTER: &[&str] =
    &["max_time", "max_memory", "max_result", "max_log", "max_component", "max_compile_time", "max_compile_memory"];

/// The limits of a command that runs accepted calls, which have their own.
pub const OF_COMPILING: &[&str] = &["max_component", "max_compile_time", "max_compile_memory"];

/// The heading of the limits in the help.
pub const LIMITS: &str = "Limits";

impl LimitFlags {
    /// The limits that flags or variables set.
    pub fn overrides(&self) -> Result<LimitOverrides, Error> {
        Ok(LimitOverrides::new(self.set())?)
    }

    /// The limits whose flags are on the command line. A variable may be meant for other commands.
    pub fn flags(&self) -> Vec<&'static str> {
        let flags = self.set().map(|(limit, _)| hint::flag(limit));
        flags.filter(|flag| std::env::var_os(variable(flag)).is_none()).collect()
    }

    /// Each set limit with its value in the limit's unit.
    fn set(&self) -> impl Iterator<Item = (Limit, u64)> {
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
    /// The limits of this process, which no call has.
    pub fn of_compiling(&self) -> LimitFlags {
        LimitFlags {
            max_component: self.max_component,
            max_compile_time: self.max_compile_time,
            max_compile_memory: self.max_compile_memory,
            ..LimitFlags::default()
        }
    }

    /// The settings of the compiler, which is this program in a process of its own.
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
    /// Makes the call once: a second call with this key returns the first result and runs nothing
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// How long to wait for the end, such as 5s; an accepted call goes on
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Metadata of the call in the journal; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub meta: Vec<(String, String)>,
}

impl CallFlags {
    /// The end of the timeout. A timeout past the end of the clock is none.
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
    fn help_has_the_defaults() {
        let command = LimitFlags::augment_args(clap::Command::new("x")).no_binary_name(true);
        let shown = command.get_arguments().flat_map(|arg| {
            let help = arg.get_help().unwrap().to_string();
            let default = help.split_once("[default: ").unwrap().1.trim_end_matches(']').to_owned();
            [format!("--{}", arg.get_long().unwrap()), default]
        });
        let shown: Vec<_> = shown.collect();
        let matches = command.get_matches_from(&shown);
        let flags = <LimitFlags as clap::FromArgMatches>::from_arg_matches(&matches).unwrap();
        assert_eq!((shown.len(), flags.overrides().unwrap().limits()), (24, Limits::default()));
        let compiling = Compiling { command: None, ..flags.compiling() };
        assert_eq!(compiling, Compiling::default());
    }

    #[test]
    fn meta_is_split_into_name_and_value() {
        assert_eq!(pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(pair("=b").is_err() && pair("a").is_err());
    }
}
