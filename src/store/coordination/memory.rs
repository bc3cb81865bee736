//! Holds and watches of a store that is in one process.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::{Name, Process, Result};
use crate::store::{Announcement, AnnouncementGuard, LockSet, ProgramVersion, Watch};

#[derive(Default)]
pub(in crate::store) struct MemoryCoordination {
    held: Mutex<HashSet<Name>>,
    released: Condvar,
    commits: Mutex<u64>,
    committed: Condvar,
    announced: Mutex<Vec<(Name, Option<u64>)>>,
}

pub(super) struct MemoryLock {
    name: Name,
    threads: Arc<MemoryCoordination>,
    /// When it was taken.
    commits: u64,
}

impl MemoryCoordination {
    pub(super) fn hold(self: &Arc<Self>, name: &Name, deadline: Option<Instant>) -> Option<MemoryLock> {
        let mut held = lock(&self.held);
        while held.contains(name) {
            held = match deadline {
                None => self.released.wait(held).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    self.released.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        held.insert(name.clone());
        Some(MemoryLock { name: name.clone(), threads: self.clone(), commits: *lock(&self.commits) })
    }

    pub(super) fn is_held(&self, name: &Name) -> bool {
        lock(&self.held).contains(name)
    }

    pub(super) fn announce(self: &Arc<Self>, name: &Name, number: Option<u64>) -> ListedAnnouncement {
        let entry = (name.clone(), number);
        lock(&self.announced).push(entry.clone());
        ListedAnnouncement { entry, threads: self.clone() }
    }

    pub(super) fn announced(&self, name: Option<&Name>) -> Vec<Announcement> {
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
}

/// An announcement; dropping it takes it back.
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
        lock(&self.threads.held).remove(&self.name);
        self.threads.released.notify_all();
        let commits = *lock(&self.threads.commits);
        if commits != self.commits {
            self.threads.signal();
        }
    }
}

/// Names that are released together.
pub(super) struct MemoryLockSet {
    held: Vec<MemoryLock>,
    threads: Arc<MemoryCoordination>,
}

impl MemoryLockSet {
    pub(super) fn new(threads: Arc<MemoryCoordination>) -> MemoryLockSet {
        MemoryLockSet { held: Vec::new(), threads }
    }
}

impl LockSet for MemoryLockSet {
    fn take(&mut self, name: &Name) -> Result<bool> {
        let held = self.threads.hold(name, Some(Instant::now()));
        let taken = held.is_some();
        self.held.extend(held);
        Ok(taken)
    }
}

pub(super) struct MemoryWatch {
    seen: u64,
    threads: Arc<MemoryCoordination>,
}

impl MemoryWatch {
    pub(super) fn new(threads: Arc<MemoryCoordination>) -> MemoryWatch {
        let seen = *lock(&threads.commits);
        MemoryWatch { seen, threads }
    }
}

impl Watch for MemoryWatch {
    fn wait(&mut self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        let commits = lock(&self.threads.commits);
        let waited = self.threads.committed.wait_timeout_while(commits, left, |commits| *commits == self.seen);
        self.seen = *waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
