//! The file under redb: a sum beside every page, checked on every read.
//!
//! redb itself looks at its page sums only when it repairs. A bit that flipped in a page's keys would turn a
//! record into one that is not there, so here no page reaches redb that is not as it was written.
//! docs/store-format.md has the layout.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, OnceLock, PoisonError};

use redb::{BackendError, StorageBackend};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::store::lock_wait::LockWaitPolicy;

use super::locks::{CONSISTENT, FileLocks};
use super::structure::{self, Extent};

/// The format of the store that this code reads and writes.
pub(in crate::store) const FORMAT: u16 = 2;

pub const PAGE: u64 = 4096;
/// Pages of redb's in a group; one page of sums comes after the first of them.
const GROUP: u64 = PAGE / SUM;
/// Bytes of a sum.
const SUM: u64 = 8;
/// redb's header, and the part of it that has no sum of redb's own.
pub const HEADER: usize = 320;
const BARE: usize = 64;
/// The header's byte of flags, and the one for a commit whose header may not be on the disk yet.
pub const FLAGS: usize = 9;
pub const UNFLUSHED: u8 = 8;
/// Behind redb's header in its page: tag, format, sum.
const TRAILER: usize = 18;
const TAG: &[u8; 8] = b"\0vactor\0";

/// What a file may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

/// A backend whose pages are redb's with a sum each.
pub struct Pages {
    inner: Box<dyn StorageBackend>,
    access: Access,
    unsynced: Mutex<Unsynced>,
    shared: Arc<HandleStatus>,
    locks: FileLocks,
    /// The last header with the mark of an unflushed commit that is known to be on the disk.
    durable: Mutex<Option<[u8; HEADER]>>,
    /// Whether the tables were looked at.
    looked: Once,
}

/// What the store and its file tell each other.
pub struct HandleStatus {
    waits: Arc<LockWaitPolicy>,
    /// What failed first. redb refuses everything after that, without saying why.
    failure: OnceLock<(ErrorKind, String)>,
    /// Set when the store goes: its file closes without a last commit, which nobody needs.
    leaving: AtomicBool,
    /// A commit is under way.
    committing: AtomicBool,
    /// The commit under way is on the disk.
    published: AtomicBool,
    /// Set when a lock was refused where redb cannot do without it: a new handle is needed.
    spoiled: AtomicBool,
}

/// A commit is under way while this is there.
pub struct CommitScope<'s>(&'s HandleStatus);

/// What was written since the last sync.
#[derive(Default)]
struct Unsynced {
    /// Sums that are not in the file yet. Nobody else reads their pages before they are.
    sums: BTreeMap<u64, u64>,
    wrote: WrittenData,
    /// A header with the mark of an unflushed commit.
    marked: Option<[u8; HEADER]>,
}

#[derive(Default, PartialEq, Eq)]
enum WrittenData {
    #[default]
    Nothing,
    /// A header that was there already, by whoever opens a store that another process has or had open.
    /// It needs no sync.
    SameHeader,
    Something,
}

impl Pages {
    pub fn new(inner: impl StorageBackend, access: Access, waits: Arc<LockWaitPolicy>) -> (Pages, Arc<HandleStatus>) {
        let shared = Arc::new(HandleStatus::new(waits));
        let pages = Pages {
            inner: Box::new(inner),
            access,
            unsynced: Mutex::default(),
            shared: shared.clone(),
            locks: FileLocks::default(),
            durable: Mutex::default(),
            looked: Once::new(),
        };
        (pages, shared)
    }

