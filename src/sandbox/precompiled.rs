//! The one place with `unsafe`: machine code becomes a component that can run.
//!
//! wasmtime cannot prove that some bytes are what its compiler gave; whoever loads them vouches for it. So:
//!
//! - [`from_memory`] gets bytes that [`Compiling`](super::Compiling) gave a moment ago: what
//!   [`compile`](super::engine::compile) returned in this process, or in one that this process started for it and read from by
//!   a pipe that no other process has. That one is the command that the program named: its own binary, run by the same user,
//!   whose build is the same (it compares them first). Who could put another program in its place is this user (or root), and
//!   needs no vactor to run code. What it answers is taken only if it ended well and gave as many bytes as it said; what a
//!   hostile class can do to it is to end it.
//! - [`from_file`] gets a file of the cache. [`Cache`](super::Cache) gives none but those that lie in a folder which only
//!   this user can read or write, that belong to this user, and that nobody else may write. Whoever could put
//!   other bytes there is this user (or root), and needs no vactor to run code. The cache itself writes only what `compile`
//!   returned, under a name made of everything that the code depends on; it writes to a file of another name, which it syncs
//!   and renames, so an entry is whole. An entry is never written again, only unlinked, so what is mapped does not change.
//! - A store's bytes never come here: they go through `compile`, in whichever process.
//!
//! wasmtime's own check of version, settings and processor is a second gate, which also refuses what is damaged in its
//! structure. Code that a failing disk has altered within is not found out, as with any program that is installed.
#![allow(unsafe_code)]

use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::Component;

pub fn from_memory(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: see above; the one caller compiled `code` itself.
    unsafe { Component::deserialize(engine, code) }
}

pub fn from_file(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: see above; the one caller has checked who can write the file.
    unsafe { Component::deserialize_file(engine, path) }
}
