//! Keys, records and tables. docs/store-format.md describes them.

pub mod key;
pub mod key_range;
pub mod records;
pub mod sealed;
pub mod tables;
mod validate;
