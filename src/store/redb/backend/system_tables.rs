//! The tables that redb keeps of its own: which pages are free, and which become free when no reader needs them any more.
//!
//! redb believes them, and what it does with a wrong page number or a wrong map of free pages it does in the middle of a
//! commit, where a panic can end the process. So they are looked at when a store is opened for writing.

use std::collections::HashSet;
use std::io;

use super::pages::{bytes, damaged};
use super::structure::{self, LeafPage, MAX_ORDER, REGION, number_at, part};

/// Their names, and how long their keys are.
const FREE: (&[u8], usize) = (b"allocator_state", 5);
const FREED: [(&[u8], usize); 2] = [(b"data_pages_unreachable", 16), (b"system_pages_unreachable", 16)];

/// What the first byte of a key of the first table says: the map of a region, the regions that may have room, a number.
const KEY_REGION: u8 = 3;
const KEY_REGIONS: u8 = 4;
const KEY_COMMIT: u8 = 5;

/// redb's own tables as they were read.
#[derive(Default)]
pub struct SystemTables {
    /// Maps of the free pages of each region.
    regions: Vec<FreePages>,
}

impl SystemTables {
    /// How long the keys of a table are, if it is one that may hold anything.
    pub fn key_length(name: &[u8]) -> Option<usize> {
        let known = [FREE, FREED[0], FREED[1]];
        known.into_iter().find(|(known, _)| *known == name).map(|(_, length)| length)
    }

    /// Takes in a leaf of a table. Pages that it names are in use, each for one thing.
    pub fn read(&mut self, name: &[u8], leaf: &LeafPage<'_>, pages: u64, used: &mut HashSet<u64>) -> io::Result<()> {
        for n in 0..leaf.count() {
            let (key, value) = leaf.entry(n)?;
            if name == FREE.0 {
                self.read_free(key, value)?;
            } else {
                let count = bytes(number_at::<2>(value, 0)?);
                for number in part(value, 2, 8 * count)?.chunks_exact(8) {
                    structure::take(structure::extent(number_at::<8>(number, 0)?, pages)?, used)?;
                }
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
            _ => Err(wrong()),
        }
    }

    /// No page that is in use may be free.
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

/// The free pages of a region, a map for each order.
struct FreePages(Vec<Bitmap>);

impl FreePages {
    fn read(value: &[u8]) -> io::Result<FreePages> {
        let count = number_at::<4>(value, 4)?;
        let maps = parts(value, 8, bytes(u64::from(MAX_ORDER) + 1))?;
        if *part(value, 0, 1)? != [MAX_ORDER as u8] || !(1..=REGION).contains(&count) {
            return Err(wrong());
        }
        let maps = maps.into_iter().map(Bitmap::read).collect::<io::Result<Vec<Bitmap>>>()?;
        let free = FreePages(maps);
        for (order, bits) in free.0.iter().enumerate() {
            if bits.length != count >> order {
                return Err(wrong());
            }
            for page in bits.clear() {
                // it is free at one order only, and two that make one of the next order are one
                let at_another = (order + 1..free.0.len()).any(|above| !free.0[above].is_set(page >> (above - order)));
                let apart = order + 1 < free.0.len() && page ^ 1 < bits.length && !bits.is_set(page ^ 1);
                if at_another || apart {
                    return Err(wrong());
                }
            }
        }
        Ok(free)
    }

    fn has(&self, page: u64) -> bool {
        self.0.iter().enumerate().any(|(order, bits)| !bits.is_set(page >> order))
    }
}

/// Which regions may have room for a page of each order.
fn regions_with_room(value: &[u8]) -> io::Result<()> {
    let orders = bytes(u64::from(MAX_ORDER) + 1);
    if number_at::<4>(value, 0)? != orders as u64 {
        return Err(wrong());
    }
    let mut at = 4 + 4 * orders;
    for order in 0..orders {
        let length = bytes(number_at::<4>(value, 4 + 4 * order)?);
        Bitmap::read(part(value, at, length)?)?;
        at += length;
    }
    Ok(())
}

/// A map of bits. redb keeps it with maps of those of its words that are full, and goes by these.
struct Bitmap {
    length: u64,
    words: Vec<u64>,
}

impl Bitmap {
    fn read(value: &[u8]) -> io::Result<Bitmap> {
        let levels = number_at::<4>(value, 0)?;
        if !(1..=8).contains(&levels) {
            return Err(wrong());
        }
        let mut above: Option<Bitmap> = None;
        for level in parts(value, 4, bytes(levels))? {
            let (length, rest) = (number_at::<4>(level, 0)?, &level[4..]);
            let words: Vec<u64> =
                rest.chunks_exact(8).map(|word| number_at::<8>(word, 0)).collect::<io::Result<_>>()?;
            let needed = bytes(length.div_ceil(64));
            if rest.len() % 8 != 0 || words.len() < needed {
                return Err(wrong());
            }
            let is_right = match &above {
                None => needed <= 1,
                Some(above) => {
                    above.length == needed as u64
                        && (0..).zip(&words[..needed]).all(|(n, word)| above.is_set(n) == (*word == u64::MAX))
                }
            };
            if !is_right {
                return Err(wrong());
            }
            above = Some(Bitmap { length, words });
        }
        above.ok_or_else(wrong)
    }

    /// What is outside of it is set.
    fn is_set(&self, bit: u64) -> bool {
        bit >= self.length || self.words[bytes(bit / 64)] >> (bit % 64) & 1 == 1
    }

    fn clear(&self) -> impl Iterator<Item = u64> {
        let words = (0..).step_by(64).zip(&self.words).filter(|(_, word)| **word != u64::MAX);
        words.flat_map(|(first, _)| first..first + 64).filter(|bit| !self.is_set(*bit))
    }
}

/// The parts of a value that has a list of their ends at an offset, and behind it the parts.
fn parts(value: &[u8], ends: usize, count: usize) -> io::Result<Vec<&[u8]>> {
    let mut start = ends + 4 * count;
    let mut parts = Vec::with_capacity(count);
    for n in 0..count {
        let end = bytes(number_at::<4>(value, ends + 4 * n)?);
        parts.push(value.get(start..end).ok_or_else(wrong)?);
        start = end;
    }
    Ok(parts)
}

fn wrong() -> io::Error {
    damaged("the map of free pages of the file is none")
}
