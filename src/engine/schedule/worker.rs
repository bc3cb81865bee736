//! A worker: runs what was accepted, whoever accepted it.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::engine::core::notifier::Subscription;
use crate::engine::schedule::backoff;
use crate::model::{Error, Hash, Name, Result};
use crate::store::{Announcement, AnnouncementGuard, NameLock, ProgramVersion, Runnable};

/// A worker looks again after so long even if nobody woke it: who held an actor may have been killed.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Where nobody holds anything that can run, only a commit or the clock brings more, and a commit wakes.
const LOOK_SELDOM: Duration = Duration::from_secs(5);

/// Names that are looked at before more are asked for.
const PAGE: usize = 64;

/// How long a worker works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until the engine is stopped.
    Stopped,
    /// Until nothing accepted is left to run and nothing comes due within this time.
    Idle { ahead: Duration },
}

impl Engine {
    /// Runs what was accepted, `jobs` guests at once, actors beside each other and each actor's invocations in turn. A guest
    /// that waits is none of them.
    ///
    /// An actor whose class or record cannot be used holds up no other: it is told to the observer and left. When this
    /// returns, nothing runs on its behalf.
    pub fn work(&self, jobs: usize, until: Until) -> Result<()> {
        let _heart = Heartbeat::start(self.store.announce(&Name::new_unchecked(BY_HAND), None));
        self.work_on(jobs, until, false)
    }

