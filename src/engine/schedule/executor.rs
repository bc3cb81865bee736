//! The permits of a process and the counts of its threads.
//!
//! A waiting guest gives up its permit, so that the awaited invocation runs even if there is only one; the guest takes a
//! permit again before it goes on. At most one helper thread searches for work at a time. When it finds some, another
//! searches in its place.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use super::wanted::Wanted;
use crate::model::{Reference, lock, wait, wait_timeout};
use crate::sandbox::StopSignal;

/// Guests that wait in memory, at most: each keeps its stack and its memory.
const MAX_WAITING: usize = 64;

/// A clone is the same executor.
#[derive(Clone, Default)]
pub struct Executor(Arc<SharedExecutor>);

#[derive(Default)]
struct SharedExecutor {
    state: Mutex<ExecutorState>,
    changed: Condvar,
}

#[derive(Default)]
pub struct ExecutorState {
    /// Permits in all; 0 until the first one is asked for.
    jobs: usize,
    /// Permits that are taken.
    computing: usize,
    /// Guests that wait in memory.
    waiting: usize,
    /// Helper threads that search for work.
    searching: usize,
    /// Helper threads, which search for work or run some.
    helpers: usize,
    /// Workers of this process, for which helper threads run all accepted invocations.
    workers: usize,
    /// Callers of this process, for which helper threads run the awaited invocations.
    callers: usize,
    /// Ends the runs of helper threads when the last worker or caller leaves.
    helpers_stop: Option<StopSignal>,
    /// The invocations that callers and guests of this process wait for, with the number of waits.
    pub waited_for: BTreeMap<Reference, usize>,
    /// The invocations that guests of this process started.
    pub wanted: Wanted,
    /// The number of searches for work.
    searches: usize,
}

/// The right of one guest to compute.
pub struct Permit(Executor);

/// A guest waits in memory until this is dropped, and its permit is free.
struct YieldedPermit<'p> {
    executor: Executor,
    permit: Option<&'p Permit>,
}

/// An invocation is waited for until this is dropped.
pub struct WaitedFor {
    executor: Executor,
    reference: Reference,
}

/// The part that a thread takes in the executor.
#[derive(Clone, Copy)]
pub enum Role {
    /// A worker, with this number of permits.
    Worker { jobs: usize },
    /// A caller that waits.
    Caller,
}

/// A helper thread.
pub struct Helper {
    executor: Executor,
    is_searching: bool,
}

