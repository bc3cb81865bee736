//! The threads of this process that run what its callers and its waiting guests wait for, where nobody else does.
//!
//! A guest that waits gives up its slot, so that what it waits for runs even where there is but one; it takes one again
//! before it goes on. At most one thread looks for work at a time: one that finds some has the next look in its place.

mod find;
mod wanted;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Engine;
use crate::model::{Error, Name, Reference, Result};
use crate::sandbox::StopSignal;
use wanted::Wanted;

/// A thread that found nothing to do for so long ends.
const IDLE: Duration = Duration::from_millis(500);

/// A caller whose deadline passed waits no longer than this for a thread that waits for a lock of the store.
const STUCK_IN_STORE: Duration = Duration::from_secs(2);

/// Guests that wait in memory at most; the stack and the memory of each stay.
const IN_MEMORY: usize = 64;

#[derive(Clone, Default)]
pub(super) struct Crew(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
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
    roots: BTreeMap<Reference, usize>,
    /// What its guests started.
    wanted: Wanted,
    /// Counts the looks for work.
    turn: usize,
    /// Names whose invocations could not be run here, and why: their class or their record cannot be used.
    stuck: HashMap<Name, Stuck>,
}

struct Stuck {
    error: Error,
    /// The number of the first pending invocation at that time. When another one is first, the name is tried again: an
    /// actor may have been removed since, and another made under its id.
    first: Option<u64>,
}

/// One guest may compute while this is there.
pub(super) struct Slot {
    crew: Crew,
}

/// A guest waits in memory while this is there, and its slot is free.
pub(super) struct Aside<'s> {
    crew: Crew,
    slot: Option<&'s Slot>,
}

/// Somebody waits for this while it is there.
pub(super) struct Root {
    crew: Crew,
    reference: Reference,
}

/// On whose behalf threads of this process run invocations, until this is dropped.
pub(super) struct OnBehalf<'e> {
    engine: &'e Engine,
    who: Who,
}

#[derive(Clone, Copy)]
enum Who {
    /// A worker, of all that was accepted.
    Worker,
    /// A caller, of what it waits for, until its deadline.
    Caller { deadline: Option<Instant> },
}

impl Crew {
    pub fn root(&self, reference: &Reference) -> Root {
        *self.lock().roots.entry(reference.clone()).or_default() += 1;
        self.0.changed.notify_all();
        Root { crew: self.clone(), reference: reference.clone() }
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
    fn next_turn(&self) -> usize {
        let mut state = self.lock();
        state.turn = state.turn.wrapping_add(1);
        state.turn
    }

    /// A slot, once one is free.
    pub fn slot(&self) -> Slot {
        let mut state = self.lock();
        while state.computing >= state.jobs() {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.computing += 1;
        Slot { crew: self.clone() }
    }

    fn try_slot(&self) -> Option<Slot> {
        let mut state = self.lock();
        let free = state.computing < state.jobs();
        free.then(|| {
            state.computing += 1;
            Slot { crew: self.clone() }
        })
    }

    /// Frees the slot of a guest that waits; None where too many wait in memory already.
    pub fn step_aside<'s>(&self, slot: Option<&'s Slot>) -> Option<Aside<'s>> {
        let mut state = self.lock();
        if state.waiting >= IN_MEMORY {
            return None;
        }
        state.waiting += 1;
        if slot.is_some() {
            state.computing -= 1;
            self.0.changed.notify_all();
        }
        Some(Aside { crew: self.clone(), slot })
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

    fn lock(&self) -> MutexGuard<'_, State> {
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
struct Helper(Crew);

impl Drop for Helper {
    fn drop(&mut self) {
        self.0.lock().helpers -= 1;
        self.0.0.changed.notify_all();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.crew.lock().computing -= 1;
        self.crew.0.changed.notify_all();
    }
}

impl Drop for Aside<'_> {
    /// Waits for a slot: the guest goes on.
    fn drop(&mut self) {
        let mut state = self.crew.lock();
        state.waiting -= 1;
        if self.slot.is_some() {
            while state.computing >= state.jobs() {
                state = self.crew.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.computing += 1;
        }
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let mut state = self.crew.lock();
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

impl Drop for OnBehalf<'_> {
    /// When this was the last one, what helper threads run is stopped, and they end before this returns.
    fn drop(&mut self) {
        let crew = &self.engine.crew;
        let mut state = crew.lock();
        match self.who {
            Who::Worker => state.workers -= 1,
            Who::Caller { .. } => state.callers -= 1,
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
            self.engine.pulse.wake();
            self.wait_for_helpers();
            state = crew.lock();
        }
        if state.is_idle() {
            // what failed now is no failure of a later call
            state.stuck.clear();
            state.wanted.clear();
        }
    }
}

impl OnBehalf<'_> {
    /// Where the caller has a deadline and a thread does not come back from the store, not for much longer than that.
    fn wait_for_helpers(&self) {
        let crew = &self.engine.crew;
        let until = match self.who {
            Who::Caller { deadline: Some(deadline) } => Some(deadline.max(Instant::now()) + STUCK_IN_STORE),
            Who::Caller { deadline: None } | Who::Worker => None,
        };
        let mut state = crew.lock();
        while state.helpers > 0 && state.is_idle() {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return;
            }
            let woken = crew.0.changed.wait_timeout(state, left.unwrap_or(Duration::MAX));
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A thread that looks for work. However it ends, the callers that wait for it go on.
struct Looking<'e> {
    engine: &'e Engine,
    /// Whether it looks at the moment.
    counts: bool,
    /// Why it ended before its work was done.
    error: Option<Error>,
}

impl Looking<'_> {
    fn pause(&mut self) {
        self.counts = false;
        self.engine.crew.lock().looking -= 1;
    }

    /// Whether others look, too.
    fn resume(&mut self) -> bool {
        self.counts = true;
        let mut state = self.engine.crew.lock();
        state.looking += 1;
        state.looking > 1
    }
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        let mut state = self.engine.crew.lock();
        state.looking -= usize::from(self.counts);
        let roots: Vec<Reference> = state.roots.keys().cloned().collect();
        drop(state);
        if thread::panicking() {
            self.error = Some(Error::internal("a thread that runs invocations panicked"));
        }
        // callers that wait for these would wait for ever
        if let Some(error) = &self.error {
            roots.iter().for_each(|root| self.engine.give_up(&root.name, error));
        }
    }
}

impl Engine {
    /// Has helper threads run what a caller waits for, until the caller drops this.
    pub(super) fn as_caller(&self, deadline: Option<Instant>) -> OnBehalf<'_> {
        self.crew.lock().callers += 1;
        OnBehalf { engine: self, who: Who::Caller { deadline } }
    }