    /// If `yields`, until a newer worker is there, too.
    fn work_on(&self, jobs: usize, until: Until, yields: bool) -> Result<()> {
        let jobs = jobs.max(1);
        let participant = self.enter_worker(jobs);
        let ended = thread::scope(|scope| {
            let thread = || thread::Builder::new().name("vactor-worker".to_owned());
            // where the machine gives no more threads, the work is done by fewer
            let others: Vec<_> =
                (1..jobs).map_while(|_| thread().spawn_scoped(scope, || self.work_alone(until, yields)).ok()).collect();
            let mut ended = self.work_alone(until, yields);
            for other in others {
                ended = ended.and(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            ended
        });
        drop(participant);
        ended
    }

    /// Tries again when the store fails; a few times, if it is to end when nothing is left to run.
    fn work_alone(&self, until: Until, yields: bool) -> Result<()> {
        // made before the first look, so that no commit falls between a look and the wait
        let mut listener = self.notifier.subscribe(&self.store, &self.settings.stop)?;
        let mut failures = 0;
        while !self.settings.stop.is_stopped() {
            match self.work_once(until, yields, &mut listener) {
                Ok(true) => failures = 0,
                Ok(false) | Err(Error::Interrupted) => return Ok(()),
                Err(error) if error.is_of_machine() && (until == Until::Stopped || !backoff::is_often(failures)) => {
                    failures += 1;
                    self.sleep(&mut listener, backoff::pause(failures));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Runs something, or waits until there may be something. False if there is nothing left.
    fn work_once(&self, until: Until, yields: bool, listener: &mut Subscription) -> Result<bool> {
        // read before the look: what comes due during it is then still ahead
        let now = self.now()?;
        let found = self.claim_anything()?;
        if let Some(claim) = found.claim {
            let permit = self.executor.permit();
            self.run_claim(claim, Some(&permit), None, &self.settings.stop)?;
            return Ok(true);
        }
        if yields && self.has_newer_worker() {
            return Ok(false);
        }
        let due = self.store.next_due(now)?;
        if let Until::Idle { ahead } = until
            && !found.elsewhere
            && due.is_none_or(|due| due > now.after(ahead))
        {
            return found.failed.map_or(Ok(false), Err);
        }
        let pause = if found.elsewhere || found.failed.is_some() { LOOK_AGAIN } else { LOOK_SELDOM };
        listener.wait(Instant::now() + due.map_or(pause, |due| due.since(now).min(pause)));
        Ok(true)
    }

    /// Until then, or until the engine is stopped.
    fn sleep(&self, listener: &mut Subscription, pause: Duration) {
        let end = Instant::now() + pause;
        while Instant::now() < end && !self.settings.stop.is_stopped() {
            listener.wait(end);
        }
    }
}

/// What the detached worker of a store holds, with the store's address behind it: where the store is moved, the worker at
/// its old place is about to leave, and counts for nothing at the new one. No id and no task is spelled like this.
const DETACHED: &str = "#worker";

/// What a worker announces that was started by hand.
const BY_HAND: &str = "#by hand";

/// Detached workers at once, at most: one that serves, and others that stand still or are of older releases.
const WORKER_PLACES: usize = 16;

/// How often a worker says that it lives, and after how long without that it does not count.
const HEARTBEAT: Duration = Duration::from_secs(2);
const STANDS_STILL: Duration = Duration::from_secs(10);

/// After so long at most a detached worker goes on where the machine or the store failed.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// A detached worker stays for what comes due within this time.
const AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

impl Engine {
    /// Works until nothing is left to run or comes due within a day, as the only worker of this kind of the store; where there is
    /// one, returns at once. When it has nothing to do, it leaves to a worker of a newer release.
    pub fn work_detached(&self, jobs: usize) -> Result<()> {
        // what is stuck stays so from one look to the next
        let _participant = self.enter_worker(jobs.max(1));
        let mut failures = 0;
        while let Some((name, hold)) = self.take_worker_place()? {
            let heart = Heartbeat::start(self.store.announce(&name, None));
            let worked = self.work_on(jobs, Until::Idle { ahead: AHEAD }, true);
            drop((heart, hold));
            if self.settings.stop.is_stopped() || self.has_newer_worker() {
                return worked.or_else(|error| if error.is_of_machine() { Ok(()) } else { Err(error) });
            }
            // a command that accepted a call while the place was taken has started no worker: look once more
            match worked.and_then(|()| self.has_work()) {
                Ok(true) => failures = 0,
                Ok(false) => break,
                // what was accepted is still to be run
                Err(error) if error.is_of_machine() => {
                    failures += 1;
                    let mut listener = self.notifier.subscribe(&self.store, &self.settings.stop)?;
                    self.sleep(&mut listener, backoff::pause(failures).min(TRY_AGAIN));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether something can run that is not stuck here, or comes due within a day.
    pub fn has_work(&self) -> Result<bool> {
        let now = self.now()?;
        if self.store.next_due(now)?.is_some_and(|due| due <= now.after(AHEAD)) {
            return Ok(true);
        }
        let mut after = None;
        loop {
            let Runnable { names, next } = self.store.runnable(after.as_ref(), now, PAGE)?;
            if names.iter().any(|name| !self.has_failed(name)) {
                return Ok(true);
            }
            if next.is_none() {
                return Ok(false);
            }
            after = next;
        }
    }

    /// Whether a detached worker of this release or a newer one works on the store. One that is about to leave looks once more
    /// before it does.
    pub fn has_detached_worker(&self) -> Result<bool> {
        let address = self.worker_address();
        for worker in self.store.announcements(None) {
            let name = worker.name.as_str();
            let is_of_store = name.starts_with(DETACHED) && name.ends_with(&address);
            if is_of_store && serves(&worker) && self.store.is_locked(&worker.name)? {
                return Ok(true);
            }
        }
        // one that has not announced itself yet
        Ok(self.worker_at(0)? == WorkerAt::Serves)
    }

    /// Whether a worker works on the store, of any kind and release.
    pub fn has_worker(&self) -> bool {
        let is_worker = |name: &str| name == BY_HAND || name.starts_with(DETACHED);
        let announced = self.store.announcements(None);
        announced.iter().any(|announced| is_worker(announced.name.as_str()) && lives(announced))
    }

    /// The first place that is free, behind those of workers that do not serve this release. None where one serves.
    fn take_worker_place(&self) -> Result<Option<(Name, NameLock)>> {
        if self.has_detached_worker()? {
            return Ok(None);
        }
        for place in 0..WORKER_PLACES {
            let name = self.worker_place(place);
            if let Some(hold) = self.store.lock(&name, Some(Instant::now()))? {
                return Ok(Some((name, hold)));
            }
            if self.worker_at(place)? == WorkerAt::Serves {
                return Ok(None);
            }
        }
        Ok(None)
    }

    fn worker_at(&self, place: usize) -> Result<WorkerAt> {
        let name = self.worker_place(place);
        if !self.store.is_locked(&name)? {
            return Ok(WorkerAt::None);
        }
        Ok(match self.store.announcements(Some(&name)).first() {
            Some(worker) if !serves(worker) => WorkerAt::DoesNotServe,
            // one that has not announced itself yet is about to
            _ => WorkerAt::Serves,
        })
    }

    /// Only a worker of a strictly newer release counts, so that of two installed releases one stays.
    fn has_newer_worker(&self) -> bool {
        let announced = self.store.announcements(None);
        let mut detached = announced.iter().filter(|announced| announced.name.as_str().starts_with(DETACHED));
        detached.any(|worker| worker.build > ProgramVersion::this() && lives(worker))
    }

    fn worker_place(&self, place: usize) -> Name {
        Name::new_unchecked(&format!("{DETACHED}{place} {}", self.worker_address()))
    }

    /// Of one length, however long the path is.
    fn worker_address(&self) -> String {
        Hash::of(self.store.address().as_bytes()).to_string()
    }
}

/// Whether a worker's process moves.
fn lives(worker: &Announcement) -> bool {
    !worker.process.stopped && worker.age < STANDS_STILL
}

/// Whether a worker runs what this release has accepted.
fn serves(worker: &Announcement) -> bool {
    lives(worker) && worker.build >= ProgramVersion::this()
}

#[derive(PartialEq, Eq)]
enum WorkerAt {
    None,
    Serves,
    /// It stands still, or is of an older release and leaves when it has nothing to do.
    DoesNotServe,
}

/// Repeats an announcement until it is dropped.
struct Heartbeat {
    beating: Arc<Beating>,
    thread: Option<JoinHandle<()>>,
}

struct Beating {
    announced: Box<dyn AnnouncementGuard>,
    ended: Mutex<bool>,
    end: Condvar,
}

impl Heartbeat {
    fn start(announced: Box<dyn AnnouncementGuard>) -> Heartbeat {
        let beating = Arc::new(Beating { announced, ended: Mutex::default(), end: Condvar::new() });
        let thread = thread::Builder::new().name("vactor-heart".to_owned()).stack_size(1 << 16);
        let beats = beating.clone();
        // without the thread others start a worker beside this one
        let thread = thread.spawn(move || beats.beat()).ok();
        Heartbeat { beating, thread }
    }
}

impl Beating {
    fn beat(&self) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        while !*ended {
            self.announced.beat();
            ended = self.end.wait_timeout(ended, HEARTBEAT).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        *self.beating.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.beating.end.notify_all();
        // it has the announcement, too
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
