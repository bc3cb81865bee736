//! Coordination of processes by files beside the data.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Instant;

use crate::model::{Name, Process, Result};
use crate::store::folder::Folder;
use crate::store::folder::file::{DATA, File, LOCK, Purpose};
use crate::store::folder::size::largest_file;

use super::announcements::Announcements;
use super::lock_place::place_of;
use super::locks::{self, ByteLock, LockGroup};
use super::pauses::Pauses;
use super::types::{LockSet, Watch};
use super::watch::{self, Signals};

/// No name of an actor or task; locked while a store is created.
const CREATION: &str = "";

pub(in crate::store) struct FileCoordination {
    folder: Arc<Folder>,
    /// The byte of the data that a process locks while it writes.
    writer_byte: u64,
    announcements: Arc<Announcements>,
    /// The file that changes with each commit; None if it cannot be opened.
    signal_file: OnceLock<Option<File>>,
    signals: Arc<Signals>,
}

/// A lock, with the count of signals when it was taken.
pub(super) struct ProcessLock {
    lock: Option<ByteLock>,
    files: Arc<FileCoordination>,
    signals: u64,
}

/// Locks that end together, with the count of signals when the set was made.
pub(super) struct ProcessLockSet {
    locks: Option<LockGroup>,
    files: Arc<FileCoordination>,
    signals: u64,
}

impl FileCoordination {
    pub(super) fn new(folder: Arc<Folder>, writer_byte: u64) -> FileCoordination {
        let announcements = Arc::new(Announcements::new(folder.clone()));
        let (signal_file, signals) = (OnceLock::new(), Arc::default());
        FileCoordination { folder, writer_byte, announcements, signal_file, signals }
    }

    pub(super) fn announcements(&self) -> &Arc<Announcements> {
        &self.announcements
    }

    /// The kernel waits for a lock without a limit or not at all, so the lock is tried again and
    /// again.
    pub(super) fn lock(self: &Arc<Self>, name: &str, deadline: Option<Instant>) -> Result<Option<ProcessLock>> {
        let signals = self.signals.count();
        let place = place_of(name);
        let mut pauses = Pauses::default();
        loop {
            // read before the try, so that the last try is made after the deadline
            let now = Instant::now();
            if let Some(lock) = locks::try_take(&self.folder, place)? {
                return Ok(Some(ProcessLock { lock: Some(lock), files: self.clone(), signals }));
            }
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(None);
            }
            thread::sleep(pauses.next(now, deadline));
        }
    }

    pub(super) fn try_lock_creation(self: &Arc<Self>) -> Result<Option<ProcessLock>> {
        self.lock(CREATION, Some(Instant::now()))
    }

    pub(super) fn lock_set(self: &Arc<Self>) -> ProcessLockSet {
        let signals = self.signals.count();
        ProcessLockSet { locks: Some(LockGroup::default()), files: self.clone(), signals }
    }

    pub(super) fn is_locked(&self, name: &str) -> Result<bool> {
        locks::is_taken(&self.folder, place_of(name))
    }

    pub(super) fn writer(&self) -> Option<Process> {
        let writer = self.announcements.writer().filter(|process| process.pid != std::process::id())?;
        locks::is_data_locked(&self.folder, self.writer_byte).then_some(writer)
    }

    fn signal_after(&self, signals: u64) {
        if self.signals.count() != signals {
            self.signal();
        }
    }

    /// A lost signal costs latency only, so errors are ignored.
    pub(super) fn signal(&self) {
        self.signals.give();
        if let Some(file) = self.signal_file.get_or_init(|| self.folder.open_or_make(LOCK, Purpose::Writing).ok()) {
            let _ = rewrite_first_byte(file);
        }
    }

    pub(super) fn watch(&self, reads_only: bool) -> Box<dyn Watch> {
        watch::watch(self.watched_file(reads_only), &self.signals)
    }

    /// A file that changes with each commit, and its path.
    fn watched_file(&self, reads_only: bool) -> Option<(PathBuf, File)> {
        let opened = match reads_only {
            true => self.folder.find_file(LOCK),
            false => self.folder.open_or_make(LOCK, Purpose::Writing).map(Some),
        };
        let named = |name| move |file| (self.folder.path_of(name), file);
        // the data changes with each commit too, several times
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
        self.files.signal_after(self.signals);
    }
}

impl Drop for ProcessLock {
    /// A process that a commit woke may have found the name locked still, so it is woken again.
    fn drop(&mut self) {
        self.lock = None;
        self.files.signal_after(self.signals);
    }
}

fn rewrite_first_byte(mut file: &File) -> io::Result<()> {
    if largest_file() == 0 {
        return Ok(());
    }
    file.seek(SeekFrom::Start(0))?;
    file.write_all(b"\n")
}
