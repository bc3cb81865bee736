//! Files of a store: their names, purposes, and the reasons to refuse one.

use std::fmt;
use std::io;
use std::path::PathBuf;

pub(in crate::store) use std::fs::File;

/// The data.
pub(in crate::store) const DATA: &str = "store.redb";
/// Locks and signals between processes. It contains no data.
pub(in crate::store) const LOCK: &str = "lock";
/// Announcements of processes. It contains no data.
pub(in crate::store) const RUNNING: &str = "running";

/// The purpose of opening a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Purpose {
    Reading,
    /// Reading and writing.
    Writing,
    Appending,
}

/// The reason why a file or a folder is not opened.
#[derive(Debug)]
pub(in crate::store) enum FileError {
    System(io::Error),
    Refused(Refusal),
}

/// A property for which an existing file or folder is refused.
#[derive(Debug)]
#[cfg_attr(not(unix), allow(dead_code, reason = "such a system has no owners of files"))]
pub(in crate::store) enum Refusal {
    /// A link, or another thing that is no regular file.
    Kind(&'static str),
    /// It has a second name, perhaps in a folder of another user.
    HardLink,
    /// It belongs to this user.
    Owner(u32),
    /// A link in the folder's path belongs to this user.
    LinkOf { link: PathBuf, owner: u32 },
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> FileError {
        FileError::System(error)
    }
}

impl FileError {
    pub fn is(&self, kind: io::ErrorKind) -> bool {
        matches!(self, FileError::System(error) if error.kind() == kind)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Kind(kind) => write!(f, "is {kind}, and should be a regular file"),
            Refusal::HardLink => f.write_str("has a second name (a hard link), and should have one"),
            Refusal::Owner(owner) => {
                write!(f, "belongs to the user with the id {owner}, not to you, root or the owner of the folder")
            }
            Refusal::LinkOf { link, owner } => {
                let link = link.display();
                write!(f, "is reached by the link {link}, which belongs to the user with the id {owner}")
            }
        }
    }
}
