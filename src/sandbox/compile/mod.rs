//! Checking and compiling classes.
//!
//! The bytes of a class may come from a stranger, and checking or compiling them can take any time
//! and memory. So both jobs are done by a process of their own (`child.rs`), which this process
//! starts, watches and limits (`parent.rs`), if the program has named a command for it.

mod child;
mod compiling;
mod job;
mod parent;
mod wire;

pub use child::compile_for_parent;
pub use compiling::Compiling;

use super::run::{Aborted, Bounds};
use super::settings::MemoryLayout;
use crate::model::{CompileLimit, Error, show_bytes};
use job::Job;

impl Compiling {
    /// Checks that the bytes are a component that keeps to the contract, or a core module with the
    /// type of such a component. Returns the component that a core module becomes.
    pub(super) fn check(&self, bytes: &[u8], until: Bounds<'_>) -> Result<Option<Vec<u8>>, Aborted> {
        self.perform(Job::Check, bytes, until)
    }

    /// The machine code of a component.
    pub(super) fn compile(
        &self,
        component: &[u8],
        layout: MemoryLayout,
        until: Bounds<'_>,
    ) -> Result<Vec<u8>, Aborted> {
        let code = self.perform(Job::Compile(layout), component, until)?;
        Ok(code.ok_or_else(|| Error::internal("the process that compiles classes returned no machine code"))?)
    }

    fn perform(&self, job: Job, bytes: &[u8], until: Bounds<'_>) -> Result<Option<Vec<u8>>, Aborted> {
        if bytes.len() as u64 > self.component {
            let reason = format!("the component has more than {}", show_bytes(self.component));
            return Err(Error::NotCompiled { limit: CompileLimit::Component, reason }.into());
        }
        until.check()?;
        match &self.command {
            Some(command) => parent::perform(command, job, bytes, self, until),
            None => Ok(job::perform(job, bytes)?),
        }
    }
}
