//! What processes of one store tell each other: who holds an actor, and that something was committed.
//! None of it is true data; the file beside the store can go when nothing runs.

#[cfg_attr(not(target_os = "linux"), path = "portable_locks.rs")]
mod locks;
mod memory;
mod waiting;
mod watch;

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::model::{Error, Name, Result};

use super::{Hold, Watch};
use memory::InProcess;

/// The file of locks and signals in a store's folder.
const FILE: &str = "lock";

/// Nobody's name: held while a store is made.
const MAKING: &str = "";

pub(in crate::store) enum Between {
    /// Every process that has the folder.
    Processes { file: PathBuf, data: PathBuf, signal: OnceLock<Option<File>> },
    /// This process, of a store in memory.
    Threads(Arc<InProcess>),
}

impl Between {
    /// For the store in a folder, whose data is in the file `data` there.
    pub(in crate::store) fn files(folder: &Path, data: &str) -> Between {
        Between::Processes { file: folder.join(FILE), data: folder.join(data), signal: OnceLock::new() }
    }

    pub(in crate::store) fn memory() -> Between {
        Between::Threads(Arc::default())
    }

    pub(in crate::store) fn hold(&self, name: &Name, deadline: Option<Instant>) -> Result<Option<Hold>> {
        match self {
            Between::Processes { file, .. } => {
                let held = waiting::hold(file, name.as_str(), deadline).map_err(|error| lock_error(file, &error))?;
                Ok(held.map(Hold::new))
            }
            Between::Threads(threads) => Ok(threads.hold(name, deadline).map(Hold::new)),
        }
    }

    /// Waits until nobody else makes the store.
    pub(in crate::store) fn hold_making(&self) -> Result<Option<Hold>> {
        match self {
            Between::Processes { file, .. } => {
                let held = waiting::hold(file, MAKING, None).map_err(|error| lock_error(file, &error))?;
                Ok(held.map(Hold::new))
            }
            Between::Threads(_) => Ok(None),
        }
    }

    /// Wakes who watches. Losing a signal costs latency alone, so what goes wrong here is not told.
    pub(in crate::store) fn signal(&self) {
        match self {
            Between::Processes { file, signal, .. } => {
                if let Some(file) = signal.get_or_init(|| open(file).ok()) {
                    let _ = rewrite_first_byte(file);
                }
            }
            Between::Threads(threads) => threads.signal(),
        }
    }

    /// `reading` alone leaves no trace: it makes no file to be signalled through.
    pub(in crate::store) fn watch(&self, reading: bool) -> Box<dyn Watch> {
        match self {
            Between::Processes { file, data, .. } => {
                let there = file.exists() || !reading && open(file).is_ok();
                // the data itself changes with each commit too, only more often
                watch::watch(if there { file } else { data })
            }
            Between::Threads(threads) => Box::new(memory::Watching::new(threads.clone())),
        }
    }
}

fn open(file: &Path) -> io::Result<File> {
    File::options().write(true).create(true).truncate(false).open(file)
}

fn rewrite_first_byte(mut file: &File) -> io::Result<()> {
    if super::redb::largest_file() == 0 {
        return Ok(());
    }
    file.seek(SeekFrom::Start(0))?;
    file.write_all(b"\n")
}

fn lock_error(file: &Path, error: &io::Error) -> Error {
    Error::Io { action: format!("lock {}", file.display()), reason: error.to_string() }
}

/// Where a name's lock is: 62 bits of its hash.
fn place_of(name: &str) -> u64 {
    let hash = blake3::hash(name.as_bytes());
    u64::from_be_bytes(*hash.as_bytes().first_chunk().expect("a hash is longer")) >> 2
}
