//! A worker: runs what was accepted, whoever accepted it.

use std::collections::HashSet;
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
        self.work_and_tell(jobs, until).map(drop)
    }

    /// As [`work`](Engine::work); gives what was left because it cannot be used.
    fn work_and_tell(&self, jobs: usize, until: Until) -> Result<HashSet<Name>> {
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(|| self.work_alone(until))).collect();
            let ended: Vec<Result<HashSet<Name>>> = workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect();
            let stuck: Result<Vec<_>> = ended.into_iter().collect();
            Ok(stuck?.into_iter().flatten().collect())
        })
    }

    fn work_alone(&self, until: Until) -> Result<HashSet<Name>> {
        // made before the first look, so that no commit falls between a look and the wait
        let mut watch = self.store.watch()?;
        let mut stuck = HashSet::new();
        while !self.settings.stop.is_stopped() {
            let round = match self.work_round(&mut stuck) {
                Err(Error::Interrupted) => break,
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
                break;
            }
            watch.wait(Instant::now() + pause(now, due));
        }
        Ok(stuck)
    }

    /// Looks once at all that can run. What is `stuck` was told of already.
    fn work_round(&self, stuck: &mut HashSet<Name>) -> Result<Round> {
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
                        if stuck.insert(name.clone()) {
                            self.settings.observer.stuck(&name, &error);
                        }
                    }
                }
            }
        }
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
        while let Some(hold) = self.store.hold(&name, Some(Instant::now()))? {
            let stuck = self.work_and_tell(jobs, Until::Idle { ahead: AHEAD })?;
            drop(hold);
            // who accepted a call while this one was held has started no worker: look once more
            if self.settings.stop.is_stopped() || !self.has_work_beside(&stuck)? {
                break;
            }
        }
        Ok(())
    }

    fn has_work_beside(&self, stuck: &HashSet<Name>) -> Result<bool> {
        let now = self.now();
        let runnable = self.store.runnable(None, now, stuck.len() + 1)?;
        let soon = self.store.next_due(now)?.is_some_and(|due| due <= now.after(AHEAD));
        Ok(soon || runnable.iter().any(|name| !stuck.contains(name)))
    }

    /// Whether a detached worker works on the store. One that is about to leave looks once more before it does.
    pub fn has_detached_worker(&self) -> Result<bool> {
        Ok(self.store.hold(&Name::from_stored(DETACHED), Some(Instant::now()))?.is_none())
    }
}
