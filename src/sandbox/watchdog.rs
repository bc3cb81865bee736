//! Interrupts guests whose time is up or who were stopped, without a tick.
//!
//! A guest looks at its own deadline and its [`Stop`] whenever the engine's epoch rises. The watchdog is a thread that
//! sleeps until the earliest deadline of all runs, or until somebody stops one, and raises the epoch then. It is
//! spawned by the first run and sleeps on when that run has ended; a later run with a later deadline neither
//! spawns nor wakes it. When it wakes and there is no run, it ends.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use wasmtime::{Engine, EngineWeak};

use super::{Stop, lock};

/// A guest that misses the epoch's rise (it had looked an instant before, or is in a call of the host) sees the next.
const AGAIN: Duration = Duration::from_millis(5);

pub struct Watchdog(Arc<Watch>);

pub struct Watch {
    engine: EngineWeak,
    state: Mutex<State>,
    /// There is something to see before the time that the thread would wake at.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What goes on, by its deadline and a number that makes each unique.
    runs: BTreeMap<(Instant, u64), Stop>,
    numbers: u64,
    /// When the thread wakes by itself; None while there is no thread.
    wakes: Option<Instant>,
    closed: bool,
}

/// A run that is watched until this is dropped.
pub struct Watched<'a> {
    watch: &'a Watch,
    run: (Instant, u64),
}

impl Watchdog {
    pub fn new(engine: &Engine) -> Watchdog {
        Watchdog(Arc::new(Watch { engine: engine.weak(), state: Mutex::default(), changed: Condvar::new() }))
    }

    /// Interrupts a run when `deadline` has come or when it is stopped, unless it has ended by then.
    pub fn watch(&self, deadline: Instant, stop: &Stop) -> io::Result<Watched<'_>> {
        stop.wakes(&self.0);
        let mut state = lock(&self.0.state);
        match state.wakes {
            None => {
                let watch = self.0.clone();
                let thread = thread::Builder::new().name("vactor-watchdog".to_owned()).stack_size(1 << 16);
                thread.spawn(move || watch.keep())?;
                state.wakes = Some(deadline);
            }
            Some(wakes) if deadline < wakes => self.0.changed.notify_one(),
            Some(_) => (),
        }
        state.numbers += 1;
        let run = (deadline, state.numbers);
        state.runs.insert(run, stop.clone());
        Ok(Watched { watch: &self.0, run })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        lock(&self.0.state).closed = true;
        self.0.changed.notify_one();
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        lock(&self.watch.state).runs.remove(&self.run);
    }
}

impl Watch {
    /// Has the thread look after its runs at once.
    pub fn wake(&self) {
        // whoever holds the lock either has not looked yet or waits when it is free
        drop(lock(&self.state));
        self.changed.notify_one();
    }

    fn keep(&self) {
        let mut state = lock(&self.state);
        loop {
            let first = state.runs.first_key_value().map(|((deadline, _), _)| *deadline);
            let Some(first) = first.filter(|_| !state.closed) else {
                state.wakes = None;
                return;
            };
            let now = Instant::now();
            let mut wakes = first;
            if first <= now || state.runs.values().any(Stop::is_stopped) {
                if let Some(engine) = self.engine.upgrade() {
                    engine.increment_epoch();
                }
                wakes = now + AGAIN;
            }
            state.wakes = Some(wakes);
            let pause = wakes.saturating_duration_since(now);
            state = self.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn thread_lives(watchdog: &Watchdog) -> bool {
        lock(&watchdog.0.state).wakes.is_some()
    }

    /// Waits for what the thread is certain to do.
    fn until(condition: impl Fn() -> bool) {
        while !condition() {
            thread::yield_now();
        }
    }

    #[test]
    fn the_thread_is_there_only_while_something_is_watched() {
        let watchdog = Watchdog::new(&Engine::default());
        assert!(!thread_lives(&watchdog));
        let soon = watchdog.watch(Instant::now(), &Stop::default()).unwrap();
        assert!(thread_lives(&watchdog));
        drop(soon);
        until(|| !thread_lives(&watchdog));
        let again = watchdog.watch(Instant::now() + LONG, &Stop::default()).unwrap();
        assert!(thread_lives(&watchdog));
        drop(again);
        // it sleeps on, and the next run finds it
        assert!(thread_lives(&watchdog));
    }

    #[test]
    fn stopping_wakes_the_thread_though_it_sleeps_for_long() {
        let (watchdog, stop) = (Watchdog::new(&Engine::default()), Stop::default());
        let watched = watchdog.watch(Instant::now() + LONG, &stop).unwrap();
        stop.stop();
        until(|| lock(&watchdog.0.state).wakes.is_some_and(|wakes| wakes < Instant::now() + LONG / 2));
        drop(watched);
        until(|| !thread_lives(&watchdog));
    }

    #[test]
    fn the_thread_ends_with_the_watchdog() {
        let watchdog = Watchdog::new(&Engine::default());
        drop(watchdog.watch(Instant::now() + LONG, &Stop::default()).unwrap());
        let watch = Arc::downgrade(&watchdog.0);
        drop(watchdog);
        until(|| watch.strong_count() == 0);
    }
}
