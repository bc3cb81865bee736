//! Floor 1: a component becomes a compiled class, a compiled class runs one method.
//!
//! One run is a value: everything that it may depend on goes in, everything that came of it comes out.
//! It knows no disk, no clock and no terminal. wasmtime is named here alone.

mod run;

pub use run::{Identity, Method, Ran, Run, Stop, Success};
