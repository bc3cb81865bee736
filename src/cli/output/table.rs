//! Rows under the names of their columns.

use comfy_table::{Attribute, Cell, ContentArrangement, presets};

use super::escape;

/// The least width of a table: lines that the terminal breaks are easier to read than one letter a
/// line.
const NARROWEST: u16 = 80;

pub struct Table {
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(columns: &'static [&'static str]) -> Table {
        Table { columns, rows: Vec::new() }
    }

    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        debug_assert_eq!(N, self.columns.len());
        self.rows.push(cells.into());
    }

    /// The columns' names, separated by tabs.
    pub fn header_line(&self) -> String {
        self.columns.join("\t") + "\n"
    }

    /// Removes the rows, and returns a line for each, fields separated by tabs.
    pub fn take_lines(&mut self) -> String {
        let mut lines = String::new();
        for row in self.rows.drain(..) {
            let fields: Vec<_> = row.iter().map(|cell| escape::field(cell)).collect();
            lines.push_str(&fields.join("\t"));
            lines.push('\n');
        }
        lines
    }

    /// The table as text, at most as wide as the terminal.
    pub fn drawn(&self, colour: bool) -> String {
        let mut table = drawable();
        let heading = |name: &&str| {
            let cell = Cell::new(name.to_uppercase());
            if colour { cell.add_attribute(Attribute::Bold) } else { cell }
        };
        table.set_header(self.columns.iter().map(heading));
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| Cell::new(escape::harmless(cell))));
        }
        finished(table)
    }
}

/// Names and values of one record, one below the other.
pub fn record(fields: &[(&str, String)]) -> String {
    let mut table = drawable();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        table.add_row([Cell::new(name), Cell::new(escape::harmless(value))]);
    }
    finished(table)
}

fn drawable() -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    // a terminal without a known width reports 0
    if table.width().is_some_and(|width| width < NARROWEST) {
        table.set_width(NARROWEST);
    }
    table
}

fn finished(mut table: comfy_table::Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<_> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["name", "text"]);
        table.row(["a".into(), "one\ttwo\n\u{1b}[2J".into()]);
        table.row(["bcd".into(), String::new()]);
        table
    }

    #[test]
    fn piped_table_has_one_line_per_row() {
        let mut table = table();
        assert_eq!(table.header_line(), "name\ttext\n");
        assert_eq!(table.take_lines(), "a\tone\\ttwo\\n\u{1b}[2J\nbcd\t\n");
        assert_eq!(table.take_lines(), "");
    }

    #[test]
    fn drawn_table_is_aligned_and_escaped() {
        let drawn = table().drawn(false);
        assert!(drawn.starts_with("NAME  TEXT\na     one"), "{drawn}");
        assert!(drawn.contains(r"\u{1b}[2J") && drawn.ends_with("\nbcd\n"), "{drawn}");
        let record = record(&[("id", "x".into()), ("state", "{}".into())]);
        assert_eq!(record, "id     x\nstate  {}\n");
    }
}
