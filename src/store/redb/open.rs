//! Opening a store, and its transactions.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use redb::backends::InMemoryBackend;
use redb::{Builder, ConcurrencyMode, Database, ReadOnlyDatabase, ReadableDatabase, StorageBackend};

use crate::model::{Error, Result};
use crate::store::between::Between;
use crate::store::folder::{DATA, Folder, For, LOCK};

use super::boundary::{Try, guard, speak};
use super::disk::Disk;
use super::pages::{self, Access, FORMAT, Kind, Pages, Shared};
use super::tables::{Reading, Writing};
use super::write::Writer;

/// Bytes of pages that are kept in memory, at most.
const CACHE: usize = 128 << 20;

/// A store in one file, or in memory.
///
/// Any number of processes and threads may have one store open. Dropping it costs nothing: what was committed is
/// in the file already.
pub struct RedbStore {
    /// None once it is dropped.
    database: Option<Handle>,
    shared: Arc<Shared>,
    /// Its file, for messages.
    place: String,
    /// None in memory, and on the backends of tests.
    pub(super) folder: Option<Arc<Folder>>,
    pub(super) between: Between,
}

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Reading alone: nothing is written, nor any trace left, and the file may be one that one may not write.
    Read,
    Write,
}

enum Handle {
    Read(ReadOnlyDatabase),
    Write(Database),
}

impl RedbStore {
    /// Opens the store in a folder. [`NoStore`](Error::NoStore) where there is none.
    pub fn open(folder: &Path, mode: Mode) -> Result<RedbStore> {
        RedbStore::open_in(Folder::open(folder)?, mode)
    }

    /// Opens the store in a folder for writing, and makes both where there are none. The answer says whether it was
    /// made.
    pub fn create(folder: &Path) -> Result<(RedbStore, bool)> {
        RedbStore::create_in(Folder::create(folder)?)
    }

    /// As [`open`](RedbStore::open), in a folder that is open.
    pub fn open_in(folder: Folder, mode: Mode) -> Result<RedbStore> {
        RedbStore::open_shared(&Arc::new(folder), mode)
    }

    /// As [`create`](RedbStore::create), in a folder that is open.
    pub fn create_in(folder: Folder) -> Result<(RedbStore, bool)> {
        let folder = Arc::new(folder);
        match RedbStore::open_shared(&folder, Mode::Write) {
            Err(Error::NoStore { .. }) => {}
            opened => return opened.map(|store| (store, false)),
        }
        let _alone = Between::files(folder.clone()).hold_making()?;
        match RedbStore::open_shared(&folder, Mode::Write) {
            // another process made it in the meantime
            Ok(store) => return Ok((store, false)),
            Err(Error::NoStore { .. }) => {}
            Err(error) => return Err(error),
        }
        make_data(&folder)?;
        RedbStore::open_shared(&folder, Mode::Write).map(|store| (store, true))
    }

    fn open_shared(folder: &Arc<Folder>, mode: Mode) -> Result<RedbStore> {
        let purpose = if mode == Mode::Read { For::Reading } else { For::Writing };
        let file = folder.open_file(DATA, purpose)?;
        if mode == Mode::Write {
            // before anything is accepted that could not be run
            folder.check(LOCK)?;
        }
        let place = folder.path_of(DATA).display().to_string();
        let disk = speak(Disk::new(file).map_err(Into::into), &place, None)?;
        let mut store = RedbStore::start(disk, mode, place, Between::files(folder.clone()))?;
        store.folder = Some(folder.clone());
        Ok(store)
    }

    /// A store that lives as long as this does.
    pub fn in_memory() -> Result<RedbStore> {
        let place = "memory".to_owned();
        let open =
            || Ok(Handle::Write(Builder::new().set_cache_size(CACHE).create_with_backend(InMemoryBackend::new())?));
        let database = speak(guard(open), &place, None)?;
        let between = Between::memory();
        RedbStore { database: Some(database), shared: Arc::default(), place, folder: None, between }.with_tables()
    }

    /// Opens a store on any backend: what a file holds, or nothing, which makes a new store. For tests that need a
    /// disk of their own making. Holds and watches are of this process.
    ///
    /// The first 338 bytes must be written as one, as a disk does within one sector.
    pub fn open_on(backend: impl StorageBackend, mode: Mode) -> Result<RedbStore> {
        let place = "the store".to_owned();
        let new = backend.len().map_err(|error| io_error(&place, &error))? == 0;
        if !new || mode == Mode::Read {
            return RedbStore::start(backend, mode, place, Between::memory());
        }
        RedbStore::fresh(backend, place, Between::memory())
    }

