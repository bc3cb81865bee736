//! Floor 0: the words of the house as plain data. Nothing here reads a disk, a clock or a terminal,
//! and nothing here names another part of the house.

mod arguments;
mod cause;
mod description;
mod error;
mod id;
mod invocation;
mod json;
mod limits;
mod operation;
mod process;
mod schema;
mod step;
mod sync;
mod time;

pub use cause::Cause;
pub use description::{Description, EventDescription, Method, MethodKind, Parameter, type_name};
pub use error::{Category, ClassDefect, Error, QueryOption, UntrustedPath};
pub(crate) use id::is_identifier;
pub use id::{ActorId, ClassName, InvalidName, Name, Reference, similar};
pub use invocation::{Attempt, CallKind, CallRequest, Invocation, Key, PendingWait, ResumePoint, Status, Times};
pub use json::{Json, MAX_NESTING, NotJson, deserialize_value, read_value, shortened};
pub(crate) use json::{canonical, is_deeper, too_deep};
pub use limits::{CompileLimit, Limit, LimitOverrides, Limits, OverCeiling, show_bytes, show_time};
pub use operation::{
    CallTarget, Event, Fingerprint, HistoryEntry, Operation, OperationResult, OutgoingCall, QueryCall, ResolvedTarget,
    WaitResult, WaitTarget,
};
pub use process::Process;
pub use schema::{Schema, referenced};
pub use step::{
    Actor, CANNOT_READ, CHECKPOINT_EVERY, Counters, Fault, FaultOrigin, Hash, HostFault, Level, Log, LogLine,
    NameRecord, Outcome, RunProgress, Seed, Step,
};
pub use sync::{lock, wait, wait_timeout};
pub use time::Timestamp;

/// What a fallible part of vactor gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;
