//! Coordination of the processes of one store: locks of names, announcements, signals of commits.
//! None of it is data, and its files can be removed while no process uses the store.

mod announcements;
mod files;
mod lock_place;
#[cfg_attr(not(target_os = "linux"), path = "portable_locks.rs")]
mod locks;
mod memory;
pub mod pauses;
pub mod types;
mod watch;

use std::sync::Arc;
use std::time::Instant;

use crate::model::{Name, Process, Result};

use super::folder::Folder;
use announcements::NoAnnouncement;
use files::FileCoordination;
use memory::MemoryCoordination;
use types::{Announcement, AnnouncementGuard, LockSet, NameLock, Watch};

#[derive(Clone)]
pub(in crate::store) enum Coordination {
    /// Of all processes that use a folder.
    Processes(Arc<FileCoordination>),
    /// Of the threads of this process, for a store in memory.
    Threads(Arc<MemoryCoordination>),
}

impl Coordination {
    /// `writer_byte` is the byte of the data that a process locks while it writes.
    pub fn files(folder: Arc<Folder>, writer_byte: u64) -> Coordination {
        Coordination::Processes(Arc::new(FileCoordination::new(folder, writer_byte)))
    }

    pub fn memory() -> Coordination {
        Coordination::Threads(Arc::default())
    }

    pub fn lock(&self, name: &Name, deadline: Option<Instant>) -> Result<Option<NameLock>> {
        match self {
            Coordination::Processes(files) => Ok(files.lock(name.as_str(), deadline)?.map(NameLock::new)),
            Coordination::Threads(threads) => Ok(threads.lock(name, deadline).map(NameLock::new)),
        }
    }

    pub fn lock_set(&self) -> Box<dyn LockSet> {
        match self {
            Coordination::Processes(files) => Box::new(files.lock_set()),
            Coordination::Threads(threads) => Box::new(threads.lock_set()),
        }
    }

    pub fn is_locked(&self, name: &Name) -> Result<bool> {
        match self {
            Coordination::Processes(files) => files.is_locked(name.as_str()),
            Coordination::Threads(threads) => Ok(threads.is_locked(name)),
        }
    }

    /// Locks the creation of the store, if no other process creates it.
    pub fn try_lock_creation(&self) -> Result<Option<NameLock>> {
        match self {
            Coordination::Processes(files) => Ok(files.try_lock_creation()?.map(NameLock::new)),
            Coordination::Threads(_) => Ok(Some(NameLock::new(()))),
        }
    }

    pub fn announce(&self, name: &Name, number: Option<u64>) -> Box<dyn AnnouncementGuard> {
        match self {
            Coordination::Processes(files) => match files.announcements().announce(name.as_str(), number) {
                Some(announcement) => Box::new(announcement),
                None => Box::new(NoAnnouncement),
            },
            Coordination::Threads(threads) => Box::new(threads.announce(name, number)),
        }
    }

    pub fn announcements(&self, name: Option<&Name>) -> Vec<Announcement> {
        match self {
            Coordination::Processes(files) => files.announcements().all(name.map(Name::as_str)),
            Coordination::Threads(threads) => threads.announcements(name),
        }
    }

    /// Announces that this process has the writer's lock.
    pub fn announce_writer(&self) {
        if let Coordination::Processes(files) = self {
            files.announcements().announce_writer();
        }
    }

    /// The other process that writes now, if there is one and it is known.
    pub fn writer(&self) -> Option<Process> {
        match self {
            Coordination::Processes(files) => files.writer(),
            Coordination::Threads(_) => None,
        }
    }

    /// Wakes the watches.
    pub fn signal(&self) {
        match self {
            Coordination::Processes(files) => files.signal(),
            Coordination::Threads(threads) => threads.signal(),
        }
    }

    /// A watch for a process that only reads makes no file.
    pub fn watch(&self, reads_only: bool) -> Box<dyn Watch> {
        match self {
            Coordination::Processes(files) => files.watch(reads_only),
            Coordination::Threads(threads) => Box::new(threads.watch()),
        }
    }
}
