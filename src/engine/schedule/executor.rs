//! The threads of this process that run what its callers and its waiting guests wait for, where nobody else does.
//!
//! A guest that waits gives up its permit, so that what it waits for runs even where there is but one; it takes one again
//! before it goes on. At most one thread looks for work at a time: one that finds some has the next look in its place.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::wanted::Wanted;
use crate::engine::Engine;
use crate::model::{Error, Name, Reference, Result};
use crate::sandbox::StopSignal;

/// A thread that found nothing to do for so long ends.
const IDLE: Duration = Duration::from_millis(500);

/// A caller whose deadline passed waits no longer than this for a thread that waits for a lock of the store.
const STUCK_IN_STORE: Duration = Duration::from_secs(2);

/// Guests that wait in memory at most; the stack and the memory of each stay.
const IN_MEMORY: usize = 64;

#[derive(Clone, Default)]
pub(in crate::engine) struct Executor(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    /// Guests that may compute at once; 0 until somebody says so.
    jobs: usize,
    computing: usize,
    /// Threads that look for work.
    looking: usize,
    /// Threads that look for work or run some, on behalf of the callers below.
    helpers: usize,
    /// Guests that wait in memory.
    waiting: usize,
    /// Callers that work on all that was accepted.
    workers: usize,
    /// Callers that have helper threads run what they wait for.
    callers: usize,
    /// Ends what helper threads run, when the last caller goes.
    helping: Option<StopSignal>,
    /// What callers of this process wait for, and how many do.
    pub roots: BTreeMap<Reference, usize>,
    /// What its guests started.
    pub wanted: Wanted,
    /// Counts the looks for work.
    turn: usize,
    /// Names whose invocations could not be run here, and why: their class or their record cannot be used.
    stuck: HashMap<Name, FailedName>,
}

struct FailedName {
    error: Error,
    /// The number of the first pending invocation at that time. When another one is first, the name is tried again: an
    /// actor may have been removed since, and another made under its id.
    first: Option<u64>,
}

/// One guest may compute while this is there.
pub(in crate::engine) struct Permit {
    executor: Executor,
}

/// A guest waits in memory while this is there, and its permit is free.
pub(in crate::engine) struct YieldedPermit<'s> {
    executor: Executor,
    permit: Option<&'s Permit>,
}

/// Somebody waits for this while it is there.
pub(in crate::engine) struct WaitedFor {
    executor: Executor,
    reference: Reference,
}

/// On whose behalf threads of this process run invocations, until this is dropped.
pub(in crate::engine) struct Participant<'e> {
    engine: &'e Engine,
    who: Role,
}

#[derive(Clone, Copy)]
enum Role {
    /// A worker, of all that was accepted.
    Worker,
    /// A caller, of what it waits for, until its deadline.
    Caller { deadline: Option<Instant> },
}

impl Executor {
    pub fn root(&self, reference: &Reference) -> WaitedFor {
        *self.lock().roots.entry(reference.clone()).or_default() += 1;
        self.0.changed.notify_all();
        WaitedFor { executor: self.clone(), reference: reference.clone() }
    }

    /// Puts what a guest started where threads that look for work see it.
    pub fn want(&self, references: impl IntoIterator<Item = Reference>) {
        let mut state = self.lock();
        if state.workers == 0 {
            state.wanted.extend(references);
        }
    }

    /// What ends a helper thread's next run; None where there is nothing to run on anybody's behalf.
    fn helps(&self, engine: &Engine) -> Option<StopSignal> {
        let mut state = self.lock();
        let stop = || engine.settings.stop.child();
        state.has_work().then(|| state.helping.get_or_insert_with(stop).clone()).filter(|stop| !stop.is_stopped())
    }

    /// The number of a look for work.
    pub(super) fn next_turn(&self) -> usize {
        let mut state = self.lock();
        state.turn = state.turn.wrapping_add(1);
        state.turn
    }