    /// Has all that was accepted run by so many guests at once, until the worker drops this.
    pub(super) fn as_worker(&self, jobs: usize) -> OnBehalf<'_> {
        let mut state = self.crew.lock();
        state.workers += 1;
        state.jobs = jobs;
        self.crew.0.changed.notify_all();
        OnBehalf { engine: self, who: Who::Worker }
    }

    /// The inbox of a name is left alone from now on, for as long as the same invocation is first in it.
    pub(super) fn give_up(&self, name: &Name, error: &Error) {
        let first = self.first_pending(name);
        self.crew.lock().stuck.insert(name.clone(), Stuck { error: error.clone(), first });
    }

    pub(super) fn is_stuck(&self, name: &Name) -> bool {
        let Some(first) = self.crew.lock().stuck.get(name).map(|stuck| stuck.first) else { return false };
        if self.first_pending(name) == first {
            return true;
        }
        self.crew.lock().stuck.remove(name);
        false
    }

    /// None also where it cannot be read.
    fn first_pending(&self, name: &Name) -> Option<u64> {
        let pending = self.store.pending(Some(name), None, 1).ok()?;
        pending.first().map(|first| first.number)
    }

    /// Has a thread look for work, unless one does already or as many guests compute as may. False if no thread could be
    /// started and no other one will look when it is done.
    pub(super) fn hire(&self) -> bool {
        let mut state = self.crew.lock();
        if state.looking > 0 || !state.has_work() || state.computing >= state.jobs() {
            return true;
        }
        let engine = self.clone();
        let thread = thread::Builder::new().name("vactor-crew".to_owned());
        if thread.spawn(move || engine.help()).is_ok() {
            state.looking += 1;
            state.helpers += 1;
            return true;
        }
        state.computing > 0 || state.workers > 0
    }

    /// Runs something that callers of this process wait for, on the caller's own thread and until its deadline. Whether there
    /// was something.
    pub(super) fn help_here(&self, deadline: Option<Instant>) -> Result<bool> {
        let Some(claim) = self.find_work()? else { return Ok(false) };
        let Some(slot) = self.crew.try_slot() else { return Ok(false) };
        match self.run_claim(claim, Some(&slot), deadline, &self.settings.stop) {
            // the caller looks itself why
            Err(Error::Interrupted) => Ok(true),
            ran => ran.map(|_| true),
        }
    }

    fn help(&self) {
        let _helper = Helper(self.crew.clone());
        let mut looking = Looking { engine: self, counts: true, error: None };
        let ended = self.help_while_there_is_work(&mut looking);
        // what was stopped is told by what stopped it
        looking.error = ended.err().filter(|error| !matches!(error, Error::Interrupted));
    }

    fn help_while_there_is_work(&self, looking: &mut Looking<'_>) -> Result<()> {
        let mut listener = self.pulse.listen(&self.store, &self.settings.stop)?;
        let mut found_last = Instant::now();
        while let Some(stop) = self.crew.helps(self) {
            // read before the look: what comes due during it is then still ahead
            let now = self.now()?;
            let Some(claim) = self.find_work()? else {
                if found_last.elapsed() > IDLE {
                    break;
                }
                listener.wait(self.look_again(now, IDLE)?);
                continue;
            };
            let Some(slot) = self.crew.try_slot() else { break };
            looking.pause();
            self.hire();
            let done = self.run_claim(claim, Some(&slot), None, &stop);
            drop(slot);
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
