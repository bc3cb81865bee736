//! What every store promises, played against each: `promises` holds one function per promise.

mod damage;
pub mod disk;
mod fixture;
mod format;
mod helper;
pub mod power;
mod processes;
mod promises;
mod story;
mod trouble;
