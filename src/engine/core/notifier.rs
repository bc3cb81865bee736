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
pub(in crate::engine) struct Notifier(Arc<Shared>);

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
pub(in crate::engine) struct Subscription {
    notifier: Notifier,
    heard: u64,
}

impl Notifier {
    /// The store is watched before this returns, so no commit falls between a later look at the store and the wait. What
    /// stops wakes, too.
    pub fn subscribe(&self, store: &Arc<dyn Store>, stop: &StopSignal) -> Result<Subscription> {
        let sleeper: Arc<dyn Wake> = self.0.clone();
        stop.wakes(&sleeper);
        let mut state = self.lock();
        if !state.watched {
            let watch = store.watch()?;
            let notifier = self.clone();
            // without the thread who waits looks again after a while, as it does in any case
            state.watched =
                thread::Builder::new().name("vactor-notifier".to_owned()).spawn(move || notifier.watch(watch)).is_ok();
        }
        state.listeners += 1;
        let heard = state.beats;
        drop(state);
        Ok(Subscription { notifier: self.clone(), heard })
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

impl Subscription {
    /// Until something happened since the last call (or since this was made), and until `deadline` at the latest. Whether
    /// something did.
    pub fn wait(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let shared = &self.notifier.0;
        let waited = shared.beat.wait_timeout_while(self.notifier.lock(), left, |state| state.beats == self.heard);
        let beats = waited.unwrap_or_else(PoisonError::into_inner).0.beats;
        std::mem::replace(&mut self.heard, beats) != beats
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.notifier.lock().listeners -= 1;
    }
}
