//! Helper threads: they run the invocations that callers and guests of this process wait for, if no other process does.

use std::thread;
use std::time::{Duration, Instant};

use super::Scheduler;
use super::executor::{Helper, Permit, Role};
use crate::engine::run::bounds::{RunBounds, Scheduling};
use crate::model::{Error, Reference, Result};
use crate::sandbox::StopSignal;

/// A helper thread that found no work for this time ends.
const IDLE: Duration = Duration::from_millis(500);

/// A caller whose deadline passed waits no longer than this for a helper thread that waits for a lock of the store.
const STORE_GRACE: Duration = Duration::from_secs(2);

/// A worker or a caller, for which helper threads work until this is dropped.
pub struct Participant<'s> {
    scheduler: &'s Scheduler,
    role: Role,
    deadline: Option<Instant>,
}

/// The scheduling of one run, which has this permit.
pub struct RunScheduling<'s> {
    scheduler: &'s Scheduler,
    permit: Option<&'s Permit>,
}

impl RunScheduling<'_> {
    pub fn bounds<'a>(&'a self, deadline: Option<Instant>, stop: &'a StopSignal) -> RunBounds<'a> {
        RunBounds { deadline, stop, scheduling: self, in_group: false }
    }
}

impl Scheduling for RunScheduling<'_> {
    fn yield_permit(&self, waiting: &Reference) -> Option<Box<dyn Send + '_>> {
        self.scheduler.executor.yield_permit(self.permit, waiting)
    }

    fn want(&self, children: Vec<Reference>) {
        self.scheduler.executor.want(children);
    }

    fn spawn_helper(&self) -> bool {
        self.scheduler.spawn_helper()
    }
}

impl Drop for Participant<'_> {
    /// After the last worker or caller has left, the runs of helper threads are stopped, and the threads end before this
    /// returns. If the caller has a deadline and a thread is held up by the store, this returns without that thread.
    fn drop(&mut self) {
        let Scheduler { core, executor, failed, .. } = self.scheduler;
        if let Some(stop) = executor.leave(self.role) {
            stop.stop();
            // a helper thread that waits for a commit looks again
            core.wake_all();
            executor.wait_for_helpers(self.deadline.map(|deadline| deadline.max(Instant::now()) + STORE_GRACE));
        }
        let mut state = executor.state();
        if state.is_idle() {
            // a failure of now is none of a later call
            failed.clear();
            state.wanted.clear();
        }
    }
}

impl Scheduler {
    /// Has helper threads run the invocations that a caller waits for.
    pub fn enter_caller(&self, deadline: Option<Instant>) -> Participant<'_> {
        self.executor.enter(Role::Caller);
        Participant { scheduler: self, role: Role::Caller, deadline }
    }

    /// Has helper threads run all accepted invocations, with this number of permits.
    pub fn enter_worker(&self, jobs: usize) -> Participant<'_> {
        let role = Role::Worker { jobs };
        self.executor.enter(role);
        Participant { scheduler: self, role, deadline: None }
    }

    /// The scheduling of a run with this permit; a caller's own run has none.
    pub fn scheduling<'s>(&'s self, permit: Option<&'s Permit>) -> RunScheduling<'s> {
        RunScheduling { scheduler: self, permit }
    }

    /// Has a helper thread search for work, unless one does already or no permit is free. False if no thread can be started
    /// and no other one will search later.
    pub fn spawn_helper(&self) -> bool {
        self.executor.spawn_helper(|helper| {
            let scheduler = self.clone();
            let thread = thread::Builder::new().name("vactor-helper".to_owned());
            thread.spawn(move || scheduler.help(HelperRun { scheduler: &scheduler, helper, error: None })).is_ok()
        })
    }

    /// Runs one of the awaited invocations on the caller's own thread, until the caller's deadline. Whether there was one that
    /// can run.
    pub fn help_on_this_thread(&self, deadline: Option<Instant>) -> Result<bool> {
        let Some(claim) = self.find_work()? else { return Ok(false) };
        let Some(permit) = self.executor.try_permit() else { return Ok(false) };
        let scheduling = self.scheduling(Some(&permit));
        match self.run_claim(claim, scheduling.bounds(deadline, &self.core.settings.stop)) {
            // the caller sees by itself that it was stopped or that its deadline passed
            Ok(()) | Err(Error::Interrupted) => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn help(&self, mut run: HelperRun<'_>) {
        let ended = self.help_while_work_is_left(&mut run.helper);
        // the one that stopped the run knows it
        run.error = ended.err().filter(|error| !matches!(error, Error::Interrupted));
    }

    fn help_while_work_is_left(&self, helper: &mut Helper) -> Result<()> {
        let stop = &self.core.settings.stop;
        let mut subscription = self.core.subscribe(stop)?;
        let mut last_found = Instant::now();
        while let Some(stop) = self.executor.helpers_stop(stop) {
            // read before the search: an invocation that comes due during it is then still ahead
            let now = self.core.now()?;
            let Some(claim) = self.find_work()? else {
                if last_found.elapsed() > IDLE {
                    break;
                }
                subscription.wait(self.core.next_check(now, IDLE)?);
                continue;
            };
            let Some(permit) = self.executor.try_permit() else { break };
            helper.stop_searching();
            self.spawn_helper();
            let ended = self.run_claim(claim, self.scheduling(Some(&permit)).bounds(None, &stop));
            drop(permit);
            let others_search = helper.search_again();
            ended?;
            if others_search {
                break;
            }
            last_found = Instant::now();
        }
        Ok(())
    }
}

/// The run of a helper thread. However it ends, the waiting callers learn it.
struct HelperRun<'s> {
    scheduler: &'s Scheduler,
    helper: Helper,
    /// The error that ended it before its work was done.
    error: Option<Error>,
}

impl Drop for HelperRun<'_> {
    fn drop(&mut self) {
        self.helper.end_search();
        let Scheduler { core, executor, failed, .. } = self.scheduler;
        let waited_for: Vec<Reference> = executor.state().waited_for.keys().cloned().collect();
        if thread::panicking() {
            self.error = Some(Error::internal("a helper thread panicked"));
        }
        // without this, the callers of these would wait for ever
        if let Some(error) = &self.error {
            waited_for.iter().for_each(|reference| failed.insert(core, &reference.name, error));
        }
    }
}
