//! Holds and watches of a store that is in one process.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::{Name, Process, Result};
use crate::store::{Announcement, AnnouncementGuard, LockSet, ProgramVersion, Watch};

#[derive(Default)]
pub(in crate::store) struct InProcess {
    held: Mutex<HashSet<Name>>,
    released: Condvar,
    commits: Mutex<u64>,
    committed: Condvar,
    announced: Mutex<Vec<(Name, Option<u64>)>>,
}

pub(super) struct Held {
    name: Name,
    threads: Arc<InProcess>,
    /// When it was taken.
    commits: u64,
}

impl InProcess {
    pub(super) fn hold(self: &Arc<Self>, name: &Name, deadline: Option<Instant>) -> Option<Held> {
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
        Some(Held { name: name.clone(), threads: self.clone(), commits: *lock(&self.commits) })
    }

    pub(super) fn is_held(&self, name: &Name) -> bool {
        lock(&self.held).contains(name)
    }

    pub(super) fn announce(self: &Arc<Self>, name: &Name, number: Option<u64>) -> InList {
        let entry = (name.clone(), number);
        lock(&self.announced).push(entry.clone());
        InList { entry, threads: self.clone() }
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
pub(super) struct InList {
    entry: (Name, Option<u64>),
    threads: Arc<InProcess>,
}

impl AnnouncementGuard for InList {
    fn beat(&self) {}
}

impl Drop for InList {
    fn drop(&mut self) {
        let mut all = lock(&self.threads.announced);
        if let Some(at) = all.iter().position(|entry| *entry == self.entry) {
            all.swap_remove(at);
        }
    }
}

impl Drop for Held {
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
pub(super) struct HeldTogether {
    held: Vec<Held>,
    threads: Arc<InProcess>,
}

impl HeldTogether {
    pub(super) fn new(threads: Arc<InProcess>) -> HeldTogether {
        HeldTogether { held: Vec::new(), threads }
    }
}

impl LockSet for HeldTogether {
    fn take(&mut self, name: &Name) -> Result<bool> {
        let held = self.threads.hold(name, Some(Instant::now()));
        let taken = held.is_some();
        self.held.extend(held);
        Ok(taken)
    }
}

pub(super) struct Watching {
    seen: u64,
    threads: Arc<InProcess>,
}

impl Watching {
    pub(super) fn new(threads: Arc<InProcess>) -> Watching {
        let seen = *lock(&threads.commits);
        Watching { seen, threads }
    }
}

impl Watch for Watching {
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
