//! The folder of a store. Every file of a store is opened by this module, and by no other.
//!
//! The folder is opened once, and each file by its name in the open folder, also after a move of
//! the folder. No link is followed. A file is used only if it is a regular file of a user who is
//! trusted with the store.

pub(in crate::store) mod file;
pub(in crate::store) mod size;

#[cfg_attr(not(unix), path = "portable.rs")]
#[cfg_attr(unix, path = "unix.rs")]
mod system;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::model::{Error, Result, UntrustedPath};

use file::{DATA, File, FileError, Purpose, Refusal};
pub(in crate::store) use system::write_at;

/// The data of a store under creation.
const NEW_DATA: &str = "store.redb.new";
/// The stderr of the background worker.
const WORKER_LOG: &str = "worker.log";
/// The log before that one.
const OLD_WORKER_LOG: &str = "worker.log.old";
/// The size of a full log, in bytes.
const FULL_LOG: u64 = 256 << 10;

/// The shortest time between two checks of an open store's path.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The folder of a store, open.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    folder: system::FolderHandle,
    /// The path of the folder when it was opened, also after a change of the process's working
    /// directory.
    absolute: PathBuf,
    /// The file of the data that was opened.
    data: OnceLock<system::FileId>,
    opened: Instant,
    /// Milliseconds from `opened` to the last check.
    checked: AtomicU64,
}

impl Folder {
    /// Opens the folder of a store. [`NoStore`](Error::NoStore) if there is none.
    pub fn open(path: &Path) -> Result<Folder> {
        Folder::open_or(path, false)
    }

    /// Opens the folder of a store. If there is none, it is made, for its owner only.
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
                checked: AtomicU64::new(0),
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

    /// Whether the path is taken, also by a link without a target.
    pub fn is_taken(path: &Path) -> bool {
        path.symlink_metadata().is_ok()
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses a folder that was found by a search, without being named by the user, if it belongs
    /// to another user. For root, the owner of the parent folder is enough.
    pub fn check_found(&self) -> Result<()> {
        let other_owner = self.folder.other_owner().map_err(|error| cannot_open(&self.path, error))?;
        let Some(owner) = other_owner else { return Ok(()) };
        let path = self.path.display();
        Err(Error::Untrusted {
            what: format!("the store at {path} was not named, and belongs to the user with the id {owner}"),
            path: UntrustedPath::FoundStore { path: path.to_string() },
        })
    }

    /// Refuses a folder that was moved or removed since it was opened, or whose data was: a write
    /// there would be lost, or would change a store that was moved. It checks once a second at
    /// most.
    pub(in crate::store) fn check_place(&self) -> Result<()> {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        let checked = self.checked.load(Ordering::Relaxed);
        let is_due = u128::from(now - checked.min(now)) >= CHECK_EVERY.as_millis();
        if !is_due || self.is_in_place() {
            if is_due {
                self.checked.store(now, Ordering::Relaxed);
            }
            return Ok(());
        }
        Err(Error::StoreGone { place: self.path.display().to_string() })
    }

    fn is_in_place(&self) -> bool {
        self.folder.is_at(&self.absolute) && self.data.get().is_none_or(|data| self.folder.has(DATA, data))
    }

    /// The folder's path without links; as it was opened, if it cannot be resolved.
    pub(in crate::store) fn address(&self) -> PathBuf {
        self.absolute.canonicalize().unwrap_or_else(|_| self.absolute.clone())
    }

    /// A path of this folder that is valid for processes with any working directory.
    pub fn path_for_others(&self) -> Result<PathBuf> {
        let address = self.address();
        Folder::open(&address)?;
        match self.folder.is_at(&address) {
            true => Ok(address),
            false => Err(cannot_open(&address, "it is not the folder that is open here")),
        }
    }

    /// Whether it contains a store.
    pub fn has_store(&self) -> Result<bool> {
        self.folder.is_taken(DATA).map_err(|error| cannot_open(&self.path.join(DATA), error))
    }

    /// Opens the log of the background worker. If it is full, a new one is made, and it replaces
    /// the log before that one.
    pub fn worker_log(&self) -> Result<File> {
        let log = self.open_or_make(WORKER_LOG, Purpose::Appending)?;
        if !Folder::is_full(&log) {
            return Ok(log);
        }
        if self.folder.rename(WORKER_LOG, OLD_WORKER_LOG).is_ok() {
            return self.open_or_make(WORKER_LOG, Purpose::Appending);
        }
        // it cannot be renamed, so it is emptied: the size of the log is bounded
        match log.set_len(0) {
            Ok(()) => Ok(log),
            Err(error) => Err(self.explain(WORKER_LOG, error.into())),
        }
    }

    /// Whether a worker's log is full.
    pub fn is_full(log: &File) -> bool {
        log.metadata().is_ok_and(|data| data.len() >= FULL_LOG)
    }

    /// Opens a file. [`NoStore`](Error::NoStore) if it is the data and does not exist.
    pub(in crate::store) fn open_file(&self, name: &str, purpose: Purpose) -> Result<File> {
        let file = self.folder.open_file(name, purpose).map_err(|error| self.explain(name, error))?;
        if name == DATA
            && let Ok(data) = system::FileId::of(&file)
        {
            let _ = self.data.set(data);
        }
        Ok(file)
    }

    /// Opens a file. If it does not exist, it is made, with the mode and the owner of the data.
    pub(in crate::store) fn open_or_make(&self, name: &str, purpose: Purpose) -> Result<File> {
        self.folder.open_or_make(name, purpose).map_err(|error| self.explain(name, error))
    }

    /// Opens a file for reading, if it exists.
    pub(in crate::store) fn find_file(&self, name: &str) -> Result<Option<File>> {
        match self.folder.open_file(name, Purpose::Reading) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.is(io::ErrorKind::NotFound) => Ok(None),
            Err(error) => Err(self.explain(name, error)),
        }
    }

