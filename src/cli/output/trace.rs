//! The library's trace events as lines of stderr, for a person who looks for the cause of a
//! problem.

use std::ffi::OsStr;
use std::io;
use std::sync::Arc;

use tracing::level_filters::LevelFilter;

use crate::cli::output::problem::Problem;
use crate::cli::output::reporter::Reporter;

/// The variable with the level of events to write. Without it no event is made.
pub const VARIABLE: &str = "VACTOR_LOG";
const LEVELS: &str = "error, warn, info, debug, trace";

/// If the variable names a level, writes the events of that level and above by this reporter.
pub fn install(reporter: &Arc<Reporter>) -> Result<(), Problem> {
    let level = level(&std::env::var_os(VARIABLE).unwrap_or_default())?;
    if level != LevelFilter::OFF {
        let reporter = reporter.clone();
        let writer = move || TraceWriter(reporter.clone());
        // there is no other subscriber in this program
        let _ = tracing_subscriber::fmt().with_max_level(level).with_target(false).with_writer(writer).try_init();
    }
    Ok(())
}

fn level(value: &OsStr) -> Result<LevelFilter, Problem> {
    match value.to_str() {
        Some("" | "off") => Ok(LevelFilter::OFF),
        Some(name) if LEVELS.split(", ").any(|level| level == name) => Ok(name.parse().unwrap_or(LevelFilter::OFF)),
        _ => {
            let message = format!("the variable {VARIABLE} is `{}`, which is not a level", value.display());
            Err(Problem::input(message).hint(format!("the levels are {LEVELS}, and off")))
        }
    }
}

struct TraceWriter(Arc<Reporter>);

impl io::Write for TraceWriter {
    /// A line at a time: the subscriber passes each event whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.trace(&String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_is_read_from_its_name() {
        for (name, read) in [("", LevelFilter::OFF), ("off", LevelFilter::OFF), ("debug", LevelFilter::DEBUG)] {
            assert_eq!(level(name.as_ref()), Ok(read), "{name}");
        }
        for name in ["2", "loud", "DEBUG", "debug,vactor"] {
            assert_eq!(level(name.as_ref()).map_err(|problem| problem.code().into()), Err(2), "{name}");
        }
    }
}
