//! The log of a worker in the background. It is the stderr of that process, so a panic is logged,
//! too.

use std::fs::File;
use std::sync::{Mutex, PoisonError};

use vactor::Error;
use vactor::Folder;

/// A bounded log: if the file is full, a new one is begun.
pub struct WorkerLog {
    folder: Folder,
    file: Mutex<File>,
}

impl WorkerLog {
    /// Makes the log in the store's folder the stderr of this process.
    pub fn begin(folder: Folder) -> Result<WorkerLog, Error> {
        let file = folder.worker_log()?;
        become_stderr(&file);
        Ok(WorkerLog { folder, file: Mutex::new(file) })
    }

    /// Begins a new file if this one is full. Called before each line.
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
            // the bound holds even if no new file can be made
            Err(_) => drop(file.set_len(0)),
        }
    }
}

#[cfg(unix)]
fn become_stderr(file: &File) {
    // only a signal makes it fail, and the next line tries again
    let _ = nix::unistd::dup2_stderr(file);
}

/// On other systems stderr stays the file that the process was started with.
#[cfg(not(unix))]
fn become_stderr(_: &File) {}
