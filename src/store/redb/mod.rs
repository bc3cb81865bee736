//! The store in one file, by redb.

mod actors;
mod boundary;
mod classes;
mod disk;
mod graph;
mod invocations;
mod key;
mod locks;
mod open;
mod opened;
mod own;
mod pages;
mod record;
mod shape;
mod sound;
mod store;
mod tables;
mod transact;
mod waits;
mod write;

pub(in crate::store) use disk::largest_file;
pub use open::{Mode, RedbStore};
pub(in crate::store) use pages::FORMAT;
#[cfg(test)]
pub(in crate::store) use tables::count::keys_read;
