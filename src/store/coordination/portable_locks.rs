//! Locks that end with their process, on systems that cannot lock bytes of open files: a file for
//! each name that was ever locked, in a folder beside the data.

use std::fs::TryLockError;

use crate::model::Result;
use crate::store::folder::Folder;
use crate::store::folder::file::File;

use super::lock_place::lock_error;

/// A lock, until this is dropped.
pub(super) struct ByteLock(File);

impl Drop for ByteLock {
    /// Closing the file does not end the lock while a child process has the file open too, which is
    /// so between the fork and the exec of another thread.
    fn drop(&mut self) {
        // if this fails, closing the file ends the lock in most cases
        let _ = self.0.unlock();
    }
}

/// Takes the lock of a place, if it is free.
pub(super) fn try_take(folder: &Folder, place: u64) -> Result<Option<ByteLock>> {
    let file = folder.lock_file(place)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(ByteLock(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(lock_error(folder, error)),
    }
}

/// Locks of many places, until this is dropped.
#[derive(Default)]
pub(super) struct LockGroup(Vec<ByteLock>);

impl LockGroup {
    /// Takes the lock of another place, if it is free.
    pub(super) fn try_add(&mut self, folder: &Folder, place: u64) -> Result<bool> {
        let lock = try_take(folder, place)?;
        let taken = lock.is_some();
        self.0.extend(lock);
        Ok(taken)
    }
}

/// Whether the lock of a place is taken. The check takes a free lock for a moment.
pub(super) fn is_taken(folder: &Folder, place: u64) -> Result<bool> {
    try_take(folder, place).map(|lock| lock.is_none())
}

/// Whether a process has a lock of this byte of the data. Such a system does not say; the
/// announcement of the writer decides.
pub(super) fn is_data_locked(_: &Folder, _: u64) -> bool {
    true
}
