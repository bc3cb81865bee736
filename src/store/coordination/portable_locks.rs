//! Locks that the kernel drops when their holder dies, where byte ranges of open files cannot be locked: one file
//! for each name that was ever held, in a folder beside the store.

use std::fs::TryLockError;

use crate::model::Result;
use crate::store::folder::{File, Folder};

use super::lock_error;

/// A lock; dropping it releases it.
pub(super) struct ByteLock(File);

impl Drop for ByteLock {
    /// Closing the file is not enough: a child that another thread is about to start has it open too, until it becomes
    /// the program that it is to run.
    fn drop(&mut self) {
        // if this cannot be done, closing does it where no child has the file
        let _ = self.0.unlock();
    }
}

/// Takes the lock of a place if nobody has it.
pub(super) fn try_take(folder: &Folder, place: u64) -> Result<Option<ByteLock>> {
    let file = folder.lock_file(place)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(ByteLock(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(lock_error(folder, error)),
    }
}

/// Locks of many places; dropping it releases them all.
#[derive(Default)]
pub(super) struct LockGroup(Vec<ByteLock>);

impl LockGroup {
    /// Takes the lock of another place if nobody has it.
    pub(super) fn try_add(&mut self, folder: &Folder, place: u64) -> Result<bool> {
        let lock = try_take(folder, place)?;
        let taken = lock.is_some();
        self.0.extend(lock);
        Ok(taken)
    }
}

/// Whether somebody has the lock of a place. Here there is no looking without taking it for a moment.
pub(super) fn is_taken(folder: &Folder, place: u64) -> Result<bool> {
    try_take(folder, place).map(|lock| lock.is_none())
}

/// Whether a process is in a write transaction. Here that cannot be told.
pub(super) fn someone_writes(_: &Folder) -> bool {
    true
}
