//! What processes of one store tell each other: who holds an actor, and that something was committed.
//! None of it is true data; the file beside the store can go when nothing runs.

mod announcements;
#[cfg_attr(not(target_os = "linux"), path = "portable_locks.rs")]
mod locks;
mod memory;
mod name_wait;
mod watch;

use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::model::{Error, Name, Process, Result};

use super::folder::{DATA, File, Folder, LOCK, Purpose};
use super::lock_wait::LockWaitPolicy;
use super::{Announcement, AnnouncementGuard, LockSet, NameLock, Watch};
use announcements::Announcements;
use memory::MemoryCoordination;
use watch::Signals;

/// Nobody's name: held while a store is made.
const MAKING: &str = "";

#[derive(Clone)]
pub(in crate::store) enum Coordination {
    /// Every process that has the folder.
    Processes(Arc<FileCoordination>),
    /// This process, of a store in memory.
    Threads(Arc<MemoryCoordination>),
}

pub(in crate::store) struct FileCoordination {
    folder: Arc<Folder>,
    announcements: Arc<Announcements>,
    signal: OnceLock<Option<File>>,
    signals: Arc<Signals>,
}

/// A lock, and the signals that were given before it was taken.
struct ProcessLock {
    lock: Option<locks::ByteLock>,
    files: Arc<FileCoordination>,
    signals: u64,
}

/// Locks that are released together, and the signals that were given before they were taken.
struct ProcessLockSet {
    locks: Option<locks::LockGroup>,
    files: Arc<FileCoordination>,
    signals: u64,
}

impl Coordination {
    pub(in crate::store) fn files(folder: Arc<Folder>) -> Coordination {
        let announcements = Arc::new(Announcements::new(folder.clone()));
        let (signal, signals) = (OnceLock::new(), Arc::default());
        Coordination::Processes(Arc::new(FileCoordination { folder, announcements, signal, signals }))
    }

    pub(in crate::store) fn memory() -> Coordination {
        Coordination::Threads(Arc::default())
    }

    pub(in crate::store) fn hold(&self, name: &Name, deadline: Option<Instant>) -> Result<Option<NameLock>> {
        match self {
            Coordination::Processes(files) => Ok(files.hold(name.as_str(), deadline)?.map(NameLock::new)),
            Coordination::Threads(threads) => Ok(threads.hold(name, deadline).map(NameLock::new)),
        }
    }

    pub(in crate::store) fn holds(&self) -> Box<dyn LockSet> {
        match self {
            Coordination::Processes(files) => Box::new(ProcessLockSet {
                locks: Some(locks::LockGroup::default()),
                signals: files.signals.count(),
                files: files.clone(),
            }),
            Coordination::Threads(threads) => Box::new(memory::MemoryLockSet::new(threads.clone())),
        }
    }

    pub(in crate::store) fn is_held(&self, name: &Name) -> Result<bool> {
        match self {
            Coordination::Processes(files) => locks::is_taken(&files.folder, place_of(name.as_str())),
            Coordination::Threads(threads) => Ok(threads.is_held(name)),
        }
    }

    /// Has others know what this process does, until the answer is dropped.
    pub(in crate::store) fn announce(&self, name: &Name, number: Option<u64>) -> Box<dyn AnnouncementGuard> {
        match self {
            Coordination::Processes(files) => match files.announcements.announce(name.as_str(), number) {
                Some(announced) => Box::new(announced),
                None => Box::new(NoAnnouncement),
            },
            Coordination::Threads(threads) => Box::new(threads.announce(name, number)),
        }
    }

    /// What living processes announce of a name, or of any.
    pub(in crate::store) fn announced(&self, name: Option<&Name>) -> Vec<Announcement> {
        match self {
            Coordination::Processes(files) => files.announcements.all(name.map(Name::as_str)),
            Coordination::Threads(threads) => threads.announced(name),
        }
    }

    /// This process writes from now on.
    pub(in crate::store) fn writes(&self) {
        if let Coordination::Processes(files) = self {
            files.announcements.writes();
        }
    }

