//! A class in one process: the first thread that needs it makes it ready, and the others wait for
//! that.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::class::CompiledClass;
use super::run::{Aborted, Bounds};
use super::stop::Wake;
use crate::model::{Error, Result, lock, wait_timeout};

/// The longest pause between two looks of a waiting thread.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct ClassCell {
    state: Mutex<CellState>,
    changed: Condvar,
}

#[derive(Default)]
enum CellState {
    #[default]
    Empty,
    /// A thread is making the class ready.
    Busy,
    /// The class, or the error of bytes that are none.
    Done(Result<Arc<CompiledClass>>),
}

/// Empties the cell if the thread that makes the class ready ends without a result.
struct BusyGuard<'a>(&'a ClassCell);

impl ClassCell {
    /// The class, from `make` if no thread has made it ready. It waits while another thread makes
    /// it ready.
    pub(super) fn get(
        self: &Arc<ClassCell>,
        until: Bounds<'_>,
        make: impl FnOnce() -> Result<Arc<CompiledClass>, Aborted>,
    ) -> Result<Arc<CompiledClass>, Aborted> {
        if let Some(done) = self.wait(until)? {
            return Ok(done?);
        }
        let busy = BusyGuard(self);
        let class = make();
        let done = match &class {
            Ok(class) => Some(Ok(class.clone())),
            Err(Aborted::Failed(error @ (Error::NotAClass { .. } | Error::NotCompiled { .. }))) => {
                Some(Err(error.clone()))
            }
            // a stop, a deadline or a shortage says nothing about the class
            Err(_) => None,
        };
        if let Some(done) = done {
            self.put(CellState::Done(done));
        }
        drop(busy);
        class
    }

    /// The class, or None if the caller has to make it ready.
    fn wait(self: &Arc<ClassCell>, until: Bounds<'_>) -> Result<Option<Result<Arc<CompiledClass>>>, Aborted> {
        let mut state = lock(&self.state);
        let mut wakes_on_stop = false;
        loop {
            match &*state {
                CellState::Done(done) => return Ok(Some(done.clone())),
                CellState::Empty => {
                    *state = CellState::Busy;
                    return Ok(None);
                }
                CellState::Busy => {}
            }
            if !wakes_on_stop {
                // a stop takes this lock
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

    fn put(&self, state: CellState) {
        *lock(&self.state) = state;
        self.changed.notify_all();
    }
}

impl Drop for BusyGuard<'_> {
    fn drop(&mut self) {
        if matches!(*lock(&self.0.state), CellState::Busy) {
            self.0.put(CellState::Empty);
        }
    }
}

impl Wake for ClassCell {
    fn wake(&self) {
        // under the lock: otherwise a thread between its look and its wait would miss this
        let _state = lock(&self.state);
        self.changed.notify_all();
    }
}
