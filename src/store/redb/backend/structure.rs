//! What redb's own structures may say: looked at before redb does, which takes the memory that a page number asks for
//! before it reads the page.
//!
//! Every page number must name pages of the file. Those of the header are looked at whenever it is read, those of a branch
//! page when it is read, those of the tables when a handle first reads the header. Then the trees that only redb uses are
//! walked too, for it does not notice pages that lead to each other again and again.

use std::collections::HashSet;
use std::io;

use xxhash_rust::xxh3::xxh3_128;

use super::pages::{Access, FLAGS, PAGE, UNFLUSHED, bytes, damaged};
use super::system_tables::SystemTables;

/// Pages of a region. The header says it, and a store never has another number.
pub const REGION: u64 = 1 << 20;
/// The largest order of a page: a region whole.
pub const MAX_ORDER: u32 = 20;

/// Flags of the header.
const SECOND_SLOT: u8 = 1;
const TWO_PHASES: u8 = 4;
/// Where the header says how long regions are.
const REGION_HEADER_PAGES: usize = 16;
const REGION_PAGES: usize = 20;
/// The two commit slots.
const SLOTS: usize = 64;
const SLOT: usize = 128;
/// Within a slot: whether there are roots, the roots, and the sum over all before it.
const HAS_ROOT: [usize; 2] = [1, 2];
const ROOT: [usize; 2] = [8, 40];
const SLOT_SUM: usize = 112;

const LEAF: u8 = 1;
const BRANCH: u8 = 2;
/// Bytes of a child in a branch page: a sum and a page number, which stand in two lists behind eight bytes.
const CHILD_SUM: usize = 16;
const CHILD_NUMBER: usize = 8;

/// In the definition of a table: its kind, whether it has a root, and the root.
const NORMAL_TABLE: u8 = 3;
const TABLE_HAS_ROOT: usize = 9;
const TABLE_ROOT: usize = 10;

/// A file grows to twice its length at once, or by regions; what redb keeps of its own is never longer than this.
const ROOM: u64 = 16 << 20;

/// Pages that follow each other: the first, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub first: u64,
    pub count: u64,
}

/// Reads the pages of an extent, whose sums are right.
pub type ReadPages<'a> = &'a dyn Fn(Extent) -> io::Result<Vec<u8>>;

/// Whether a header can be one of a store, in a file of so many pages; answers the roots that redb goes by, of the tables
/// and of its own.
pub fn roots(header: &[u8], access: Access, pages: u64) -> io::Result<[Option<Extent>; 2]> {
    if number_at::<4>(header, REGION_HEADER_PAGES)? != 0 || number_at::<4>(header, REGION_PAGES)? != REGION {
        return Err(damaged("the header of the file has regions of another length"));
    }
    let flags = header[FLAGS];
    if flags & TWO_PHASES == 0 {
        return Err(damaged("the header of the file names a commit of another kind than a store's"));
    }
    let newest = usize::from(flags & SECOND_SLOT != 0);
    if flags & UNFLUSHED != 0 && access == Access::Write {
        // until its header is on the disk a commit is not the one that redb goes by
        slot(header, 1 - newest, pages)?;
    }
    slot(header, newest, pages)
}

fn slot(header: &[u8], number: usize, pages: u64) -> io::Result<[Option<Extent>; 2]> {
    let slot = part(header, SLOTS + number * SLOT, SLOT)?;
    let (content, sum) = slot.split_at(SLOT_SUM);
    if sum != xxh3_128(content).to_le_bytes() {
        return Err(damaged("a commit in the header of the file does not match its sum"));
    }
    let root = |which: usize| match content[HAS_ROOT[which]] {
        0 => Ok(None),
        _ => extent(number_at::<8>(content, ROOT[which])?, pages).map(Some),
    };
    Ok([root(0)?, root(1)?])
}

/// Looks at a page that redb is about to see.
pub fn check_page(page: &[u8], pages: impl Fn() -> io::Result<u64>) -> io::Result<()> {
    match page.first() {
        Some(&LEAF) => Ok(()),
        Some(&BRANCH) => children(page, pages()?).map(drop),
        _ => Err(damaged("a page of the file is of no kind")),
    }
}