impl Executor {
    pub fn state(&self) -> MutexGuard<'_, ExecutorState> {
        lock(&self.0.state)
    }

    /// Waits for a permit.
    pub fn permit(&self) -> Permit {
        self.take_permit(self.state());
        Permit(self.clone())
    }

    pub fn try_permit(&self) -> Option<Permit> {
        let mut state = self.state();
        if state.computing >= state.jobs() {
            return None;
        }
        state.computing += 1;
        Some(Permit(self.clone()))
    }

    /// Frees the permit of a guest that waits in memory for the end of `waiting`'s wait. Dropping the guard waits for a permit.
    /// None if too many guests wait in memory already.
    pub fn yield_permit<'p>(&self, permit: Option<&'p Permit>, waiting: &Reference) -> Option<Box<dyn Send + 'p>> {
        let mut state = self.state();
        if state.waiting >= MAX_WAITING {
            return None;
        }
        state.waiting += 1;
        state.computing -= usize::from(permit.is_some());
        drop(state);
        self.0.changed.notify_all();
        let yielded = YieldedPermit { executor: self.clone(), permit };
        // the first part is dropped first
        Some(Box::new((self.wait_for(waiting), yielded)))
    }

    /// Has helper threads run an invocation, and what it waits for.
    pub fn wait_for(&self, reference: &Reference) -> WaitedFor {
        *self.state().waited_for.entry(reference.clone()).or_default() += 1;
        self.0.changed.notify_all();
        WaitedFor { executor: self.clone(), reference: reference.clone() }
    }

    /// Has helper threads run the children of a guest. A worker's search finds them by itself.
    pub fn want(&self, children: Vec<Reference>) {
        let mut state = self.state();
        if state.workers == 0 {
            state.wanted.extend(children);
        }
    }

    /// The number of a new search for work.
    pub fn next_search(&self) -> usize {
        let mut state = self.state();
        state.searches = state.searches.wrapping_add(1);
        state.searches
    }

    /// Whether a worker of this process runs all accepted invocations.
    pub fn has_worker(&self) -> bool {
        self.state().workers > 0
    }

    pub fn enter(&self, role: Role) {
        let mut state = self.state();
        match role {
            Role::Worker { jobs } => {
                state.workers += 1;
                state.jobs = jobs;
                self.0.changed.notify_all();
            }
            Role::Caller => state.callers += 1,
        }
    }

    /// The opposite of [`enter`](Executor::enter). If no worker or caller is left while helper threads run, this is the signal
    /// that stops them.
    pub fn leave(&self, role: Role) -> Option<StopSignal> {
        let mut state = self.state();
        match role {
            Role::Worker { .. } => state.workers -= 1,
            Role::Caller => state.callers -= 1,
        }
        if state.workers == 0 {
            state.jobs = 0;
        }
        if !state.is_idle() {
            return None;
        }
        let stop = state.helpers_stop.take();
        if state.helpers > 0 { Some(stop.unwrap_or_default()) } else { None }
    }

    /// Waits until no helper thread is left, a worker or caller enters, or `until`.
    pub fn wait_for_helpers(&self, until: Option<Instant>) {
        let mut state = self.state();
        while state.helpers > 0 && state.is_idle() {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return;
            }
            state = wait_timeout(&self.0.changed, state, left.unwrap_or(Duration::MAX));
        }
    }

    /// The signal that stops the next run of a helper thread; None if there is no worker or caller to help.
    pub fn helpers_stop(&self, engine: &StopSignal) -> Option<StopSignal> {
        let mut state = self.state();
        if !state.needs_helpers() {
            return None;
        }
        let stop = state.helpers_stop.get_or_insert_with(|| engine.child()).clone();
        (!stop.is_stopped()).then_some(stop)
    }

    /// Has `spawn` start a helper thread, unless one searches already, none is needed or no permit is free. False if
    /// the thread cannot be started and no other will search when its work is done.
    pub fn spawn_helper(&self, spawn: impl FnOnce(Helper) -> bool) -> bool {
        let mut state = self.state();
        if state.searching > 0 || !state.needs_helpers() || state.computing >= state.jobs() {
            return true;
        }
        state.searching += 1;
        state.helpers += 1;
        drop(state);
        if spawn(Helper { executor: self.clone(), is_searching: true }) {
            return true;
        }
        let state = self.state();
        state.computing > 0 || state.workers > 0
    }

    fn take_permit(&self, mut state: MutexGuard<'_, ExecutorState>) {
        while state.computing >= state.jobs() {
            state = wait(&self.0.changed, state);
        }
        state.computing += 1;
    }
}

impl ExecutorState {
    fn jobs(&mut self) -> usize {
        if self.jobs == 0 {
            self.jobs = thread::available_parallelism().map_or(1, usize::from);
        }
        self.jobs
    }

    fn needs_helpers(&self) -> bool {
        self.workers > 0 || self.callers > 0 && !self.waited_for.is_empty()
    }

    /// Whether no worker and no caller is there.
    pub fn is_idle(&self) -> bool {
        self.workers == 0 && self.callers == 0
    }
}

impl Helper {
    /// The thread has found work: another may search.
    pub fn stop_searching(&mut self) {
        self.is_searching = false;
        self.executor.state().searching -= 1;
    }

    /// Whether another thread searches, too.
    pub fn search_again(&mut self) -> bool {
        self.is_searching = true;
        let mut state = self.executor.state();
        state.searching += 1;
        state.searching > 1
    }

    /// The thread searches no more. It still counts as a helper.
    pub fn end_search(&mut self) {
        if std::mem::take(&mut self.is_searching) {
            self.executor.state().searching -= 1;
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.end_search();
        self.executor.state().helpers -= 1;
        self.executor.0.changed.notify_all();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.state().computing -= 1;
        self.0.0.changed.notify_all();
    }
}

impl Drop for YieldedPermit<'_> {
    fn drop(&mut self) {
        let mut state = self.executor.state();
        state.waiting -= 1;
        if self.permit.is_some() {
            self.executor.take_permit(state);
        }
    }
}

impl Drop for WaitedFor {
    fn drop(&mut self) {
        let mut state = self.executor.state();
        if let Some(count) = state.waited_for.get_mut(&self.reference) {
            *count -= 1;
            if *count == 0 {
                state.waited_for.remove(&self.reference);
            }
        }
        if state.waited_for.is_empty() {
            state.wanted.clear();
        }
    }
}
