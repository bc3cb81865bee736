//! Errors within the store, and their translation to errors of the model.

use std::io::{self, ErrorKind};

use crate::model::{Error, Result};

use super::backend::status::HandleStatus;

/// An error within the store: of redb, or in the words of the model.
#[derive(Debug)]
pub enum TxError {
    Redb(redb::Error),
    Store(Error),
}

/// The result of a part of a transaction.
pub type TxResult<T> = std::result::Result<T, TxError>;

impl From<Error> for TxError {
    fn from(error: Error) -> TxError {
        TxError::Store(error)
    }
}

macro_rules! from_redb {
    ($($error:ident)*) => {$(
        impl From<redb::$error> for TxError {
            fn from(error: redb::$error) -> TxError {
                TxError::Redb(error.into())
            }
        }
    )*};
}

from_redb!(StorageError TableError TransactionError CommitError DatabaseError);

/// The store contains data that vactor never writes.
pub fn damaged<T>(what: impl Into<String>) -> TxResult<T> {
    Err(TxError::Store(Error::Damaged { what: what.into() }))
}

/// A state that the code of the store excludes, whatever a file contains.
pub fn internal<T>(what: impl Into<String>) -> TxResult<T> {
    Err(TxError::Store(Error::internal(what)))
}

/// Translates an error of a handle on the file at `place`.
pub fn explained<T>(result: TxResult<T>, place: &str, status: &HandleStatus) -> Result<T> {
    result.map_err(|error| match error {
        TxError::Redb(redb::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => BUSY,
        TxError::Redb(redb::Error::Io(error)) if error.kind() == ErrorKind::Interrupted => Error::Interrupted,
        // another thread of this handle did not get the lock
        TxError::Redb(redb::Error::PreviousIo) if status.is_spoiled() => BUSY,
        error => explain(error, place, status.first_failure()),
    })
}

/// A lock was not available. The end of the wait adds the process that has it.
const BUSY: Error = Error::StoreBusy { holder: None };

/// As [`explained`], for a file without a handle.
pub fn explained_disk<T>(result: std::result::Result<T, redb::DatabaseError>, place: &str) -> Result<T> {
    result.map_err(|error| explain(error.into(), place, None))
}

/// `first` is the first failure of the handle, which redb itself does not repeat.
fn explain(error: TxError, place: &str, first: Option<&(ErrorKind, String)>) -> Error {
    match error {
        TxError::Store(error) => error,
        TxError::Redb(redb::Error::Io(error)) => from_io(place, error.kind(), error),
        TxError::Redb(redb::Error::PreviousIo) => {
            let (kind, reason) = first.cloned().unwrap_or((ErrorKind::Other, "an earlier error".to_owned()));
            from_io(place, kind, io::Error::new(kind, reason))
        }
        TxError::Redb(redb::Error::Corrupted(what)) => Error::Damaged { what: format!("{place}: {what}") },
        TxError::Redb(redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch) => {
            Error::io(format!("open {place}"), "a program that is not vactor, or of another version, has it open")
        }
        TxError::Redb(error) => Error::io(format!("use {place}"), error),
    }
}

fn from_io(place: &str, kind: ErrorKind, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    match kind {
        ErrorKind::InvalidData => Error::Damaged { what: format!("{place}: {}", cause.into()) },
        ErrorKind::UnexpectedEof => Error::Damaged { what: format!("{place} ends too early") },
        _ => Error::io(format!("use {place}"), cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_failure_is_explained_by_the_first() {
        let first = (ErrorKind::StorageFull, "no space".to_owned());
        let error = explain(redb::StorageError::PreviousIo.into(), "a file", Some(&first));
        assert_eq!(error.to_string(), "cannot use a file: no space");
    }
}
