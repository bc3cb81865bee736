//! Keys, records and tables. docs/store-format.md describes them.

pub mod key;
pub mod key_range;
pub mod record;
pub mod tables;
pub mod validate;
