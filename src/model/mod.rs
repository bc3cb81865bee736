//! Floor 0: the words of the house as plain data. Nothing here reads a disk, a clock or a terminal,
//! and nothing here names another part of the house.

mod arguments;
mod description;
mod error;
mod id;
mod invocation;
mod json;
mod limits;
mod plain;
mod step;
mod time;

pub use description::{Description, Method, MethodKind, Parameter, type_name};
pub use error::{Category, Error, similar};
pub use id::{ActorId, ClassName, Name, Reference};
pub use invocation::{Call, Invocation, Key, NewInvocation, Status};
pub use json::{Json, NotJson};
pub use limits::{Limit, Limits};
pub use step::{
    Actor, CHECKPOINT_EVERY, Fault, Hash, Head, HostFault, Level, Log, LogLine, Numbers, Origin, Outcome, Seed, Step,
};
pub use time::Timestamp;

/// What a fallible part of vactor gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;
