//! Opening a store.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

use crate::model::{Error, Result};
use crate::store::coordination::Coordination;
use crate::store::folder::{DATA, Folder, LOCK, Purpose};
use crate::store::lock_wait::{LockWaitOptions, LockWaitPolicy};

use super::backend::disk::Disk;
use super::backend::handle::{RedbHandle, io_error};
use super::errors::speak_of_disk;
use super::transact::WriteQueue;

/// A store in one file, or in memory.
///
/// Any number of processes and threads may have one store open. Dropping it costs nothing: what was committed is
/// in the file already.
pub struct RedbStore {
    /// None until it is opened (again).
    current: Mutex<Option<Arc<RedbHandle>>>,
    source: DataSource,
    mode: Mode,
    /// Its file, for messages.
    pub(super) place: String,
    pub(super) coordination: Coordination,
    pub(super) waits: Arc<LockWaitPolicy>,
    pub(super) writers: WriteQueue,
}

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Reading alone: nothing is written, nor any trace left, and the file may be one that one may not write.
    Read,
    /// Reading, until something is written or locked: only then it is opened for writing.
    ReadFirst,
    Write,
}

/// What a handle is opened on.
enum DataSource {
    Folder(Arc<Folder>),
    /// A backend that was opened once.
    Backend,
}

impl RedbStore {
    /// Opens the store in a folder. [`NoStore`](Error::NoStore) where there is none.
    pub fn open(folder: &Path, mode: Mode) -> Result<RedbStore> {
        RedbStore::open_in(Folder::open(folder)?, mode, LockWaitOptions::default())
    }

    /// Opens the store in a folder for writing, and makes both where there are none. The answer says whether it was
    /// made.
    pub fn create(folder: &Path) -> Result<(RedbStore, bool)> {
        RedbStore::create_in(Folder::create(folder)?, LockWaitOptions::default())
    }

    /// As [`open`](RedbStore::open), in a folder that is open.
    pub fn open_in(folder: Folder, mode: Mode, waits: LockWaitOptions) -> Result<RedbStore> {
        RedbStore::open_shared(&Arc::new(folder), mode, waits)
    }

    /// As [`create`](RedbStore::create), in a folder that is open.
    pub fn create_in(folder: Folder, waits: LockWaitOptions) -> Result<(RedbStore, bool)> {
        let folder = Arc::new(folder);
        match RedbStore::open_shared(&folder, Mode::Write, waits.clone()) {
            Err(Error::NoStore { .. }) => {}
            opened => return opened.map(|store| (store, false)),
        }
        let of_making = LockWaitPolicy::new(waits.clone(), Coordination::memory());
        let _alone = Coordination::files(folder.clone()).hold_making(&of_making)?;
        match RedbStore::open_shared(&folder, Mode::Write, waits.clone()) {
            // another process made it in the meantime
            Ok(store) => return Ok((store, false)),
            Err(Error::NoStore { .. }) => {}
            Err(error) => return Err(error),
        }
        make_data(&folder)?;
        RedbStore::open_shared(&folder, Mode::Write, waits).map(|store| (store, true))
    }

    fn open_shared(folder: &Arc<Folder>, mode: Mode, waits: LockWaitOptions) -> Result<RedbStore> {
        let place = folder.path_of(DATA).display().to_string();
        let coordination = Coordination::files(folder.clone());
        let waits = Arc::new(LockWaitPolicy::new(waits, coordination.clone()));
        let store = RedbStore::new(DataSource::Folder(folder.clone()), mode, place, coordination, waits);
        store.opened(&mut store.waits.start(), mode == Mode::Write)?;
        Ok(store)
    }

    fn new(
        source: DataSource,
        mode: Mode,
        place: String,
        coordination: Coordination,
        waits: Arc<LockWaitPolicy>,
    ) -> RedbStore {
        RedbStore {
            current: Mutex::default(),
            source,
            mode,
            place,
            coordination,
            waits,
            writers: WriteQueue::default(),
        }
    }

    /// A store that lives as long as this does.
    pub fn in_memory() -> Result<RedbStore> {
        let store = RedbStore::of_backend("memory", Mode::Write);
        let opened = RedbHandle::in_memory(&store.place, &store.waits)?;
        store.with(opened).with_tables()
    }

    /// Opens a store on any backend: what a file holds, or nothing, which makes a new store. For tests that need a
    /// disk of their own making. Holds and watches are of this process.
    ///
    /// The first 338 bytes must be written as one, as a disk does within one sector.
    pub fn open_on(backend: impl StorageBackend, mode: Mode) -> Result<RedbStore> {
        let store = RedbStore::of_backend("the store", mode);
        let new = backend.len().map_err(|error| io_error(&store.place, error))? == 0;
        if !new || mode == Mode::Read {
            let opened = RedbHandle::open(backend, mode, &store.place, &store.waits)?;
            return Ok(store.with(opened));
        }
        let opened = RedbHandle::make(backend, &store.place, &store.waits)?;
        store.with(opened).with_tables()
    }

