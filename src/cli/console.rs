//! Where text goes: data to stdout, everything else to stderr.

use std::cell::OnceCell;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use vactor::model::Category;

use super::options::Color;
use super::problem::ErrorLine;
use super::table::Table;
use super::{Code, Common, Problem, text};

pub struct Console {
    json: bool,
    quiet: bool,
    verbose: bool,
    color: Color,
    stdout: OnceCell<bool>,
    stderr: OnceCell<bool>,
}

impl Console {
    pub fn new(common: &Common) -> Console {
        Console {
            json: common.json,
            quiet: common.quiet,
            verbose: common.verbose,
            color: common.color,
            stdout: OnceCell::new(),
            stderr: OnceCell::new(),
        }
    }

    pub fn wants_json(&self) -> bool {
        self.json
    }

    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    pub fn is_verbose(&self) -> bool {
        self.verbose
    }

    pub fn stdout_is_terminal(&self) -> bool {
        *self.stdout.get_or_init(|| io::stdout().is_terminal())
    }

    pub fn stderr_is_terminal(&self) -> bool {
        *self.stderr.get_or_init(|| io::stderr().is_terminal())
    }

    /// Whether somebody is there to be asked.
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && self.stderr_is_terminal()
    }

    // Data

    /// One value as a line of JSON.
    pub fn json<T: Serialize + ?Sized>(&self, line: &T) -> Result<(), Problem> {
        let mut text = serde_json::to_string(line).expect("the command line's own types have a JSON form");
        text.push('\n');
        self.data(&text)
    }

    /// A line of text; on a terminal made harmless.
    pub fn line(&self, line: &str) -> Result<(), Problem> {
        let harmless = if self.stdout_is_terminal() { text::harmless(line) } else { line.into() };
        self.data(&format!("{harmless}\n"))
    }

    pub fn table(&self, table: &Table) -> Result<(), Problem> {
        if self.stdout_is_terminal() {
            self.data(&table.drawn(self.colours(&io::stdout())))
        } else {
            self.data(&table.tab_separated())
        }
    }

    /// Writes text to stdout as it is, at once. A reader that went away ends the process quietly.
    pub fn data(&self, text: &str) -> Result<(), Problem> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(Code::DONE.into()),
            Err(error) => Err(Problem::new(Category::Store, "io", "cannot write the output").cause(error.to_string())),
        }
    }

    // Everything else

    /// Says something that no script needs.
    pub fn note(&self, note: &str) {
        if !self.quiet {
            self.say(&text::harmless(note));
        }
    }

    /// Says something that only `-v` asks for.
    pub fn detail(&self, detail: &str) {
        if self.verbose {
            self.say(&text::harmless(detail));
        }
    }

    /// Tells what went wrong, and gives the exit code.
    pub fn fail(&self, problem: &Problem) -> Code {
        if self.json {
            self.say(&serde_json::to_string(&ErrorLine::from(problem)).expect("an error has a JSON form"));
        } else {
            let parts = [
                ("error", AnsiColor::Red, Some(&problem.message)),
                ("cause", AnsiColor::Yellow, problem.cause.as_ref()),
                ("hint", AnsiColor::Cyan, problem.hint.as_ref()),
            ];
            for (word, color, text) in parts {
                if let Some(text) = text {
                    self.say(&format!("{} {}", self.painted(word, color), self.shown_on_stderr(text)));
                }
            }
        }
        problem.code()
    }

    /// Asks a yes-or-no question; what is no clear yes is a no.
    pub fn ask(&self, question: &str) -> bool {
        let mut stderr = io::stderr().lock();
        let _ = write!(stderr, "{} [y/N] ", text::harmless_line(question)).and_then(|()| stderr.flush());
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    }

    /// A line to stderr. If nobody can read it, nobody misses it.
    fn say(&self, line: &str) {
        let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
    }

    fn shown_on_stderr<'a>(&self, text: &'a str) -> std::borrow::Cow<'a, str> {
        if self.stderr_is_terminal() { text::harmless(text) } else { text.into() }
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
