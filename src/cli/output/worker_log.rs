//! The log of a detached worker, which is its stderr: all that such a process writes there, a panic too, is kept.

use std::fs::File;
use std::sync::{Mutex, PoisonError};

use vactor::Error;
use vactor::Folder;

/// A log that is bounded: when it is full, a new one is begun.
pub struct WorkerLog {
    folder: Folder,
    file: Mutex<File>,
}

impl WorkerLog {
    /// Makes the log in a store's folder this process's stderr.
    pub fn begin(folder: Folder) -> Result<WorkerLog, Error> {
        let file = folder.worker_log()?;
        become_stderr(&file);
        Ok(WorkerLog { folder, file: Mutex::new(file) })
    }

    /// Before a line is written: begins a new file if this one is full.
    pub fn make_room(&self) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if !Folder::is_full(&file) {
            return;
        }
        match self.folder.worker_log() {
            Ok(next) => {
                become_stderr(&next);
                *file = next;
            }
            // the bound holds also where no new one can be made
            Err(_) => drop(file.set_len(0)),
        }
    }
}

#[cfg(unix)]
fn become_stderr(file: &File) {
    // it fails for a signal alone, and the next line tries again
    let _ = nix::unistd::dup2_stderr(file);
}

/// Elsewhere stderr stays the file that the process was started with.
#[cfg(not(unix))]
fn become_stderr(_: &File) {}
