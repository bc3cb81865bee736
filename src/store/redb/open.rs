//! Opening and creating stores.

use std::path::Path;
use std::sync::Arc;

#[cfg(feature = "internals")]
use redb::StorageBackend;

use crate::model::{Error, Result};
use crate::store::coordination::Coordination;
use crate::store::folder::Folder;
use crate::store::folder::file::DATA;
use crate::store::lock_wait::{LockWaitOptions, LockWaitPolicy};

use super::backend::disk::Disk;
use super::backend::handle::RedbHandle;
#[cfg(feature = "internals")]
use super::backend::handle::io_error;
use super::errors::explained_disk;
use super::redb_internals::WRITER_BYTE;
use super::redb_store::{DataSource, Mode, RedbStore};

impl RedbStore {
    /// Opens the store in a folder. [`NoStore`](Error::NoStore) if there is none.
    pub fn open(folder: &Path, mode: Mode) -> Result<RedbStore> {
        RedbStore::open_in(Folder::open(folder)?, mode, LockWaitOptions::default())
    }

    /// Opens the store in a folder for writing, or creates both. The result says whether the store
    /// was created.
    pub fn create(folder: &Path) -> Result<(RedbStore, bool)> {
        RedbStore::create_in(Folder::create(folder)?, LockWaitOptions::default())
    }

    /// As [`open`](RedbStore::open), in an open folder.
    pub fn open_in(folder: Folder, mode: Mode, lock_waits: LockWaitOptions) -> Result<RedbStore> {
        RedbStore::open_shared(&Arc::new(folder), mode, lock_waits)
    }

    /// As [`create`](RedbStore::create), in an open folder.
    pub fn create_in(folder: Folder, lock_waits: LockWaitOptions) -> Result<(RedbStore, bool)> {
        let folder = Arc::new(folder);
        match RedbStore::open_shared(&folder, Mode::Write, lock_waits.clone()) {
            Err(Error::NoStore { .. }) => {}
            opened => return opened.map(|store| (store, false)),
        }
        let policy = LockWaitPolicy::new(lock_waits.clone(), Coordination::memory());
        let mut wait = policy.start();
        let coordination = Coordination::files(folder.clone(), WRITER_BYTE);
        let _creation = loop {
            match coordination.try_lock_creation()? {
                Some(lock) => break lock,
                None => wait.pause()?,
            }
        };
        match RedbStore::open_shared(&folder, Mode::Write, lock_waits.clone()) {
            // another process created it in the meantime
            Ok(store) => return Ok((store, false)),
            Err(Error::NoStore { .. }) => {}
            Err(error) => return Err(error),
        }
        create_data(&folder)?;
        RedbStore::open_shared(&folder, Mode::Write, lock_waits).map(|store| (store, true))
    }

    fn open_shared(folder: &Arc<Folder>, mode: Mode, lock_waits: LockWaitOptions) -> Result<RedbStore> {
        let place = folder.path_of(DATA).display().to_string();
        let coordination = Coordination::files(folder.clone(), WRITER_BYTE);
        let lock_waits = Arc::new(LockWaitPolicy::new(lock_waits, coordination.clone()));
        let store = RedbStore::new(DataSource::Folder(folder.clone()), mode, place, coordination, lock_waits);
        store.handle(&mut store.lock_waits.start(), mode == Mode::Write)?;
        Ok(store)
    }

    /// A store in memory, until this is dropped.
    pub fn in_memory() -> Result<RedbStore> {
        let store = RedbStore::of_backend("memory", Mode::Write);
        let handle = RedbHandle::in_memory(&store.place, &store.lock_waits)?;
        store.with(handle).with_tables()
    }

    /// Opens a store on a backend, or creates it if the backend is empty, for tests with a disk of
    /// their own. Locks and watches are those of this process.
    ///
    /// The backend must write the first 338 bytes as one, as a disk does within one sector.
    #[doc(hidden)]
    #[cfg(feature = "internals")]
    #[doc(hidden)]
    pub fn open_on(backend: impl StorageBackend, mode: Mode) -> Result<RedbStore> {
        let store = RedbStore::of_backend("the store", mode);
        let is_empty = backend.len().map_err(|error| io_error(&store.place, error))? == 0;
        if !is_empty || mode == Mode::Read {
            let handle = RedbHandle::open(backend, mode == Mode::Write, &store.place, &store.lock_waits)?;
            return Ok(store.with(handle));
        }
        let handle = RedbHandle::make(backend, &store.place, &store.lock_waits)?;
        store.with(handle).with_tables()
    }

    pub(super) fn of_backend(place: &str, mode: Mode) -> RedbStore {
        let coordination = Coordination::memory();
        let lock_waits = Arc::new(LockWaitPolicy::new(LockWaitOptions::default(), coordination.clone()));
        RedbStore::new(DataSource::Backend, mode, place.to_owned(), coordination, lock_waits)
    }

    /// Makes the first commit, with empty tables.
    fn with_tables(self) -> Result<RedbStore> {
        self.write(|writer| {
            writer.changed();
            Ok(())
        })?;
        Ok(self)
    }
}

/// Makes the data of a new store under another name, and renames it when it is complete and
/// durable.
fn create_data(folder: &Folder) -> Result<()> {
    let file = folder.new_data()?;
    let store = RedbStore::of_backend(&folder.path_of(DATA).display().to_string(), Mode::Write);
    let made = explained_disk(Disk::new(file), &store.place).and_then(|disk| {
        let handle = RedbHandle::make(disk, &store.place, &store.lock_waits)?;
        store.with(handle).with_tables()
    });
    if let Err(error) = made {
        // if this fails, the next process that creates the store removes it
        let _ = folder.discard_data();
        return Err(error);
    }
    folder.keep_data()
}
