//! An open folder as a descriptor, and its files by their names.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, readlinkat, renameat};
use nix::libc;
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat, mkdirat, stat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, fsync, geteuid, unlinkat};

use super::file::{DATA, FileError, Purpose, Refusal};

/// The flag for folders of a path: for finding names, if the system tells that from reading.
#[cfg(any(target_os = "linux", target_os = "android"))]
const TO_SEARCH: OFlag = OFlag::O_PATH;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const TO_SEARCH: OFlag = OFlag::O_RDONLY;

/// The number of links in a path that the kernel follows.
const MOST_LINKS: usize = 40;

#[derive(Debug)]
pub(super) struct FolderHandle(OwnedFd);

/// The identity of a file or folder, apart from its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: libc::dev_t,
    inode: libc::ino_t,
}

impl FileId {
    pub(super) fn of(file: impl AsFd) -> io::Result<FileId> {
        Ok(FileId::from(&fstat(file)?))
    }
}

impl From<&FileStat> for FileId {
    fn from(found: &FileStat) -> FileId {
        FileId { device: found.st_dev, inode: found.st_ino }
    }
}

impl FolderHandle {
    /// Opens the folder of a path. With `make`, missing folders are made, the last one for its
    /// owner only.
    ///
    /// A link in the path is followed only if it belongs to the user or to root.
    pub(super) fn open(path: &Path, make: bool) -> Result<FolderHandle, FileError> {
        let mut walked = start(path)?;
        let mut names: VecDeque<OsString> = names(path).collect();
        let mut links = 0;
        while let Some(name) = names.pop_front() {
            match open_folder(&walked, &name) {
                Ok(folder) => walked = folder,
                Err(Errno::ENOENT) if make => {
                    let mode = if names.is_empty() { Mode::S_IRWXU } else { Mode::from_bits_truncate(0o777) };
                    match mkdirat(&walked, &*name, mode) {
                        Ok(()) | Err(Errno::EEXIST) => names.push_front(name),
                        Err(error) => return Err(error.into()),
                    }
                }
                // the errors for a link that is not to be followed
                Err(error @ (Errno::ENOTDIR | Errno::ELOOP | Errno::EMLINK)) => {
                    let Some((target, owner)) = read_link(&walked, &name)? else { return Err(error.into()) };
                    if !is_self_or_root(owner) {
                        return Err(FileError::Refused(Refusal::LinkOf { link: name.into(), owner }));
                    }
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(Errno::ELOOP.into());
                    }
                    if target.is_absolute() {
                        walked = start(&target)?;
                    }
                    self::names(&target).rev().for_each(|name| names.push_front(name));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(FolderHandle(walked))
    }

    /// Whether the path leads to this folder. True if this user may not follow the path.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        let found = stat(path);
        let is_gone = matches!(found, Err(Errno::ENOENT | Errno::ENOTDIR));
        let same = |found: &FileStat| FileId::of(&self.0).is_ok_and(|own| own == FileId::from(found));
        !is_gone && found.as_ref().map_or(true, same)
    }

    /// Whether the name leads to this file.
    pub(super) fn has(&self, name: &str, file: &FileId) -> bool {
        match self.metadata_of(name) {
            Ok(found) => FileId::from(&found) == *file,
            Err(error) => error != Errno::ENOENT,
        }
    }

    /// The folder's owner, if that is another user. For root, the owner of the parent folder is
    /// accepted.
    pub(super) fn other_owner(&self) -> io::Result<Option<u32>> {
        let owner = fstat(&self.0)?.st_uid;
        let user = geteuid();
        let is_own =
            owner == user.as_raw() || user.is_root() && owner == fstatat(&self.0, "..", AtFlags::empty())?.st_uid;
        Ok((!is_own).then_some(owner))
    }

    /// Whether the name is taken.
    pub(super) fn is_taken(&self, name: &str) -> io::Result<bool> {
        match self.metadata_of(name) {
            Ok(_) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses a file of this name that must not be opened for this purpose.
    pub(super) fn check(&self, name: &str, purpose: Purpose) -> Result<(), FileError> {
        self.check_file(&self.metadata_of(name)?, purpose)
    }

    pub(super) fn open_file(&self, name: &str, purpose: Purpose) -> Result<File, FileError> {
        // before the opening, which may have an effect on a device; and after it, for the name may
        // lead to another file by then
        self.check(name, purpose)?;
        let file = openat(&self.0, name, flags(purpose), Mode::empty())?;
        self.check_file(&fstat(&file)?, purpose)?;
        Ok(File::from(file))
    }

    pub(super) fn open_or_make(&self, name: &str, purpose: Purpose) -> Result<File, FileError> {
        loop {
            match self.open_file(name, purpose) {
                Err(error) if error.is(io::ErrorKind::NotFound) => {}
                opened => return opened,
            }
            match self.make(name, purpose) {
                Err(error) if error.is(io::ErrorKind::AlreadyExists) => {}
                made => return made,
            }
        }
    }

    /// Makes a file, with the mode and the owner of the data. If there is no data yet: with those
    /// of the folder, less the umask.
    pub(super) fn make(&self, name: &str, purpose: Purpose) -> Result<File, FileError> {
        let data = self.metadata_of(DATA).ok().filter(|data| self.check_file(data, Purpose::Reading).is_ok());
        let folder = fstat(&self.0)?;
        let mode = if data.is_some() { Mode::S_IRUSR | Mode::S_IWUSR } else { permissions(&folder) };
        let file = openat(&self.0, name, flags(purpose) | OFlag::O_CREAT | OFlag::O_EXCL, mode)?;
        match data {
            Some(data) => share(&file, &data, permissions(&data))?,
            None if geteuid().is_root() => give(&file, &folder),
            None => {}
        }
        Ok(File::from(file))
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), FileError> {
        match unlinkat(&self.0, name, UnlinkatFlags::NoRemoveDir) {
            // the errors for a folder
            Err(error @ (Errno::EISDIR | Errno::EPERM)) => self.check(name, Purpose::Reading).and(Err(error.into())),
            removed => Ok(removed?),
        }
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(renameat(&self.0, from, &self.0, to)?)
    }

    /// Makes the folder's entries durable, and its own entry in the parent folder.
    pub(super) fn sync(&self) -> io::Result<()> {
        let to_read = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        fsync(openat(&self.0, ".", to_read, Mode::empty())?)?;
        match openat(&self.0, "..", to_read, Mode::empty()) {
            Ok(around) => Ok(fsync(around)?),
            // a user without the right to read the parent folder did not make this one
            Err(Errno::EACCES) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a folder in this one, or makes it.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn subfolder(&self, name: &str) -> Result<FolderHandle, FileError> {
        let made = mkdirat(&self.0, name, Mode::S_IRWXU);
        let folder = open_folder(&self.0, name.as_ref())?;
        self.check_owner(&fstat(&folder)?)?;
        if made.is_ok() {
            let data = self.metadata_of(DATA).unwrap_or(fstat(&self.0)?);
            let read = permissions(&data) & Mode::from_bits_truncate(0o444);
            share(&folder, &data, permissions(&data) | Mode::from_bits_truncate(read.bits() >> 2))?;
        }
        Ok(FolderHandle(folder))
    }

    fn metadata_of(&self, name: &str) -> nix::Result<FileStat> {
        fstatat(&self.0, name, AtFlags::AT_SYMLINK_NOFOLLOW)
    }

    fn check_file(&self, file: &FileStat, purpose: Purpose) -> Result<(), FileError> {
        if let Some(kind) = unusual(file) {
            return Err(FileError::Refused(Refusal::Kind(kind)));
        }
        if purpose != Purpose::Reading && file.st_nlink > 1 {
            return Err(FileError::Refused(Refusal::HardLink));
        }
        self.check_owner(file)
    }

    /// Trusts the folder's owner, and its group if it may write in the folder.
    fn check_owner(&self, file: &FileStat) -> Result<(), FileError> {
        if is_self_or_root(file.st_uid) {
            return Ok(());
        }
        let folder = fstat(&self.0)?;
        let group_writes = Mode::from_bits_truncate(folder.st_mode).contains(Mode::S_IWGRP);
        match file.st_uid == folder.st_uid || group_writes {
            true => Ok(()),
            false => Err(FileError::Refused(Refusal::Owner(file.st_uid))),
        }
    }
}

impl From<Errno> for FileError {
    fn from(error: Errno) -> FileError {
        FileError::System(error.into())
    }
}

/// The first folder of a path.
fn start(path: &Path) -> nix::Result<OwnedFd> {
    let first = if path.is_absolute() { "/" } else { "." };
    open(first, TO_SEARCH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

fn names(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    let name = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(name)
}

/// Opens a folder in a folder, and no link to one.
fn open_folder(folder: &OwnedFd, name: &std::ffi::OsStr) -> nix::Result<OwnedFd> {
    openat(folder, name, TO_SEARCH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())
}

/// Target and owner of a link, read from the same link; None if it is no link.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn read_link(folder: &OwnedFd, name: &std::ffi::OsStr) -> nix::Result<Option<(PathBuf, u32)>> {
    let link = openat(folder, name, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())?;
    let stat = fstat(&link)?;
    if kind(&stat) != SFlag::S_IFLNK {
        return Ok(None);
    }
    Ok(Some((readlinkat(&link, "")?.into(), stat.st_uid)))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn read_link(folder: &OwnedFd, name: &std::ffi::OsStr) -> nix::Result<Option<(PathBuf, u32)>> {
    let stat = fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    if kind(&stat) != SFlag::S_IFLNK {
        return Ok(None);
    }
    Ok(Some((readlinkat(folder, name)?.into(), stat.st_uid)))
}

fn is_self_or_root(user: u32) -> bool {
    let user = Uid::from_raw(user);
    user.is_root() || user == geteuid()
}

/// No link is followed, no child process gets the file, and the opening of a pipe does not wait.
fn flags(purpose: Purpose) -> OFlag {
    let access = match purpose {
        Purpose::Reading => OFlag::O_RDONLY,
        Purpose::Writing => OFlag::O_RDWR,
        Purpose::Appending => OFlag::O_WRONLY | OFlag::O_APPEND,
    };
    access | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY
}

fn kind(file: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(file.st_mode & SFlag::S_IFMT.bits())
}

/// The kind of a file that is no regular file.
fn unusual(file: &FileStat) -> Option<&'static str> {
    match kind(file) {
        SFlag::S_IFREG => None,
        SFlag::S_IFLNK => Some("a symbolic link"),
        SFlag::S_IFDIR => Some("a folder"),
        SFlag::S_IFIFO => Some("a named pipe"),
        SFlag::S_IFSOCK => Some("a socket"),
        _ => Some("a device"),
    }
}

/// The rights to read and write of a file's mode; its owner has both. A store's file is no program.
fn permissions(file: &FileStat) -> Mode {
    Mode::S_IRUSR | Mode::S_IWUSR | Mode::from_bits_truncate(file.st_mode & 0o666)
}

/// Gives a file the owner and the group of another, as far as the user may: root may give both,
/// another user a group of his.
fn give(file: impl AsFd, like: &FileStat) {
    let (owner, group) = (Some(Uid::from_raw(like.st_uid)), Some(Gid::from_raw(like.st_gid)));
    if fchown(&file, owner, group).is_err() {
        // the mode gives the rights instead
        let _ = fchown(&file, None, group);
    }
}

/// Gives a file the rights of another. A group that differs from that file's gets the rights of all
/// others.
fn share(file: impl AsFd, like: &FileStat, mode: Mode) -> nix::Result<()> {
    give(&file, like);
    let all_others = mode & Mode::S_IRWXO;
    let mode = match fstat(&file)?.st_gid == like.st_gid {
        true => mode,
        false => mode & !Mode::S_IRWXG | Mode::from_bits_truncate(all_others.bits() << 3),
    };
    // a file system without modes refuses this
    let _ = fchmod(&file, mode);
    Ok(())
}

pub(in crate::store) fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}
