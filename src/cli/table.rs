//! Tables: for people on a terminal, tab-separated with a header line everywhere else.

use comfy_table::{Attribute, Cell, ContentArrangement, presets};

use super::text;

/// Rows under the names of their columns.
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

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The header line and the rows, fields separated by tabs.
    pub fn tab_separated(&self) -> String {
        let mut lines = self.columns.join("\t");
        lines.push('\n');
        lines + &self.rows_tab_separated()
    }

    /// The rows alone.
    pub fn rows_tab_separated(&self) -> String {
        let mut lines = String::new();
        for row in &self.rows {
            let fields: Vec<_> = row.iter().map(|cell| text::field(cell)).collect();
            lines.push_str(&fields.join("\t"));
            lines.push('\n');
        }
        lines
    }

    /// Columns side by side, as wide as the terminal at most.
    pub fn drawn(&self, colour: bool) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        let heading = |name: &&str| {
            let cell = Cell::new(name.to_uppercase());
            if colour { cell.add_attribute(Attribute::Bold) } else { cell }
        };
        table.set_header(self.columns.iter().map(heading));
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| Cell::new(text::harmless(cell))));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let lines: Vec<_> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n") + "\n"
    }
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
    fn piped_it_is_one_line_per_row() {
        assert_eq!(table().tab_separated(), "name\ttext\na\tone\\ttwo\\n\u{1b}[2J\nbcd\t\n");
    }

    #[test]
    fn drawn_it_is_aligned_and_harmless() {
        let drawn = table().drawn(false);
        assert!(drawn.starts_with("NAME  TEXT\na     one"), "{drawn}");
        assert!(drawn.contains(r"\u{1b}[2J") && drawn.ends_with("\nbcd\n"), "{drawn}");
    }
}
