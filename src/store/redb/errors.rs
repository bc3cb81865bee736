//! What leaves redb: errors in the store's words, and never a panic of redb's.

use std::cell::Cell;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::Once;

use crate::model::{Error, Result};

use super::backend::pages::HandleStatus;

/// What goes wrong in here: something of redb's, or what the store itself has to say.
#[derive(Debug)]
pub(super) enum TxError {
    Redb(redb::Error),
    Store(Error),
}

/// What a fallible part of the store gives.
pub(super) type TxResult<T> = std::result::Result<T, TxError>;

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

pub(super) fn damaged<T>(what: impl Into<String>) -> TxResult<T> {
    Err(TxError::Store(Error::Damaged { what: what.into() }))
}

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// Whether the thread is in a call of redb.
    static IN_REDB: Cell<bool> = const { Cell::new(false) };
    /// Whether the last panic of the thread was of redb.
    static OF_REDB: Cell<bool> = const { Cell::new(false) };
}

/// A call of redb. A panic of the standard library in it is redb's.
pub(super) fn redb<T>(call: impl FnOnce() -> T) -> T {
    let outer = IN_REDB.replace(true);
    let result = call();
    IN_REDB.set(outer);
    result
}

/// Runs what may meet a damaged file. redb answers some damage with a panic; here it becomes an error. Any other panic is a
/// defect, whatever the file holds, and stays a panic.
pub(super) fn guard<T>(run: impl FnOnce() -> TxResult<T>) -> TxResult<T> {
    quiet_panics();
    let (outer, outer_redb) = (INSIDE.replace(true), IN_REDB.get());
    let result = catch_unwind(AssertUnwindSafe(run));
    INSIDE.set(outer);
    IN_REDB.set(outer_redb);
    result.unwrap_or_else(|panic| {
        if !OF_REDB.take() {
            resume_unwind(panic);
        }
        let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        damaged(format!("its file makes no sense ({})", said.unwrap_or("no reason known")))
    })
}

/// Keeps the message of a panic that `guard` turns into an error off stderr; every other panic speaks as before.
fn quiet_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let of_redb = panic.location().is_some_and(is_of_redb);
            OF_REDB.set(of_redb);
            if !of_redb || !INSIDE.get() {
                before(panic);
            }
        }));
    });
}

/// Whether a place is in redb's source, or in that of the standard library while redb runs.
fn is_of_redb(place: &Location<'_>) -> bool {
    let file = place.file();
    let is_own = file!().strip_suffix("store/redb/errors.rs").is_some_and(|own| file.starts_with(own));
    let mut folders = file.split(['/', '\\']);
    let is_std = || ["/library/core/", "/library/alloc/", "/library/std/"].iter().any(|part| file.contains(part));
    !is_own && (folders.any(|folder| folder == "redb" || folder.starts_with("redb-")) || IN_REDB.get() && is_std())
}

/// The error that a person sees.
pub(super) fn speak<T>(tried: TxResult<T>, place: &str, shared: &HandleStatus) -> Result<T> {
    tried.map_err(|trouble| match trouble {
        TxError::Redb(redb::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => BUSY,
        TxError::Redb(redb::Error::Io(error)) if error.kind() == ErrorKind::Interrupted => Error::Interrupted,
        // a thread met what another one was refused
        TxError::Redb(redb::Error::PreviousIo) if shared.is_spoiled() => BUSY,
        trouble => explain(trouble, place, shared.first_failure()),
    })
}

/// A lock was refused; which process has it is looked up where the wait ends.
const BUSY: Error = Error::StoreBusy { holder: None };

/// As [`speak`], of a file that is not opened yet.
pub(super) fn speak_of_disk<T>(tried: std::result::Result<T, redb::DatabaseError>, place: &str) -> Result<T> {
    tried.map_err(|error| explain(error.into(), place, None))
}

/// `first` is the first failure of the file, which redb itself forgets.
fn explain(trouble: TxError, place: &str, first: Option<&(ErrorKind, String)>) -> Error {
    match trouble {
        TxError::Store(error) => error,
        TxError::Redb(redb::Error::Io(error)) => from_io(place, error.kind(), error),
        TxError::Redb(redb::Error::PreviousIo) => {
            let (kind, reason) = first.cloned().unwrap_or((ErrorKind::Other, "an earlier error".to_owned()));
            from_io(place, kind, reason)
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

    #[track_caller]
    fn is_damage(run: impl FnOnce() -> TxResult<()>) {
        let tried = guard(run);
        let Err(TxError::Store(Error::Damaged { what })) = tried else { panic!("it is no damage") };
        assert!(what.starts_with("its file makes no sense ("), "{what}");
    }

    #[test]
    fn panic_of_redb_is_damage() {
        is_damage(|| {
            redb::TableDefinition::<u8, u8>::new("");
            Ok(())
        });
    }

    #[test]
    fn panic_of_the_standard_library_is_damage_in_a_call_of_redb_alone() {
        // the library does not say who asked for that much
        let too_much = || drop(Vec::<u64>::with_capacity(std::hint::black_box(usize::MAX)));
        is_damage(|| {
            redb(too_much);
            Ok(())
        });
        let panicked = catch_unwind(|| {
            guard(|| {
                too_much();
                Ok(())
            })
        });
        assert!(panicked.is_err());
    }

    #[test]
    fn panic_of_another_crate_stays_a_panic() {
        let panicked = catch_unwind(|| {
            guard(|| {
                let mut number = serde_json::Value::from(7);
                number["page"] = serde_json::Value::Null;
                Ok(())
            })
        });
        assert!(panicked.is_err());
    }

    #[test]
    fn panic_of_own_code_stays_a_panic() {
        let panicked = catch_unwind(|| guard::<()>(|| panic!("a defect")));
        assert!(panicked.is_err());
    }

    #[test]
    fn a_later_failure_is_told_by_the_first() {
        let first = (ErrorKind::StorageFull, "no space".to_owned());
        let error = explain(redb::StorageError::PreviousIo.into(), "a file", Some(&first));
        assert_eq!(error.to_string(), "cannot use a file: no space");
    }
}
