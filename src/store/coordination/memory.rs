//! Coordination of the threads of one process, for a store in memory.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::model::{Name, Process, Result, lock, wait, wait_timeout};
use crate::store::program_version::ProgramVersion;

use super::types::{Announcement, AnnouncementGuard, LockSet, Watch};

#[derive(Default)]
pub(in crate::store) struct MemoryCoordination {
    locked: Mutex<HashSet<Name>>,
    released: Condvar,
    commits: Mutex<u64>,
    committed: Condvar,
    announced: Mutex<Vec<(Name, Option<u64>)>>,
}

/// A lock, with the count of commits when it was taken.
pub(super) struct MemoryLock {
    name: Name,
    threads: Arc<MemoryCoordination>,
    commits: u64,
}

impl MemoryCoordination {
    pub(super) fn lock(self: &Arc<Self>, name: &Name, deadline: Option<Instant>) -> Option<MemoryLock> {
        let mut locked = lock(&self.locked);
        while locked.contains(name) {
            locked = match deadline {
                None => wait(&self.released, locked),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    wait_timeout(&self.released, locked, left)
                }
            };
        }
        locked.insert(name.clone());
        Some(MemoryLock { name: name.clone(), threads: self.clone(), commits: *lock(&self.commits) })
    }

    pub(super) fn lock_set(self: &Arc<Self>) -> MemoryLockSet {
        MemoryLockSet { locks: Vec::new(), threads: self.clone() }
    }

    pub(super) fn is_locked(&self, name: &Name) -> bool {
        lock(&self.locked).contains(name)
    }

    pub(super) fn announce(self: &Arc<Self>, name: &Name, number: Option<u64>) -> ListedAnnouncement {
        let entry = (name.clone(), number);
        lock(&self.announced).push(entry.clone());
        ListedAnnouncement { entry, threads: self.clone() }
    }

    pub(super) fn announcements(&self, name: Option<&Name>) -> Vec<Announcement> {
        let all = lock(&self.announced);
        let found = all.iter().filter(|(of, _)| name.is_none_or(|name| name == of));
        let process = Process { pid: std::process::id(), stopped: false };
        let (build, age) = (ProgramVersion::this(), Duration::ZERO);
        found.map(|(name, number)| Announcement { process, build, name: name.clone(), number: *number, age }).collect()
    }

    pub(super) fn signal(&self) {
        *lock(&self.commits) += 1;
        self.committed.notify_all();
    }

    pub(super) fn watch(self: &Arc<Self>) -> MemoryWatch {
        MemoryWatch { seen: *lock(&self.commits), threads: self.clone() }
    }
}

/// An announcement, until this is dropped.
pub(super) struct ListedAnnouncement {
    entry: (Name, Option<u64>),
    threads: Arc<MemoryCoordination>,
}

impl AnnouncementGuard for ListedAnnouncement {
    fn beat(&self) {}
}

impl Drop for ListedAnnouncement {
    fn drop(&mut self) {
        let mut all = lock(&self.threads.announced);
        if let Some(at) = all.iter().position(|entry| *entry == self.entry) {
            all.swap_remove(at);
        }
    }
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        lock(&self.threads.locked).remove(&self.name);
        self.threads.released.notify_all();
        let commits = *lock(&self.threads.commits);
        if commits != self.commits {
            self.threads.signal();
        }
    }
}

/// Locks that end together.
pub(super) struct MemoryLockSet {
    locks: Vec<MemoryLock>,
    threads: Arc<MemoryCoordination>,
}

impl LockSet for MemoryLockSet {
    fn take(&mut self, name: &Name) -> Result<bool> {
        let lock = self.threads.lock(name, Some(Instant::now()));
        let taken = lock.is_some();
        self.locks.extend(lock);
        Ok(taken)
    }
}

pub(super) struct MemoryWatch {
    /// The count of commits at the end of the last wait.
    seen: u64,
    threads: Arc<MemoryCoordination>,
}

impl Watch for MemoryWatch {
    fn wait(&mut self, deadline: Instant) {
        let mut commits = lock(&self.threads.commits);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if *commits != self.seen || left.is_zero() {
                self.seen = *commits;
                return;
            }
            commits = wait_timeout(&self.threads.committed, commits, left);
        }
    }
}
