//! How much a class may take, and how the limit is raised.

use std::fmt;
use std::time::Duration;

/// The limits of one run (design: each with a default, a setting, and an error that names both).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Processor time of the guest between waits.
    pub time: Duration,
    /// Bytes of the guest's memories and tables together, with what the host keeps for its handles.
    pub memory: u64,
    /// Bytes of the state that a class saves.
    pub state: u64,
    /// Bytes of an invocation's arguments as JSON.
    pub arguments: u64,
    /// Bytes of a result as JSON.
    pub result: u64,
    /// Bytes of a step's log; what is over it is cut, with a note.
    pub log: u64,
    /// Accepted invocations of one actor that have not ended, and events that it has not taken, each.
    pub inbox: u64,
    /// What one invocation starts and sends.
    pub children: u64,
    /// All that one invocation asks for: what it starts and sends, its waits, saves and cancels.
    pub operations: u64,
    /// Invocations that wait for one another in a row.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        const MIB: u64 = 1 << 20;
        Limits {
            time: Duration::from_secs(30),
            memory: 256 * MIB,
            state: 64 * MIB,
            arguments: 8 * MIB,
            result: 8 * MIB,
            log: MIB / 4,
            inbox: 100_000,
            children: 10_000,
            operations: 100_000,
            depth: 64,
        }
    }
}

/// Which limit an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Time,
    Memory,
    State,
    Arguments,
    Result,
    Children,
    Operations,
    Depth,
}

impl Limit {
    /// The command line's flag that sets it.
    pub fn flag(self) -> &'static str {
        match self {
            Limit::Time => "--max-time",
            Limit::Memory => "--max-memory",
            Limit::State => "--max-state",
            Limit::Arguments => "--max-args",
            Limit::Result => "--max-result",
            Limit::Children => "--max-children",
            Limit::Operations => "--max-operations",
            Limit::Depth => "--max-depth",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Time => "computing time",
            Limit::Memory => "memory",
            Limit::State => "state",
            Limit::Arguments => "arguments",
            Limit::Result => "result",
            Limit::Children => "number of children",
            Limit::Operations => "number of operations",
            Limit::Depth => "depth of nested calls",
        })
    }
}