    fn unsynced(&self) -> MutexGuard<'_, Unsynced> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// redb marks a commit in the header until the header is on the disk, and while the mark is there goes by the commit
    /// before it. After a power cut the mark may still be there, on a commit that was acknowledged. So where no writer is at
    /// it (or this handle cannot know, as it only reads), the header is brought to the disk, and the commit that it names
    /// holds.
    fn read_header(&self, out: &mut [u8]) -> io::Result<()> {
        loop {
            self.read_sealed_header(out)?;
            if out[FLAGS] & UNFLUSHED == 0 {
                return Ok(());
            }
            if self.durable().as_ref().is_some_and(|durable| durable[..] == *out) {
                out[FLAGS] &= !UNFLUSHED;
                return Ok(());
            }
            if self.access == Access::Write && self.locks.someone_writes(&*self.inner)? {
                return Ok(());
            }
            match self.locks.sync(&*self.inner, &self.shared) {
                Err(error) if self.shared.is_spoiled() => return Err(error),
                // where a reader may not ask for that, the commit is there all the same
                _ => *self.durable() = out.try_into().ok(),
            }
        }
    }

    fn read_sealed_header(&self, out: &mut [u8]) -> io::Result<()> {
        let mut page = [0; HEADER + TRAILER];
        self.inner.read(0, &mut page)?;
        let (header, trailer) = page.split_at(HEADER);
        if trailer != seal_header(header) {
            return Err(damaged("the header of the file does not match its sum"));
        }
        out.copy_from_slice(header);
        self.check_header(out)
    }

    fn durable(&self) -> MutexGuard<'_, Option<[u8; HEADER]>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// redb holds the header's lock, so the commit that it names stays whole meanwhile.
    fn check_header(&self, header: &[u8]) -> io::Result<()> {
        let pages = self.pages()?;
        let roots = structure::roots(header, self.access, pages)?;
        let mut looked = Ok(());
        self.looked.call_once(|| {
            looked = structure::check_tables(roots, self.access, pages, &|Extent { first, count }| {
                let mut out = vec![0; bytes(count * PAGE)];
                self.read_pages(first, &mut out).map(|()| out)
            });
        });
        looked
    }

    /// Pages that the file has.
    fn pages(&self) -> io::Result<u64> {
        Ok(length_within(self.inner.len()?)? / PAGE)
    }

    fn write_header(&self, header: &[u8]) -> io::Result<()> {
        if self.locks.passes_header() {
            return Ok(());
        }
        let page = [header, &seal_header(header)].concat();
        let mut unsynced = self.unsynced();
        if unsynced.wrote != WrittenData::Something {
            let mut there = [0; HEADER + TRAILER];
            if self.inner.read(0, &mut there).is_ok() && there[..] == page[..] {
                unsynced.wrote = WrittenData::SameHeader;
                return Ok(());
            }
        }
        unsynced.wrote = WrittenData::Something;
        unsynced.marked = header.try_into().ok().filter(|header: &[u8; HEADER]| header[FLAGS] & UNFLUSHED != 0);
        self.inner.write(0, &page)
    }

    fn read_pages(&self, first: u64, out: &mut [u8]) -> io::Result<()> {
        let count = out.len() as u64 / PAGE;
        for (run, length) in runs(first, count) {
            let at = bytes((run - first) * PAGE)..bytes((run + length - first) * PAGE);
            self.inner.read(place(run) * PAGE, &mut out[at])?;
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
        let mut unsynced = self.unsynced();
        unsynced.wrote = WrittenData::Something;
        for (page, bytes) in (first..).zip(data.chunks_exact(PAGE as usize)) {
            unsynced.sums.insert(page, sum_of(page, bytes));
        }
        drop(unsynced);
        for (run, length) in runs(first, count) {
            let at = bytes((run - first) * PAGE)..bytes((run + length - first) * PAGE);
            self.inner.write(place(run) * PAGE, &data[at])?;
        }
        Ok(())
    }

    /// The sums of some pages that follow each other.
    fn sums(&self, first: u64, count: u64) -> io::Result<Vec<u64>> {
        let unsynced = self.unsynced();
        let mut sums = Vec::with_capacity(bytes(count));
        let mut page = first;
        while page < first + count {
            let until = (first + count).min((page / GROUP + 1) * GROUP);
            let mut buffer = vec![0; bytes((until - page) * SUM)];
            self.inner.read(place_of_sum(page), &mut buffer)?;
            sums.extend(
                buffer
                    .chunks_exact(SUM as usize)
                    .map(|sum| u64::from_be_bytes(sum.try_into().expect("a sum's length"))),
            );
            page = until;
        }
        for (page, sum) in unsynced.sums.range(first..first + count) {
            sums[bytes(page - first)] = *sum;
        }
        Ok(sums)
    }

    /// Brings the sums into the file, those of neighbours together.
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

    /// Remembers the first failure.
    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| {
            if !self.shared.is_spoiled() {
                let _ = self.shared.failure.set((error.kind(), error.to_string()));
            }
        })
    }

    fn bring_to_disk(&self) -> io::Result<()> {
        let mut unsynced = self.unsynced();
        if std::mem::take(&mut unsynced.wrote) == WrittenData::SameHeader {
            return Ok(());
        }
        self.write_sums(&mut unsynced)?;
        self.locks.sync(&*self.inner, &self.shared)?;
        if let Some(marked) = unsynced.marked.take() {
            *self.durable() = Some(marked);
            self.shared.published.store(true, Ordering::Release);
        }
        Ok(())
    }
}

