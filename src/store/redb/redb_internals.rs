//! The private layout and behaviour of redb that this module relies on, all in one file: offsets
//! and flags of the header, numbers and layout of pages, redb's own tables, bytes of locks, and the
//! way a database closes. redb promises none of it, so its version is pinned. Each assumption has a
//! test of its name in `redb_internals/tests.rs`.

use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::ops::Bound;

use xxhash_rust::xxh3::xxh3_128;

/// Bytes of a page.
pub const PAGE: u64 = 4096;

// The header: a magic number, flags, lengths, two commit slots.

pub const HEADER: usize = 320;
/// The first part of the header, which has no sum of redb's.
pub const UNSUMMED: usize = 64;
/// The byte of flags.
pub const FLAGS: usize = 9;
/// Flag: the second slot is the primary one.
const SECOND_SLOT: u8 = 1;
/// Flag: the primary slot was committed in two phases.
const TWO_PHASES: u8 = 4;
/// Flag: the header of the last commit may not be on the disk yet. Until it is removed, redb uses
/// the commit before that one.
pub const UNFLUSHED: u8 = 8;
const REGION_HEADER_PAGES: usize = 16;
const REGION_PAGES: usize = 20;
const SLOTS: usize = 64;
const SLOT: usize = 128;
/// Within a slot: whether the roots exist, the roots, and the sum of all bytes before it. The first
/// root is that of the tables, the second that of redb's own tables.
const HAS_ROOT: [usize; 2] = [1, 2];
const ROOT: [usize; 2] = [8, 40];
const SLOT_SUM: usize = 112;

// Pages.

/// Pages of a region.
pub const REGION: u64 = 1 << 20;
/// The largest order of a page; a page of that order is a whole region.
const MAX_ORDER: u32 = 20;
const LEAF: u8 = 1;
const BRANCH: u8 = 2;
/// Bytes of a child in a branch page: a sum and a page number, in two lists behind eight bytes.
const CHILD_SUM: usize = 16;
const CHILD_NUMBER: usize = 8;
/// In the definition of a table: its kind, whether it has a root, and the root.
const NORMAL_TABLE: u8 = 3;
const TABLE_HAS_ROOT: usize = 9;
const TABLE_ROOT: usize = 10;

// redb's own tables: free pages, and pages that become free when no reader needs them.

const FREE: &[u8] = b"allocator_state";
const FREED: [&[u8]; 2] = [b"data_pages_unreachable", b"system_pages_unreachable"];
const FREE_KEY: usize = 5;
const FREED_KEY: usize = 16;
/// The first byte of a key of `FREE`: the map of a region, the regions with room, the number of a
/// commit.
const KEY_REGION: u8 = 3;
const KEY_REGIONS: u8 = 4;
const KEY_COMMIT: u8 = 5;

// Locks, as ranges of bytes of the file.

/// The byte that a writer locks during its transaction.
pub const WRITER_BYTE: u64 = 1 << 62;
/// The byte that each open writer locks, shared, while the file is consistent. redb queries it when
/// a database is opened for reading, and refuses a file that needs a repair if no writer has it.
const CONSISTENT_BYTE: u64 = WRITER_BYTE + 4;

/// The locks of redb that this module treats specially.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockRange {
    /// Shared by readers of the header, exclusive for its writer.
    Header,
    /// Taken at the begin of a write transaction, and when a database closes: redb makes a last
    /// commit then, but only if it gets the lock without waiting.
    Writer,
    /// Queried when a database is opened for reading.
    Consistent,
    Other,
}

impl LockRange {
    pub fn of(start: Bound<u64>, end: Bound<u64>) -> LockRange {
        match (start, end) {
            (Bound::Included(0), Bound::Excluded(end)) if end == HEADER as u64 => LockRange::Header,
            (Bound::Included(WRITER_BYTE), _) => LockRange::Writer,
            (Bound::Included(CONSISTENT_BYTE), _) => LockRange::Consistent,
            _ => LockRange::Other,
        }
    }
}

/// Pages that follow each other: the first, and their count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub first: u64,
    pub count: u64,
}

