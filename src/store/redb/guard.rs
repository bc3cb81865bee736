//! Panics within a transaction. redb answers some damage of a file with a panic: such a panic
//! becomes [`Error::Damaged`]. Every other panic is a defect of vactor, whatever the file contains,
//! and becomes [`Error::Internal`].

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Once;

#[cfg(doc)]
use crate::model::Error;

use super::errors::{TxResult, damaged, internal};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    /// Whether the thread is in a call of redb.
    static IN_REDB: Cell<bool> = const { Cell::new(false) };
    /// Whether the last panic of the thread came from redb.
    static OF_REDB: Cell<bool> = const { Cell::new(false) };
}

/// A call of redb. A panic of the standard library in it counts as one of redb.
pub fn redb<T>(call: impl FnOnce() -> T) -> T {
    let outer = IN_REDB.replace(true);
    let result = call();
    IN_REDB.set(outer);
    result
}

/// Runs a part of a transaction, and returns its panics as errors.
pub fn guard<T>(run: impl FnOnce() -> TxResult<T>) -> TxResult<T> {
    silence_panics_of_redb();
    let (outer, outer_redb) = (GUARDED.replace(true), IN_REDB.get());
    let result = catch_unwind(AssertUnwindSafe(run));
    GUARDED.set(outer);
    IN_REDB.set(outer_redb);
    result.unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        let message = message.unwrap_or("without a message");
        match OF_REDB.take() {
            true => damaged(format!("redb panicked on its file ({message})")),
            false => internal(format!("a panic in the store: {message}")),
        }
    })
}

/// Panics of redb within `guard` print no message. All other panics print theirs as before.
fn silence_panics_of_redb() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let of_redb = panic.location().is_some_and(is_of_redb);
            OF_REDB.set(of_redb);
            if !of_redb || !GUARDED.get() {
                before(panic);
            }
        }));
    });
}

/// Whether a location is in the source of redb, or in the standard library during a call of redb.
fn is_of_redb(location: &Location<'_>) -> bool {
    let file = location.file();
    let is_own = file!().strip_suffix("store/redb/guard.rs").is_some_and(|own| file.starts_with(own));
    let mut folders = file.split(['/', '\\']);
    let is_std = || ["/library/core/", "/library/alloc/", "/library/std/"].iter().any(|part| file.contains(part));
    !is_own && (folders.any(|folder| folder == "redb" || folder.starts_with("redb-")) || IN_REDB.get() && is_std())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Error;
    use crate::store::redb::errors::TxError;

    fn error_of(run: impl FnOnce() -> TxResult<()>) -> Error {
        match guard(run) {
            Err(TxError::Store(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn assert_damage(run: impl FnOnce() -> TxResult<()>) {
        let Error::Damaged { what } = error_of(run) else { panic!("it is no damage") };
        assert!(what.starts_with("redb panicked on its file ("), "{what}");
    }

    #[track_caller]
    fn assert_internal(run: impl FnOnce() -> TxResult<()>) {
        let Error::Internal { what } = error_of(run) else { panic!("it is no internal error") };
        assert!(what.starts_with("a panic in the store: "), "{what}");
    }

    #[test]
    fn panic_of_redb_is_damage() {
        assert_damage(|| {
            redb::TableDefinition::<u8, u8>::new("");
            Ok(())
        });
    }

    #[test]
    fn panic_of_standard_library_is_damage_within_a_call_of_redb_only() {
        // the location of such a panic is not that of its caller
        let too_much = || drop(Vec::<u64>::with_capacity(std::hint::black_box(usize::MAX)));
        assert_damage(|| {
            redb(too_much);
            Ok(())
        });
        assert_internal(|| {
            too_much();
            Ok(())
        });
    }

    #[test]
    fn panic_of_another_crate_is_an_internal_error() {
        assert_internal(|| {
            let mut number = serde_json::Value::from(7);
            number["page"] = serde_json::Value::Null;
            Ok(())
        });
    }

    #[test]
    fn panic_of_vactor_is_an_internal_error() {
        assert_internal(|| panic!("a defect"));
    }
}