    fn start(backend: impl StorageBackend, mode: Mode, place: String, between: Between) -> Result<RedbStore> {
        let kind = pages::kind_of(&backend).map_err(|error| io_error(&place, &error))?;
        match kind {
            Kind::Store { format: FORMAT } => {}
            Kind::Store { format } if format > FORMAT => {
                return Err(Error::NewerFormat { found: format.into(), known: FORMAT.into() });
            }
            Kind::Store { format } => {
                return Err(Error::OlderFormat { found: format.into(), known: FORMAT.into() });
            }
            Kind::Other => {
                return Err(Error::Damaged {
                    what: format!("{place} is no store of vactor's, or its beginning is gone"),
                });
            }
        }
        let access = if mode == Mode::Read { Access::Read } else { Access::Write };
        let (pages, shared) = Pages::new(backend, access);
        let database = speak(guard(|| open_database(pages, mode)), &place, shared.first_failure())?;
        Ok(RedbStore { database: Some(database), shared, place, folder: None, between })
    }

    fn fresh(backend: impl StorageBackend, place: String, between: Between) -> Result<RedbStore> {
        let (pages, shared) = Pages::new(backend, Access::Write);
        let database = speak(guard(|| open_database(pages, Mode::Write)), &place, shared.first_failure())?;
        RedbStore { database: Some(database), shared, place, folder: None, between }.with_tables()
    }

    /// The first commit, which makes the tables.
    fn with_tables(self) -> Result<RedbStore> {
        self.write(|writer| {
            writer.changed();
            Ok(())
        })?;
        Ok(self)
    }

    /// Runs a read transaction.
    pub(super) fn read<T>(&self, run: impl FnOnce(&Reading) -> Try<T>) -> Result<T> {
        self.check_place()?;
        let tried = guard(|| {
            let transaction = match self.handle() {
                Handle::Read(database) => database.begin_read()?,
                Handle::Write(database) => database.begin_read()?,
            };
            run(&Reading::open(&transaction)?)
        });
        speak(tried, &self.place, self.shared.first_failure())
    }

    /// Runs a write transaction; commits it if something was written, and wakes who waits for that.
    pub(super) fn write<T>(&self, run: impl FnOnce(&mut Writer) -> Try<T>) -> Result<T> {
        let database = self.must_write()?;
        self.check_place()?;
        let tried = guard(|| {
            let transaction = database.begin_write()?;
            let mut writer = Writer::new(Writing::open(&transaction)?);
            let result = run(&mut writer)?;
            let changed = writer.finish()?;
            drop(writer);
            if changed {
                transaction.commit()?;
                self.between.signal();
            } else {
                transaction.abort()?;
            }
            Ok(result)
        });
        speak(tried, &self.place, self.shared.first_failure())
    }

    /// Refuses a store that is no longer where it was opened.
    fn check_place(&self) -> Result<()> {
        self.folder.as_ref().map_or(Ok(()), |folder| folder.check_place())
    }

    /// The database, where it was opened for writing.
    pub(super) fn must_write(&self) -> Result<&Database> {
        match self.handle() {
            Handle::Write(database) => Ok(database),
            Handle::Read(_) => {
                let reason = "it was opened for reading alone".to_owned();
                Err(Error::Io { action: format!("write to {}", self.place), reason })
            }
        }
    }

    pub(super) fn is_reading(&self) -> bool {
        matches!(self.handle(), Handle::Read(_))
    }

    fn handle(&self) -> &Handle {
        self.database.as_ref().expect("there until it is dropped")
    }
}

impl Drop for RedbStore {
    /// Closing redb's way would write and sync twice. Nothing needs that: the next writer goes on from the last commit.
    fn drop(&mut self) {
        self.shared.leave();
        let database = self.database.take();
        let _ = guard(|| {
            drop(database);
            Ok(())
        });
    }
}

impl std::fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedbStore").field("place", &self.place).finish_non_exhaustive()
    }
}

fn open_database(pages: Pages, mode: Mode) -> Try<Handle> {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE).set_concurrency_mode(ConcurrencyMode::MultiWriter);
    Ok(match mode {
        Mode::Read => Handle::Read(builder.open_read_only_with_backend(pages)?),
        Mode::Write => Handle::Write(builder.create_with_backend(pages)?),
    })
}

/// Makes the data of a new store under another name, and gives it its own when it is whole and on the disk.
fn make_data(folder: &Folder) -> Result<()> {
    let file = folder.new_data()?;
    let place = folder.path_of(DATA).display().to_string();
    let made = speak(Disk::new(file).map_err(Into::into), &place, None)
        .and_then(|disk| RedbStore::fresh(disk, place, Between::memory()));
    if let Err(error) = made {
        // the next one to make the store removes it if this cannot
        let _ = folder.discard_data();
        return Err(error);
    }
    folder.keep_data()
}

fn io_error(place: &str, error: &io::Error) -> Error {
    if error.kind() == ErrorKind::InvalidData {
        return Error::Damaged { what: format!("{place}: {error}") };
    }
    Error::Io { action: format!("read {place}"), reason: error.to_string() }
}
