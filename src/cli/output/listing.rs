//! Many lines of one shape: JSON lines, a table on a terminal, tab-separated fields everywhere
//! else.

use serde::Serialize;

use crate::cli::output::console::Console;
use crate::cli::output::problem::Problem;
use crate::cli::output::table::Table;

/// Lines for stdout. [`flush`](Listing::flush) writes them, but for a table, which needs all of its
/// lines.
pub struct Listing<'a> {
    console: &'a Console,
    form: ListingForm,
    table: Table,
    json: String,
    /// Whether the header line was not written yet.
    lacks_header: bool,
    empty: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ListingForm {
    Json,
    Fields,
    Drawn,
}

impl<'a> Listing<'a> {
    pub fn new(console: &'a Console, columns: &'static [&'static str]) -> Listing<'a> {
        let form = match (console.wants_json(), console.stdout_is_terminal()) {
            (true, _) => ListingForm::Json,
            (false, true) => ListingForm::Drawn,
            (false, false) => ListingForm::Fields,
        };
        Listing { console, form, table: Table::new(columns), json: String::new(), lacks_header: true, empty: true }
    }

    /// Lines that are written as they come, on a terminal too.
    pub fn endless(console: &'a Console, columns: &'static [&'static str]) -> Listing<'a> {
        let listing = Listing::new(console, columns);
        let form = if listing.form == ListingForm::Json { ListingForm::Json } else { ListingForm::Fields };
        Listing { form, ..listing }
    }

    /// Adds a line: its shape in JSON, and the cells of its row.
    pub fn add<T: Serialize, const N: usize>(&mut self, line: impl FnOnce() -> T, cells: impl FnOnce() -> [String; N]) {
        self.empty = false;
        match self.form {
            ListingForm::Json => {
                let line = serde_json::to_string(&line()).expect("the command line's own types have a JSON form");
                self.json.push_str(&line);
                self.json.push('\n');
            }
            ListingForm::Fields | ListingForm::Drawn => self.table.row(cells()),
        }
    }

    /// Writes the complete lines.
    pub fn flush(&mut self) -> Result<(), Problem> {
        match self.form {
            ListingForm::Drawn => Ok(()),
            ListingForm::Json => self.console.json_lines(&std::mem::take(&mut self.json)),
            ListingForm::Fields => {
                let header =
                    if std::mem::take(&mut self.lacks_header) { self.table.header_line() } else { String::new() };
                self.console.data(&self.console.shown(&(header + &self.table.take_lines())))
            }
        }
    }

    /// Clears the terminal and draws at most so many lines of the table; without rows, the text
    /// `otherwise`.
    pub fn redraw(self, otherwise: &str, lines: usize) -> Result<(), Problem> {
        const CLEARED: &str = "\u{1b}[H\u{1b}[2J";
        if self.empty {
            return self.console.data(&format!("{CLEARED}{otherwise}\n"));
        }
        let drawn = self.table.drawn(self.console.colours(&std::io::stdout()));
        // a row may be broken into several lines; too many would move the heading off the terminal
        let fitting: String = drawn.split_inclusive('\n').take(lines).collect();
        self.console.data(&format!("{CLEARED}{fitting}"))
    }

    /// Writes the rest. If there are no lines, a terminal shows the note `otherwise`.
    pub fn end(mut self, otherwise: &str) -> Result<(), Problem> {
        match self.form {
            ListingForm::Drawn if self.empty => {
                self.console.note(otherwise);
                Ok(())
            }
            ListingForm::Drawn => self.console.data(&self.table.drawn(self.console.colours(&std::io::stdout()))),
            ListingForm::Json | ListingForm::Fields => self.flush(),
        }
    }
}
