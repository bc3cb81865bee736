//! Locks, announcements and watches, as the callers of a store see them.

use std::any::Any;
use std::time::{Duration, Instant};

use crate::model::{Name, Process, Result};
use crate::store::program_version::ProgramVersion;

/// The lock of a name, until this is dropped.
pub struct NameLock(#[expect(dead_code, reason = "kept for its drop")] Box<dyn Any + Send>);

impl NameLock {
    pub fn new(guard: impl Any + Send) -> NameLock {
        NameLock(Box::new(guard))
    }
}

/// Locks that end together, when this is dropped.
pub trait LockSet: Send {
    /// Locks a name as [`Store::lock`](crate::store::Store::lock) does, without waiting. False if
    /// it is locked already. A name is locked once at most.
    fn take(&mut self, name: &Name) -> Result<bool>;
}

/// Wakes its thread after a commit of this process or another. A lost signal costs latency, never
/// progress: the caller looks again after a while in any case.
pub trait Watch: Send {
    /// Returns after a commit since the last call (or since the watch was made), and at `deadline`
    /// at the latest. May return earlier.
    fn wait(&mut self, deadline: Instant);
}

/// An announcement of a living process: the invocation that it runs, or a role such as worker. It
/// is a hint; the step counters and the locks of the kernel decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    pub process: Process,
    pub build: ProgramVersion,
    /// The name of an invocation, or another name that stands for a role.
    pub name: Name,
    /// The number of the invocation.
    pub number: Option<u64>,
    /// The time since the announcement was made or repeated.
    pub age: Duration,
}

/// An announcement of this process, until this is dropped.
pub trait AnnouncementGuard: Send + Sync {
    /// Repeats the announcement, which shows that this process lives.
    fn beat(&self);
}
