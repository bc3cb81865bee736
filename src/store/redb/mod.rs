//! The store in one file, by redb.

mod backend;
mod errors;
mod open;
mod read;
mod schema;
mod store;
mod transact;
mod write;

pub(in crate::store) use backend::disk::largest_file;
pub(in crate::store) use backend::pages::FORMAT;
pub use open::{Mode, RedbStore};
#[cfg(test)]
pub(in crate::store) use schema::tables::count::keys_read;
