//! A worker: runs what was accepted, whoever accepted it.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Engine;
use crate::model::{Error, Name, Result, Timestamp};

/// Names that a worker looks at before it asks for more.
const PAGE: usize = 64;

/// A worker looks again after so long even if nobody woke it: who held an actor may have been killed.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How long a worker works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until the engine is stopped.
    Stopped,
    /// Until nothing accepted is left to run and nothing comes due within this time.
    Idle { ahead: Duration },
}

impl Engine {
    /// Runs what was accepted, on `jobs` threads, actors beside each other and each actor's invocations in turn.
    ///
    /// An actor whose class or record cannot be used holds up no other: it is told to the observer and left.
    pub fn work(&self, jobs: usize, until: Until) -> Result<()> {
        self.work_but(&Stuck::default(), jobs, until)
    }

    fn work_but(&self, stuck: &Stuck, jobs: usize, until: Until) -> Result<()> {
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(|| self.work_alone(stuck, until))).collect();
            let ended: Vec<Result<()>> = workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect();
            ended.into_iter().collect()
        })
    }

    fn work_alone(&self, stuck: &Stuck, until: Until) -> Result<()> {
        // made before the first look, so that no commit falls between a look and the wait
        let mut watch = self.store.watch()?;
        while !self.settings.stop.is_stopped() {
            let round = match self.work_round(stuck) {
                Err(Error::Interrupted) => return Ok(()),
                round => round?,
            };
            if round == Round::Ran {
                continue;
            }
            let now = self.now();
            let due = self.store.next_due(now)?;
            if let Until::Idle { ahead } = until
                && round == Round::Nothing
                && due.is_none_or(|due| due > now.after(ahead))
            {
                return Ok(());
            }
            watch.wait(Instant::now() + pause(now, due));
        }
        Ok(())
    }

    /// Looks once at all that can run.
    fn work_round(&self, stuck: &Stuck) -> Result<Round> {
        let mut round = Round::Nothing;
        let mut after: Option<Name> = None;
        loop {
            let names = self.store.runnable(after.as_ref(), self.now(), PAGE)?;
            let Some(last) = names.last() else { return Ok(round) };
            after = Some(last.clone());
            for name in names {
                let Some(hold) = self.store.hold(&name, Some(Instant::now()))? else {
                    round = round.max(Round::Elsewhere);
                    continue;
                };
                match self.run_inbox(&name, &hold, None, None) {
                    Ok(true) => round = Round::Ran,
                    Ok(false) => {}
                    Err(error @ (Error::Interrupted | Error::Io { .. })) => return Err(error),
                    Err(error) => {
                        if stuck.add(&name) {
                            self.settings.observer.stuck(&name, &error);
                        }
                    }
                }
            }
        }
    }
}

/// What could not be run, and was told of already.
#[derive(Default)]
struct Stuck(Mutex<HashSet<Name>>);

impl Stuck {
    /// Whether it is new.
    fn add(&self, name: &Name) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone())
    }

    fn has(&self, name: &Name) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }
}

/// What a look at all that can run found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Round {
    Nothing,
    /// Another process holds what could run.
    Elsewhere,
    /// Something ended here.
    Ran,
}

fn pause(now: Timestamp, due: Option<Timestamp>) -> Duration {
    due.map_or(LOOK_AGAIN, |due| due.since(now).min(LOOK_AGAIN))
}

/// What the one detached worker of a store holds. No id and no task is spelled like this.
const DETACHED: &str = "#worker";

/// A detached worker stays for what comes due within this time.
const AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

impl Engine {
    /// Works until nothing is left to run or comes due within a day, as the only worker of this kind of the store; where there is
    /// one, returns at once.
    pub fn work_detached(&self, jobs: usize) -> Result<()> {
        let name = Name::from_stored(DETACHED);
        let stuck = Stuck::default();
        while let Some(hold) = self.store.hold(&name, Some(Instant::now()))? {
            self.work_but(&stuck, jobs, Until::Idle { ahead: AHEAD })?;
            drop(hold);
            // who accepted a call while this one was held has started no worker: look once more
            if self.settings.stop.is_stopped() || !self.has_work(&stuck)? {
                break;
            }
        }
        Ok(())
    }

    /// Whether something can run that is not stuck, or comes due soon enough to stay for it.
    fn has_work(&self, stuck: &Stuck) -> Result<bool> {
        let now = self.now();
        if self.store.next_due(now)?.is_some_and(|due| due <= now.after(AHEAD)) {
            return Ok(true);
        }
        let mut after: Option<Name> = None;
        loop {
            let names = self.store.runnable(after.as_ref(), now, PAGE)?;
            if names.iter().any(|name| !stuck.has(name)) {
                return Ok(true);
            }
            let Some(last) = names.last() else { return Ok(false) };
            after = Some(last.clone());
        }
    }

    /// Whether a detached worker works on the store. One that is about to leave looks once more before it does.
    pub fn has_detached_worker(&self) -> Result<bool> {
        self.store.is_held(&Name::from_stored(DETACHED))
    }
}
