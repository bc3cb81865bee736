//! redb's handle on a file, and how it is opened.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use redb::backends::InMemoryBackend;
use redb::{
    Builder, ConcurrencyMode, Database, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, StorageBackend,
    TransactionError, WriteTransaction,
};

use crate::model::{Error, Result};
use crate::store::lock_wait::LockWaitPolicy;

use super::super::open::Mode;
use super::pages::{self, Access, FORMAT, FileKind, HandleStatus, Pages};
use crate::store::redb::errors::{TxResult, guard, speak};

/// Bytes of pages that are kept in memory, at most.
const CACHE: usize = 128 << 20;

/// A handle of redb's. Dropping it costs nothing: what was committed is in the file already.
pub struct RedbHandle {
    /// None once it is dropped.
    handle: Option<OpenDatabase>,
    pub shared: Arc<HandleStatus>,
}

enum OpenDatabase {
    Read(ReadOnlyDatabase),
    Write(Database),
}

impl RedbHandle {
    /// In memory; nothing is in it.
    pub fn in_memory(place: &str, waits: &Arc<LockWaitPolicy>) -> Result<RedbHandle> {
        let open = || {
            Ok(OpenDatabase::Write(Builder::new().set_cache_size(CACHE).create_with_backend(InMemoryBackend::new())?))
        };
        let shared = Arc::new(HandleStatus::new(waits.clone()));
        let handle = speak(guard(open), place, &shared)?;
        Ok(RedbHandle { handle: Some(handle), shared })
    }

    /// Opens what a backend holds. [`StoreBusy`](Error::StoreBusy) at once where another process has a lock that this needs.
    pub fn open(
        backend: impl StorageBackend,
        mode: Mode,
        place: &str,
        waits: &Arc<LockWaitPolicy>,
    ) -> Result<RedbHandle> {
        let kind = pages::kind_of(&backend).map_err(|error| io_error(place, error))?;
        match kind {
            FileKind::Store { format: FORMAT } => {}
            FileKind::Store { format } if format > FORMAT => {
                return Err(Error::NewerFormat { found: format.into(), known: FORMAT.into() });
            }
            FileKind::Store { format } => {
                return Err(Error::OlderFormat { found: format.into(), known: FORMAT.into() });
            }
            FileKind::Other => {
                return Err(Error::Damaged {
                    what: format!("{place} is no store of vactor's, or its beginning is gone"),
                });
            }
        }
        RedbHandle::start(backend, mode, place, waits)
    }

    /// Makes a new store on an empty backend.
    pub fn make(backend: impl StorageBackend, place: &str, waits: &Arc<LockWaitPolicy>) -> Result<RedbHandle> {
        RedbHandle::start(backend, Mode::Write, place, waits)
    }

    fn start(backend: impl StorageBackend, mode: Mode, place: &str, waits: &Arc<LockWaitPolicy>) -> Result<RedbHandle> {
        let access = if mode == Mode::Write { Access::Write } else { Access::Read };
        let (pages, shared) = Pages::new(backend, access, waits.clone());
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE).set_concurrency_mode(ConcurrencyMode::MultiWriter);
        let open = || match access {
            Access::Read => Ok(OpenDatabase::Read(builder.open_read_only_with_backend(pages)?)),
            Access::Write => Ok(OpenDatabase::Write(builder.create_with_backend(pages)?)),
        };
        let handle = speak(guard(open), place, &shared)?;
        Ok(RedbHandle { handle: Some(handle), shared })
    }

    pub fn writes(&self) -> bool {
        matches!(self.handle(), OpenDatabase::Write(_))
    }

    /// Fails at once where another process has a lock that this needs.
    pub fn begin_read(&self) -> TxResult<ReadTransaction> {
        Ok(match self.handle() {
            OpenDatabase::Read(database) => database.begin_read()?,
            OpenDatabase::Write(database) => database.begin_read()?,
        })
    }

    /// Fails at once where another process writes.
    pub fn begin_write(&self) -> TxResult<WriteTransaction> {
        let OpenDatabase::Write(database) = self.handle() else { return Err(reading_alone().into()) };
        match database.try_begin_write() {
            Err(TransactionError::WouldBlock) => Err(Error::StoreBusy { holder: None }.into()),
            begun => Ok(begun?),
        }
    }

    fn handle(&self) -> &OpenDatabase {
        self.handle.as_ref().expect("there until it is dropped")
    }
}

impl Drop for RedbHandle {
    /// Closing redb's way would write and sync twice. Nothing needs that: the next writer goes on from the last commit.
    fn drop(&mut self) {
        self.shared.leave();
        let handle = self.handle.take();
        let _ = guard(|| {
            drop(handle);
            Ok(())
        });
    }
}

fn reading_alone() -> Error {
    Error::io("write to the store", "it was opened for reading alone")
}

pub fn io_error(place: &str, error: io::Error) -> Error {
    if error.kind() == ErrorKind::InvalidData {
        return Error::Damaged { what: format!("{place}: {error}") };
    }
    Error::io(format!("read {place}"), error)
}
