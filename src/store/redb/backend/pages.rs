//! The file of a store, as redb's backend: each page has a sum, which every read checks.
//!
//! redb checks its own sums of pages in a repair only. A flipped bit in the keys of a page would
//! hide a record, so redb gets no page that differs from the one that was written.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::ops::Bound;
use std::sync::{Arc, Mutex, Once};

use redb::{BackendError, StorageBackend};

use crate::model::lock;
use crate::store::lock_wait::LockWaitPolicy;
use crate::store::redb::redb_internals::{self, Extent, FLAGS, HEADER, LockRange, PAGE, UNFLUSHED, bytes, damaged};

use super::locks::FileLocks;
use super::status::HandleStatus;
use super::structure;
use super::sums::{
    GROUP, SUM, TRAILER, length_of, length_within, page_at, place_of, place_of_sum, runs, sum_of, trailer_of,
};

/// A backend for redb, on another one for the file.
pub struct Pages {
    inner: Box<dyn StorageBackend>,
    writes: bool,
    unsynced: Mutex<Unsynced>,
    status: Arc<HandleStatus>,
    locks: FileLocks,
    /// The last header with the flag of an unflushed commit that is known to be on the disk.
    durable: Mutex<Option<[u8; HEADER]>>,
    /// Whether the tables were checked.
    checked: Once,
}

/// The writes since the last sync.
#[derive(Default)]
struct Unsynced {
    /// Sums that are not in the file yet. No other handle reads their pages before they are.
    sums: BTreeMap<u64, u64>,
    written: WrittenData,
    /// A header with the flag of an unflushed commit.
    flagged: Option<[u8; HEADER]>,
}

#[derive(Default, PartialEq, Eq)]
enum WrittenData {
    #[default]
    Nothing,
    /// The header that was in the file before: redb writes it when it opens a store that another
    /// process has or had open. It needs no sync.
    SameHeader,
    Something,
}

impl Pages {
    pub fn new(
        inner: impl StorageBackend,
        writes: bool,
        lock_waits: Arc<LockWaitPolicy>,
    ) -> (Pages, Arc<HandleStatus>) {
        let status = Arc::new(HandleStatus::new(lock_waits));
        let pages = Pages {
            inner: Box::new(inner),
            writes,
            unsynced: Mutex::default(),
            status: status.clone(),
            locks: FileLocks::default(),
            durable: Mutex::default(),
            checked: Once::new(),
        };
        (pages, status)
    }

    /// redb flags a commit in the header until the header is on the disk, and uses the commit
    /// before it while the flag is there. After a power cut the flag may be left on an acknowledged
    /// commit. So if no writer has a transaction (or this handle only reads, and cannot know), the
    /// header is synced, and redb gets it without the flag.
    fn read_header(&self, out: &mut [u8]) -> io::Result<()> {
        loop {
            self.read_sealed_header(out)?;
            if out[FLAGS] & UNFLUSHED == 0 {
                return Ok(());
            }
            if lock(&self.durable).as_ref().is_some_and(|durable| durable[..] == *out) {
                out[FLAGS] &= !UNFLUSHED;
                return Ok(());
            }
            if self.writes && self.locks.has_writer(&*self.inner)? {
                return Ok(());
            }
            match self.locks.sync(&*self.inner, &self.status) {
                Err(error) if self.status.is_spoiled() => return Err(error),
                // if a reader may not sync, the commit is valid all the same
                _ => *lock(&self.durable) = out.try_into().ok(),
            }
        }
    }

    fn read_sealed_header(&self, out: &mut [u8]) -> io::Result<()> {
        let mut page = [0; HEADER + TRAILER];
        self.inner.read(0, &mut page)?;
        let (header, trailer) = page.split_at(HEADER);
        if trailer != trailer_of(header) {
            return Err(damaged("the header of the file does not match its sum"));
        }
        out.copy_from_slice(header);
        self.check_header(out)
    }

    /// redb has the header's lock, so no writer frees pages of its commit meanwhile.
    fn check_header(&self, header: &[u8]) -> io::Result<()> {
        let pages = self.pages()?;
        let roots = redb_internals::roots(header, self.writes, pages)?;
        let mut result = Ok(());
        self.checked.call_once(|| {
            result = structure::check_tables(roots, self.writes, pages, &|Extent { first, count }| {
                let mut out = vec![0; bytes(count * PAGE)];
                self.read_pages(first, &mut out).map(|()| out)
            });
        });
        result
    }

    /// The number of redb's pages in the file.
    fn pages(&self) -> io::Result<u64> {
        Ok(length_within(self.inner.len()?)? / PAGE)
    }

    fn write_header(&self, header: &[u8]) -> io::Result<()> {
        if self.locks.skips_header() {
            return Ok(());
        }
        let page = [header, &trailer_of(header)].concat();
        let mut unsynced = lock(&self.unsynced);
        if unsynced.written != WrittenData::Something {
            let mut before = [0; HEADER + TRAILER];
            if self.inner.read(0, &mut before).is_ok() && before[..] == page[..] {
                unsynced.written = WrittenData::SameHeader;
                return Ok(());
            }
        }
        unsynced.written = WrittenData::Something;
        unsynced.flagged = header.try_into().ok().filter(|header: &[u8; HEADER]| header[FLAGS] & UNFLUSHED != 0);
        self.inner.write(0, &page)
    }

