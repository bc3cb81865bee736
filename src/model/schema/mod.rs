//! JSON Schemas of a class: which are accepted, and what validating a value costs at most.

mod cost;
mod integers;
mod plain;
mod rules;
mod subschemas;
mod validator;

pub use cost::Steps;
pub use subschemas::referenced;
pub use validator::{Schema, compile};
