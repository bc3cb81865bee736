//! Locks that end with their process, on Linux: bytes of one file. Each lock has an open file of
//! its own, so that threads exclude each other too.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use crate::model::Result;
use crate::store::folder::Folder;
use crate::store::folder::file::{DATA, File, LOCK, Purpose};

use super::lock_place::lock_error;

/// A lock, until this is dropped.
pub(super) struct ByteLock(File);

/// Takes the lock of a place, if it is free.
pub(super) fn try_take(folder: &Folder, place: u64) -> Result<Option<ByteLock>> {
    let file = open(folder)?;
    match fcntl(&file, FcntlArg::F_OFD_SETLK(&byte(place))) {
        Ok(_) => Ok(Some(ByteLock(file))),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(None),
        Err(error) => Err(lock_error(folder, error.into())),
    }
}

impl Drop for ByteLock {
    /// Closing the file does not end the lock while a child process has the file open too, which is
    /// so between the fork and the exec of another thread.
    fn drop(&mut self) {
        let everything = libc::flock { l_type: libc::F_UNLCK as libc::c_short, l_len: 0, ..byte(0) };
        // if this fails, closing the file ends the lock in most cases
        let _ = fcntl(&self.0, FcntlArg::F_OFD_SETLK(&everything));
    }
}

/// Locks of many places in one open file, until this is dropped.
#[derive(Default)]
pub(super) struct LockGroup(Option<ByteLock>);

impl LockGroup {
    /// Takes the lock of another place, if it is free.
    pub(super) fn try_add(&mut self, folder: &Folder, place: u64) -> Result<bool> {
        let file = match &self.0 {
            Some(lock) => &lock.0,
            None => &self.0.insert(ByteLock(open(folder)?)).0,
        };
        match fcntl(file, FcntlArg::F_OFD_SETLK(&byte(place))) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
            Err(error) => Err(lock_error(folder, error.into())),
        }
    }
}

/// Whether the lock of a place is taken. The check takes no lock, so no other process is refused
/// meanwhile.
pub(super) fn is_taken(folder: &Folder, place: u64) -> Result<bool> {
    let Some(file) = folder.find_file(LOCK)? else { return Ok(false) };
    let mut found = byte(place);
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut found)).map_err(|error| lock_error(folder, error.into()))?;
    Ok(i32::from(found.l_type) != libc::F_UNLCK)
}

/// Whether a process has a lock of this byte of the data.
pub(super) fn is_data_locked(folder: &Folder, place: u64) -> bool {
    let Ok(Some(file)) = folder.find_file(DATA) else { return false };
    let mut found = byte(place);
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut found)).is_ok() && i32::from(found.l_type) != libc::F_UNLCK
}

fn open(folder: &Folder) -> Result<File> {
    folder.open_or_make(LOCK, Purpose::Writing)
}

fn byte(place: u64) -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: place as libc::off_t,
        l_len: 1,
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A child process between fork and exec has the file as a clone of it has.
    #[test]
    fn dropped_lock_ends_while_a_child_has_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::open(folder.path()).unwrap();
        let lock = try_take(&folder, 7).unwrap().unwrap();
        let child = lock.0.try_clone().unwrap();
        assert!(is_taken(&folder, 7).unwrap());
        drop(lock);
        assert!(!is_taken(&folder, 7).unwrap());
        drop(child);

        let mut locks = LockGroup::default();
        assert!(locks.try_add(&folder, 7).unwrap() && locks.try_add(&folder, 9).unwrap());
        let child = locks.0.as_ref().unwrap().0.try_clone().unwrap();
        drop(locks);
        assert!(!is_taken(&folder, 7).unwrap() && !is_taken(&folder, 9).unwrap());
        drop(child);
    }
}
