//! Places of locks in a file, and errors of locking.

use std::io;

use crate::model::Error;
use crate::store::folder::Folder;
use crate::store::folder::file::LOCK;

/// The place of a name's lock: 62 bits of the hash of the name.
pub(super) fn place_of(name: &str) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *blake3::hash(name.as_bytes()).as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 2
}

pub(super) fn lock_error(folder: &Folder, error: io::Error) -> Error {
    Error::io(format!("lock {}", folder.path_of(LOCK).display()), error)
}
