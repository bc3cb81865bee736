//! Interrupts guests whose time is up or who were stopped, without a tick.
//!
//! A guest looks at its own deadline and its [`Stop`] whenever the engine's epoch rises. The watchdog is a thread that
//! sleeps until the earliest deadline of all runs, or until somebody stops one, and raises the epoch then. It sleeps on
//! when a run has ended; a later run with a later deadline neither spawns nor wakes it. When it wakes and there is no
//! run, it ends.
//!
//! Most runs are over before a thread would be there. So where there is none, a guest begins by looking at every
//! function and loop that it enters, and has itself watched when it has looked so often that it may be a long one.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use wasmtime::{Engine, EngineWeak};

use super::host::Halt;
use super::{Stop, Wake, lock};

/// A guest that misses the epoch's rise (it had looked an instant before, or is in a call of the host) sees the next.
const AGAIN: Duration = Duration::from_millis(5);

/// A guest that has looked so often, or for so long, is watched.
const LOOKS: u32 = 1000;
const LONG_ENOUGH: Duration = Duration::from_millis(1);
/// Every how many looks it looks at the clock, which costs more than the rest.
const CLOCK: u32 = 16;
/// A limit on time that is past what a clock can hold is none.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);

/// Watches while it is there.
pub struct Watchdog(Arc<Watch>);

pub struct Watch {
    engine: EngineWeak,
    state: Mutex<State>,
    /// There is something to see before the time that the thread would wake at.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What is watched, by its deadline and a number that makes each unique.
    runs: BTreeMap<(Instant, u64), Stop>,
    numbers: u64,
    /// When the thread wakes by itself; None while there is no thread.
    wakes: Option<Instant>,
    closed: bool,
}

/// Sees to it that one run ends in time, until this is dropped.
pub struct Guard {
    watch: Arc<Watch>,
    /// How long it may compute between waits.
    time: Duration,
    deadline: Instant,
    /// How long its time stood.
    stood: Duration,
    stop: Stop,
    /// How often the guest looked while nobody watched it, and until when it goes on so.
    looks: u32,
    unwatched: Instant,
    watched: Option<(Instant, u64)>,
}

/// The time of a run stands: the host does something for it.
pub struct Standing {
    since: Instant,
    watched: bool,
}

impl Watchdog {
    pub fn new(engine: &Engine) -> Watchdog {
        Watchdog(Arc::new(Watch { engine: engine.weak(), state: Mutex::default(), changed: Condvar::new() }))
    }

    /// Of a run that began then and may compute for so long between waits.
    pub fn guard(&self, began: Instant, time: Duration, stop: &Stop) -> Guard {
        Guard {
            watch: self.0.clone(),
            time,
            deadline: deadline(began, time),
            stood: Duration::ZERO,
            stop: stop.clone(),
            looks: 0,
            unwatched: Instant::now() + LONG_ENOUGH,
            watched: None,
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        lock(&self.0.state).closed = true;
        self.0.changed.notify_one();
    }
}

impl Guard {
    /// Before the guest begins. Gives how often the epoch rises until it looks; never is at once.
    pub fn begin(&mut self) -> Result<u64, Halt> {
        let awake = lock(&self.watch.state).wakes.is_some();
        self.looks = if awake { LOOKS } else { 0 };
        self.look()
    }

    /// Whether the guest goes on, and how often the epoch rises until it looks again.
    pub fn look(&mut self) -> Result<u64, Halt> {
        if self.stop.is_stopped() {
            return Err(Halt::Stopped);
        }
        if self.looks < LOOKS {
            self.looks += 1;
            if !self.looks.is_multiple_of(CLOCK) || Instant::now() < self.unwatched {
                return Ok(0);
            }
            self.looks = LOOKS;
        }
        if self.watched.is_none() {
            self.watch()?;
        }
        if self.deadline <= Instant::now() { Err(Halt::Time) } else { Ok(1) }
    }

    /// The run's time stands from now on, and nobody watches it.
    pub fn stand(&mut self) -> Standing {
        Standing { since: Instant::now(), watched: self.unwatch() }
    }

    /// It goes on, unless it was stopped. What it computed before counts.
    pub fn go_on(&mut self, standing: Standing) -> Result<(), Halt> {
        let stood = standing.since.elapsed();
        self.resume(standing, stood, |guard| guard.deadline + stood)
    }

    /// It goes on, unless it was stopped, and has its whole time again.
    pub fn begin_anew(&mut self, standing: Standing) -> Result<(), Halt> {
        let stood = standing.since.elapsed();
        self.resume(standing, stood, |guard| deadline(Instant::now(), guard.time))
    }

    fn resume(
        &mut self,
        standing: Standing,
        stood: Duration,
        deadline: impl FnOnce(&Guard) -> Instant,
    ) -> Result<(), Halt> {
        self.stood += stood;
        self.unwatched += stood;
        self.deadline = deadline(self);
        if self.stop.is_stopped() {
            return Err(Halt::Stopped);
        }
        // at once, for a guest that was watched looks when the epoch rises and not before
        if standing.watched { self.watch() } else { Ok(()) }
    }

    /// How long its time stood, all in all.
    pub fn stood(&self) -> Duration {
        self.stood
    }

    fn watch(&mut self) -> Result<(), Halt> {
        self.watched = Some(self.watch.add(self.deadline, &self.stop).map_err(Halt::NoThread)?);
        Ok(())
    }

