//! The file below redb: sums of pages, locks, and checks of redb's structures.

pub mod disk;
pub mod handle;
mod locks;
mod pages;
pub mod status;
mod structure;
mod sums;
