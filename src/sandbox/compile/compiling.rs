//! The configuration of compiling classes.

use std::ffi::OsString;
use std::time::Duration;

/// The way in which classes are compiled, and its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiling {
    /// A program that calls [`compile_for_parent`](super::compile_for_parent), and its arguments.
    /// It is started for each class that is not in the cache.
    ///
    /// If None, classes are compiled in this process. Then neither time nor memory is limited,
    /// nothing interrupts it, and a class that overflows the compiler's stack ends the process.
    pub command: Option<Vec<OsString>>,
    /// The largest component, or module that becomes one, in bytes.
    pub component: u64,
    /// The longest processor time of the compiling process.
    pub time: Duration,
    /// The most memory of the compiling process, in bytes, beside that of the program itself.
    pub memory: u64,
}

impl Default for Compiling {
    fn default() -> Compiling {
        Compiling { command: None, component: 64 << 20, time: Duration::from_secs(60), memory: 2 << 30 }
    }
}

/// The address space of a process that compiles with so much memory: the program and its stacks
/// need some, too.
#[cfg(unix)]
pub fn address_space(memory: u64) -> u64 {
    const PROGRAM: u64 = 256 << 20;
    memory.saturating_add(PROGRAM)
}
