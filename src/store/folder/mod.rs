//! A store's folder. Every file of a store is opened here, and nowhere else.
//!
//! The folder is opened once; a file is opened by its name in the open folder, whatever has the folder's path by then. No link
//! is followed, and a file is used only if it is a regular one that belongs to a user who is trusted with the store.

#[cfg_attr(not(unix), path = "portable.rs")]
#[cfg_attr(unix, path = "unix.rs")]
mod system;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub(in crate::store) use std::fs::File;

use crate::model::{Error, Result, UntrustedPath};

/// The data.
pub(in crate::store) const DATA: &str = "store.redb";
/// The data of a store that is being made.
const NEW_DATA: &str = "store.redb.new";
/// Locks and signals between processes. It holds no data.
pub(in crate::store) const LOCK: &str = "lock";
/// What processes say of themselves. It holds no data.
pub(in crate::store) const RUNNING: &str = "running";
/// What the detached worker writes to its stderr.
const WORKER_LOG: &str = "worker.log";
/// What it wrote before.
const OLD_WORKER_LOG: &str = "worker.log.old";
/// A log of so many bytes is full.
const FULL_LOG: u64 = 256 << 10;

/// How often a store that is open is looked for at its path.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The folder of a store, open.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    folder: system::FolderHandle,
    /// The path that the folder had when it was opened, wherever the process goes.
    absolute: PathBuf,
    /// The data that was opened.
    data: OnceLock<system::FileId>,
    opened: Instant,
    /// Milliseconds from `opened` to the last look.
    looked: AtomicU64,
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Purpose {
    Reading,
    /// Reading and writing.
    Writing,
    Appending,
}

/// Why a file or a folder is not opened.
#[derive(Debug)]
enum FileError {
    System(io::Error),
    Refused(Refusal),
}

/// What is wrong with a file or a folder that is there.
#[derive(Debug)]
#[cfg_attr(not(unix), allow(dead_code, reason = "such a system knows no owners"))]
enum Refusal {
    /// A link, or anything else that is no regular file.
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
    fn is(&self, kind: io::ErrorKind) -> bool {
        matches!(self, FileError::System(error) if error.kind() == kind)
    }
}

impl Folder {
    /// Opens the folder of a store. [`NoStore`](Error::NoStore) where there is none.
    pub fn open(path: &Path) -> Result<Folder> {
        Folder::open_or(path, false)
    }

    /// Opens the folder of a store. If it is not there, it is made, for its owner alone.
    pub fn create(path: &Path) -> Result<Folder> {
        Folder::open_or(path, true)
    }

    fn open_or(path: &Path, make: bool) -> Result<Folder> {
        match system::FolderHandle::open(path, make) {
            Ok(folder) => Ok(Folder {
                absolute: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
                path: path.to_owned(),
                folder,
                data: OnceLock::new(),
                opened: Instant::now(),
                looked: AtomicU64::new(0),
            }),
            Err(FileError::Refused(refusal)) => Err(refuse(path, &refusal)),
            Err(FileError::System(error)) => Err(match error.kind() {
                io::ErrorKind::NotFound => Error::NoStore { place: path.display().to_string() },
                io::ErrorKind::NotADirectory => {
                    cannot_open(path, format!("{} is a file, and a store is a folder", path.display()))
                }
                _ => cannot_open(path, error),
            }),
        }
    }

