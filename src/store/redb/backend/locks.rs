//! The locks that redb takes on the file. They are tried, and only a commit under way waits here: all else is begun again
//! from outside (`transact.rs`), so that no lock of this process is held during a wait.

use std::io::{self, ErrorKind};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use redb::{BackendError, StorageBackend};

use crate::model::Error;

use super::pages::{HEADER, HandleStatus};

/// Which byte a writer locks for as long as its transaction lasts, and where a reader asks whether a writer has the file
/// open (redb's lock protocol).
const WRITER: u64 = 1 << 62;
pub const CONSISTENT: u64 = WRITER + 4;

/// What this handle has of the locks that matter here.
#[derive(Default)]
pub struct FileLocks {
    /// `FREE`, `SHARED`, `EXCLUSIVE`, or `PASSED`. One thread of a handle has it at a time; redb sees to that.
    header: AtomicU8,
    writer: AtomicBool,
}

const FREE: u8 = 0;
const SHARED: u8 = 1;
const EXCLUSIVE: u8 = 2;
/// redb believes that it has the header's lock; what it writes there is passed over.
const PASSED: u8 = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum LockKind {
    Header,
    Writer,
    Other,
}

impl LockKind {
    fn of(start: Bound<u64>, end: Bound<u64>) -> LockKind {
        match (start, end) {
            (Bound::Included(0), Bound::Excluded(end)) if end == HEADER as u64 => LockKind::Header,
            (Bound::Included(WRITER), _) => LockKind::Writer,
            _ => LockKind::Other,
        }
    }
}

impl FileLocks {
    /// Takes a lock without waiting. False where another process has it.
    pub fn try_take(
        &self,
        file: &dyn StorageBackend,
        start: Bound<u64>,
        end: Bound<u64>,
        shared: bool,
        of: &HandleStatus,
    ) -> Result<bool, BackendError> {
        let taken = match shared {
            true => file.try_lock_shared_range(start, end)?,
            false => file.try_lock_range(start, end)?,
        };
        if taken {
            match LockKind::of(start, end) {
                LockKind::Header => self.header.store(if shared { SHARED } else { EXCLUSIVE }, Ordering::Release),
                LockKind::Writer => {
                    self.writer.store(true, Ordering::Release);
                    of.waits().writes();
                }
                LockKind::Other => {}
            }
        }
        Ok(taken)
    }

    /// Takes a lock that redb would wait for. A commit waits until the thread's deadline, for it cannot be begun again.
    pub fn take(
        &self,
        file: &dyn StorageBackend,
        start: Bound<u64>,
        end: Bound<u64>,
        shared: bool,
        of: &HandleStatus,
    ) -> Result<(), BackendError> {
        let is_of_commit = of.is_committing() && !shared && LockKind::of(start, end) == LockKind::Header;
        let mut tries = of.waits().start();
        while !self.try_take(file, start, end, shared, of)? {
            if !is_of_commit {
                return Err(BackendError::Io(ErrorKind::WouldBlock.into()));
            }
            match tries.pause() {
                Ok(()) => {}
                // the commit is on the disk, and only its mark would be taken away: the next writer does that
                Err(_) if of.is_published() => {
                    self.header.store(PASSED, Ordering::Release);
                    return Ok(());
                }
                Err(error) => return Err(BackendError::Io(of.refused(&error))),
            }
        }
        Ok(())
    }

    pub fn release(&self, file: &dyn StorageBackend, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        match LockKind::of(start, end) {
            LockKind::Header if self.header.swap(FREE, Ordering::AcqRel) == PASSED => return Ok(()),
            LockKind::Header | LockKind::Other => {}
            LockKind::Writer => self.writer.store(false, Ordering::Release),
        }
        file.unlock_range(start, end)
    }

    /// Whether a write of the header is to be passed over.
    pub fn passes_header(&self) -> bool {
        self.header.load(Ordering::Acquire) == PASSED
    }

    /// Whether a writer of this process or another is at it.
    pub fn someone_writes(&self, file: &dyn StorageBackend) -> io::Result<bool> {
        if self.writer.load(Ordering::Acquire) {
            return Ok(true);
        }
        Ok(file.query_lock_range(Bound::Included(WRITER), Bound::Excluded(WRITER + 1))?)
    }

    /// Has the file on the disk. The header's lock is not held over that: every process waits for it. In the meantime
    /// only a writer changes the header, and a sync under the header's exclusive lock is a writer's own.
    pub fn sync(&self, file: &dyn StorageBackend, of: &HandleStatus) -> io::Result<()> {
        let held = self.header.load(Ordering::Acquire);
        if !matches!(held, SHARED | EXCLUSIVE) {
            return file.sync_data();
        }
        let (start, end) = (Bound::Included(0), Bound::Excluded(HEADER as u64));
        self.release(file, start, end)?;
        let synced = file.sync_data();
        let mut tries = of.waits().start();
        while !self.try_take(file, start, end, held == SHARED, of)? {
            tries.pause().map_err(|error| of.refused(&error))?;
        }
        synced
    }
}

impl HandleStatus {
    /// A lock was not had where redb cannot do without it: this handle is of no more use.
    fn refused(&self, error: &Error) -> io::Error {
        self.spoil();
        match error {
            Error::Interrupted => ErrorKind::Interrupted.into(),
            _ => ErrorKind::WouldBlock.into(),
        }
    }
}
