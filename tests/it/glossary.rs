//! docs/glossary.md names code that exists.

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn glossary_words_exist_in_their_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rows = rows(&std::fs::read_to_string(root.join("docs/glossary.md")).unwrap());
    assert!(rows.len() > 50, "{} rows", rows.len());
    let mut terms = BTreeSet::new();
    let mut wrong = Vec::new();
    for row in rows {
        let [term, code, _, file] = &*row else { panic!("a row has four columns: {row:?}") };
        if !terms.insert(term.clone()) {
            wrong.push(format!("{term} has two rows"));
        }
        for path in quoted(file) {
            let source = std::fs::read_to_string(root.join(path)).unwrap_or_default();
            let mut words = source.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            for word in quoted(code) {
                if !words.any(|found| found == word) {
                    wrong.push(format!("{term}: {path} has no `{word}`"));
                }
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

/// The cells of each row of a table, without heads and rules.
fn rows(page: &str) -> Vec<Vec<String>> {
    let lines = page.lines().filter_map(|line| line.trim().strip_prefix('|')?.strip_suffix('|'));
    let rows = lines.map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
    rows.filter(|row| !row[0].starts_with("---") && row[0] != "term").collect()
}

/// The texts between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn rows_and_quoted_words_are_read() {
    let page = "| term | code | meaning | file |\n| --- | --- | --- | --- |\n| a | `B`, `C` | d | `e.rs` |\n";
    let rows = rows(page);
    assert_eq!(rows, [["a", "`B`, `C`", "d", "`e.rs`"]]);
    assert_eq!(quoted(&rows[0][1]).collect::<Vec<_>>(), ["B", "C"]);
}
