//! The errors of a run, each as one sentence.

use std::io;

use wasmtime::{OutOfMemory, PoolConcurrencyLimitError, Trap};

use super::halt::Halt;
use super::host::GuestFailure;
use super::run::Aborted;
use crate::model::{Error, Fault, FaultOrigin, HostFault, Json, Limit, Limits, NotJson, show_bytes, show_time};

/// The reason for which a run did not succeed.
pub enum Failed {
    /// The run has this outcome: the class is at fault, or the host ended it by a rule of every
    /// machine.
    Fault(Fault),
    /// The run has no outcome.
    Aborted(Aborted),
    /// The run has not begun: the machine has no room for an instance.
    NoRoom(Error),
}

impl Failed {
    /// The failure of making an instance. An instance that has logged is not made again elsewhere.
    pub fn of_start(self, has_logged: bool) -> Failed {
        match self {
            Failed::Aborted(Aborted::Failed(error)) if !has_logged => Failed::NoRoom(error),
            failed => failed,
        }
    }
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Failed {
        Failed::Fault(fault)
    }
}

impl From<Aborted> for Failed {
    fn from(aborted: Aborted) -> Failed {
        Failed::Aborted(aborted)
    }
}

/// The part of a class that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// The instantiation of its modules.
    Start,
    Describe,
    Construct,
    SetState,
    Invoke,
    GetState,
    Migrate,
}

impl Export {
    /// Its name in a sentence about a call of `method`.
    fn name(self, method: &str) -> &str {
        match self {
            Export::Start => "the start of the class",
            Export::SetState => "reading the saved state",
            Export::GetState => "saving the state",
            Export::Describe | Export::Construct | Export::Invoke | Export::Migrate => method,
        }
    }
}

/// The failure of a guest that did not return.
pub fn of(error: &wasmtime::Error, export: Export, method: &str, limits: &Limits) -> Failed {
    if let Some(halt) = error.downcast_ref::<Halt>() {
        return of_halt(halt, export, method, limits);
    }
    if is_of_machine(error) {
        return shortage(method, sentence(error)).into();
    }
    of_guest(error, export, method, limits).into()
}

fn of_guest(error: &wasmtime::Error, export: Export, method: &str, limits: &Limits) -> Fault {
    let what = export.name(method);
    let message = match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => format!("{what} panicked or aborted; its log may say why"),
        Some(Trap::StackOverflow) => format!("{what} ran out of stack: its calls were nested too deep"),
        Some(trap) => format!("{what} trapped: {}", trap.to_string().trim_start_matches("wasm trap: ")),
        None => match sentence(error) {
            // wasmtime has no type for this error
            fuel if fuel.contains("fuel allocated for hostcalls") => return over_memory(method, limits),
            other if export == Export::Start => format!("the class cannot be started: {other}"),
            other => format!("{what} broke the contract: {other}"),
        },
    };
    Fault::host(HostFault::Trap, message)
}

pub fn of_halt(halt: &Halt, export: Export, method: &str, limits: &Limits) -> Failed {
    let fault = match halt {
        Halt::Deadline => return Aborted::Deadline.into(),
        Halt::Stopped => return Aborted::Stopped.into(),
        Halt::Clock(_) | Halt::MachineMemory(_) => return shortage(method, halt.to_string()).into(),
        Halt::Internal(what) => return Aborted::Failed(Error::internal(what)).into(),
        Halt::Time => limit(Limit::Time, format!("{method} computed for longer than {}", show_time(limits.time))),
        Halt::Memory => over_memory(method, limits),
        Halt::State(bytes) => over(Limit::State, *bytes, method, limits),
        Halt::Fault(fault) => (**fault).clone(),
        Halt::InDescribe(_) | Halt::Forbidden { .. } | Halt::NotPerformed(_) => {
            Fault::host(HostFault::Trap, halt.to_string())
        }
        Halt::Random(_) | Halt::NothingToWaitFor => {
            Fault::host(HostFault::Trap, format!("{} trapped: {halt}", export.name(method)))
        }
    };
    fault.into()
}