    /// Whether anything has this path, a link with nothing behind it too.
    pub fn is_taken(path: &Path) -> bool {
        path.symlink_metadata().is_ok()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses the folder if it belongs to another user: one that was found, and that the user did not name. It is enough
    /// for root that it belongs to the owner of the folder around it.
    pub fn check_found(&self) -> Result<()> {
        let stranger = self.folder.stranger().map_err(|error| cannot_open(&self.path, error))?;
        let Some(owner) = stranger else { return Ok(()) };
        let path = self.path.display();
        Err(Error::Untrusted {
            what: format!("the store at {path} was not named, and belongs to the user with the id {owner}"),
            path: UntrustedPath::FoundStore { path: path.to_string() },
        })
    }

    /// Refuses a folder that was moved or removed since it was opened, or whose data was: what is written there now is
    /// lost, or changes a store that was put elsewhere. It looks at most once a second.
    pub(in crate::store) fn check_place(&self) -> Result<()> {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        let looked = self.looked.load(Ordering::Relaxed);
        let is_due = u128::from(now - looked.min(now)) >= LOOK_EVERY.as_millis();
        if !is_due || self.is_in_place() {
            if is_due {
                self.looked.store(now, Ordering::Relaxed);
            }
            return Ok(());
        }
        Err(Error::StoreGone { place: self.path.display().to_string() })
    }

    fn is_in_place(&self) -> bool {
        self.folder.is_at(&self.absolute) && self.data.get().is_none_or(|data| self.folder.has(DATA, data))
    }

    /// The folder's path without links, or as it was opened if it cannot be resolved.
    pub(in crate::store) fn address(&self) -> PathBuf {
        self.absolute.canonicalize().unwrap_or_else(|_| self.absolute.clone())
    }

    /// The path by which a process in any other folder opens this one.
    pub fn path_for_others(&self) -> Result<PathBuf> {
        let address = self.address();
        Folder::open(&address)?;
        match self.folder.is_at(&address) {
            true => Ok(address),
            false => Err(cannot_open(&address, "it is not the folder that is open here")),
        }
    }

    /// Whether a store is in it.
    pub fn has_store(&self) -> Result<bool> {
        self.folder.is_taken(DATA).map_err(|error| cannot_open(&self.path.join(DATA), error))
    }

    /// Opens the file that a detached worker writes to: a new one, if the last one is full. That one is kept in place of
    /// the one before it.
    pub fn worker_log(&self) -> Result<File> {
        let log = self.open_or_make(WORKER_LOG, Purpose::Appending)?;
        if !Folder::is_full(&log) {
            return Ok(log);
        }
        if self.folder.rename(WORKER_LOG, OLD_WORKER_LOG).is_ok() {
            return self.open_or_make(WORKER_LOG, Purpose::Appending);
        }
        // the old one's place cannot be had, so this one is emptied: it must not grow for ever
        match log.set_len(0) {
            Ok(()) => Ok(log),
            Err(error) => Err(self.explain(WORKER_LOG, error.into())),
        }
    }

    /// Whether a worker's log has no room for more.
    pub fn is_full(log: &File) -> bool {
        log.metadata().is_ok_and(|data| data.len() >= FULL_LOG)
    }

    /// Opens a file. [`NoStore`](Error::NoStore) where the data is not there.
    pub(in crate::store) fn open_file(&self, name: &str, purpose: Purpose) -> Result<File> {
        let file = self.folder.open_file(name, purpose).map_err(|trouble| self.explain(name, trouble))?;
        if name == DATA
            && let Ok(data) = system::FileId::of(&file)
        {
            let _ = self.data.set(data);
        }
        Ok(file)
    }

    /// Opens a file. If it is not there, it is made, as the data is: for those who may use that.
    pub(in crate::store) fn open_or_make(&self, name: &str, purpose: Purpose) -> Result<File> {
        self.folder.open_or_make(name, purpose).map_err(|trouble| self.explain(name, trouble))
    }

    /// Opens a file for reading if it is there.
    pub(in crate::store) fn find_file(&self, name: &str) -> Result<Option<File>> {
        match self.folder.open_file(name, Purpose::Reading) {
            Ok(file) => Ok(Some(file)),
            Err(trouble) if trouble.is(io::ErrorKind::NotFound) => Ok(None),
            Err(trouble) => Err(self.explain(name, trouble)),
        }
    }

    /// Refuses a file that is there and that would not be opened for writing.
    pub(in crate::store) fn check(&self, name: &str) -> Result<()> {
        match self.folder.check(name, Purpose::Writing) {
            Err(trouble) if !trouble.is(io::ErrorKind::NotFound) => Err(self.explain(name, trouble)),
            _ => Ok(()),
        }
    }

    /// Where locks are a file each: the one of a place.
    #[cfg(not(target_os = "linux"))]
    pub(in crate::store) fn lock_file(&self, place: u64) -> Result<File> {
        let name = "lock.s";
        let explain = |trouble| self.explain(name, trouble);
        let folder = self.folder.subfolder(name).map_err(explain)?;
        folder.open_or_make(&format!("{place:016x}"), Purpose::Writing).map_err(explain)
    }

    /// Makes the file of a new store's data, which [`keep_data`](Folder::keep_data) gives its name when it is whole. Only
    /// one process may do so at a time; what is left of an earlier one is removed.
    pub(in crate::store) fn new_data(&self) -> Result<File> {
        self.discard_data()?;
        self.folder.make(NEW_DATA, Purpose::Writing).map_err(|trouble| self.explain(NEW_DATA, trouble))
    }

    pub(in crate::store) fn discard_data(&self) -> Result<()> {
        match self.folder.remove(NEW_DATA) {
            Err(trouble) if !trouble.is(io::ErrorKind::NotFound) => Err(self.explain(NEW_DATA, trouble)),
            _ => Ok(()),
        }
    }

    /// Gives the data of a new store its name, durably.
    pub(in crate::store) fn keep_data(&self) -> Result<()> {
        let kept = self.folder.rename(NEW_DATA, DATA).and_then(|()| self.folder.sync());
        kept.map_err(|error| self.explain(NEW_DATA, error.into()))
    }

    /// The path of a file, for messages.
    pub(in crate::store) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn explain(&self, name: &str, trouble: FileError) -> Error {
        let path = self.path_of(name);
        match trouble {
            FileError::System(error) if error.kind() == io::ErrorKind::NotFound && name == DATA => {
                Error::NoStore { place: self.path.display().to_string() }
            }
            FileError::System(error) => cannot_open(&path, error),
            FileError::Refused(refusal) => refuse(&path, &refusal),
        }
    }
}

/// Writes at an offset of a file.
pub(in crate::store) fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    system::write_at(file, bytes, at)
}

fn cannot_open(path: &Path, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::io(format!("open {}", path.display()), cause)
}

fn refuse(path: &Path, refusal: &Refusal) -> Error {
    let kind = match (refusal, path.file_name().is_some_and(|name| name == DATA)) {
        (Refusal::LinkOf { .. }, _) => UntrustedPath::LinkToFolder,
        (Refusal::HardLink, true) => UntrustedPath::DataWithSecondName,
        (_, true) => UntrustedPath::Data,
        (_, false) => UntrustedPath::Auxiliary,
    };
    Error::Untrusted { what: format!("{} {refusal}", path.display()), path: kind }
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