    /// Whether it was watched.
    fn unwatch(&mut self) -> bool {
        self.watched.take().is_some_and(|run| lock(&self.watch.state).runs.remove(&run).is_some())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.unwatch();
    }
}

fn deadline(from: Instant, time: Duration) -> Instant {
    from.checked_add(time).unwrap_or(from + FOR_EVER)
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
    /// From now on the epoch rises when `deadline` has come or the run is stopped.
    fn add(self: &Arc<Watch>, deadline: Instant, stop: &Stop) -> io::Result<(Instant, u64)> {
        let sleeper: Arc<dyn Wake> = self.clone();
        stop.wakes(&sleeper);
        let mut state = lock(&self.state);
        if state.wakes.is_none() {
            let watch = self.clone();
            let thread = thread::Builder::new().name("vactor-watchdog".to_owned()).stack_size(1 << 16);
            thread.spawn(move || watch.keep())?;
            state.wakes = Some(deadline);
        }
        state.numbers += 1;
        let run = (deadline, state.numbers);
        state.runs.insert(run, stop.clone());
        // one that was stopped in between woke the thread too early
        if state.wakes.is_some_and(|wakes| deadline < wakes) || stop.is_stopped() {
            self.changed.notify_one();
        }
        Ok(run)
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

    /// A guard of a run that was found to be a long one.
    fn watched(watchdog: &Watchdog, time: Duration, stop: &Stop) -> Guard {
        let mut guard = watchdog.guard(Instant::now(), time, stop);
        guard.looks = LOOKS;
        let _ = guard.look();
        guard
    }

    #[test]
    fn a_run_is_watched_when_it_looked_often_or_somebody_watches_already() {
        let (watchdog, stop) = (Watchdog::new(&Engine::default()), Stop::default());
        let mut long = watchdog.guard(Instant::now(), LONG, &stop);
        long.unwatched += LONG;
        assert_eq!(long.begin().unwrap(), 0);
        for _ in 1..LOOKS {
            assert_eq!(long.look().unwrap(), 0);
        }
        assert!(!thread_lives(&watchdog));
        assert_eq!(long.look().unwrap(), 1);
        assert!(thread_lives(&watchdog));
        assert_eq!(watchdog.guard(Instant::now(), LONG, &stop).begin().unwrap(), 1);
    }

    #[test]
    fn a_run_is_watched_when_it_took_long_though_it_looked_seldom() {
        let watchdog = Watchdog::new(&Engine::default());
        let mut slow = watchdog.guard(Instant::now(), LONG, &Stop::default());
        slow.unwatched = Instant::now();
        let looks = (1..).find(|_| slow.look().unwrap() == 1);
        assert_eq!(looks, Some(CLOCK));
    }

    #[test]
    fn the_thread_ends_when_it_wakes_and_nothing_is_watched() {
        let watchdog = Watchdog::new(&Engine::default());
        let soon = watched(&watchdog, Duration::ZERO, &Stop::default());
        assert!(thread_lives(&watchdog));
        drop(soon);
        until(|| !thread_lives(&watchdog));

        let wakes = || lock(&watchdog.0.state).wakes;
        let soon = watched(&watchdog, Duration::ZERO, &Stop::default());
        let long = watched(&watchdog, LONG, &Stop::default());
        drop(soon);
        // it woke for the one that is gone, and sleeps until the other's time
        until(|| wakes() == Some(long.deadline));
        drop(long);
        // it sleeps on, and the next run finds it
        assert!(thread_lives(&watchdog));
    }

    #[test]
    fn nobody_watches_a_run_whose_time_stands_and_it_goes_on_with_what_it_had_left() {
        let (watchdog, stop) = (Watchdog::new(&Engine::default()), Stop::default());
        let deadlines = || lock(&watchdog.0.state).runs.keys().map(|(deadline, _)| *deadline).collect::<Vec<_>>();
        let mut guard = watched(&watchdog, LONG, &stop);
        let first = guard.deadline;
        assert_eq!(deadlines(), [first]);

        let standing = guard.stand();
        assert_eq!(deadlines(), []);
        guard.go_on(standing).unwrap();
        assert_eq!(guard.deadline, first + guard.stood());
        assert_eq!(deadlines(), [guard.deadline]);

        guard.deadline -= LONG / 2;
        let standing = guard.stand();
        guard.begin_anew(standing).unwrap();
        assert!(guard.deadline >= first);
        assert_eq!(deadlines(), [guard.deadline]);

        let standing = guard.stand();
        stop.stop();
        assert!(matches!(guard.go_on(standing), Err(Halt::Stopped)));
        assert_eq!(deadlines(), []);
    }

    #[test]
    fn a_run_that_nobody_watched_before_its_time_stood_is_not_watched_after() {
        let watchdog = Watchdog::new(&Engine::default());
        let mut guard = watchdog.guard(Instant::now(), LONG, &Stop::default());
        let standing = guard.stand();
        guard.begin_anew(standing).unwrap();
        assert!(!thread_lives(&watchdog));
    }

    #[test]
    fn stopping_wakes_the_thread_though_it_sleeps_for_long() {
        let (watchdog, stop) = (Watchdog::new(&Engine::default()), Stop::default());
        let guard = watched(&watchdog, LONG, &stop);
        stop.stop();
        until(|| lock(&watchdog.0.state).wakes.is_some_and(|wakes| wakes < Instant::now() + LONG / 2));
        drop(guard);
        until(|| !thread_lives(&watchdog));
    }

    #[test]
    fn the_thread_ends_with_the_watchdog() {
        let watchdog = Watchdog::new(&Engine::default());
        drop(watched(&watchdog, LONG, &Stop::default()));
        let watch = Arc::downgrade(&watchdog.0);
        drop(watchdog);
        until(|| watch.strong_count() == 0);
    }
}
