//! redb's handle on a file.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use redb::backends::InMemoryBackend;
use redb::{
    Builder, ConcurrencyMode, Database, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, StorageBackend,
    TransactionError, WriteTransaction,
};

use crate::model::{Error, Result};
use crate::store::lock_wait::LockWaitPolicy;
use crate::store::program_version::FORMAT;
use crate::store::redb::errors::{TxResult, explained, internal};
use crate::store::redb::guard::guard;

use super::pages::Pages;
use super::status::HandleStatus;
use super::sums::FileKind;

/// The size of the cache of pages in memory.
const CACHE: usize = 128 << 20;

/// An open database. Dropping it writes nothing: every commit is in the file already.
pub struct RedbHandle {
    /// None while it is dropped.
    database: Option<OpenDatabase>,
    pub status: Arc<HandleStatus>,
}

enum OpenDatabase {
    Read(ReadOnlyDatabase),
    Write(Database),
}

impl RedbHandle {
    /// An empty database in memory.
    pub fn in_memory(place: &str, lock_waits: &Arc<LockWaitPolicy>) -> Result<RedbHandle> {
        let open = || {
            Ok(OpenDatabase::Write(Builder::new().set_cache_size(CACHE).create_with_backend(InMemoryBackend::new())?))
        };
        let status = Arc::new(HandleStatus::new(lock_waits.clone()));
        let database = explained(guard(open), place, &status)?;
        Ok(RedbHandle { database: Some(database), status })
    }

    /// Opens the database of a backend. [`StoreBusy`](Error::StoreBusy) at once if another process
    /// has a lock that this needs.
    pub fn open(
        backend: impl StorageBackend,
        writes: bool,
        place: &str,
        lock_waits: &Arc<LockWaitPolicy>,
    ) -> Result<RedbHandle> {
        match FileKind::of(&backend).map_err(|error| io_error(place, error))? {
            FileKind::Store { format: FORMAT } => RedbHandle::start(backend, writes, place, lock_waits),
            FileKind::Store { format } if format > FORMAT => {
                Err(Error::NewerFormat { found: format.into(), known: FORMAT.into() })
            }
            FileKind::Store { format } => Err(Error::OlderFormat { found: format.into(), known: FORMAT.into() }),
            FileKind::Other => {
                Err(Error::Damaged { what: format!("{place} is no store of vactor's, or its beginning is gone") })
            }
        }
    }

    /// Makes a database on an empty backend.
    pub fn make(backend: impl StorageBackend, place: &str, lock_waits: &Arc<LockWaitPolicy>) -> Result<RedbHandle> {
        RedbHandle::start(backend, true, place, lock_waits)
    }

    fn start(
        backend: impl StorageBackend,
        writes: bool,
        place: &str,
        lock_waits: &Arc<LockWaitPolicy>,
    ) -> Result<RedbHandle> {
        let (pages, status) = Pages::new(backend, writes, lock_waits.clone());
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE).set_concurrency_mode(ConcurrencyMode::MultiWriter);
        let open = || match writes {
            false => Ok(OpenDatabase::Read(builder.open_read_only_with_backend(pages)?)),
            true => Ok(OpenDatabase::Write(builder.create_with_backend(pages)?)),
        };
        let database = explained(guard(open), place, &status)?;
        Ok(RedbHandle { database: Some(database), status })
    }

    pub fn writes(&self) -> bool {
        matches!(self.database, Some(OpenDatabase::Write(_)))
    }

    /// Fails at once if another process has a lock that this needs.
    pub fn begin_read(&self) -> TxResult<ReadTransaction> {
        match &self.database {
            Some(OpenDatabase::Read(database)) => Ok(database.begin_read()?),
            Some(OpenDatabase::Write(database)) => Ok(database.begin_read()?),
            None => internal("a dropped handle is read"),
        }
    }

    /// Fails at once if another process writes.
    pub fn begin_write(&self) -> TxResult<WriteTransaction> {
        let Some(OpenDatabase::Write(database)) = &self.database else {
            return internal("a handle for reading is written");
        };
        match database.try_begin_write() {
            Err(TransactionError::WouldBlock) => Err(Error::StoreBusy { holder: None }.into()),
            begun => Ok(begun?),
        }
    }
}

impl Drop for RedbHandle {
    /// redb writes and syncs twice when a database closes. The status prevents that: the next
    /// writer continues from the last commit.
    fn drop(&mut self) {
        self.status.leave();
        let database = self.database.take();
        let _ = guard(|| {
            drop(database);
            Ok(())
        });
    }
}

pub fn io_error(place: &str, error: io::Error) -> Error {
    if error.kind() == ErrorKind::InvalidData {
        return Error::Damaged { what: format!("{place}: {error}") };
    }
    Error::io(format!("read {place}"), error)
}
