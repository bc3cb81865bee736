//! Guarantees of every store: one function per guarantee, named in its file's `promises`.

/// Makes a test of every store from each function.
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

mod actors;
#[cfg(target_os = "linux")]
mod busy;
mod cancels;
mod children;
mod corrupt_pages;
mod damage;
mod deadlocks;
pub mod disk;
mod events;
mod fixture;
mod format;
mod helper;
mod inbox;
mod locks;
mod methods;
mod open_errors;
pub mod power;
mod processes;
mod random;
mod records;
pub mod rewrite;
mod steps;
mod tasks;
mod waits;
mod workload;
