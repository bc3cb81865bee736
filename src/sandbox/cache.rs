//! Where compiled code is kept from one process to the next.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::engine::{Form, SETTINGS, WASMTIME};
use super::{fault, precompiled};
use crate::model::{Error, Hash, Result};

/// The folder in which compiled classes are kept. It is used only if it belongs to the user who runs vactor and nobody
/// else may look into it, for what lies there is run; otherwise, and where it cannot be written,
/// classes are compiled in each process.
///
/// It can be removed at any time. An entry that nobody used for 90 days goes when a new one is written.
#[derive(Clone, Debug)]
pub struct Cache(Place);

#[derive(Clone, Debug)]
enum Place {
    Folder(PathBuf),
    /// A folder was wanted, and nothing says where.
    Unknown,
    Unused,
}

/// Why compiled classes are not kept for the next process, which compiles them anew. It costs time and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    #[error("compiled classes are not kept, and each command compiles them: neither XDG_CACHE_HOME nor HOME is set")]
    NoFolder,
    #[error("compiled classes are not kept in {}, and each command compiles them: {reason}", folder.display())]
    Unusable { folder: PathBuf, reason: String },
}

/// How an entry's name ends.
const EXTENSION: &str = "compiled";
const UNUSED: Duration = Duration::from_secs(90 * 24 * 3600);
/// What another process left half written goes sooner.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

impl Cache {
    /// `$XDG_CACHE_HOME/vactor/classes`, or `~/.cache/vactor/classes`; none where there is no home. A folder within
    /// vactor's own, so that others may put things beside it without closing the outer one.
    pub fn user() -> Cache {
        let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let folder =
            named.or_else(|| std::env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(".cache")));
        Cache(folder.map_or(Place::Unknown, |folder| Place::Folder(folder.join("vactor/classes"))))
    }

    /// This folder, which is made when it is needed.
    pub fn at(folder: impl Into<PathBuf>) -> Cache {
        Cache(Place::Folder(folder.into()))
    }

    /// Nothing is kept.
    pub fn none() -> Cache {
        Cache(Place::Unused)
    }

    /// The compiled class, if it is kept and can be used.
    pub(super) fn load(&self, engine: &Engine, hash: &Hash, form: Form) -> Option<Component> {
        let Place::Folder(folder) = &self.0 else { return None };
        let ours = fs::metadata(folder).is_ok_and(|folder| why_not_private(&folder).is_none());
        ours.then(|| from_entry(engine, &folder.join(name(hash, form))).ok()).flatten()
    }

    /// Keeps what was just compiled and makes it ready to run. If it cannot be kept, it is ready all the same, and the
    /// reason is told.
    pub(super) fn keep(
        &self,
        engine: &Engine,
        hash: &Hash,
        form: Form,
        code: &[u8],
    ) -> Result<(Component, Option<NotKept>)> {
        let not_kept = match &self.0 {
            Place::Folder(folder) => {
                let entry = name(hash, form);
                match write(folder, &entry, code).and_then(|()| from_entry(engine, &folder.join(entry))) {
                    Ok(kept) => return Ok((kept, None)),
                    Err(reason) => Some(NotKept::Unusable { folder: folder.clone(), reason }),
                }
            }
            Place::Unknown => Some(NotKept::NoFolder),
            Place::Unused => None,
        };
        let component = precompiled::from_memory(engine, code)
            .map_err(|error| Error::shortage("load a class that was just compiled", fault::sentence(&error)))?;
        Ok((component, not_kept))
    }
}

/// A compiled class from a file of a folder that is private; the reason if it cannot be used.
fn from_entry(engine: &Engine, entry: &Path) -> Result<Component, String> {
    let found = fs::symlink_metadata(entry).map_err(|error| format!("it cannot be read: {error}"))?;
    if !found.is_file() || why_not_private(&found).is_some() {
        return Err(format!("{} is not a file of yours alone", entry.display()));
    }
    precompiled::from_file(engine, entry).map_err(|error| {
        format!(
            "code that lies there cannot be loaded, as on a file system that is mounted `noexec`: {}",
            fault::sentence(&error)
        )
    })
}

/// Everything that compiled code depends on.
fn name(hash: &Hash, form: Form) -> String {
    use std::env::consts::{ARCH, OS};
    let form = match form {
        Form::Reserved => "",
        Form::Compact => "-compact",
    };
    format!("{hash}-{WASMTIME}-{ARCH}-{OS}-{SETTINGS}{form}.{EXTENSION}")
}

/// Writes an entry whole: to a file of another name, which gets its own when it is on the disk. The reason if that fails.
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

/// Removes what nobody uses. Another process that has an entry mapped keeps it until it ends.
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

/// Why a folder or a file is not this user's alone: it belongs to another user, or its mode lets others in.
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

// Elsewhere nobody has shown yet how to find out who can write a file: nothing is kept.

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
