//! A store in one file, by redb.

mod backend;
mod errors;
mod guard;
mod open;
mod read;
mod redb_internals;
mod redb_store;
mod schema;
mod store;
mod transact;
mod write;
mod write_queue;

pub use redb_store::{Mode, RedbStore};
#[cfg(test)]
pub(crate) use schema::tables::count::keys_read;
