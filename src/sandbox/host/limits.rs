//! The limit on the memory that a guest takes.

use wasmtime::ResourceLimiter;

use super::state::Host;
use crate::sandbox::fault;
use crate::sandbox::halt::Halt;

/// The most core instances, memories and tables of a class, each.
const PARTS: usize = 256;
/// Bytes of memory for an element of a table, the same on every machine.
const TABLE_ELEMENT: u64 = 8;

impl Host {
    /// Counts bytes of memory; ends the run if they exceed the limit.
    pub(super) fn take(&mut self, bytes: u64) -> Result<(), Halt> {
        self.memory_left = self.memory_left.checked_sub(bytes).ok_or(Halt::Memory)?;
        Ok(())
    }

    /// Counts bytes of memory as free again.
    pub(super) fn give_back(&mut self, bytes: u64) {
        self.memory_left += bytes;
    }

    /// Ends the run if so many bytes exceed the limit.
    pub(super) fn has_room(&self, bytes: u64) -> Result<(), Halt> {
        if bytes > self.memory_left { Err(Halt::Memory) } else { Ok(()) }
    }
}

/// Growth past the limit ends the run, so that no class can depend on the limit. Growth past the
/// maximum that the class itself states fails in the guest, as in every other host.
impl ResourceLimiter for Host {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.take(desired.saturating_sub(current) as u64)?;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(not_grown(&error).into())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.take((desired.saturating_sub(current) as u64).saturating_mul(TABLE_ELEMENT))?;
        Ok(true)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(not_grown(&error).into())
    }

    fn instances(&self) -> usize {
        PARTS
    }

    fn tables(&self) -> usize {
        PARTS
    }

    fn memories(&self) -> usize {
        PARTS
    }
}

/// The reason for growth that failed within the limits. A size that no machine can have is past
/// every limit.
fn not_grown(error: &wasmtime::Error) -> Halt {
    match fault::is_of_machine(error) {
        true => Halt::MachineMemory(fault::sentence(error)),
        false => Halt::Memory,
    }
}