impl Extent {
    /// The pages of a page number, in a file of `pages` pages.
    pub fn of(number: u64, pages: u64) -> io::Result<Extent> {
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
}

/// Checks a header in a file of `pages` pages, and returns the roots that redb will use: that of
/// the tables and that of its own tables.
pub fn roots(header: &[u8], writes: bool, pages: u64) -> io::Result<[Option<Extent>; 2]> {
    if number_at::<4>(header, REGION_HEADER_PAGES)? != 0 || number_at::<4>(header, REGION_PAGES)? != REGION {
        return Err(damaged("the header of the file has regions of another length"));
    }
    let flags = header[FLAGS];
    if flags & TWO_PHASES == 0 {
        return Err(damaged("the header of the file names a commit of another kind than a store's"));
    }
    let newest = usize::from(flags & SECOND_SLOT != 0);
    if flags & UNFLUSHED != 0 && writes {
        // redb uses this one until the header is on the disk
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
        _ => Extent::of(number_at::<8>(content, ROOT[which])?, pages).map(Some),
    };
    Ok([root(0)?, root(1)?])
}

/// A page of a tree.
pub enum TreePage {
    Leaf,
    Branch,
}

impl TreePage {
    pub fn of(page: &[u8]) -> io::Result<TreePage> {
        match page.first() {
            Some(&LEAF) => Ok(TreePage::Leaf),
            Some(&BRANCH) => Ok(TreePage::Branch),
            _ => Err(damaged("a page of the file is of no kind")),
        }
    }
}

/// The children of a branch page.
pub fn children(page: &[u8], pages: u64) -> io::Result<Vec<Extent>> {
    let keys = bytes(number_at::<2>(page, 2)?);
    let numbers = part(page, 8 + CHILD_SUM * (keys + 1), CHILD_NUMBER * (keys + 1))?;
    if keys == 0 {
        return Err(damaged("a page of the file leads to one page only"));
    }
    numbers.chunks_exact(CHILD_NUMBER).map(|number| Extent::of(number_at::<8>(number, 0)?, pages)).collect()
}

/// A leaf page: a list of the ends of keys, unless all have one length; a list of the ends of
/// values; keys; values.
pub struct LeafPage<'p> {
    page: &'p [u8],
    count: usize,
    /// The length of each key, if all have one.
    key: Option<usize>,
}

