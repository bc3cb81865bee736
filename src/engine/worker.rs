//! A worker: runs what was accepted, whoever accepted it.

use std::time::{Duration, Instant};

use super::Engine;
use crate::model::{Error, Name, Result};

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
    /// An actor whose class or record cannot be used holds up no other: it is told to the observer and left.
    pub fn work(&self, jobs: usize, until: Until) -> Result<()> {
        let jobs = jobs.max(1);
        let _working = self.crew.working(jobs);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(|| self.work_alone(until))).collect();
            let ended: Vec<Result<()>> = workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect();
            ended.into_iter().collect()
        })
    }

    fn work_alone(&self, until: Until) -> Result<()> {
        // made before the first look, so that no commit falls between a look and the wait
        let mut listener = self.pulse.listen(&self.store, &self.settings.stop)?;
        while !self.settings.stop.is_stopped() {
            // read before the look: what comes due during it is then still ahead
            let now = self.now();
            let found = self.claim_anything()?;
            if let Some(claim) = found.claim {
                let slot = self.crew.slot();
                match self.run_claim(claim, Some(&slot)) {
                    Err(Error::Interrupted) => return Ok(()),
                    ran => ran?,
                };
                continue;
            }
            let due = self.store.next_due(now)?;
            if let Until::Idle { ahead } = until
                && !found.elsewhere
                && due.is_none_or(|due| due > now.after(ahead))
            {
                return Ok(());
            }
            let pause = if found.elsewhere { LOOK_AGAIN } else { LOOK_SELDOM };
            listener.wait(Instant::now() + due.map_or(pause, |due| due.since(now).min(pause)));
        }
        Ok(())
    }
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
        // what is stuck stays so from one look to the next
        let _working = self.crew.working(jobs.max(1));
        while let Some(hold) = self.store.hold(&name, Some(Instant::now()))? {
            self.work(jobs, Until::Idle { ahead: AHEAD })?;
            drop(hold);
            // who accepted a call while this one was held has started no worker: look once more
            if self.settings.stop.is_stopped() || !self.has_work()? {
                break;
            }
        }
        Ok(())
    }

    /// Whether something can run that is not stuck here, or comes due within a day.
    pub fn has_work(&self) -> Result<bool> {
        let now = self.now();
        if self.store.next_due(now)?.is_some_and(|due| due <= now.after(AHEAD)) {
            return Ok(true);
        }
        let mut after: Option<Name> = None;
        loop {
            let names = self.store.runnable(after.as_ref(), now, PAGE)?;
            if names.iter().any(|name| !self.crew.is_stuck(name)) {
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
