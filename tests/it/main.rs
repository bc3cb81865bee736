//! One crate of integration tests: what vactor promises, played on the real thing. The binary runs on real stores, in
//! folders of their own; classes are real WebAssembly.

mod classes;
mod house;
mod lines;
mod raw;
mod sandbox;
mod sources;
mod store;
mod support;