    /// The other process that writes at the moment, if there is one and it is known.
    pub(in crate::store) fn writer(&self) -> Option<Process> {
        let Coordination::Processes(files) = self else { return None };
        let writer = files.announcements.writer().filter(|process| process.pid != std::process::id())?;
        locks::someone_writes(&files.folder).then_some(writer)
    }

    /// Waits until no other process makes the store.
    pub(in crate::store) fn hold_making(&self, waits: &LockWaitPolicy) -> Result<Option<NameLock>> {
        let Coordination::Processes(files) = self else { return Ok(None) };
        let mut tries = waits.start();
        loop {
            match files.hold(MAKING, Some(Instant::now()))? {
                Some(held) => return Ok(Some(NameLock::new(held))),
                None => tries.pause()?,
            }
        }
    }

    /// Wakes who watches.
    pub(in crate::store) fn signal(&self) {
        match self {
            Coordination::Processes(files) => files.signal(),
            Coordination::Threads(threads) => threads.signal(),
        }
    }

    /// `reading` alone leaves no trace: it makes no file to be signalled through.
    pub(in crate::store) fn watch(&self, reading: bool) -> Box<dyn Watch> {
        match self {
            Coordination::Processes(files) => watch::watch(files.changing(reading), &files.signals),
            Coordination::Threads(threads) => Box::new(memory::MemoryWatch::new(threads.clone())),
        }
    }
}

/// An announcement that could not be made.
struct NoAnnouncement;

impl AnnouncementGuard for NoAnnouncement {
    fn beat(&self) {}
}

impl FileCoordination {
    fn hold(self: &Arc<Self>, name: &str, deadline: Option<Instant>) -> Result<Option<ProcessLock>> {
        let signals = self.signals.count();
        let lock = name_wait::hold(&self.folder, name, deadline)?;
        Ok(lock.map(|lock| ProcessLock { lock: Some(lock), files: self.clone(), signals }))
    }

    /// Signals if somebody did since there were so many.
    fn signal_since(&self, signals: u64) {
        if self.signals.count() != signals {
            self.signal();
        }
    }

    /// Losing a signal costs latency alone, so what goes wrong here is not told.
    fn signal(&self) {
        self.signals.give();
        if let Some(file) = self.signal.get_or_init(|| self.folder.open_or_make(LOCK, Purpose::Writing).ok()) {
            let _ = rewrite_first_byte(file);
        }
    }

    /// A file that changes with each commit, and the name that it has in the folder.
    fn changing(&self, reading: bool) -> Option<(PathBuf, File)> {
        let opened = match reading {
            true => self.folder.find_file(LOCK),
            false => self.folder.open_or_make(LOCK, Purpose::Writing).map(Some),
        };
        let named = |name| move |file| (self.folder.path_of(name), file);
        // the data itself changes with each commit too, only more often
        let data = || self.folder.find_file(DATA).ok().flatten();
        opened.ok().flatten().map(named(LOCK)).or_else(|| data().map(named(DATA)))
    }
}

impl LockSet for ProcessLockSet {
    fn take(&mut self, name: &Name) -> Result<bool> {
        let Some(locks) = &mut self.locks else { return Ok(false) };
        locks.try_add(&self.files.folder, place_of(name.as_str()))
    }
}

impl Drop for ProcessLockSet {
    fn drop(&mut self) {
        self.locks = None;
        self.files.signal_since(self.signals);
    }
}

impl Drop for ProcessLock {
    /// Who was woken by a commit may have found the name held still.
    fn drop(&mut self) {
        self.lock = None;
        self.files.signal_since(self.signals);
    }
}

fn rewrite_first_byte(mut file: &File) -> io::Result<()> {
    if super::redb::largest_file() == 0 {
        return Ok(());
    }
    file.seek(SeekFrom::Start(0))?;
    file.write_all(b"\n")
}

fn lock_error(folder: &Folder, error: io::Error) -> Error {
    Error::io(format!("lock {}", folder.path_of(LOCK).display()), error)
}

/// Where a name's lock is: 62 bits of its hash.
fn place_of(name: &str) -> u64 {
    let hash = blake3::hash(name.as_bytes());
    u64::from_be_bytes(*hash.as_bytes().first_chunk().expect("a hash is longer")) >> 2
}
