use std::time::Duration;

/// A limit of a call. A call has the limits of the method that makes it; one of these lowers a limit, and raises none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// Computing time between waits.
    Time(Duration),
    /// Bytes of memory.
    Memory(u64),
    /// Bytes of the state.
    StateBytes(u64),
    /// Bytes of the arguments.
    ArgumentBytes(u64),
    /// Bytes of the result.
    ResultBytes(u64),
    /// Bytes of the log.
    LogBytes(u64),
    /// Calls that it starts and sends.
    Children(u64),
    /// All its operations: calls, waits, saves, cancels and queries.
    Operations(u64),
    /// Calls that wait for one another, below it.
    Depth(u64),
}

#[cfg(target_arch = "wasm32")]
impl Limit {
    /// The contract's name of it, and its value there.
    pub(crate) fn for_host(self) -> (&'static str, u64) {
        match self {
            Limit::Time(time) => ("time", crate::time::whole_millis(time)),
            Limit::Memory(bytes) => ("memory", bytes),
            Limit::StateBytes(bytes) => ("state", bytes),
            Limit::ArgumentBytes(bytes) => ("arguments", bytes),
            Limit::ResultBytes(bytes) => ("result", bytes),
            Limit::LogBytes(bytes) => ("log", bytes),
            Limit::Children(number) => ("children", number),
            Limit::Operations(number) => ("operations", number),
            Limit::Depth(number) => ("depth", number),
        }
    }
}
