//! How a class is checked and compiled, and what that may cost.
//!
//! The bytes may be anyone's, and validating, encoding and compiling them can take any time and memory. So both jobs are done
//! by a process of their own (`child.rs`), which this one starts, watches and bounds (`parent.rs`), where a program has named a
//! command for that.

mod child;
mod parent;
mod wire;

use std::ffi::OsString;
use std::time::Duration;

pub use child::compile_for_parent;
use wire::Job;

use super::engine::Form;
use super::run::{Aborted, Bounds};
use super::{component, engine};
use crate::model::{CompileLimit, Error, Result, show_bytes};

/// How classes are compiled, and what that may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiling {
    /// A program and its arguments, which does [`compile_for_parent`]; it is started for each class that is not in the cache.
    ///
    /// None: classes are compiled in this process. Then neither time nor memory is bounded, nothing interrupts it, and what
    /// overflows the compiler's stack ends the process.
    pub command: Option<Vec<OsString>>,
    /// Bytes of a component, or of the module that one is made of.
    pub component: u64,
    /// Processor time of the process that compiles.
    pub time: Duration,
    /// Memory of the process that compiles, beside that of the program itself.
    pub memory: u64,
}

impl Default for Compiling {
    fn default() -> Compiling {
        Compiling { command: None, component: 64 << 20, time: Duration::from_secs(60), memory: 2 << 30 }
    }
}

impl Compiling {
    /// Whether the bytes are a component that keeps to the contract. Gives the component that was made of them if they are a
    /// core module that carries a component's type.
    pub(super) fn check(&self, bytes: &[u8], until: Bounds<'_>) -> Result<Option<Vec<u8>>, Aborted> {
        self.perform(Job::Check, bytes, until)
    }

    /// The machine code of a component, in a form.
    pub(super) fn compile(&self, component: &[u8], form: Form, until: Bounds<'_>) -> Result<Vec<u8>, Aborted> {
        let code = self.perform(Job::Compile(form), component, until)?;
        Ok(code.ok_or_else(|| Error::internal("the process that compiles classes returned no machine code"))?)
    }

    fn perform(&self, job: Job, bytes: &[u8], until: Bounds<'_>) -> Result<Option<Vec<u8>>, Aborted> {
        if bytes.len() as u64 > self.component {
            let reason = format!("the component has more than {}", show_bytes(self.component));
            return Err(over(CompileLimit::Component, reason).into());
        }
        until.check()?;
        match &self.command {
            Some(command) => parent::perform(command, job, bytes, self, until),
            None => Ok(here(job, bytes)?),
        }
    }
}

/// Does the job in this process.
fn here(job: Job, bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    match job {
        Job::Check => component::from_bytes(bytes),
        Job::Compile(form) => engine::compile(bytes, form).map(Some),
    }
}

fn over(limit: CompileLimit, reason: String) -> Error {
    Error::NotCompiled { limit, reason }
}