    pub(super) fn of_backend(place: &str, mode: Mode) -> RedbStore {
        let coordination = Coordination::memory();
        let waits = Arc::new(LockWaitPolicy::new(LockWaitOptions::default(), coordination.clone()));
        RedbStore::new(DataSource::Backend, mode, place.to_owned(), coordination, waits)
    }

    pub(super) fn with(self, opened: RedbHandle) -> RedbStore {
        *self.current() = Some(Arc::new(opened));
        self
    }

    /// The first commit, which makes the tables.
    fn with_tables(self) -> Result<RedbStore> {
        self.write(|writer| {
            writer.changed();
            Ok(())
        })?;
        Ok(self)
    }

    /// The handle. It is opened if there is none, or none that writes where one is needed; [`StoreBusy`](Error::StoreBusy)
    /// at once where another process has a lock that this needs.
    pub(super) fn open_once(&self, to_write: bool) -> Result<Arc<RedbHandle>> {
        let mut current = self.current();
        if let Some(opened) = &*current
            && (opened.writes() || !to_write)
        {
            return Ok(opened.clone());
        }
        let DataSource::Folder(folder) = &self.source else {
            return Err(Error::io(format!("use {}", self.place), "it was closed"));
        };
        let mode = if to_write { Mode::Write } else { Mode::Read };
        let opened = Arc::new(open_data(folder, mode, &self.place, &self.waits)?);
        *current = Some(opened.clone());
        Ok(opened)
    }

    /// Has the next transaction open the file again.
    pub(super) fn forget(&self, opened: &Arc<RedbHandle>) {
        let mut current = self.current();
        let is_current = current.as_ref().is_some_and(|current| Arc::ptr_eq(current, opened));
        if is_current && matches!(self.source, DataSource::Folder(_)) {
            *current = None;
        }
    }

    /// Refuses where the store was opened for reading alone.
    pub(super) fn must_write(&self) -> Result<()> {
        match self.mode {
            Mode::ReadFirst | Mode::Write => Ok(()),
            Mode::Read => Err(Error::io(format!("write to {}", self.place), "it was opened for reading alone")),
        }
    }

    /// Refuses a store that is no longer where it was opened.
    pub(super) fn check_place(&self) -> Result<()> {
        self.folder().map_or(Ok(()), |folder| folder.check_place())
    }

    /// None in memory, and on the backends of tests.
    pub(super) fn folder(&self) -> Option<&Folder> {
        match &self.source {
            DataSource::Folder(folder) => Some(folder),
            DataSource::Backend => None,
        }
    }

    /// Opens it for writing, unless it is open for that.
    pub(super) fn start_to_write(&self) -> Result<()> {
        self.must_write()?;
        self.opened(&mut self.waits.start(), true).map(drop)
    }

    /// Whether it has only been read so far.
    pub(super) fn is_reading(&self) -> bool {
        self.mode != Mode::Write && !self.current().as_ref().is_some_and(|opened| opened.writes())
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<RedbHandle>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedbStore").field("place", &self.place).finish_non_exhaustive()
    }
}

fn open_data(folder: &Folder, mode: Mode, place: &str, waits: &Arc<LockWaitPolicy>) -> Result<RedbHandle> {
    let purpose = if mode == Mode::Write { Purpose::Writing } else { Purpose::Reading };
    let file = folder.open_file(DATA, purpose)?;
    if mode == Mode::Write {
        // before anything is accepted that could not be run
        folder.check(LOCK)?;
    }
    let disk = speak_of_disk(Disk::new(file), place)?;
    RedbHandle::open(disk, mode, place, waits)
}

/// Makes the data of a new store under another name, and gives it its own when it is whole and on the disk.
fn make_data(folder: &Folder) -> Result<()> {
    let file = folder.new_data()?;
    let place = folder.path_of(DATA).display().to_string();
    let waits = Arc::new(LockWaitPolicy::new(LockWaitOptions::default(), Coordination::memory()));
    let made = speak_of_disk(Disk::new(file), &place).and_then(|disk| {
        let opened = RedbHandle::make(disk, &place, &waits)?;
        RedbStore::new(DataSource::Backend, Mode::Write, place, Coordination::memory(), waits)
            .with(opened)
            .with_tables()
    });
    if let Err(error) = made {
        // the next one to make the store removes it if this cannot
        let _ = folder.discard_data();
        return Err(error);
    }
    folder.keep_data()
}