/// Whether the system refused an operation, or memory ran out.
pub fn is_of_machine(error: &wasmtime::Error) -> bool {
    #[cfg(unix)]
    let is_errno = error.is::<rustix::io::Errno>() || error.chain().any(|cause| cause.is::<rustix::io::Errno>());
    #[cfg(not(unix))]
    let is_errno = false;
    is_errno
        || error.is::<io::Error>()
        || error.is::<OutOfMemory>()
        || error.is::<PoolConcurrencyLimitError>()
        || error.chain().any(|cause| cause.is::<io::Error>() || cause.is::<OutOfMemory>())
}

/// The run cannot be made on this machine now.
pub fn shortage(method: &str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Aborted {
    Aborted::Failed(Error::shortage(format!("run {method}"), cause))
}

fn over_memory(method: &str, limits: &Limits) -> Fault {
    limit(Limit::Memory, format!("{method} used more than {} of memory", show_bytes(limits.memory)))
}

/// The fault of a state or a result that has `actual` bytes.
pub fn over(which: Limit, actual: usize, method: &str, limits: &Limits) -> Fault {
    let allowed = match which {
        Limit::State => limits.state,
        _ => limits.result,
    };
    let said = format!("the {which} of {method} has {}, more than {}", show_bytes(actual as u64), show_bytes(allowed));
    limit(which, said)
}

fn limit(which: Limit, what: String) -> Fault {
    Fault::host(HostFault::Limit(which), what)
}

/// The fault of a result that is no JSON.
pub fn bad_result(method: &str, error: &NotJson) -> Fault {
    Fault::host(HostFault::BadResult, error.of(&format!("the result of {method}")))
}

/// The fault of a class that cannot read a state, or cannot save one.
pub fn bad_state(what: &str, failure: GuestFailure, method: &str, limits: &Limits) -> Fault {
    if let Some(over) = too_much(&failure, method, limits) {
        return over;
    }
    let said = if failure.message.is_empty() { &failure.kind } else { &failure.message };
    let message = format!("{what}: {said}");
    Fault { details: failure.details.as_deref().map(details), ..Fault::host(HostFault::BadState, message) }
}

/// The fault of a class that raised a failure. A kind that is no name becomes `failure`, and
/// details that are no JSON become a string. Three kinds are the host's: with them an SDK reports
/// arguments, a result or a state.
pub fn of_class(failure: GuestFailure, method: &str, limits: &Limits) -> Fault {
    if let Some(over) = too_much(&failure, method, limits) {
        return over;
    }
    let GuestFailure { kind, message, details: more, permanent, resumable } = failure;
    let is_name = (1..=255).contains(&kind.len()) && !kind.contains(|c: char| c.is_whitespace() || c.is_control());
    let kind = if is_name { kind } else { "failure".to_owned() };
    let message = if message.is_empty() { format!("{method} failed: {kind}") } else { message };
    let hosts = [HostFault::BadArguments, HostFault::BadResult, HostFault::BadState];
    let origin = if hosts.iter().any(|fault| fault.kind() == kind) { FaultOrigin::Host } else { FaultOrigin::Class };
    Fault { origin, kind, message, details: more.as_deref().map(details), permanent, resumable }
}

/// The fault of a failure over the limit on results.
fn too_much(failure: &GuestFailure, method: &str, limits: &Limits) -> Option<Fault> {
    let bytes = failure.kind.len() + failure.message.len() + failure.details.as_ref().map_or(0, String::len);
    (bytes as u64 > limits.result).then(|| over(Limit::Result, bytes, method, limits))
}

fn details(text: &str) -> Json {
    Json::parse(text).unwrap_or_else(|_| Json::from(serde_json::Value::from(text)))
}

/// The cause of one of wasmtime's errors, on one line.
pub fn sentence(error: &wasmtime::Error) -> String {
    let text = error.root_cause().to_string();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
