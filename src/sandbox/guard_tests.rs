use std::cell::Cell;

use wasmtime::Engine;

use super::*;
use crate::sandbox::watchdog::Watchdog;

const LONG: Duration = Duration::from_secs(3600);

thread_local! {
    static USED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// The processor time of a thread, set by the test.
fn used() -> io::Result<Duration> {
    Ok(USED.get())
}

fn compute(time: Duration) {
    USED.set(USED.get() + time);
}

fn no_clock() -> io::Result<Duration> {
    Err(io::ErrorKind::Unsupported.into())
}

fn guard(watchdog: &Watchdog, limit: Duration, deadline: Option<Instant>, stop: &StopSignal) -> Guard {
    Guard::new(watchdog.watch(), used, limit, deadline, stop).unwrap()
}

/// A guard of a long run.
fn watched(watchdog: &Watchdog, limit: Duration, stop: &StopSignal) -> Guard {
    let mut guard = guard(watchdog, limit, None, stop);
    guard.most_checks = 0;
    assert_eq!(guard.check().unwrap(), 1);
    guard
}

fn has_passed(guard: &mut Guard, time: Duration) {
    guard.due -= time;
}

#[test]
fn run_is_watched_when_it_checked_often_or_a_thread_watches_already() {
    let (watchdog, stop) = (Watchdog::new(&Engine::default()), StopSignal::default());
    let mut long = guard(&watchdog, LONG, None, &stop);
    long.unwatched += LONG;
    assert_eq!(long.begin().unwrap(), 0);
    for _ in 1..CHECKS {
        assert_eq!(long.check().unwrap(), 0);
    }
    assert!(!watchdog.watch().has_thread());
    assert_eq!(long.check().unwrap(), 1);
    assert!(watchdog.watch().has_thread());
    assert_eq!(guard(&watchdog, LONG, None, &stop).begin().unwrap(), 1);
}

#[test]
fn run_is_watched_when_it_took_long_though_it_checked_seldom() {
    let watchdog = Watchdog::new(&Engine::default());
    let mut slow = guard(&watchdog, LONG, None, &StopSignal::default());
    slow.unwatched = Instant::now();
    let checks = (1..).find(|_| slow.check().unwrap() == 1);
    assert_eq!(checks, Some(CLOCK));
}

#[test]
fn run_that_stood_still_goes_on_and_ends_when_it_has_computed_for_too_long() {
    let watchdog = Watchdog::new(&Engine::default());
    let mut guard = watched(&watchdog, LONG, &StopSignal::default());
    for _ in 0..3 {
        // all the time that it had left has passed by the clock on the wall
        has_passed(&mut guard, 2 * LONG);
        compute(LONG / 4);
        assert_eq!(guard.check().unwrap(), 1);
        assert!(guard.due > Instant::now());
        assert_eq!(watchdog.watch().watched(), [guard.due]);
    }
    compute(LONG / 4);
    assert_eq!(guard.check().unwrap(), 1);
    has_passed(&mut guard, LONG);
    assert!(matches!(guard.check(), Err(Halt::Time)));
    assert!(watchdog.watch().watched().is_empty());
}

#[test]
fn deadline_ends_a_run_that_has_computed_nothing() {
    let (watchdog, stop) = (Watchdog::new(&Engine::default()), StopSignal::default());
    let mut late = guard(&watchdog, LONG, Some(Instant::now()), &stop);
    let ended = (1..=CHECKS + 1).find_map(|_| late.check().err());
    assert!(matches!(ended, Some(Halt::Deadline)), "{ended:?}");
    // it is watched until the deadline, or until its time can be up, whichever comes first
    let soon = Instant::now() + LONG;
    assert_eq!(guard(&watchdog, Duration::MAX, Some(soon), &stop).due, soon);
    assert!(guard(&watchdog, LONG / 2, Some(soon), &stop).due < soon);
}

#[test]
fn paused_run_is_not_watched_and_goes_on_with_the_time_it_had_left() {
    let (watchdog, stop) = (Watchdog::new(&Engine::default()), StopSignal::default());
    let mut guard = watched(&watchdog, LONG, &stop);
    compute(LONG / 2);
    let pause = guard.pause().unwrap();
    assert!(watchdog.watch().watched().is_empty());
    assert_eq!(guard.computed(), LONG / 2);
    // the host's processor time is not the guest's
    compute(LONG);
    guard.resume(pause).unwrap();
    assert_eq!(guard.left, LONG / 2);
    assert_eq!(watchdog.watch().watched(), [guard.due]);

    compute(LONG / 4);
    let pause = guard.pause().unwrap();
    assert_eq!((guard.computed(), guard.left), (LONG / 4 * 3, LONG / 4));
    guard.restart(pause).unwrap();
    assert_eq!(guard.left, LONG);
    assert_eq!(watchdog.watch().watched(), [guard.due]);

    let pause = guard.pause().unwrap();
    stop.stop();
    assert!(matches!(guard.resume(pause), Err(Halt::Stopped)));
    assert!(watchdog.watch().watched().is_empty());
}

#[test]
fn unwatched_run_is_not_watched_after_a_pause() {
    let watchdog = Watchdog::new(&Engine::default());
    let mut guard = guard(&watchdog, LONG, None, &StopSignal::default());
    let pause = guard.pause().unwrap();
    guard.restart(pause).unwrap();
    assert!(!watchdog.watch().has_thread());
}

#[test]
fn guest_without_a_watching_thread_checks_by_itself() {
    let watchdog = Watchdog::new(&Engine::default());
    let mut guard = guard(&watchdog, LONG, None, &StopSignal::default());
    (guard.most_checks, guard.unwatched) = (u64::MAX, Instant::now() + LONG);
    for _ in 0..2 * CHECKS {
        assert_eq!(guard.check().unwrap(), 0);
    }
    has_passed(&mut guard, 2 * LONG);
    compute(LONG);
    let ended = (0..=CLOCK).find_map(|_| guard.check().err());
    assert!(matches!(ended, Some(Halt::Time)), "{ended:?}");
}

#[test]
fn clock_that_cannot_be_read_is_no_limit_of_the_guest() {
    let watchdog = Watchdog::new(&Engine::default());
    assert!(matches!(
        Guard::new(watchdog.watch(), no_clock, LONG, None, &StopSignal::default()).err(),
        Some(Halt::Clock(_))
    ));
    let mut guard = watched(&watchdog, LONG, &StopSignal::default());
    guard.clock = no_clock;
    has_passed(&mut guard, LONG);
    assert!(matches!(guard.check(), Err(Halt::Clock(_))));
}