/// Looks at the tables that a header names; where redb is to write, also at all pages of the tables of its own.
pub fn check_tables(roots: [Option<Extent>; 2], access: Access, pages: u64, read: ReadPages<'_>) -> io::Result<()> {
    let mut used = HashSet::new();
    let [tables, own] = roots;
    let tables = definitions(tables, pages, &mut used, read)?;
    if access == Access::Read {
        return Ok(());
    }
    for (_, root) in tables {
        take(root, &mut used)?;
    }
    let mut tables = SystemTables::default();
    for (name, root) in definitions(own, pages, &mut used, read)? {
        let Some(key) = SystemTables::key_length(&name) else {
            return Err(damaged(&format!("the file has a table {}", name.escape_ascii())));
        };
        let mut named = HashSet::new();
        walk(root, pages, &mut used, read, &mut |page| {
            tables.read(&name, &LeafPage::new(page, Some(key))?, pages, &mut named)
        })?;
        for page in named {
            take(Extent { first: page, count: 1 }, &mut used)?;
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
        let leaf = LeafPage::new(page, None)?;
        for n in 0..leaf.count() {
            let (name, table) = leaf.entry(n)?;
            if *part(table, 0, 1)? != [NORMAL_TABLE] {
                return Err(damaged("a table of the file is of no kind"));
            }
            if *part(table, TABLE_HAS_ROOT, 1)? != [0] {
                roots.push((name.to_vec(), extent(number_at::<8>(table, TABLE_ROOT)?, pages)?));
            }
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
    let mut open = vec![root];
    while let Some(extent) = open.pop() {
        take(extent, used)?;
        let page = read(extent)?;
        match page[0] {
            BRANCH => open.extend(children(&page, pages)?.into_iter().rev()),
            _ => leaf(&page)?,
        }
    }
    Ok(())
}

/// Notes pages as used, which may not be so before.
pub fn take(extent: Extent, used: &mut HashSet<u64>) -> io::Result<()> {
    match (extent.first..extent.first + extent.count).all(|page| used.insert(page)) {
        true => Ok(()),
        false => Err(damaged(&format!("page {} of the file has two places in its trees", extent.first))),
    }
}

/// The children of a branch page.
fn children(page: &[u8], pages: u64) -> io::Result<Vec<Extent>> {
    let keys = bytes(number_at::<2>(page, 2)?);
    let numbers = part(page, 8 + CHILD_SUM * (keys + 1), CHILD_NUMBER * (keys + 1))?;
    if keys == 0 {
        return Err(damaged("a page of the file leads to one page only"));
    }
    numbers.chunks_exact(CHILD_NUMBER).map(|number| extent(number_at::<8>(number, 0)?, pages)).collect()
}

/// A leaf page: a list of where keys end, unless all are of one length, a list of where values end, keys, values.
pub struct LeafPage<'p> {
    page: &'p [u8],
    count: usize,
    /// The length of each key, where all have one.
    key: Option<usize>,
}

impl<'p> LeafPage<'p> {
    pub fn new(page: &'p [u8], key: Option<usize>) -> io::Result<LeafPage<'p>> {
        match bytes(number_at::<2>(page, 2)?) {
            0 => Err(damaged("a page of the file is empty")),
            count => Ok(LeafPage { page, count, key }),
        }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    pub fn entry(&self, n: usize) -> io::Result<(&'p [u8], &'p [u8])> {
        let key = self.key_end(n.checked_sub(1))?..self.key_end(Some(n))?;
        let value_from = if n == 0 { self.key_end(Some(self.count - 1))? } else { self.value_end(n - 1)? };
        let within =
            |range| self.page.get(range).ok_or_else(|| damaged("a page of the file has entries outside of it"));
        Ok((within(key)?, within(value_from..self.value_end(n)?)?))
    }

    /// Where a key ends; None stands for what is before the first.
    fn key_end(&self, n: Option<usize>) -> io::Result<usize> {
        let lists = if self.key.is_none() { 2 } else { 1 };
        let keys = 4 + 4 * lists * self.count;
        match (n, self.key) {
            (None, _) => Ok(keys),
            (Some(n), Some(length)) => Ok(keys + length * (n + 1)),
            (Some(n), None) => self.end(n),
        }
    }

    fn value_end(&self, n: usize) -> io::Result<usize> {
        self.end(if self.key.is_none() { self.count + n } else { n })
    }

    fn end(&self, n: usize) -> io::Result<usize> {
        number_at::<4>(self.page, 4 + 4 * n).map(bytes)
    }
}

/// The pages that a page number of redb's names, in a file of so many.
pub fn extent(number: u64, pages: u64) -> io::Result<Extent> {
    let order = (number >> 59) as u32;
    let outside = || damaged(&format!("the file has no page {number:#x}"));
    if order > MAX_ORDER {
        return Err(outside());
    }
    let (region, index) = (number >> 20 & 0xf_ffff, number & (0xf_ffff >> order));
    let (within, count) = (index << order, 1 << order);
    let first = 1 + region * REGION + within;
    if within + count > REGION || first + count > pages {
        return Err(outside());
    }
    Ok(Extent { first, count })
}

/// Whether a file may grow from one length to another at once.
pub fn check_growth(from: u64, to: u64) -> io::Result<()> {
    let region = REGION * PAGE;
    let regions = if from >= region { 2 * region } else { 0 };
    match to <= from.saturating_mul(2).saturating_add(ROOM + regions) {
        true => Ok(()),
        false => Err(damaged(&format!("the file would grow from {from} to {to} bytes at once"))),
    }
}

pub fn part(of: &[u8], at: usize, length: usize) -> io::Result<&[u8]> {
    of.get(at..at.saturating_add(length)).ok_or_else(|| damaged("a page of the file ends too early"))
}

/// The number of `N` bytes, the lowest first, at an offset.
pub fn number_at<const N: usize>(of: &[u8], at: usize) -> io::Result<u64> {
    Ok(part(of, at, N)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_number_names_pages_of_the_file_or_is_refused() {
        let named = |number, pages| extent(number, pages).ok().map(|extent| (extent.first, extent.count));
        assert_eq!(named(0, 2), Some((1, 1)));
        assert_eq!(named(0, 1), None);
        assert_eq!(named(3 | 2 << 59, 17), Some((13, 4)));
        assert_eq!(named(3 | 2 << 59, 16), None);
        assert_eq!(named(1 << 20 | 5, REGION + 7), Some((REGION + 6, 1)));
        for order in 0..32 {
            assert_eq!(named(u64::MAX >> 5 | order << 59, 1000), None, "{order}");
            assert_eq!(named(order << 59, 1000).is_some(), order < 10, "{order}");
        }
    }

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
