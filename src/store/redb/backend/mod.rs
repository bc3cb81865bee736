//! The file below redb: sums of pages, locks, checks of redb's structures.

pub mod disk;
pub mod handle;
pub mod locks;
pub mod pages;
pub mod structure;
pub mod system_tables;
