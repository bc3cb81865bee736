//! A store by redb, and its present handle.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::model::{Error, Result, lock};
use crate::store::coordination::Coordination;
use crate::store::folder::Folder;
use crate::store::folder::file::{DATA, LOCK, Purpose};
use crate::store::lock_wait::{LockWait, LockWaitPolicy};

use super::backend::disk::Disk;
use super::backend::handle::RedbHandle;
use super::errors::explained_disk;
use super::write_queue::WriteQueue;

/// A store in one file, or in memory.
///
/// Any number of processes and threads may have one store open. Dropping it writes nothing: every
/// commit is in the file already.
pub struct RedbStore {
    /// None until it is opened (again).
    current: Mutex<Option<Arc<RedbHandle>>>,
    source: DataSource,
    mode: Mode,
    /// The path of its file, for messages.
    pub(super) place: String,
    pub(super) coordination: Coordination,
    pub(super) lock_waits: Arc<LockWaitPolicy>,
    pub(super) write_queue: WriteQueue,
}

/// The purpose of opening a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Reading only. Nothing is written, no file is made, and the user needs no right to write.
    Read,
    /// Reading. The first write or lock opens the store for writing.
    ReadFirst,
    /// Reads and writes.
    Write,
}

/// The source of a store's handles.
pub(super) enum DataSource {
    Folder(Arc<Folder>),
    /// A backend that was opened once.
    Backend,
}

impl RedbStore {
    pub(super) fn new(
        source: DataSource,
        mode: Mode,
        place: String,
        coordination: Coordination,
        lock_waits: Arc<LockWaitPolicy>,
    ) -> RedbStore {
        let (current, write_queue) = (Mutex::default(), WriteQueue::default());
        RedbStore { current, source, mode, place, coordination, lock_waits, write_queue }
    }

    pub(super) fn with(self, handle: RedbHandle) -> RedbStore {
        *lock(&self.current) = Some(Arc::new(handle));
        self
    }

    /// The handle; it is opened if that is needed, after a wait for the locks of other processes.
    pub(super) fn handle(&self, wait: &mut LockWait<'_>, to_write: bool) -> Result<Arc<RedbHandle>> {
        loop {
            match self.try_handle(to_write) {
                Err(Error::StoreBusy { .. }) => wait.pause()?,
                handle => return handle,
            }
        }
    }

    /// [`StoreBusy`](Error::StoreBusy) at once if another process has a lock that this needs.
    fn try_handle(&self, to_write: bool) -> Result<Arc<RedbHandle>> {
        let mut current = lock(&self.current);
        if let Some(handle) = &*current
            && (handle.writes() || !to_write)
        {
            return Ok(handle.clone());
        }
        let DataSource::Folder(folder) = &self.source else {
            return Err(Error::internal(format!("a handle on {} is opened again", self.place)));
        };
        let handle = Arc::new(open_data(folder, to_write, &self.place, &self.lock_waits)?);
        *current = Some(handle.clone());
        Ok(handle)
    }

    /// Drops a handle: the next transaction opens the file again.
    pub(super) fn forget(&self, handle: &Arc<RedbHandle>) {
        let mut current = lock(&self.current);
        let is_current = current.as_ref().is_some_and(|current| Arc::ptr_eq(current, handle));
        if is_current && matches!(self.source, DataSource::Folder(_)) {
            *current = None;
        }
    }

    /// An error if the store was opened for reading only.
    pub(super) fn check_mode(&self) -> Result<()> {
        match self.mode {
            Mode::ReadFirst | Mode::Write => Ok(()),
            Mode::Read => Err(Error::io(format!("write to {}", self.place), "it was opened for reading only")),
        }
    }

    /// An error if the store was moved or removed since it was opened.
    pub(super) fn check_place(&self) -> Result<()> {
        self.folder().map_or(Ok(()), |folder| folder.check_place())
    }

    /// None for a store in memory, or on a backend.
    pub(super) fn folder(&self) -> Option<&Folder> {
        match &self.source {
            DataSource::Folder(folder) => Some(folder),
            DataSource::Backend => None,
        }
    }

    /// Opens it for writing, unless it is open for that.
    pub(super) fn open_to_write(&self) -> Result<()> {
        self.check_mode()?;
        self.handle(&mut self.lock_waits.start(), true).map(drop)
    }

    /// Whether it is not open for writing.
    pub(super) fn is_reading(&self) -> bool {
        self.mode != Mode::Write && !lock(&self.current).as_ref().is_some_and(|handle| handle.writes())
    }
}

impl std::fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedbStore").field("place", &self.place).finish_non_exhaustive()
    }
}

fn open_data(folder: &Folder, writes: bool, place: &str, lock_waits: &Arc<LockWaitPolicy>) -> Result<RedbHandle> {
    let began = Instant::now();
    let purpose = if writes { Purpose::Writing } else { Purpose::Reading };
    let file = folder.open_file(DATA, purpose)?;
    if writes {
        // no call is accepted if no process can lock its actor
        folder.check(LOCK)?;
    }
    let disk = explained_disk(Disk::new(file), place)?;
    let handle = RedbHandle::open(disk, writes, place, lock_waits)?;
    tracing::debug!(store = place, writes, duration = ?began.elapsed(), "opened the store");
    Ok(handle)
}
