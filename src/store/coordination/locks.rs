//! Locks that the kernel drops when their holder dies, on Linux: byte ranges of one file, each held by an
//! open file of its own, so that threads exclude each other too.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use crate::model::Result;
use crate::store::folder::{DATA, File, Folder, LOCK, Purpose};

use super::lock_error;

/// A lock; dropping it releases it.
pub(super) struct ByteLock(File);

/// Takes the lock of a place if nobody has it.
pub(super) fn try_take(folder: &Folder, place: u64) -> Result<Option<ByteLock>> {
    let file = open(folder)?;
    match fcntl(&file, FcntlArg::F_OFD_SETLK(&byte(place))) {
        Ok(_) => Ok(Some(ByteLock(file))),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(None),
        Err(error) => Err(lock_error(folder, error.into())),
    }
}

impl Drop for ByteLock {
    /// Closing the file is not enough: a child that another thread is about to start has it open too, until it becomes
    /// the program that it is to run.
    fn drop(&mut self) {
        let everything = libc::flock { l_type: libc::F_UNLCK as libc::c_short, l_len: 0, ..byte(0) };
        // if this cannot be done, closing does it where no child has the file
        let _ = fcntl(&self.0, FcntlArg::F_OFD_SETLK(&everything));
    }
}

/// Locks of many places, which one open file has; dropping it releases them all.
#[derive(Default)]
pub(super) struct LockGroup(Option<ByteLock>);

impl LockGroup {
    /// Takes the lock of another place if nobody else has it.
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

/// Whether somebody has the lock of a place. Looking takes nothing, so that nobody else finds it taken meanwhile.
pub(super) fn is_taken(folder: &Folder, place: u64) -> Result<bool> {
    let Some(file) = folder.find_file(LOCK)? else { return Ok(false) };
    let mut found = byte(place);
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut found)).map_err(|error| lock_error(folder, error.into()))?;
    Ok(i32::from(found.l_type) != libc::F_UNLCK)
}

/// Whether a process is in a write transaction of redb's, which locks this byte of the data.
pub(super) fn someone_writes(folder: &Folder) -> bool {
    let Ok(Some(file)) = folder.find_file(DATA) else { return false };
    let mut found = byte(1 << 62);
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

    /// A child that was forked off and has not become another program yet has what a clone of the file has.
    #[test]
    fn a_lock_ends_with_its_holder_though_a_child_has_its_file() {
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
