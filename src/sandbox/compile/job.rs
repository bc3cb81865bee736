//! The jobs of the compiling process.

use serde::{Deserialize, Serialize};

use crate::model::{ClassDefect, Error, Result};
use crate::sandbox::settings::{MemoryLayout, compiler_config, start};
use crate::sandbox::{component, fault};

/// A job for one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    /// Checks that the bytes keep to the contract. Returns the component that a core module
    /// becomes.
    Check,
    /// Compiles a component to machine code.
    Compile(MemoryLayout),
}

/// Does a job in this process.
pub fn perform(job: Job, bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    match job {
        Job::Check => component::from_bytes(bytes),
        Job::Compile(layout) => compile(bytes, layout).map(Some),
    }
}

fn compile(component: &[u8], layout: MemoryLayout) -> Result<Vec<u8>> {
    let engine = start(&compiler_config(layout)?)?;
    engine.precompile_component(component).map_err(|error| match fault::is_of_machine(&error) {
        true => Error::shortage("compile a class", fault::sentence(&error)),
        false => Error::not_a_class(fault::sentence(&error), ClassDefect::NotCompiled),
    })
}