    /// Refuses an existing file that would not be opened for writing.
    pub(in crate::store) fn check(&self, name: &str) -> Result<()> {
        match self.folder.check(name, Purpose::Writing) {
            Err(error) if !error.is(io::ErrorKind::NotFound) => Err(self.explain(name, error)),
            _ => Ok(()),
        }
    }

    /// The lock file of a place, on systems with a file for each lock.
    #[cfg(not(target_os = "linux"))]
    pub(in crate::store) fn lock_file(&self, place: u64) -> Result<File> {
        let name = "lock.s";
        let explain = |error| self.explain(name, error);
        let folder = self.folder.subfolder(name).map_err(explain)?;
        folder.open_or_make(&format!("{place:016x}"), Purpose::Writing).map_err(explain)
    }

    /// Makes the file of a new store's data under another name, until
    /// [`keep_data`](Folder::keep_data). One process at most may do so at a time. A file that a
    /// dead process left is removed.
    pub(in crate::store) fn new_data(&self) -> Result<File> {
        self.discard_data()?;
        self.folder.make(NEW_DATA, Purpose::Writing).map_err(|error| self.explain(NEW_DATA, error))
    }

    pub(in crate::store) fn discard_data(&self) -> Result<()> {
        match self.folder.remove(NEW_DATA) {
            Err(error) if !error.is(io::ErrorKind::NotFound) => Err(self.explain(NEW_DATA, error)),
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

    fn explain(&self, name: &str, error: FileError) -> Error {
        let path = self.path_of(name);
        match error {
            FileError::System(error) if error.kind() == io::ErrorKind::NotFound && name == DATA => {
                Error::NoStore { place: self.path.display().to_string() }
            }
            FileError::System(error) => cannot_open(&path, error),
            FileError::Refused(refusal) => refuse(&path, &refusal),
        }
    }
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