impl<'p> LeafPage<'p> {
    pub fn new(page: &'p [u8], key: Option<usize>) -> io::Result<LeafPage<'p>> {
        match bytes(number_at::<2>(page, 2)?) {
            0 => Err(damaged("a page of the file is empty")),
            count => Ok(LeafPage { page, count, key }),
        }
    }

    /// Keys and values, in order.
    pub fn entries(&self) -> impl Iterator<Item = io::Result<(&'p [u8], &'p [u8])>> {
        (0..self.count).map(|n| self.entry(n))
    }

    fn entry(&self, n: usize) -> io::Result<(&'p [u8], &'p [u8])> {
        let key = self.key_end(n.checked_sub(1))?..self.key_end(Some(n))?;
        let value_from = if n == 0 { self.key_end(Some(self.count - 1))? } else { self.value_end(n - 1)? };
        let within =
            |range| self.page.get(range).ok_or_else(|| damaged("a page of the file has entries outside of it"));
        Ok((within(key)?, within(value_from..self.value_end(n)?)?))
    }

    /// The end of a key; None stands for the begin of the first.
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

/// The root of a table, from its definition; None if the table is empty.
pub fn table_root(definition: &[u8], pages: u64) -> io::Result<Option<Extent>> {
    if *part(definition, 0, 1)? != [NORMAL_TABLE] {
        return Err(damaged("a table of the file is of no kind"));
    }
    match *part(definition, TABLE_HAS_ROOT, 1)? {
        [0] => Ok(None),
        _ => Extent::of(number_at::<8>(definition, TABLE_ROOT)?, pages).map(Some),
    }
}

/// redb's own tables.
#[derive(Default)]
pub struct SystemTables {
    /// Maps of the free pages of each region.
    regions: Vec<FreePages>,
}

impl SystemTables {
    /// The length of the keys of one of redb's own tables.
    pub fn key_length(name: &[u8]) -> Option<usize> {
        match name {
            FREE => Some(FREE_KEY),
            _ => FREED.contains(&name).then_some(FREED_KEY),
        }
    }

    /// Reads a leaf of a table. The pages that it names are added to `named`, each once.
    pub fn read(&mut self, name: &[u8], leaf: &LeafPage<'_>, pages: u64, named: &mut HashSet<u64>) -> io::Result<()> {
        for entry in leaf.entries() {
            let (key, value) = entry?;
            if name == FREE {
                self.read_free(key, value)?;
                continue;
            }
            let count = bytes(number_at::<2>(value, 0)?);
            for number in part(value, 2, 8 * count)?.chunks_exact(8) {
                use_once(Extent::of(number_at::<8>(number, 0)?, pages)?, named)?;
            }
        }
        Ok(())
    }

    fn read_free(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        match *part(key, 0, 1)? {
            [KEY_REGION] if number_at::<4>(key, 1)? == self.regions.len() as u64 => {
                self.regions.push(FreePages::read(value)?);
                Ok(())
            }
            [KEY_REGIONS] => regions_with_room(value),
            [KEY_COMMIT] if value.len() == 8 => Ok(()),
            _ => Err(wrong_map()),
        }
    }

    /// Checks that no page is both used and free.
    pub fn check(&self, used: &HashSet<u64>) -> io::Result<()> {
        for page in used.iter().filter(|page| **page > 0) {
            let (region, within) = ((page - 1) / REGION, (page - 1) % REGION);
            if self.regions.get(bytes(region)).is_some_and(|free| free.has(within)) {
                return Err(damaged(&format!("page {page} of the file is in use and free")));
            }
        }
        Ok(())
    }
}

/// Marks pages as used. An error if one was used before.
pub fn use_once(extent: Extent, used: &mut HashSet<u64>) -> io::Result<()> {
    match (extent.first..extent.first + extent.count).all(|page| used.insert(page)) {
        true => Ok(()),
        false => Err(damaged(&format!("page {} of the file has two places in its trees", extent.first))),
    }
}

/// The free pages of a region, a map for each order.
struct FreePages(Vec<Bitmap>);

impl FreePages {
    fn read(value: &[u8]) -> io::Result<FreePages> {
        let count = number_at::<4>(value, 4)?;
        let maps = parts(value, 8, bytes(u64::from(MAX_ORDER) + 1))?;
        if *part(value, 0, 1)? != [MAX_ORDER as u8] || !(1..=REGION).contains(&count) {
            return Err(wrong_map());
        }
        let maps = maps.into_iter().map(Bitmap::read).collect::<io::Result<Vec<Bitmap>>>()?;
        let free = FreePages(maps);
        for (order, bits) in free.0.iter().enumerate() {
            if bits.length != count >> order {
                return Err(wrong_map());
            }
            for page in bits.clear() {
                // a page is free at one order only; two neighbours are one free page of the next
                // order
                let at_another = (order + 1..free.0.len()).any(|above| !free.0[above].is_set(page >> (above - order)));
                let apart = order + 1 < free.0.len() && page ^ 1 < bits.length && !bits.is_set(page ^ 1);
                if at_another || apart {
                    return Err(wrong_map());
                }
            }
        }
        Ok(free)
    }

    fn has(&self, page: u64) -> bool {
        self.0.iter().enumerate().any(|(order, bits)| !bits.is_set(page >> order))
    }
}

/// Checks the map of the regions that may have room, for each order of pages.
fn regions_with_room(value: &[u8]) -> io::Result<()> {
    let orders = bytes(u64::from(MAX_ORDER) + 1);
    if number_at::<4>(value, 0)? != orders as u64 {
        return Err(wrong_map());
    }
    let mut at = 4 + 4 * orders;
    for order in 0..orders {
        let length = bytes(number_at::<4>(value, 4 + 4 * order)?);
        Bitmap::read(part(value, at, length)?)?;
        at += length;
    }
    Ok(())
}

/// A map of bits. redb keeps maps of its full words beside it, and relies on them.
struct Bitmap {
    length: u64,
    words: Vec<u64>,
}

impl Bitmap {
    fn read(value: &[u8]) -> io::Result<Bitmap> {
        let levels = number_at::<4>(value, 0)?;
        if !(1..=8).contains(&levels) {
            return Err(wrong_map());
        }
        let mut above: Option<Bitmap> = None;
        for level in parts(value, 4, bytes(levels))? {
            let (length, rest) = (number_at::<4>(level, 0)?, &level[4..]);
            let words: Vec<u64> =
                rest.chunks_exact(8).map(|word| number_at::<8>(word, 0)).collect::<io::Result<_>>()?;
            let needed = bytes(length.div_ceil(64));
            if rest.len() % 8 != 0 || words.len() < needed {
                return Err(wrong_map());
            }
            let is_right = match &above {
                None => needed <= 1,
                Some(above) => {
                    above.length == needed as u64
                        && (0..).zip(&words[..needed]).all(|(n, word)| above.is_set(n) == (*word == u64::MAX))
                }
            };
            if !is_right {
                return Err(wrong_map());
            }
            above = Some(Bitmap { length, words });
        }
        above.ok_or_else(wrong_map)
    }

    /// A bit outside of the map counts as set.
    fn is_set(&self, bit: u64) -> bool {
        bit >= self.length || self.words[bytes(bit / 64)] >> (bit % 64) & 1 == 1
    }

    fn clear(&self) -> impl Iterator<Item = u64> {
        let words = (0..).step_by(64).zip(&self.words).filter(|(_, word)| **word != u64::MAX);
        words.flat_map(|(first, _)| first..first + 64).filter(|bit| !self.is_set(*bit))
    }
}

/// The parts of a value with a list of their ends at an offset, and the parts behind it.
fn parts(value: &[u8], ends: usize, count: usize) -> io::Result<Vec<&[u8]>> {
    let mut start = ends + 4 * count;
    let mut parts = Vec::with_capacity(count);
    for n in 0..count {
        let end = bytes(number_at::<4>(value, ends + 4 * n)?);
        parts.push(value.get(start..end).ok_or_else(wrong_map)?);
        start = end;
    }
    Ok(parts)
}

fn part(of: &[u8], at: usize, length: usize) -> io::Result<&[u8]> {
    of.get(at..at.saturating_add(length)).ok_or_else(|| damaged("a page of the file ends too early"))
}

/// The number of `N` bytes at an offset, the lowest byte first.
fn number_at<const N: usize>(of: &[u8], at: usize) -> io::Result<u64> {
    Ok(part(of, at, N)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn wrong_map() -> io::Error {
    damaged("the map of free pages of the file is wrong")
}

/// The error of a damaged file.
pub fn damaged(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

pub fn bytes(number: u64) -> usize {
    usize::try_from(number).expect("lengths of a file in memory fit")
}

#[cfg(test)]
mod tests;
