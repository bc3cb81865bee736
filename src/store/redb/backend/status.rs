//! The state that a handle of redb and its file share.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::store::lock_wait::LockWaitPolicy;

pub struct HandleStatus {
    lock_waits: Arc<LockWaitPolicy>,
    /// The first failure. redb refuses all operations after it, without its reason.
    failure: OnceLock<(ErrorKind, String)>,
    /// The handle is being dropped. Its file refuses the last commit, which is not needed.
    leaving: AtomicBool,
    committing: AtomicBool,
    /// The present commit is on the disk.
    published: AtomicBool,
    /// redb did not get a lock that it cannot do without: a new handle is needed.
    spoiled: AtomicBool,
}

/// A commit, until this is dropped.
pub struct CommitScope<'s>(&'s HandleStatus);

impl HandleStatus {
    pub fn new(lock_waits: Arc<LockWaitPolicy>) -> HandleStatus {
        HandleStatus {
            lock_waits,
            failure: OnceLock::new(),
            leaving: AtomicBool::default(),
            committing: AtomicBool::default(),
            published: AtomicBool::default(),
            spoiled: AtomicBool::default(),
        }
    }

    pub fn lock_waits(&self) -> &LockWaitPolicy {
        &self.lock_waits
    }

    pub fn start_commit(&self) -> CommitScope<'_> {
        self.published.store(false, Ordering::Release);
        self.committing.store(true, Ordering::Release);
        CommitScope(self)
    }

    pub fn is_committing(&self) -> bool {
        self.committing.load(Ordering::Acquire)
    }

    pub fn publish(&self) {
        self.published.store(true, Ordering::Release);
    }

    /// Whether the present commit is durable, also if a later part of it fails.
    pub fn is_published(&self) -> bool {
        self.published.load(Ordering::Acquire)
    }

    pub fn spoil(&self) {
        self.spoiled.store(true, Ordering::Release);
    }

    pub fn is_spoiled(&self) -> bool {
        self.spoiled.load(Ordering::Acquire)
    }

    /// Keeps the first failure, unless it comes from a refused lock.
    pub fn note_failure(&self, error: &std::io::Error) {
        if !self.is_spoiled() {
            let _ = self.failure.set((error.kind(), error.to_string()));
        }
    }

    pub fn first_failure(&self) -> Option<&(ErrorKind, String)> {
        self.failure.get()
    }

    /// Whether the first failure was a write without room for it.
    pub fn had_no_room(&self) -> bool {
        let no_room = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge];
        self.first_failure().is_some_and(|(kind, _)| no_room.contains(kind))
    }

    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }
}

impl Drop for CommitScope<'_> {
    fn drop(&mut self) {
        self.0.committing.store(false, Ordering::Release);
    }
}