    /// A permit, once one is free.
    pub fn permit(&self) -> Permit {
        let mut state = self.lock();
        while state.computing >= state.jobs() {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.computing += 1;
        Permit { executor: self.clone() }
    }

    fn try_permit(&self) -> Option<Permit> {
        let mut state = self.lock();
        let free = state.computing < state.jobs();
        free.then(|| {
            state.computing += 1;
            Permit { executor: self.clone() }
        })
    }

    /// Frees the permit of a guest that waits; None where too many wait in memory already.
    pub fn yield_permit<'s>(&self, permit: Option<&'s Permit>) -> Option<YieldedPermit<'s>> {
        let mut state = self.lock();
        if state.waiting >= IN_MEMORY {
            return None;
        }
        state.waiting += 1;
        if permit.is_some() {
            state.computing -= 1;
            self.0.changed.notify_all();
        }
        Some(YieldedPermit { executor: self.clone(), permit })
    }

    /// Whether a worker of this process runs whatever was accepted.
    pub fn works_on_all(&self) -> bool {
        self.lock().workers > 0
    }

    /// Why a name was left alone, for a caller that waits for it; it is tried again after that.
    pub fn take_failure(&self, name: &Name) -> Option<Error> {
        let mut state = self.lock();
        if state.stuck.is_empty() { None } else { state.stuck.remove(name).map(|stuck| stuck.error) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn jobs(&mut self) -> usize {
        if self.jobs == 0 {
            self.jobs = thread::available_parallelism().map_or(1, usize::from);
        }
        self.jobs
    }

    fn has_work(&self) -> bool {
        self.workers > 0 || self.callers > 0 && !self.roots.is_empty()
    }

    fn is_idle(&self) -> bool {
        self.workers == 0 && self.callers == 0
    }
}

/// A helper thread, until this is dropped.
struct Helper(Executor);

impl Drop for Helper {
    fn drop(&mut self) {
        self.0.lock().helpers -= 1;
        self.0.0.changed.notify_all();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.executor.lock().computing -= 1;
        self.executor.0.changed.notify_all();
    }
}

impl Drop for YieldedPermit<'_> {
    /// Waits for a permit: the guest goes on.
    fn drop(&mut self) {
        let mut state = self.executor.lock();
        state.waiting -= 1;
        if self.permit.is_some() {
            while state.computing >= state.jobs() {
                state = self.executor.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.computing += 1;
        }
    }
}

impl Drop for WaitedFor {
    fn drop(&mut self) {
        let mut state = self.executor.lock();
        if let Some(count) = state.roots.get_mut(&self.reference) {
            *count -= 1;
            if *count == 0 {
                state.roots.remove(&self.reference);
            }
        }
        if state.roots.is_empty() {
            state.wanted.clear();
        }
    }
}

impl Drop for Participant<'_> {
    /// When this was the last one, what helper threads run is stopped, and they end before this returns.
    fn drop(&mut self) {
        let executor = &self.engine.executor;
        let mut state = executor.lock();
        match self.who {
            Role::Worker => state.workers -= 1,
            Role::Caller { .. } => state.callers -= 1,
        }
        if state.workers == 0 {
            state.jobs = 0;
        }
        if !state.is_idle() {
            return;
        }
        let helping = state.helping.take();
        if state.helpers > 0 {
            drop(state);
            if let Some(stop) = helping {
                stop.stop();
            }
            // one that waits for a commit looks again
            self.engine.notifier.wake();
            self.wait_for_helpers();
            state = executor.lock();
        }
        if state.is_idle() {
            // what failed now is no failure of a later call
            state.stuck.clear();
            state.wanted.clear();
        }
    }
}

impl Participant<'_> {
    /// Where the caller has a deadline and a thread does not come back from the store, not for much longer than that.
    fn wait_for_helpers(&self) {
        let executor = &self.engine.executor;
        let until = match self.who {
            Role::Caller { deadline: Some(deadline) } => Some(deadline.max(Instant::now()) + STUCK_IN_STORE),
            Role::Caller { deadline: None } | Role::Worker => None,
        };
        let mut state = executor.lock();
        while state.helpers > 0 && state.is_idle() {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return;
            }
            let woken = executor.0.changed.wait_timeout(state, left.unwrap_or(Duration::MAX));
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A thread that looks for work. However it ends, the callers that wait for it go on.
struct HelperSearch<'e> {
    engine: &'e Engine,
    /// Whether it looks at the moment.
    counts: bool,
    /// Why it ended before its work was done.
    error: Option<Error>,
}

impl HelperSearch<'_> {
    fn pause(&mut self) {
        self.counts = false;
        self.engine.executor.lock().looking -= 1;
    }

    /// Whether others look, too.
    fn resume(&mut self) -> bool {
        self.counts = true;
        let mut state = self.engine.executor.lock();
        state.looking += 1;
        state.looking > 1
    }
}

