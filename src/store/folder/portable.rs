//! An open folder as a path, on systems without descriptors of folders, owners and modes.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::file::{FileError, Purpose, Refusal};

#[derive(Debug)]
pub(super) struct FolderHandle(PathBuf);

/// Such a system has no identity of files.
#[derive(Debug)]
pub(super) struct FileId;

impl FileId {
    pub(super) fn of(_: &File) -> io::Result<FileId> {
        Ok(FileId)
    }
}

impl FolderHandle {
    /// Whether the path leads to a folder.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        !matches!(fs::metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// Whether the name is taken.
    pub(super) fn has(&self, name: &str, _: &FileId) -> bool {
        self.is_taken(name).unwrap_or(true)
    }

    pub(super) fn open(path: &Path, make: bool) -> Result<FolderHandle, FileError> {
        if make {
            fs::create_dir_all(path)?;
        }
        match fs::metadata(path)?.is_dir() {
            true => Ok(FolderHandle(std::path::absolute(path)?)),
            false => Err(io::Error::from(io::ErrorKind::NotADirectory).into()),
        }
    }

    pub(super) fn other_owner(&self) -> io::Result<Option<u32>> {
        Ok(None)
    }

    pub(super) fn is_taken(&self, name: &str) -> io::Result<bool> {
        match self.0.join(name).symlink_metadata() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn check(&self, name: &str, _: Purpose) -> Result<(), FileError> {
        let file = self.0.join(name).symlink_metadata()?;
        match (file.is_file(), file.is_symlink()) {
            (true, _) => Ok(()),
            (_, true) => Err(FileError::Refused(Refusal::Kind("a link"))),
            _ => Err(FileError::Refused(Refusal::Kind("a folder or a device"))),
        }
    }

    pub(super) fn open_file(&self, name: &str, purpose: Purpose) -> Result<File, FileError> {
        self.check(name, purpose)?;
        Ok(options(purpose).open(self.0.join(name))?)
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

    pub(super) fn make(&self, name: &str, purpose: Purpose) -> Result<File, FileError> {
        Ok(options(purpose).create_new(true).open(self.0.join(name))?)
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), FileError> {
        Ok(fs::remove_file(self.0.join(name))?)
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    /// Such a system makes entries durable itself.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn subfolder(&self, name: &str) -> Result<FolderHandle, FileError> {
        let path = self.0.join(name);
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        match path.symlink_metadata()?.is_dir() {
            true => Ok(FolderHandle(path)),
            false => Err(io::Error::from(io::ErrorKind::NotADirectory).into()),
        }
    }
}

fn options(purpose: Purpose) -> OpenOptions {
    let mut options = OpenOptions::new();
    match purpose {
        Purpose::Reading => options.read(true),
        Purpose::Writing => options.read(true).write(true),
        Purpose::Appending => options.append(true),
    };
    options
}

pub(in crate::store) fn write_at(mut file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}
