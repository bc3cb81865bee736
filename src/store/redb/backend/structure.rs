//! Checks of redb's structures, before redb reads them.
//!
//! Every page number must name pages of the file, for redb reserves the memory of a page before it
//! reads the page. The numbers in the header are checked whenever the header is read, those of a
//! branch page when it is read, and those of the tables when a handle first reads the header. For a
//! writer, all pages of redb's own tables are checked then too: redb relies on them in the middle
//! of a commit, where a panic can end the process, and does not notice a circle of pages.

use std::collections::HashSet;
use std::io;

use crate::store::redb::redb_internals::{
    Extent, LeafPage, PAGE, REGION, SystemTables, TreePage, children, damaged, table_root, use_once,
};

/// A file grows to twice its length at once, or by regions, and by this many bytes for redb's own
/// tables.
const ROOM: u64 = 16 << 20;

/// Reads the pages of an extent, and checks their sums.
pub type ReadPages<'a> = &'a dyn Fn(Extent) -> io::Result<Vec<u8>>;

/// Checks a page that redb is about to read.
pub fn check_page(page: &[u8], pages: impl Fn() -> io::Result<u64>) -> io::Result<()> {
    match TreePage::of(page)? {
        TreePage::Leaf => Ok(()),
        TreePage::Branch => children(page, pages()?).map(drop),
    }
}

/// Checks the tables of a header's roots; for a writer, also all pages of redb's own tables.
pub fn check_tables(
    [tables, own_tables]: [Option<Extent>; 2],
    writes: bool,
    pages: u64,
    read: ReadPages<'_>,
) -> io::Result<()> {
    let mut used = HashSet::new();
    let tables = definitions(tables, pages, &mut used, read)?;
    if !writes {
        return Ok(());
    }
    for (_, root) in tables {
        use_once(root, &mut used)?;
    }
    let mut tables = SystemTables::default();
    for (name, root) in definitions(own_tables, pages, &mut used, read)? {
        let Some(key) = SystemTables::key_length(&name) else {
            return Err(damaged(&format!("the file has a table {}", name.escape_ascii())));
        };
        let mut named = HashSet::new();
        walk(root, pages, &mut used, read, &mut |page| {
            tables.read(&name, &LeafPage::new(page, Some(key))?, pages, &mut named)
        })?;
        for page in named {
            use_once(Extent { first: page, count: 1 }, &mut used)?;
        }
    }
    tables.check(&used)
}

/// Names and roots of the tables in a tree of definitions.
fn definitions(
    root: Option<Extent>,
    pages: u64,
    used: &mut HashSet<u64>,
    read: ReadPages<'_>,
) -> io::Result<Vec<(Vec<u8>, Extent)>> {
    let Some(root) = root else { return Ok(Vec::new()) };
    let mut roots = Vec::new();
    walk(root, pages, used, read, &mut |page| {
        for entry in LeafPage::new(page, None)?.entries() {
            let (name, definition) = entry?;
            roots.extend(table_root(definition, pages)?.map(|root| (name.to_vec(), root)));
        }
        Ok(())
    })?;
    Ok(roots)
}

/// Reads a whole tree, each page once.
fn walk(
    root: Extent,
    pages: u64,
    used: &mut HashSet<u64>,
    read: ReadPages<'_>,
    leaf: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut left = vec![root];
    while let Some(extent) = left.pop() {
        use_once(extent, used)?;
        let page = read(extent)?;
        match TreePage::of(&page)? {
            TreePage::Branch => left.extend(children(&page, pages)?.into_iter().rev()),
            TreePage::Leaf => leaf(&page)?,
        }
    }
    Ok(())
}

/// Checks the growth of a file from one length to another.
pub fn check_growth(from: u64, to: u64) -> io::Result<()> {
    let region = REGION * PAGE;
    let regions = if from >= region { 2 * region } else { 0 };
    match to <= from.saturating_mul(2).saturating_add(ROOM + regions) {
        true => Ok(()),
        false => Err(damaged(&format!("the file would grow from {from} to {to} bytes at once"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_grows_to_twice_its_length_or_by_regions() {
        const MIB: u64 = 1 << 20;
        for (from, to) in [(0, MIB), (100 * MIB, 200 * MIB), (5000 * MIB, 8200 * MIB)] {
            assert!(check_growth(from, to).is_ok(), "{from} {to}");
        }
        for (from, to) in [(MIB, 4096 * MIB), (MIB, u64::MAX), (0, 100 * MIB)] {
            assert!(check_growth(from, to).is_err(), "{from} {to}");
        }
    }
}
