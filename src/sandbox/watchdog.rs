//! Raises the engine's epoch when a guest has to check its clocks or its [`Stop`], without a tick.
//!
//! The watchdog is a thread that sleeps until the earliest time at which a watched guest has to check, or until one is
//! stopped, and raises the epoch then. When a run has ended it sleeps on; a later run with a later time neither spawns nor
//! wakes it. When it wakes and there is no run, it ends.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use wasmtime::{Engine, EngineWeak};

use super::{StopSignal, Wake};
use crate::model::{lock, wait_timeout};

/// A guest that misses the epoch's rise (it had checked an instant before, or is in a call of the host) sees the next.
const AGAIN: Duration = Duration::from_millis(5);

/// Watches while it is there.
pub struct Watchdog(Arc<Watch>);

pub struct Watch {
    engine: EngineWeak,
    state: Mutex<State>,
    /// There is something to see before the time that the thread would wake at.
    changed: Condvar,
}

/// What is watched: when it has to check, and a number that makes it unique.
pub type Ticket = (Instant, u64);

#[derive(Default)]
struct State {
    runs: BTreeMap<Ticket, StopSignal>,
    numbers: u64,
    /// When the thread wakes by itself; None while there is no thread.
    wakes: Option<Instant>,
    closed: bool,
}

impl Watchdog {
    pub fn new(engine: &Engine) -> Watchdog {
        Watchdog(Arc::new(Watch { engine: engine.weak(), state: Mutex::default(), changed: Condvar::new() }))
    }

    pub fn watch(&self) -> Arc<Watch> {
        self.0.clone()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        lock(&self.0.state).closed = true;
        self.0.changed.notify_one();
    }
}

impl Wake for Watch {
    /// Has the thread look after its runs at once.
    fn wake(&self) {
        // whoever holds the lock either has not looked yet or waits when it is free
        drop(lock(&self.state));
        self.changed.notify_one();
    }
}

impl Watch {
    pub fn has_thread(&self) -> bool {
        lock(&self.state).wakes.is_some()
    }

    pub fn raise_epoch(&self) {
        if let Some(engine) = self.engine.upgrade() {
            engine.increment_epoch();
        }
    }

    /// From now on the epoch rises when `due` has come or the run is stopped.
    pub fn add(self: &Arc<Watch>, due: Instant, stop: &StopSignal) -> io::Result<Ticket> {
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
        // one that was stopped in between woke the thread too early
        if state.wakes.is_some_and(|wakes| due < wakes) || stop.is_stopped() {
            self.changed.notify_one();
        }
        Ok(ticket)
    }

    /// Whether it was watched.
    pub fn remove(&self, ticket: Ticket) -> bool {
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

    /// Waits for what the thread is certain to do.
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
        // it woke for the one that is gone, and sleeps until the other's time
        until(|| watch.wakes() == Some(later));
        watch.remove(long);
        // it sleeps on, and the next run finds it
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