    fn read_pages(&self, first: u64, out: &mut [u8]) -> io::Result<()> {
        let count = out.len() as u64 / PAGE;
        for (run, length) in runs(first, count) {
            let at = bytes((run - first) * PAGE)..bytes((run + length - first) * PAGE);
            self.inner.read(place_of(run) * PAGE, &mut out[at])?;
        }
        let sums = self.sums(first, count)?;
        for (page, (bytes, sum)) in (first..).zip(out.chunks_exact(PAGE as usize).zip(sums)) {
            if sum_of(page, bytes) != sum {
                return Err(damaged(&format!("page {page} of the file does not match its sum")));
            }
        }
        structure::check_page(out, || self.pages())
    }

    fn write_pages(&self, first: u64, data: &[u8]) -> io::Result<()> {
        let count = data.len() as u64 / PAGE;
        let mut unsynced = lock(&self.unsynced);
        unsynced.written = WrittenData::Something;
        for (page, bytes) in (first..).zip(data.chunks_exact(PAGE as usize)) {
            unsynced.sums.insert(page, sum_of(page, bytes));
        }
        drop(unsynced);
        for (run, length) in runs(first, count) {
            let at = bytes((run - first) * PAGE)..bytes((run + length - first) * PAGE);
            self.inner.write(place_of(run) * PAGE, &data[at])?;
        }
        Ok(())
    }

    /// The sums of pages that follow each other.
    fn sums(&self, first: u64, count: u64) -> io::Result<Vec<u64>> {
        let unsynced = lock(&self.unsynced);
        let mut sums = Vec::with_capacity(bytes(count));
        let mut page = first;
        while page < first + count {
            let until = (first + count).min((page / GROUP + 1) * GROUP);
            let mut buffer = vec![0; bytes((until - page) * SUM)];
            self.inner.read(place_of_sum(page), &mut buffer)?;
            sums.extend(buffer.as_chunks().0.iter().copied().map(u64::from_be_bytes));
            page = until;
        }
        for (page, sum) in unsynced.sums.range(first..first + count) {
            sums[bytes(page - first)] = *sum;
        }
        Ok(sums)
    }

    /// Writes the sums to the file, those of neighbours together.
    fn write_sums(&self, unsynced: &mut Unsynced) -> io::Result<()> {
        let mut pending = unsynced.sums.iter().peekable();
        while let Some((&first, &sum)) = pending.next() {
            let mut buffer = sum.to_be_bytes().to_vec();
            let mut next = first + 1;
            while !next.is_multiple_of(GROUP)
                && let Some((_, sum)) = pending.next_if(|(page, _)| **page == next)
            {
                buffer.extend(sum.to_be_bytes());
                next += 1;
            }
            self.inner.write(place_of_sum(first), &buffer)?;
        }
        unsynced.sums.clear();
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut unsynced = lock(&self.unsynced);
        if std::mem::take(&mut unsynced.written) == WrittenData::SameHeader {
            return Ok(());
        }
        self.write_sums(&mut unsynced)?;
        self.locks.sync(&*self.inner, &self.status)?;
        if let Some(flagged) = unsynced.flagged.take() {
            *lock(&self.durable) = Some(flagged);
            self.status.publish();
        }
        Ok(())
    }

    fn noted<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| self.status.note_failure(error))
    }
}

impl StorageBackend for Pages {
    fn len(&self) -> io::Result<u64> {
        self.noted(self.inner.len().and_then(length_within))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.noted(match (offset, out.len()) {
            (0, HEADER) => self.read_header(out),
            // redb checks the magic number first
            (0, length) if length < HEADER => self.inner.read(0, out),
            (offset, length) => page_at(offset, length).and_then(|page| self.read_pages(page, out)),
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if !self.writes {
            return Err(io::Error::new(ErrorKind::ReadOnlyFilesystem, "it was opened for reading only"));
        }
        self.noted(match (offset, data.len()) {
            (0, HEADER) => self.write_header(data),
            (offset, length) => page_at(offset, length).and_then(|page| self.write_pages(page, data)),
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.noted(self.inner.len().and_then(length_within).and_then(|before| structure::check_growth(before, len)))?;
        let mut unsynced = lock(&self.unsynced);
        unsynced.written = WrittenData::Something;
        unsynced.sums.split_off(&len.div_ceil(PAGE));
        self.noted(self.inner.set_len(length_of(len)))
    }

    fn sync_data(&self) -> io::Result<()> {
        let synced = self.sync();
        self.noted(synced)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        if self.status.is_leaving() {
            // redb asks for the writer's lock to make its last commit
            return Ok(false);
        }
        self.locks.try_take(&*self.inner, start, end, false, &self.status)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.locks.try_take(&*self.inner, start, end, true, &self.status)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.locks.take(&*self.inner, start, end, false, &self.status)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.locks.take(&*self.inner, start, end, true, &self.status)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.locks.release(&*self.inner, start, end)
    }

    /// A reader may read, whether or not a writer has the file open: in redb's multi-process mode a
    /// commit is whole in the file before the header names it, so no file needs a repair to be
    /// read.
    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        let is_of_opening = LockRange::of(start, end) == LockRange::Consistent;
        if !self.writes && is_of_opening { Ok(true) } else { self.inner.query_lock_range(start, end) }
    }
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages").field("writes", &self.writes).finish_non_exhaustive()
    }
}
