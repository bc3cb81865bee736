//! The one file with `unsafe`: machine code becomes a component that can run.
//!
//! Wasmtime cannot prove that some bytes are the output of its compiler; the caller vouches for it:
//!
//! - [`from_memory`] gets bytes that [`Compiling`](super::Compiling) returned a moment ago: the
//!   output of wasmtime's compiler in this process, or in a child that this process started and
//!   read from by a pipe that no other process has. The child is the command that the program
//!   named: its own binary, run by the same user, of the same build (it compares them first). Only
//!   this user, or root, can put another program in its place, and neither needs vactor to run
//!   code. The answer of the child is used only if the child ended with success and wrote as many
//!   bytes as it announced. A hostile class can end the child, and nothing else.
//! - [`from_file`] gets a file of the cache. [`Cache`](super::Cache) returns only files that belong
//!   to this user, that no other user may write, and whose folder no other user can read or write.
//!   Only this user, or root, can put other bytes there, and neither needs vactor to run code. The
//!   cache writes only the output of the compiler, under a name of all that the code depends on. It
//!   writes to a file of another name, syncs it and renames it, so an entry is whole. An entry is
//!   never written again, only unlinked, so mapped code does not change.
//! - A store's bytes never come here: they are compiled first, in one of the two processes.
//!
//! Wasmtime's own check of version, settings and processor is a second one. It also refuses code
//! whose structure is damaged. Code whose content a failing disk has changed is not detected, as in
//! every installed program.
#![allow(unsafe_code)]

use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::Component;

/// A component of code that was just compiled.
pub fn from_memory(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: see above; the one caller has compiled `code`.
    unsafe { Component::deserialize(engine, code) }
}

/// A component of a file of the cache.
pub fn from_file(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: see above; the one caller has checked who can write the file.
    unsafe { Component::deserialize_file(engine, path) }
}
