//! Wakes the threads of this process that wait for a commit. One watch of the store serves them all.

use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::model::{Result, lock, wait_timeout};
use crate::sandbox::{StopSignal, Wake};
use crate::store::{Store, Watch};

/// The watching thread checks after this time whether it is still needed.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A clone is the same notifier.
#[derive(Clone, Default)]
pub struct Notifier(Arc<Notifications>);

#[derive(Default)]
struct Notifications {
    state: Mutex<NotifierState>,
    changed: Condvar,
}

#[derive(Default)]
struct NotifierState {
    /// Counts commits and wake-ups.
    events: u64,
    subscriptions: usize,
    is_watched: bool,
}

/// Sees every event after it was made.
pub struct Subscription {
    notifier: Notifier,
    /// The count of events at its last wait.
    seen: u64,
}

impl Notifier {
    /// The store is watched before this returns, so no commit falls between a later read of the store and the wait.
    /// Stopping `stop` is an event, too.
    pub fn subscribe(&self, store: &Arc<dyn Store>, stop: &StopSignal) -> Result<Subscription> {
        let sleeper: Arc<dyn Wake> = self.0.clone();
        stop.wakes(&sleeper);
        let mut state = lock(&self.0.state);
        if !state.is_watched {
            let watch = store.watch()?;
            let notifier = self.clone();
            let thread = thread::Builder::new().name("vactor-notifier".to_owned());
            // without the thread, waiting threads look again by themselves
            state.is_watched = thread.spawn(move || notifier.watch(watch)).is_ok();
        }
        state.subscriptions += 1;
        let seen = state.events;
        drop(state);
        Ok(Subscription { notifier: self.clone(), seen })
    }

    /// Wakes all subscriptions.
    pub fn wake(&self) {
        self.0.wake();
    }

    fn watch(&self, mut watch: Box<dyn Watch>) {
        loop {
            watch.wait(Instant::now() + CHECK_INTERVAL);
            let mut state = lock(&self.0.state);
            if state.subscriptions == 0 {
                state.is_watched = false;
                return;
            }
            drop(state);
            self.0.wake();
        }
    }
}

impl Wake for Notifications {
    fn wake(&self) {
        lock(&self.state).events += 1;
        self.changed.notify_all();
    }
}

impl Subscription {
    /// Returns after an event since the last call (or since the subscription), and at `deadline` at the latest.
    /// Whether there was an event.
    pub fn wait(&mut self, deadline: Instant) -> bool {
        let notifications = &self.notifier.0;
        let mut state = lock(&notifications.state);
        while state.events == self.seen {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = wait_timeout(&notifications.changed, state, left);
        }
        std::mem::replace(&mut self.seen, state.events) != state.events
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        lock(&self.notifier.0.state).subscriptions -= 1;
    }
}
