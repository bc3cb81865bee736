//! The public calls of an engine.

pub mod admin;
pub mod batch;
pub mod calls;
mod events;
pub mod journal;
#[cfg(test)]
mod reads_tests;
pub mod submit;
mod tasks;
