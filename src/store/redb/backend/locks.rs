//! redb's locks of the file. They are tried, and only a commit waits here. All other transactions
//! fail and are retried by `transact.rs`, so that a waiting process has no lock.

use std::io::{self, ErrorKind};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use redb::{BackendError, StorageBackend};

use crate::model::Error;
use crate::store::redb::redb_internals::{HEADER, LockRange, WRITER_BYTE};

use super::status::HandleStatus;

/// The locks of one handle, as far as they are treated specially.
#[derive(Default)]
pub struct FileLocks {
    /// `FREE`, `SHARED`, `EXCLUSIVE`, or `PASSED`. redb takes it on one thread of a handle at a
    /// time.
    header: AtomicU8,
    writer: AtomicBool,
}

const FREE: u8 = 0;
const SHARED: u8 = 1;
const EXCLUSIVE: u8 = 2;
/// redb was told that it has the header's lock; its write of the header is skipped.
const PASSED: u8 = 3;

impl FileLocks {
    /// Takes a lock without waiting. False if another process has it.
    pub fn try_take(
        &self,
        file: &dyn StorageBackend,
        start: Bound<u64>,
        end: Bound<u64>,
        shared: bool,
        status: &HandleStatus,
    ) -> Result<bool, BackendError> {
        let taken = match shared {
            true => file.try_lock_shared_range(start, end)?,
            false => file.try_lock_range(start, end)?,
        };
        if taken {
            match LockRange::of(start, end) {
                LockRange::Header => self.header.store(if shared { SHARED } else { EXCLUSIVE }, Ordering::Release),
                LockRange::Writer => {
                    self.writer.store(true, Ordering::Release);
                    status.lock_waits().announce_writer();
                }
                LockRange::Consistent | LockRange::Other => {}
            }
        }
        Ok(taken)
    }

    /// Takes a lock that redb would wait for. A commit waits until the thread's deadline, for it
    /// cannot be retried.
    pub fn take(
        &self,
        file: &dyn StorageBackend,
        start: Bound<u64>,
        end: Bound<u64>,
        shared: bool,
        status: &HandleStatus,
    ) -> Result<(), BackendError> {
        let is_of_commit = status.is_committing() && !shared && LockRange::of(start, end) == LockRange::Header;
        let mut wait = status.lock_waits().start();
        while !self.try_take(file, start, end, shared, status)? {
            if !is_of_commit {
                return Err(BackendError::Io(ErrorKind::WouldBlock.into()));
            }
            match wait.pause() {
                Ok(()) => {}
                // the commit is on the disk, and redb would only remove its flag: the next writer
                // does that
                Err(_) if status.is_published() => {
                    self.header.store(PASSED, Ordering::Release);
                    return Ok(());
                }
                Err(error) => return Err(BackendError::Io(refused(status, &error))),
            }
        }
        Ok(())
    }

    pub fn release(&self, file: &dyn StorageBackend, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        match LockRange::of(start, end) {
            LockRange::Header if self.header.swap(FREE, Ordering::AcqRel) == PASSED => return Ok(()),
            LockRange::Header | LockRange::Consistent | LockRange::Other => {}
            LockRange::Writer => self.writer.store(false, Ordering::Release),
        }
        file.unlock_range(start, end)
    }

    /// Whether a write of the header is to be skipped.
    pub fn skips_header(&self) -> bool {
        self.header.load(Ordering::Acquire) == PASSED
    }

    /// Whether a writer of this process or another has a transaction.
    pub fn has_writer(&self, file: &dyn StorageBackend) -> io::Result<bool> {
        if self.writer.load(Ordering::Acquire) {
            return Ok(true);
        }
        Ok(file.query_lock_range(Bound::Included(WRITER_BYTE), Bound::Excluded(WRITER_BYTE + 1))?)
    }

    /// Syncs the file, without the header's lock, for which every process waits. Only a writer
    /// changes the header in the meantime, and a sync with the exclusive lock of the header is that
    /// of the writer.
    pub fn sync(&self, file: &dyn StorageBackend, status: &HandleStatus) -> io::Result<()> {
        let lock = self.header.load(Ordering::Acquire);
        if !matches!(lock, SHARED | EXCLUSIVE) {
            return file.sync_data();
        }
        let (start, end) = (Bound::Included(0), Bound::Excluded(HEADER as u64));
        self.release(file, start, end)?;
        let synced = file.sync_data();
        let mut wait = status.lock_waits().start();
        while !self.try_take(file, start, end, lock == SHARED, status)? {
            wait.pause().map_err(|error| refused(status, &error))?;
        }
        synced
    }
}

/// The error of a lock that redb cannot do without. The handle cannot be used after it.
fn refused(status: &HandleStatus, error: &Error) -> io::Error {
    status.spoil();
    match error {
        Error::Interrupted => ErrorKind::Interrupted.into(),
        _ => ErrorKind::WouldBlock.into(),
    }
}
