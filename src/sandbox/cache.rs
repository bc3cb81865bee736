//! The folder that keeps compiled code for later processes.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::settings::{MemoryLayout, SETTINGS, WASMTIME};
use super::{fault, precompiled};
use crate::model::{Error, Hash, Result};

/// The folder of compiled classes. Its files are run, so it is used only if it belongs to the
/// current user and no other user has access to it. Otherwise, and if it cannot be written, each
/// process compiles its classes.
///
/// It can be removed at any time. An entry that was unused for 90 days is removed when a new one is
/// written.
#[derive(Clone, Debug)]
pub struct Cache(CacheFolder);

#[derive(Clone, Debug)]
enum CacheFolder {
    At(PathBuf),
    /// The environment names no folder.
    Unknown,
    Unused,
}

/// The reason for which compiled classes are not kept. Later processes compile them again, which
/// costs time alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    /// The environment names no folder.
    #[error("compiled classes are not kept, and each command compiles them: neither XDG_CACHE_HOME nor HOME is set")]
    NoFolder,
    /// The folder cannot be used.
    #[error("compiled classes are not kept in {}, and each command compiles them: {reason}", folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// A sentence about the folder.
        reason: String,
    },
}

/// The extension of an entry.
const EXTENSION: &str = "compiled";
/// An entry that was unused for this time is removed.
const UNUSED: Duration = Duration::from_secs(90 * 24 * 3600);
/// A half-written file is removed after this time.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

impl Cache {
    /// `$XDG_CACHE_HOME/vactor/classes`, or `~/.cache/vactor/classes`; nothing is kept if neither
    /// is known. The folder `vactor` around it may be open to others.
    pub fn user() -> Cache {
        let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let folder =
            named.or_else(|| std::env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(".cache")));
        Cache(folder.map_or(CacheFolder::Unknown, |folder| CacheFolder::At(folder.join("vactor/classes"))))
    }

    /// This folder. It is made when it is needed.
    pub fn at(folder: impl Into<PathBuf>) -> Cache {
        Cache(CacheFolder::At(folder.into()))
    }

    /// No folder: nothing is kept.
    pub fn none() -> Cache {
        Cache(CacheFolder::Unused)
    }

    /// The compiled class, if the folder has it.
    pub(super) fn load(&self, engine: &Engine, hash: &Hash, layout: MemoryLayout) -> Option<Component> {
        let CacheFolder::At(folder) = &self.0 else { return None };
        let ours = fs::metadata(folder).is_ok_and(|folder| why_not_private(&folder).is_none());
        ours.then(|| from_entry(engine, &folder.join(name(hash, layout))).ok()).flatten()
    }

    /// Keeps a class that was just compiled, and loads it. If it cannot be kept, it is loaded all
    /// the same, and the reason is returned.
    pub(super) fn keep(
        &self,
        engine: &Engine,
        hash: &Hash,
        layout: MemoryLayout,
        code: &[u8],
    ) -> Result<(Component, Option<NotKept>)> {
        let not_kept = match &self.0 {
            CacheFolder::At(folder) => {
                let entry = name(hash, layout);
                match write(folder, &entry, code).and_then(|()| from_entry(engine, &folder.join(entry))) {
                    Ok(kept) => return Ok((kept, None)),
                    Err(reason) => Some(NotKept::Unusable { folder: folder.clone(), reason }),
                }
            }
            CacheFolder::Unknown => Some(NotKept::NoFolder),
            CacheFolder::Unused => None,
        };
        let component = precompiled::from_memory(engine, code)
            .map_err(|error| Error::shortage("load a class that was just compiled", fault::sentence(&error)))?;
        Ok((component, not_kept))
    }
}

/// A compiled class from a file of a private folder, or a sentence about the folder.
fn from_entry(engine: &Engine, entry: &Path) -> Result<Component, String> {
    let found = fs::symlink_metadata(entry).map_err(|error| format!("it cannot be read: {error}"))?;
    if !found.is_file() || why_not_private(&found).is_some() {
        return Err(format!("{} is not a file of yours alone", entry.display()));
    }
    precompiled::from_file(engine, entry).map_err(|error| {
        format!(
            "code in it cannot be loaded, as on a file system that is mounted `noexec`: {}",
            fault::sentence(&error)
        )
    })
}

/// The name of an entry. It has all that compiled code depends on.
fn name(hash: &Hash, layout: MemoryLayout) -> String {
    use std::env::consts::{ARCH, OS};
    let layout = match layout {
        MemoryLayout::Reserved => "",
        MemoryLayout::Compact => "-compact",
    };
    format!("{hash}-{WASMTIME}-{ARCH}-{OS}-{SETTINGS}{layout}.{EXTENSION}")
}

/// Writes an entry: to a file of another name, which is renamed once it is on the disk. The error
/// is a sentence about the folder.
fn write(folder: &Path, name: &str, code: &[u8]) -> Result<(), String> {
    make(folder).map_err(|error| format!("it cannot be made: {error}"))?;
    let found = fs::metadata(folder).map_err(|error| format!("it cannot be read: {error}"))?;
    if let Some(why) = why_not_private(&found) {
        return Err(why);
    }
    sweep(folder, SystemTime::now());
    write_whole(folder, name, code).map_err(|error| format!("it cannot be written: {error}"))
}

fn write_whole(folder: &Path, name: &str, code: &[u8]) -> io::Result<()> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let temporary = folder.join(format!("{name}.{}-{number}", std::process::id()));
    let mut file = create(&temporary)?;
    let whole = file.write_all(code).and_then(|()| file.sync_data());
    let written = whole.and_then(|()| fs::rename(&temporary, folder.join(name)));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Removes unused files. A process that has mapped an entry keeps it until it ends.
fn sweep(folder: &Path, now: SystemTime) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_entry = path.extension() == Some(OsStr::new(EXTENSION));
        let is_temporary =
            path.file_stem().map(Path::new).is_some_and(|stem| stem.extension() == Some(OsStr::new(EXTENSION)));
        let keep_for = match (is_entry, is_temporary) {
            (true, _) => UNUSED,
            (_, true) => ABANDONED,
            _ => continue,
        };
        let used = entry.metadata().and_then(|found| Ok(found.modified()?.max(found.accessed()?)));
        if used.is_ok_and(|used| now.duration_since(used).is_ok_and(|unused| unused > keep_for)) {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(unix)]
fn make(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(unix)]
fn create(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

/// The reason for which a folder or a file is not private: its owner or its mode.
#[cfg(unix)]
fn why_not_private(found: &Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let user = nix::unistd::geteuid().as_raw();
    if found.uid() != user {
        return Some(format!("it belongs to user {}, and this is user {user}", found.uid()));
    }
    let mode = found.mode() & 0o777;
    (mode & 0o077 != 0)
        .then(|| format!("other users have access to it: its mode is {mode:o}, and `chmod 700` closes it"))
}

// On other systems the access of other users is unknown, so nothing is kept.

#[cfg(not(unix))]
fn make(_: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(unix))]
fn create(_: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(unix))]
fn why_not_private(_: &Metadata) -> Option<String> {
    Some("on this platform vactor cannot tell who has access to it".to_owned())
}
