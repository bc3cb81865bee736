//! How much of the host's memory a guest may take.

use wasmtime::ResourceLimiter;

use super::{Halt, Host};
use crate::sandbox::fault;

/// Core instances, memories and tables, each: how many a class may have.
const PARTS: usize = 256;
/// Bytes that an element of a table counts, the same on every machine.
const TABLE_ELEMENT: u64 = 8;

impl Host {
    /// Takes from what is left of the memory.
    pub(super) fn take(&mut self, bytes: u64) -> Result<(), Halt> {
        self.memory_left = self.memory_left.checked_sub(bytes).ok_or(Halt::Memory)?;
        Ok(())
    }

    pub(super) fn give_back(&mut self, bytes: u64) {
        self.memory_left += bytes;
    }

    /// Ends the run where so much would not fit into what is left.
    pub(super) fn has_room(&self, bytes: u64) -> Result<(), Halt> {
        if bytes > self.memory_left { Err(Halt::Memory) } else { Ok(()) }
    }
}

/// Growing past the limit ends the run, so that no class can come to depend on the limit; growing past the maximum
/// that the class itself states fails in the guest, as it does everywhere.
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

/// Why something did not grow that had room within the limits. What no memory or table of any machine could have is past
/// every limit.
fn not_grown(error: &wasmtime::Error) -> Halt {
    match fault::is_of_machine(error) {
        true => Halt::MachineMemory(fault::sentence(error)),
        false => Halt::Memory,
    }
}