impl HandleStatus {
    pub fn new(waits: Arc<LockWaitPolicy>) -> HandleStatus {
        HandleStatus {
            waits,
            failure: OnceLock::new(),
            leaving: AtomicBool::default(),
            committing: AtomicBool::default(),
            published: AtomicBool::default(),
            spoiled: AtomicBool::default(),
        }
    }

    pub fn waits(&self) -> &LockWaitPolicy {
        &self.waits
    }

    pub fn committing(&self) -> CommitScope<'_> {
        self.published.store(false, Ordering::Release);
        self.committing.store(true, Ordering::Release);
        CommitScope(self)
    }

    pub fn is_committing(&self) -> bool {
        self.committing.load(Ordering::Acquire)
    }

    /// Whether the commit under way holds, whatever comes.
    pub fn is_published(&self) -> bool {
        self.published.load(Ordering::Acquire)
    }

    pub fn spoil(&self) {
        self.spoiled.store(true, Ordering::Release);
    }

    pub fn is_spoiled(&self) -> bool {
        self.spoiled.load(Ordering::Acquire)
    }

    /// Whether what failed first was a write for which there was no room.
    pub fn had_no_room(&self) -> bool {
        let no_room = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge];
        self.first_failure().is_some_and(|(kind, _)| no_room.contains(kind))
    }

    pub fn first_failure(&self) -> Option<&(ErrorKind, String)> {
        self.failure.get()
    }

    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
    }
}

impl Drop for CommitScope<'_> {
    fn drop(&mut self) {
        self.0.committing.store(false, Ordering::Release);
    }
}