impl Drop for HelperSearch<'_> {
    fn drop(&mut self) {
        let mut state = self.engine.executor.lock();
        state.looking -= usize::from(self.counts);
        let roots: Vec<Reference> = state.roots.keys().cloned().collect();
        drop(state);
        if thread::panicking() {
            self.error = Some(Error::internal("a thread that runs invocations panicked"));
        }
        // callers that wait for these would wait for ever
        if let Some(error) = &self.error {
            roots.iter().for_each(|root| self.engine.mark_failed(&root.name, error));
        }
    }
}

impl Engine {
    /// Has helper threads run what a caller waits for, until the caller drops this.
    pub(in crate::engine) fn enter_caller(&self, deadline: Option<Instant>) -> Participant<'_> {
        self.executor.lock().callers += 1;
        Participant { engine: self, who: Role::Caller { deadline } }
    }

    /// Has all that was accepted run by so many guests at once, until the worker drops this.
    pub(in crate::engine) fn enter_worker(&self, jobs: usize) -> Participant<'_> {
        let mut state = self.executor.lock();
        state.workers += 1;
        state.jobs = jobs;
        self.executor.0.changed.notify_all();
        Participant { engine: self, who: Role::Worker }
    }

    /// The inbox of a name is left alone from now on, for as long as the same invocation is first in it.
    pub(in crate::engine) fn mark_failed(&self, name: &Name, error: &Error) {
        let first = self.first_pending(name);
        self.executor.lock().stuck.insert(name.clone(), FailedName { error: error.clone(), first });
    }

    pub(in crate::engine) fn has_failed(&self, name: &Name) -> bool {
        let Some(first) = self.executor.lock().stuck.get(name).map(|stuck| stuck.first) else { return false };
        if self.first_pending(name) == first {
            return true;
        }
        self.executor.lock().stuck.remove(name);
        false
    }

    /// None also where it cannot be read.
    fn first_pending(&self, name: &Name) -> Option<u64> {
        let pending = self.store.pending(Some(name), None, 1).ok()?;
        pending.first().map(|first| first.number)
    }

    /// Has a thread look for work, unless one does already or as many guests compute as may. False if no thread could be
    /// started and no other one will look when it is done.
    pub(in crate::engine) fn spawn_helper(&self) -> bool {
        let mut state = self.executor.lock();
        if state.looking > 0 || !state.has_work() || state.computing >= state.jobs() {
            return true;
        }
        let engine = self.clone();
        let thread = thread::Builder::new().name("vactor-executor".to_owned());
        if thread.spawn(move || engine.help()).is_ok() {
            state.looking += 1;
            state.helpers += 1;
            return true;
        }
        state.computing > 0 || state.workers > 0
    }

    /// Runs something that callers of this process wait for, on the caller's own thread and until its deadline. Whether there
    /// was something.
    pub(in crate::engine) fn help_on_this_thread(&self, deadline: Option<Instant>) -> Result<bool> {
        let Some(claim) = self.find_work()? else { return Ok(false) };
        let Some(permit) = self.executor.try_permit() else { return Ok(false) };
        match self.run_claim(claim, Some(&permit), deadline, &self.settings.stop) {
            // the caller looks itself why
            Err(Error::Interrupted) => Ok(true),
            ran => ran.map(|_| true),
        }
    }

    fn help(&self) {
        let _helper = Helper(self.executor.clone());
        let mut looking = HelperSearch { engine: self, counts: true, error: None };
        let ended = self.help_while_work_is_left(&mut looking);
        // what was stopped is told by what stopped it
        looking.error = ended.err().filter(|error| !matches!(error, Error::Interrupted));
    }

    fn help_while_work_is_left(&self, looking: &mut HelperSearch<'_>) -> Result<()> {
        let mut listener = self.notifier.subscribe(&self.store, &self.settings.stop)?;
        let mut found_last = Instant::now();
        while let Some(stop) = self.executor.helps(self) {
            // read before the look: what comes due during it is then still ahead
            let now = self.now()?;
            let Some(claim) = self.find_work()? else {
                if found_last.elapsed() > IDLE {
                    break;
                }
                listener.wait(self.look_again(now, IDLE)?);
                continue;
            };
            let Some(permit) = self.executor.try_permit() else { break };
            looking.pause();
            self.spawn_helper();
            let done = self.run_claim(claim, Some(&permit), None, &stop);
            drop(permit);
            let others = looking.resume();
            done?;
            if others {
                break;
            }
            found_last = Instant::now();
        }
        Ok(())
    }
}
