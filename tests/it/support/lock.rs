//! redb's locks on a store's file, as another process has them.
#![cfg(target_os = "linux")]

use std::fs::File;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// The locked bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// The lock of a write transaction.
    Writer,
    /// The lock of the header, as a writer has it while it writes the header.
    Header,
    /// The lock of the header, as a reader has it while it reads the header.
    HeaderShared,
}

/// A lock, until it is dropped.
pub struct Lock(File);

impl Lock {
    pub fn take(data: File, range: Range) -> Lock {
        let (kind, start, length) = match range {
            Range::Writer => (libc::F_WRLCK, 1 << 62, 1),
            Range::Header => (libc::F_WRLCK, 0, 320),
            Range::HeaderShared => (libc::F_RDLCK, 0, 320),
        };
        let bytes = lock(kind, start, length);
        fcntl(&data, FcntlArg::F_OFD_SETLK(&bytes)).unwrap();
        Lock(data)
    }
}

impl Drop for Lock {
    /// A child that another test starts may have inherited the file, too.
    fn drop(&mut self) {
        fcntl(&self.0, FcntlArg::F_OFD_SETLK(&lock(libc::F_UNLCK, 0, 0))).unwrap();
    }
}

fn lock(kind: libc::c_int, start: libc::off_t, length: libc::off_t) -> libc::flock {
    let (l_type, l_whence) = (kind as libc::c_short, libc::SEEK_SET as libc::c_short);
    libc::flock { l_type, l_whence, l_start: start, l_len: length, l_pid: 0 }
}
