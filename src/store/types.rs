//! Values that the store takes and returns, except those of commits.

use std::time::Duration;

use crate::model::{ClassName, Hash, Json, Name, NameRecord, Reference, Timestamp};

/// The largest difference between the clocks of two machines that counts as no error.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(24 * 60 * 60);

/// A class version to register.
#[derive(Clone, Debug)]
pub struct NewVersion {
    pub class: ClassName,
    /// blake3 of the component.
    pub hash: Hash,
    pub component: Vec<u8>,
    /// The class's description of itself.
    pub description: Json,
    pub at: Timestamp,
}

/// The result of [`Store::register`](super::Store::register).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// The number of a new version.
    New(u32),
    /// An older version is current again.
    Again(u32),
    /// These bytes were the current version already.
    Unchanged(u32),
}

/// A class that is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredClass {
    /// Its name.
    pub name: ClassName,
    /// The version of new actors.
    pub current: u32,
    /// The number of versions. Their numbers follow each other; after a removal of the class they
    /// do not begin with 1.
    pub versions: u32,
}

/// A registered version of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassVersion {
    /// The class.
    pub class: ClassName,
    /// The number of the version.
    pub number: u32,
    /// blake3 of the component.
    pub hash: Hash,
    /// Bytes of the component.
    pub component_bytes: u64,
    /// The result of `describe`.
    pub description: Json,
    /// The time of the registration, by the wall clock.
    pub registered: Timestamp,
}

/// The actors and pending invocations of a class version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionUsage {
    /// The number of the version.
    pub version: u32,
    /// Its actors.
    pub actors: u64,
    /// Pending constructions and tasks that were accepted with the version. Mutations run on the
    /// version of their actor.
    pub pending: u64,
}

/// An actor after its last step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub record: NameRecord,
    pub state: Vec<u8>,
}

/// One page of the names that have a runnable invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runnable {
    /// In order, each once.
    pub names: Vec<Name>,
    /// The begin of the next page; None if this is the last one.
    pub next: Option<RunnableCursor>,
}

/// A position in the indexes of runnable invocations. The ready index comes first, in order of
/// names, then due invocations and timers, in order of their due times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunnableCursor {
    /// Behind the entry of this name in the ready index.
    Ready(Name),
    /// Behind the entry of this due time and this invocation.
    Due(Timestamp, Reference),
}
