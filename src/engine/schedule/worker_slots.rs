//! Which workers a store has, and the one detached worker among them.

use std::time::{Duration, Instant};

use super::Scheduler;
use crate::model::{Hash, Name, Result};
use crate::store::{Announcement, NameLock, ProgramVersion};

/// The prefix of the names that detached workers lock, before a number and the store's address: after a store was moved, the
/// worker at its old address is about to end, and does not count at the new one. No id and no task begins like this.
const DETACHED: &str = "#worker";

/// The name that a worker in the foreground announces.
const FOREGROUND: &str = "#by hand";

/// Detached workers at the same time, at most: one that serves, and others that do not respond or are of older releases.
const MAX_DETACHED: usize = 16;

/// A worker that has not repeated its announcement for this time does not count.
const UNRESPONSIVE: Duration = Duration::from_secs(10);

#[derive(PartialEq, Eq)]
enum Occupant {
    None,
    Serves,
    /// It does not respond, or is of an older release and ends when it has nothing to do.
    DoesNotServe,
}

impl Scheduler {
    /// Whether a detached worker of this release or a newer one works on the store. One that is about to end searches for work
    /// once more before it does.
    pub fn has_detached_worker(&self) -> Result<bool> {
        let address = self.address_hash();
        for worker in self.core.store.announcements(None) {
            let name = worker.name.as_str();
            let is_of_store = name.starts_with(DETACHED) && name.ends_with(&address);
            if is_of_store && serves(&worker) && self.core.store.is_locked(&worker.name)? {
                return Ok(true);
            }
        }
        // a worker that has just started announces nothing yet
        Ok(self.occupant(0)? == Occupant::Serves)
    }

    /// Whether a worker works on the store, of any kind and release.
    pub fn has_worker(&self) -> bool {
        let is_worker = |name: &str| name == FOREGROUND || name.starts_with(DETACHED);
        let announced = self.core.store.announcements(None);
        announced.iter().any(|announced| is_worker(announced.name.as_str()) && responds(announced))
    }

    /// Whether a detached worker of a newer release works on the store. Of two workers of different releases one stays.
    pub fn has_newer_worker(&self) -> bool {
        let announced = self.core.store.announcements(None);
        let mut detached = announced.iter().filter(|announced| announced.name.as_str().starts_with(DETACHED));
        detached.any(|worker| worker.build > ProgramVersion::this() && responds(worker))
    }

    /// Locks the first name of a detached worker that is free, after those of workers that do not serve this release. None
    /// if a worker serves.
    pub fn lock_detached_name(&self) -> Result<Option<(Name, NameLock)>> {
        if self.has_detached_worker()? {
            return Ok(None);
        }
        for number in 0..MAX_DETACHED {
            let name = self.detached_name(number);
            if let Some(lock) = self.core.store.lock(&name, Some(Instant::now()))? {
                return Ok(Some((name, lock)));
            }
            if self.occupant(number)? == Occupant::Serves {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// The name that a worker in the foreground announces.
    pub fn foreground_name() -> Name {
        Name::new_unchecked(FOREGROUND)
    }

    fn occupant(&self, number: usize) -> Result<Occupant> {
        let name = self.detached_name(number);
        if !self.core.store.is_locked(&name)? {
            return Ok(Occupant::None);
        }
        Ok(match self.core.store.announcements(Some(&name)).first() {
            Some(worker) if !serves(worker) => Occupant::DoesNotServe,
            // a worker that has just started announces nothing yet
            _ => Occupant::Serves,
        })
    }

    fn detached_name(&self, number: usize) -> Name {
        Name::new_unchecked(&format!("{DETACHED}{number} {}", self.address_hash()))
    }

    /// Its length does not depend on the path.
    fn address_hash(&self) -> String {
        Hash::of(self.core.store.address().as_bytes()).to_string()
    }
}

/// Whether a worker's process is alive and not stopped.
fn responds(worker: &Announcement) -> bool {
    !worker.process.stopped && worker.age < UNRESPONSIVE
}

/// Whether a worker runs the invocations that this release accepts.
fn serves(worker: &Announcement) -> bool {
    responds(worker) && worker.build >= ProgramVersion::this()
}
