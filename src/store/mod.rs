//! Storage of classes, actors and invocations. One trait names whole transactions; no caller sees
//! tables.

mod commit;
mod coordination;
mod folder;
mod lock_wait;
mod process;
mod program_version;
mod redb;
mod store_trait;
mod types;

pub use commit::{
    Accepted, Commit, CommitSource, Committed, End, NewCall, NewEntry, NewEvent, Progress, StoredResult, Suspend,
    Suspended,
};
pub use coordination::types::{Announcement, AnnouncementGuard, LockSet, NameLock, Watch};
pub use folder::Folder;
pub use lock_wait::{DeadlineScope, LockWaitOptions, deadline};
pub use program_version::ProgramVersion;
#[cfg(test)]
pub(crate) use redb::keys_read;
pub use redb::{Mode, RedbStore};
pub use store_trait::Store;
pub use types::{
    ClassVersion, MAX_CLOCK_SKEW, NewVersion, Registered, RegisteredClass, Runnable, RunnableCursor, Snapshot,
    VersionUsage,
};
