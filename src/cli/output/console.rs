//! Data to stdout, everything else to stderr.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::Path;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::escape;
use super::stream::{self, BlockingRead, PartialWrite};
use crate::cli::options::{Color, Common};
use crate::cli::output::problem::{Code, ErrorLine, Problem};
use crate::cli::output::reporter::Reporter;
use crate::cli::output::table::record;

pub struct Console {
    json: bool,
    verbose: bool,
    color: Color,
    stdout: OnceCell<bool>,
    reporter: Arc<Reporter>,
}

impl Console {
    pub fn new(common: &Common) -> Console {
        Console {
            json: common.json,
            verbose: common.verbose,
            color: common.color,
            stdout: OnceCell::new(),
            reporter: Arc::new(Reporter::new(common.quiet)),
        }
    }

    pub fn wants_json(&self) -> bool {
        self.json
    }

    pub fn is_verbose(&self) -> bool {
        self.verbose
    }

    pub fn stdout_is_terminal(&self) -> bool {
        *self.stdout.get_or_init(|| io::stdout().is_terminal())
    }

    /// Writes to stderr, the classes' lines too.
    pub fn reporter(&self) -> &Arc<Reporter> {
        &self.reporter
    }

    /// Whether a question can be shown and answered.
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && self.reporter.is_on_terminal()
    }

    // Data

    /// One value as a line of JSON.
    pub fn json<T: Serialize + ?Sized>(&self, line: &T) -> Result<(), Problem> {
        let mut text = serde_json::to_string(line).expect("the command line's own types have a JSON form");
        text.push('\n');
        self.json_lines(&text)
    }

    /// Lines of JSON; on a terminal escaped.
    pub fn json_lines(&self, lines: &str) -> Result<(), Problem> {
        self.data(&if self.stdout_is_terminal() { escape::harmless_json(lines) } else { lines.into() })
    }

    /// A line of text; on a terminal escaped.
    pub fn line(&self, line: impl Into<String>) -> Result<(), Problem> {
        let mut line = line.into();
        line.push('\n');
        if self.json { self.json_lines(&line) } else { self.data(&self.shown(&line)) }
    }

    /// A path as one line that a shell reads back: [`escape::path_line`].
    pub fn path(&self, path: &Path) -> Result<(), Problem> {
        let mut line = escape::path_line(path, self.stdout_is_terminal()).into_owned();
        line.push(b'\n');
        self.bytes(&line)
    }

    /// One record: on a terminal its fields that are not empty one below the other, else a header
    /// line and a line of fields.
    pub fn record(&self, fields: &[(&str, String)]) -> Result<(), Problem> {
        if self.stdout_is_terminal() {
            return self.data(&record(fields));
        }
        let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
        let values: Vec<_> = fields.iter().map(|(_, value)| escape::field(value)).collect();
        self.data(&format!("{}\n{}\n", names.join("\t"), values.join("\t")))
    }

    /// Text for stdout: on a terminal escaped.
    pub fn shown<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.stdout_is_terminal() { escape::harmless(text) } else { text.into() }
    }

    /// Writes text to stdout unchanged, at once.
    pub fn data(&self, text: &str) -> Result<(), Problem> {
        self.bytes(text.as_bytes())
    }

    fn bytes(&self, bytes: &[u8]) -> Result<(), Problem> {
        self.reporter.end_progress();
        write(bytes).map_err(|unwritten| Problem::unwritten(&unwritten.error))
    }

    /// Some of many lines of JSON. If stdout is no terminal, the progress bar on stderr stays.
    pub fn stream(&self, lines: &str) -> Result<(), PartialLines> {
        let shown = if self.stdout_is_terminal() { escape::harmless_json(lines) } else { lines.into() };
        if self.stdout_is_terminal() {
            self.reporter.end_progress();
        }
        write(shown.as_bytes()).map_err(|PartialWrite { written, error }| PartialLines {
            written: shown.as_bytes()[..written].iter().filter(|byte| **byte == b'\n').count(),
            error,
        })
    }

    // Everything else

    /// Writes a note, which `--quiet` drops.
    pub fn note(&self, note: &str) {
        self.reporter.note(note);
    }

    /// Writes a line that only `--verbose` shows.
    pub fn detail(&self, detail: &str) {
        if self.verbose {
            self.reporter.write_line(&self.shown_on_stderr(detail));
        }
    }

    /// Writes an error, and returns its exit code. If the reader of stdout went away, there is no
    /// error to report.
    pub fn fail(&self, problem: &Problem) -> Code {
        if problem.is_no_reader() {
            return Code::DONE;
        }
        if self.json {
            let line = serde_json::to_string(&ErrorLine::from(problem)).expect("an error has a JSON form");
            self.reporter.write_line(&if self.reporter.is_on_terminal() {
                escape::harmless_json(&line)
            } else {
                line.into()
            });
        } else {
            let parts = [
                ("error", AnsiColor::Red, Some(&problem.message)),
                ("cause", AnsiColor::Yellow, problem.cause.as_ref()),
                ("hint", AnsiColor::Cyan, problem.hint.as_ref()),
            ];
            for (word, color, text) in parts {
                if let Some(text) = text {
                    // indented, so that no line of a class's text looks like a hint
                    let text = &text.replace('\n', "\n  ");
                    self.reporter.write_line(&format!("{} {}", self.painted(word, color), self.shown_on_stderr(text)));
                }
            }
        }
        problem.code()
    }

    /// Asks a question. Any answer but yes is a no.
    pub fn ask(&self, question: &str) -> bool {
        // in one write, so that no early input is shown within the question
        self.reporter.write(&format!("{} [y/N] ", escape::harmless_line(question)));
        let mut answer = String::new();
        let read = BufReader::new(BlockingRead(io::stdin())).read_line(&mut answer);
        read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    }

    fn shown_on_stderr<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.reporter.is_on_terminal() { escape::harmless(text) } else { text.into() }
    }

    fn painted(&self, word: &str, color: AnsiColor) -> String {
        let style = match self.colours(&io::stderr()) {
            true => Style::new().bold().fg_color(Some(color.into())),
            false => Style::new(),
        };
        format!("{style}{word}:{style:#}")
    }

    /// `--color`, then NO_COLOR and CLICOLOR_FORCE, then whether it is a terminal.
    pub fn colours(&self, stream: &impl anstream::stream::RawStream) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never,
        }
    }
}

/// A write of lines that failed in the middle.
pub struct PartialLines {
    /// How many lines were written whole.
    pub written: usize,
    pub error: io::Error,
}

fn write(bytes: &[u8]) -> Result<(), PartialWrite> {
    let stdout = io::stdout();
    // lines of several threads stay whole
    let _locked = stdout.lock();
    stream::write(&stdout, bytes)
}
