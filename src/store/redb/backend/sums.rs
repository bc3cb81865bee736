//! Places and sums of pages: a page of sums comes after the first page of each group of redb's
//! pages. docs/store-format.md has the layout.

use std::io::{self, ErrorKind};

use redb::StorageBackend;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::store::program_version::FORMAT;
use crate::store::redb::redb_internals::{HEADER, PAGE, UNSUMMED, damaged};

/// Bytes of a sum.
pub const SUM: u64 = 8;
/// Pages of redb in a group.
pub const GROUP: u64 = PAGE / SUM;
/// Bytes behind redb's header in its page: tag, format, sum.
pub const TRAILER: usize = 18;
const TAG: &[u8; 8] = b"\0vactor\0";

/// The kind of a file, by its first page.
#[derive(Debug, PartialEq, Eq)]
pub enum FileKind {
    Store { format: u16 },
    Other,
}

impl FileKind {
    /// Reads the format of a file, before any other part of it.
    pub fn of(backend: &impl StorageBackend) -> io::Result<FileKind> {
        let mut page = [0; HEADER + TRAILER];
        if backend.len()? < page.len() as u64 {
            return Ok(FileKind::Other);
        }
        backend.read(0, &mut page)?;
        let (tag, rest) = page[HEADER..].split_at(TAG.len());
        Ok(if tag == TAG {
            FileKind::Store { format: u16::from_be_bytes([rest[0], rest[1]]) }
        } else {
            FileKind::Other
        })
    }
}

/// The bytes behind redb's header. Header and trailer are written in one piece, within one sector
/// of a disk.
pub fn trailer_of(header: &[u8]) -> [u8; TRAILER] {
    let mut trailer = [0; TRAILER];
    trailer[..8].copy_from_slice(TAG);
    trailer[8..10].copy_from_slice(&FORMAT.to_be_bytes());
    let sum = xxh3_64(&[&header[..UNSUMMED], &trailer[..10]].concat());
    trailer[10..].copy_from_slice(&sum.to_be_bytes());
    trailer
}

/// The sum includes the page's number, so that a page in the place of another is damage.
pub fn sum_of(page: u64, bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, page)
}

/// The page of the file that contains redb's page.
pub fn place_of(page: u64) -> u64 {
    let sums_before = page.div_ceil(GROUP);
    page + sums_before
}

/// The offset in the file of a page's sum.
pub fn place_of_sum(page: u64) -> u64 {
    let group = page / GROUP;
    (group * (GROUP + 1) + 1) * PAGE + page % GROUP * SUM
}

/// Parts of `count` pages from `first` on that are contiguous in the file: first page, number of
/// pages.
pub fn runs(first: u64, count: u64) -> impl Iterator<Item = (u64, u64)> {
    let end = first + count;
    let mut page = first;
    std::iter::from_fn(move || {
        let start = page;
        // the page of sums comes after the first page of a group
        page = if start.is_multiple_of(GROUP) { start + 1 } else { (start / GROUP + 1) * GROUP + 1 };
        page = page.min(end);
        (start < end).then(|| (start, page - start))
    })
}

/// The length of redb's file, from the length on the disk.
pub fn length_within(length: u64) -> io::Result<u64> {
    let pages = length / PAGE;
    let rest = pages % (GROUP + 1);
    if !length.is_multiple_of(PAGE) || rest == 1 {
        return Err(damaged("the file ends within a page"));
    }
    let sums = pages / (GROUP + 1) + u64::from(rest > 0);
    Ok((pages - sums) * PAGE)
}

/// The length on the disk, from the length of redb's file.
pub fn length_of(within: u64) -> u64 {
    let pages = within.div_ceil(PAGE);
    (pages + pages.div_ceil(GROUP)) * PAGE
}

/// The page of an offset. redb reads and writes whole pages.
pub fn page_at(offset: u64, length: usize) -> io::Result<u64> {
    if offset.is_multiple_of(PAGE) && (length as u64).is_multiple_of(PAGE) {
        Ok(offset / PAGE)
    } else {
        Err(io::Error::new(ErrorKind::InvalidInput, "not a whole page"))
    }
}
