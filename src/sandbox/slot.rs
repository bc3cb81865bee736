//! The place of one class in a process: whichever thread wants the class first makes it ready, and the others wait.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::class::CompiledClass;
use super::run::{Aborted, Bounds, Wake};
use crate::model::{Error, Result, lock, wait_timeout};

/// A thread that waits without a deadline looks again after so long.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
enum State {
    #[default]
    Empty,
    /// A thread is making the class ready.
    Busy,
    Known(Result<Arc<CompiledClass>>),
}

/// Leaves the slot empty if the thread that makes the class ready ends without a result.
struct Making<'a>(&'a Slot);

impl Slot {
    /// The class, from `make` if no thread has made it ready. Waits for a thread that does until then.
    pub(super) fn get(
        self: &Arc<Slot>,
        until: Bounds<'_>,
        make: impl FnOnce() -> Result<Arc<CompiledClass>, Aborted>,
    ) -> Result<Arc<CompiledClass>, Aborted> {
        if let Some(known) = self.wait(until)? {
            return Ok(known?);
        }
        let making = Making(self);
        let class = make();
        let known = match &class {
            Ok(class) => Some(Ok(class.clone())),
            Err(Aborted::Failed(error @ (Error::NotAClass { .. } | Error::NotCompiled { .. }))) => {
                Some(Err(error.clone()))
            }
            // a stop, a deadline, a shortage of the machine say nothing of the class
            Err(_) => None,
        };
        if let Some(known) = known {
            self.put(State::Known(known));
        }
        drop(making);
        class
    }

    /// What is known of the class. None if the caller is to make it ready.
    fn wait(self: &Arc<Slot>, until: Bounds<'_>) -> Result<Option<Result<Arc<CompiledClass>>>, Aborted> {
        let mut state = lock(&self.state);
        let mut wakes_on_stop = false;
        loop {
            match &*state {
                State::Known(known) => return Ok(Some(known.clone())),
                State::Empty => {
                    *state = State::Busy;
                    return Ok(None);
                }
                State::Busy => {}
            }
            if !wakes_on_stop {
                // stopping takes the lock: it must not be held here
                drop(state);
                let sleeper: Arc<dyn Wake> = self.clone();
                until.stop.wakes(&sleeper);
                wakes_on_stop = true;
                state = lock(&self.state);
                continue;
            }
            until.check()?;
            let left = until.deadline.map_or(LOOK_AGAIN, |deadline| deadline.saturating_duration_since(Instant::now()));
            state = wait_timeout(&self.changed, state, left);
        }
    }

    fn put(&self, state: State) {
        *lock(&self.state) = state;
        self.changed.notify_all();
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        if matches!(*lock(&self.0.state), State::Busy) {
            self.0.put(State::Empty);
        }
    }
}

impl Wake for Slot {
    fn wake(&self) {
        // with the lock: a thread between its look and its wait would miss it
        let _state = lock(&self.state);
        self.changed.notify_all();
    }
}
