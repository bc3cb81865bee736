//! Running one invocation.

pub mod execute;
pub mod operations;
pub mod replay;
