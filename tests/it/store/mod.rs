//! What every store promises, played against each: `promises` holds one function per promise.

/// Each promise as a test of every store.
macro_rules! promises {
    ($($promise:ident)*) => {
        mod in_a_file {
            $(#[test] fn $promise() { super::$promise(&super::Fixture::file()); })*
        }
        mod in_memory {
            $(#[test] fn $promise() { super::$promise(&super::Fixture::memory()); })*
        }
    };
}

mod cancels;
mod damage;
mod deadlocks;
pub mod disk;
mod events;
mod fixture;
mod format;
mod helper;
pub mod power;
mod processes;
mod promises;
mod random;
mod story;
mod tasks;
mod trouble;
mod waits;
