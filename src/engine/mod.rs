//! Accepts, runs, waits and commits. The engine knows the store by its trait and the sandbox by its values, prints nothing,
//! and ends no process.
//!
//! Its layers are folders, each with a struct that has the ones below it. A layer uses only the layers below it:
//!
//! | layer | struct | |
//! | --- | --- | --- |
//! | `api` | `Engine` | the public calls: accept, answer, list, cancel, remove |
//! | `schedule` | `Scheduler` | claims, helper threads and workers: which invocation runs when |
//! | `run` | `Runner` | one run of one invocation, and the operations of its guest |
//! | `classes` | `ClassVersions` | class versions, and checking calls against them |
//! | `core` | `Core` | the store, the sandbox, the settings, the clock |

mod api;
mod classes;
mod core;
mod run;
mod schedule;

pub use api::admin::{Phase, WaitReason};
pub use api::batch::{CallGroup, GroupCall};
pub use api::calls::{ActorMethod, Submitted};
pub use api::classes::{ClassInfo, Registration};
pub use api::journal::ActorInfo;
pub use api::{Engine, Options, Reply};
pub use schedule::worker::Until;

pub use self::core::lookup::PendingConstruction;
pub use self::core::settings::{Observer, Settings};
