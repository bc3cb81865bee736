//! Raises wasmtime's epoch when a guest has to check its clocks or its [`StopSignal`], without a
//! tick.
//!
//! The watchdog is a thread that sleeps until the first time at which a watched guest has to check,
//! or until a run is stopped, and raises the epoch then. The end of a run does not wake it, and a
//! later run with a later time neither starts nor wakes it. If it wakes and there is no run, it
//! ends.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use wasmtime::{Engine, EngineWeak};

use super::stop::{StopSignal, Wake};
use crate::model::{lock, wait_timeout};

/// A guest that misses an epoch, as it had just checked or is in a call of the host, sees the next
/// one after this time.
const AGAIN: Duration = Duration::from_millis(5);

/// Owns the thread: it ends after this is dropped.
pub struct Watchdog(Arc<EpochWatch>);

pub struct EpochWatch {
    engine: EngineWeak,
    state: Mutex<WatchState>,
    /// Notified if the thread has to look before its time.
    changed: Condvar,
}

/// A watched run: the time of its check, and a number that makes it unique.
pub type WatchTicket = (Instant, u64);

#[derive(Default)]
struct WatchState {
    runs: BTreeMap<WatchTicket, StopSignal>,
    numbers: u64,
    /// The time at which the thread wakes by itself; None if there is no thread.
    wakes: Option<Instant>,
    closed: bool,
}

impl Watchdog {
    pub fn new(engine: &Engine) -> Watchdog {
        Watchdog(Arc::new(EpochWatch { engine: engine.weak(), state: Mutex::default(), changed: Condvar::new() }))
    }

    pub fn watch(&self) -> Arc<EpochWatch> {
        self.0.clone()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        lock(&self.0.state).closed = true;
        self.0.changed.notify_one();
    }
}

impl Wake for EpochWatch {
    /// Has the thread look at its runs at once.
    fn wake(&self) {
        // the thread, which locks this between its looks, either has not looked yet or waits once
        // the lock is free
        drop(lock(&self.state));
        self.changed.notify_one();
    }
}

impl EpochWatch {
    /// Whether the thread runs.
    pub fn has_thread(&self) -> bool {
        lock(&self.state).wakes.is_some()
    }

    /// Has each guest check.
    pub fn raise_epoch(&self) {
        if let Some(engine) = self.engine.upgrade() {
            engine.increment_epoch();
        }
    }

    /// Watches a run: the epoch rises at `due`, and when the run is stopped.
    pub fn add(self: &Arc<EpochWatch>, due: Instant, stop: &StopSignal) -> io::Result<WatchTicket> {
        let sleeper: Arc<dyn Wake> = self.clone();
        stop.wakes(&sleeper);
        let mut state = lock(&self.state);
        if state.wakes.is_none() {
            let watch = self.clone();
            let thread = thread::Builder::new().name("vactor-watchdog".to_owned()).stack_size(1 << 16);
            thread.spawn(move || watch.keep())?;
            state.wakes = Some(due);
        }
        state.numbers += 1;
        let ticket = (due, state.numbers);
        state.runs.insert(ticket, stop.clone());
        // a stop before the insertion woke the thread too early
        if state.wakes.is_some_and(|wakes| due < wakes) || stop.is_stopped() {
            self.changed.notify_one();
        }
        Ok(ticket)
    }

    /// Stops watching a run. Returns whether it was watched.
    pub fn remove(&self, ticket: WatchTicket) -> bool {
        lock(&self.state).runs.remove(&ticket).is_some()
    }

    fn keep(&self) {
        let mut state = lock(&self.state);
        loop {
            let first = state.runs.first_key_value().map(|((due, _), _)| *due);
            let Some(first) = first.filter(|_| !state.closed) else {
                state.wakes = None;
                return;
            };
            let now = Instant::now();
            let mut wakes = first;
            if first <= now || state.runs.values().any(StopSignal::is_stopped) {
                self.raise_epoch();
                wakes = now + AGAIN;
            }
            state.wakes = Some(wakes);
            let pause = wakes.saturating_duration_since(now);
            state = wait_timeout(&self.changed, state, pause);
        }
    }

    #[cfg(test)]
    pub fn wakes(&self) -> Option<Instant> {
        lock(&self.state).wakes
    }

    #[cfg(test)]
    pub fn watched(&self) -> Vec<Instant> {
        lock(&self.state).runs.keys().map(|(due, _)| *due).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    /// Waits for a condition that the thread certainly makes true.
    fn until(condition: impl Fn() -> bool) {
        while !condition() {
            thread::yield_now();
        }
    }

    #[test]
    fn thread_without_runs_ends_when_it_wakes() {
        let watchdog = Watchdog::new(&Engine::default());
        let (watch, stop) = (watchdog.watch(), StopSignal::default());
        let soon = watch.add(Instant::now(), &stop).unwrap();
        assert!(watch.has_thread());
        assert!(watch.remove(soon));
        until(|| !watch.has_thread());

        let later = Instant::now() + LONG;
        let soon = watch.add(Instant::now(), &stop).unwrap();
        let long = watch.add(later, &stop).unwrap();
        watch.remove(soon);
        // it woke for the removed run, and sleeps until the time of the other
        until(|| watch.wakes() == Some(later));
        watch.remove(long);
        // it still sleeps, and the next run finds it
        assert!(watch.has_thread());
    }

    #[test]
    fn stop_wakes_the_thread_before_its_time() {
        let (watchdog, stop) = (Watchdog::new(&Engine::default()), StopSignal::default());
        let watch = watchdog.watch();
        let ticket = watch.add(Instant::now() + LONG, &stop).unwrap();
        stop.stop();
        until(|| watch.wakes().is_some_and(|wakes| wakes < Instant::now() + LONG / 2));
        watch.remove(ticket);
        until(|| !watch.has_thread());
    }

    #[test]
    fn thread_ends_with_the_watchdog() {
        let watchdog = Watchdog::new(&Engine::default());
        watchdog.watch().add(Instant::now() + LONG, &StopSignal::default()).unwrap();
        let watch = Arc::downgrade(&watchdog.0);
        drop(watchdog);
        until(|| watch.strong_count() == 0);
    }
}
