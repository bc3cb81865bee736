//! redb's handle on a file, and how it is opened.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use redb::backends::InMemoryBackend;
use redb::{
    Builder, ConcurrencyMode, Database, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, StorageBackend,
    TransactionError, WriteTransaction,
};

use crate::model::{Error, Result};
use crate::store::waiting::Waits;

use super::Mode;
use super::boundary::{Try, guard, speak};
use super::pages::{self, Access, FORMAT, Kind, Pages, Shared};

/// Bytes of pages that are kept in memory, at most.
const CACHE: usize = 128 << 20;

/// A handle of redb's. Dropping it costs nothing: what was committed is in the file already.
pub(super) struct Opened {
    /// None once it is dropped.
    handle: Option<Handle>,
    pub shared: Arc<Shared>,
}

enum Handle {
    Read(ReadOnlyDatabase),
    Write(Database),
}

impl Opened {
    /// In memory; nothing is in it.
    pub fn in_memory(place: &str, waits: &Arc<Waits>) -> Result<Opened> {
        let open =
            || Ok(Handle::Write(Builder::new().set_cache_size(CACHE).create_with_backend(InMemoryBackend::new())?));
        let shared = Arc::new(Shared::new(waits.clone()));
        let handle = speak(guard(open), place, &shared)?;
        Ok(Opened { handle: Some(handle), shared })
    }

    /// Opens what a backend holds. [`StoreBusy`](Error::StoreBusy) at once where another process has a lock that this needs.
    pub fn open(backend: impl StorageBackend, mode: Mode, place: &str, waits: &Arc<Waits>) -> Result<Opened> {
        let kind = pages::kind_of(&backend).map_err(|error| io_error(place, error))?;
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
        Opened::start(backend, mode, place, waits)
    }

    /// Makes a new store on an empty backend.
    pub fn make(backend: impl StorageBackend, place: &str, waits: &Arc<Waits>) -> Result<Opened> {
        Opened::start(backend, Mode::Write, place, waits)
    }

    fn start(backend: impl StorageBackend, mode: Mode, place: &str, waits: &Arc<Waits>) -> Result<Opened> {
        let access = if mode == Mode::Write { Access::Write } else { Access::Read };
        let (pages, shared) = Pages::new(backend, access, waits.clone());
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE).set_concurrency_mode(ConcurrencyMode::MultiWriter);
        let open = || match access {
            Access::Read => Ok(Handle::Read(builder.open_read_only_with_backend(pages)?)),
            Access::Write => Ok(Handle::Write(builder.create_with_backend(pages)?)),
        };
        let handle = speak(guard(open), place, &shared)?;
        Ok(Opened { handle: Some(handle), shared })
    }

    pub fn writes(&self) -> bool {
        matches!(self.handle(), Handle::Write(_))
    }

    /// Fails at once where another process has a lock that this needs.
    pub fn begin_read(&self) -> Try<ReadTransaction> {
        Ok(match self.handle() {
            Handle::Read(database) => database.begin_read()?,
            Handle::Write(database) => database.begin_read()?,
        })
    }

    /// Fails at once where another process writes.
    pub fn begin_write(&self) -> Try<WriteTransaction> {
        let Handle::Write(database) = self.handle() else { return Err(reading_alone().into()) };
        match database.try_begin_write() {
            Err(TransactionError::WouldBlock) => Err(Error::StoreBusy { holder: None }.into()),
            begun => Ok(begun?),
        }
    }

    fn handle(&self) -> &Handle {
        self.handle.as_ref().expect("there until it is dropped")
    }
}

impl Drop for Opened {
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

pub(super) fn io_error(place: &str, error: io::Error) -> Error {
    if error.kind() == ErrorKind::InvalidData {
        return Error::Damaged { what: format!("{place}: {error}") };
    }
    Error::io(format!("read {place}"), error)
}