impl StorageBackend for Pages {
    fn len(&self) -> io::Result<u64> {
        self.note(self.inner.len().and_then(length_within))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.note(match (offset, out.len()) {
            (0, HEADER) => self.read_header(out),
            // to look whether this is a file of redb's at all
            (0, length) if length < HEADER => self.inner.read(0, out),
            (offset, length) => page_aligned(offset, length).and_then(|page| self.read_pages(page, out)),
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if self.access == Access::Read {
            return Err(io::Error::new(ErrorKind::ReadOnlyFilesystem, "it was opened for reading alone"));
        }
        self.note(match (offset, data.len()) {
            (0, HEADER) => self.write_header(data),
            (offset, length) => page_aligned(offset, length).and_then(|page| self.write_pages(page, data)),
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.note(self.inner.len().and_then(length_within).and_then(|before| structure::check_growth(before, len)))?;
        let mut unsynced = self.unsynced();
        unsynced.wrote = WrittenData::Something;
        unsynced.sums.split_off(&len.div_ceil(PAGE));
        self.note(self.inner.set_len(length_of(len)))
    }

    fn sync_data(&self) -> io::Result<()> {
        let synced = self.bring_to_disk();
        self.note(synced)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        if self.shared.leaving.load(Ordering::Acquire) {
            // redb asks for the writer's lock to make its last commit
            return Ok(false);
        }
        self.locks.try_take(&*self.inner, start, end, false, &self.shared)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.locks.try_take(&*self.inner, start, end, true, &self.shared)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.locks.take(&*self.inner, start, end, false, &self.shared)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.locks.take(&*self.inner, start, end, true, &self.shared)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.locks.release(&*self.inner, start, end)
    }

    /// A reader may read whether or not a writer is there: in redb's multi-process mode the last commit is
    /// whole in the file before the header names it, so no file needs a repair to be read.
    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        let asked = matches!(start, Bound::Included(CONSISTENT));
        if self.access == Access::Read && asked { Ok(true) } else { self.inner.query_lock_range(start, end) }
    }
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages").field("access", &self.access).finish_non_exhaustive()
    }
}

/// What the first page says of the file.
#[derive(Debug, PartialEq, Eq)]
pub enum FileKind {
    Store { format: u16 },
    Other,
}

/// Reads which format a file has, before anything else in it is believed.
pub fn kind_of(backend: &impl StorageBackend) -> io::Result<FileKind> {
    let mut page = [0; HEADER + TRAILER];
    if backend.len()? < page.len() as u64 {
        return Ok(FileKind::Other);
    }
    backend.read(0, &mut page)?;
    let (tag, rest) = page[HEADER..].split_at(TAG.len());
    Ok(if tag == TAG { FileKind::Store { format: u16::from_be_bytes([rest[0], rest[1]]) } } else { FileKind::Other })
}

/// What stands behind redb's header. Header and trailer are written in one piece, within one sector of a disk.
fn seal_header(header: &[u8]) -> [u8; TRAILER] {
    let mut trailer = [0; TRAILER];
    trailer[..8].copy_from_slice(TAG);
    trailer[8..10].copy_from_slice(&FORMAT.to_be_bytes());
    let sum = xxh3_64(&[&header[..BARE], &trailer[..10]].concat());
    trailer[10..].copy_from_slice(&sum.to_be_bytes());
    trailer
}

/// The sum binds the page's number too, so that a page in another's place is damage.
fn sum_of(page: u64, bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(bytes, page)
}

/// The page in the file where redb's page stands: one page of sums comes after the first of each group.
fn place(page: u64) -> u64 {
    let sums_before = page.div_ceil(GROUP);
    page + sums_before
}

/// The offset in the file of a page's sum.
fn place_of_sum(page: u64) -> u64 {
    let group = page / GROUP;
    (group * (GROUP + 1) + 1) * PAGE + page % GROUP * SUM
}

/// Pieces of `count` pages from `first` on that stand together in the file: first page, number of pages.
fn runs(first: u64, count: u64) -> impl Iterator<Item = (u64, u64)> {
    let end = first + count;
    let mut page = first;
    std::iter::from_fn(move || {
        let start = page;
        // the page of sums stands behind the first page of a group
        page = if start.is_multiple_of(GROUP) { start + 1 } else { (start / GROUP + 1) * GROUP + 1 };
        page = page.min(end);
        (start < end).then(|| (start, page - start))
    })
}

/// How long the file is for redb, from its length on the disk.
fn length_within(length: u64) -> io::Result<u64> {
    let pages = length / PAGE;
    let rest = pages % (GROUP + 1);
    if !length.is_multiple_of(PAGE) || rest == 1 {
        return Err(damaged("the file ends within a page"));
    }
    let sums = pages / (GROUP + 1) + u64::from(rest > 0);
    Ok((pages - sums) * PAGE)
}

/// How long the file is on the disk, from its length for redb.
fn length_of(within: u64) -> u64 {
    let pages = within.div_ceil(PAGE);
    (pages + pages.div_ceil(GROUP)) * PAGE
}

fn page_aligned(offset: u64, length: usize) -> io::Result<u64> {
    if offset.is_multiple_of(PAGE) && (length as u64).is_multiple_of(PAGE) {
        Ok(offset / PAGE)
    } else {
        Err(io::Error::new(ErrorKind::InvalidInput, "not a whole page"))
    }
}

pub fn bytes(number: u64) -> usize {
    usize::try_from(number).expect("within a buffer's length")
}

pub fn damaged(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
