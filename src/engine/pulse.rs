//! Wakes the threads of this process that wait for a commit. One watch of the store serves them all.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::model::Result;
use crate::sandbox::{StopSignal, Wake};
use crate::store::{Store, Watch};

/// The watching thread looks whether it is still needed after so long.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Clone, Default)]
pub(super) struct Pulse(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    beat: Condvar,
}

#[derive(Default)]
struct State {
    /// Counts what was seen: commits.
    beats: u64,
    listeners: usize,
    watched: bool,
}

/// Hears every beat from the moment that it was made.
pub(super) struct Listener {
    pulse: Pulse,
    heard: u64,
}

impl Pulse {
    /// The store is watched before this returns, so no commit falls between a later look at the store and the wait. What
    /// stops wakes, too.
    pub fn listen(&self, store: &Arc<dyn Store>, stop: &StopSignal) -> Result<Listener> {
        let sleeper: Arc<dyn Wake> = self.0.clone();
        stop.wakes(&sleeper);
        let mut state = self.lock();
        if !state.watched {
            let watch = store.watch()?;
            let pulse = self.clone();
            // without the thread who waits looks again after a while, as it does in any case
            state.watched =
                thread::Builder::new().name("vactor-pulse".to_owned()).spawn(move || pulse.watch(watch)).is_ok();
        }
        state.listeners += 1;
        let heard = state.beats;
        drop(state);
        Ok(Listener { pulse: self.clone(), heard })
    }

    /// Has all listeners look again.
    pub fn wake(&self) {
        self.0.wake();
    }

    fn watch(&self, mut watch: Box<dyn Watch>) {
        loop {
            watch.wait(Instant::now() + LOOK_AGAIN);
            let mut state = self.lock();
            if state.listeners == 0 {
                state.watched = false;
                return;
            }
            drop(state);
            self.0.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Shared {
    fn wake(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).beats += 1;
        self.beat.notify_all();
    }
}

impl Listener {
    /// Until something happened since the last call (or since this was made), and until `deadline` at the latest. Whether
    /// something did.
    pub fn wait(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let shared = &self.pulse.0;
        let waited = shared.beat.wait_timeout_while(self.pulse.lock(), left, |state| state.beats == self.heard);
        let beats = waited.unwrap_or_else(PoisonError::into_inner).0.beats;
        std::mem::replace(&mut self.heard, beats) != beats
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.pulse.lock().listeners -= 1;
    }
}
