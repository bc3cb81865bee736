//! One crate of integration tests. They run the real binary on real stores, in folders of their
//! own, with real WebAssembly classes.

mod architecture;
mod batch;
mod busy_actor;
mod busy_store;
mod class_errors;
mod classes;
mod command_line;
mod commands;
mod compile;
mod contracts;
mod create;
mod delays;
#[cfg(target_os = "linux")]
mod detached_worker;
mod engine;
mod example_classes;
#[cfg(unix)]
mod folder;
mod glossary;
mod input_errors;
mod json;
mod links;
#[cfg(target_os = "linux")]
mod output;
#[cfg(unix)]
mod paths;
mod proof;
mod ps;
mod queued_calls;
mod raw;
mod sandbox;
mod schemas;
mod sdk;
#[cfg(target_os = "linux")]
mod shortage;
mod signals;
mod sources;
mod stopped_process;
mod store;
mod store_errors;
mod support;
mod terminal;
mod trace;
mod transcripts;
mod wait_and_cancel;
mod waits;
mod workflows;
