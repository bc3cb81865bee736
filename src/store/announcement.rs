//! What processes say of themselves, for others to read: which invocation they run, that they are workers, and that they
//! live. All of it is a hint. What is true is decided by the step counters and by the kernel's locks.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Name, Process};

/// Which code a process runs. A later release is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProgramVersion {
    version: [u32; 3],
    /// The format of the stores that it reads and writes.
    format: u16,
}

impl ProgramVersion {
    pub const fn new(version: [u32; 3], format: u16) -> ProgramVersion {
        ProgramVersion { version, format }
    }

    /// This code.
    pub fn this() -> ProgramVersion {
        let part = |text: &str| text.parse().unwrap_or_default();
        let version = [
            part(env!("CARGO_PKG_VERSION_MAJOR")),
            part(env!("CARGO_PKG_VERSION_MINOR")),
            part(env!("CARGO_PKG_VERSION_PATCH")),
        ];
        ProgramVersion { version, format: super::redb::FORMAT }
    }
}

/// What a living process says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    pub process: Process,
    pub build: ProgramVersion,
    /// What it is about: the name of an invocation, or another.
    pub name: Name,
    /// The invocation's number.
    pub number: Option<u64>,
    /// How long ago it was made or last repeated.
    pub age: Duration,
}

/// An announcement of this process; dropping it takes it back.
pub trait AnnouncementGuard: Send + Sync {
    /// Says that this process still lives.
    fn beat(&self);
}
