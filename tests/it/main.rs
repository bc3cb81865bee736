//! One crate of integration tests: what vactor promises, played on the real thing. The binary runs on real stores, in
//! folders of their own; classes are real WebAssembly.

mod accepted;
mod architecture;
#[cfg(target_os = "linux")]
mod background;
mod bad_class;
mod bad_input;
mod bad_store;
mod batch;
mod busy;
mod busy_store;
mod classes;
mod commands;
mod compile;
mod creating;
mod delays;
mod engine;
#[cfg(unix)]
mod folder;
mod json;
mod lines;
mod links;
#[cfg(target_os = "linux")]
mod output;
#[cfg(unix)]
mod paths;
mod proof;
mod ps;
mod raw;
mod sandbox;
mod schemas;
mod sdk;
#[cfg(target_os = "linux")]
mod shortage;
mod signals;
mod sources;
mod stopped;
mod store;
mod story;
mod support;
mod terminal;
mod transcripts;
mod waiting;
mod waits;
mod workflows;
