//! The terms of vactor as plain data. This module uses no other module, and reads no disk, clock or
//! terminal.

mod actor;
mod arguments;
mod cause;
mod description;
mod error;
mod fault;
mod hash;
mod id;
mod invocation;
mod json;
mod limits;
mod log;
mod operation;
mod process;
mod schema;
mod step;
mod sync;
mod time;

#[cfg(feature = "internals")]
pub use actor::CHECKPOINT_EVERY;
pub use actor::{Actor, Counters, NameRecord};
pub use cause::Cause;
pub use description::{Description, EventDescription, Method, MethodKind, Parameter, type_name};
pub use error::{Category, ClassDefect, Error, QueryOption, UntrustedPath};
pub use fault::{CANNOT_READ, Fault, FaultOrigin, HostFault, Outcome};
pub use hash::{Hash, Seed};
pub(crate) use id::is_identifier;
pub use id::{ActorId, ClassName, InvalidName, Name, Reference, similar};
pub use invocation::{Attempt, CallKind, CallRequest, Invocation, Key, PendingWait, ResumePoint, Status, Times};
pub use json::{Json, MAX_NESTING, NotJson, deserialize_value, read_value, shortened};
pub(crate) use json::{canonical, is_deeper, too_deep};
pub use limits::{CompileLimit, Limit, LimitOverrides, Limits, OverCeiling, show_bytes, show_time};
pub use log::{Level, Log, LogLine};
pub use operation::{
    CallTarget, Event, Fingerprint, HistoryEntry, Operation, OperationResult, OutgoingCall, QueryCall, ResolvedTarget,
    WaitResult, WaitTarget,
};
pub use process::Process;
pub use schema::{Schema, referenced};
pub use step::{RunProgress, Step};
pub use sync::{lock, wait, wait_timeout};
pub use time::Timestamp;

/// The result of a function that can fail with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
