//! Changes between a read and the write that follows it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use vactor::engine::{Engine, Observer, Options, Phase, Settings, Until};
use vactor::model::{Hash, Name};
use vactor::sandbox::StopSignal;
use vactor::store::{Announcement, Mode, NewVersion, ProgramVersion, RedbStore, Store};
use vactor::{Category, ClassName, Error, Timestamp};

use super::{Place, keyed};
use crate::proof::flows::faulty_store::FaultyStore;
use crate::store::disk::Disk;

/// An engine that is overtaken: `by` runs when the engine reads the clock, which it does just
/// before it accepts a call.
fn overtaken(place: &Place, by: impl FnOnce(Engine) + Send + 'static) -> Engine {
    let (other, by) = (Mutex::new(Some(place.engine())), Mutex::new(Some(by)));
    let clock = move || {
        if let (Some(other), Some(by)) = (other.lock().unwrap().take(), by.lock().unwrap().take()) {
            by(other);
        }
        Timestamp::from_millis(2_000_000_000_000)
    };
    place.engine_with(Settings { clock: Arc::new(clock), ..Settings::default() })
}

/// The other call arrives after the look-up of the key.
#[test]
fn concurrent_create_with_same_key_creates_once() {
    let arguments = || json!({"init_val": 5});
    let place = Place::new();
    let create = move |engine: &Engine| engine.create("counter", "d", arguments(), &keyed("k"));
    let engine = overtaken(&place, move |other| drop(create(&other).unwrap()));
    let made = create(&engine).unwrap();
    assert!(made.is_duplicate, "{made:?}");
    // accepted meanwhile, and pending
    let place = Place::new();
    let submit = move |engine: &Engine| engine.submit_create("counter", "d", arguments(), &keyed("k"));
    let engine = overtaken(&place, move |other| drop(submit(&other).unwrap()));
    assert_eq!(submit(&engine).unwrap().to_string(), "d#1");
    // another key makes another call
    let engine = overtaken(&place, |_| ());
    let error = engine.create("counter", "d", arguments(), &keyed("l")).unwrap_err();
    assert!(matches!(error, Error::ActorExists { .. } | Error::BeingMade { .. }), "{error}");
}

/// Counts reports of actors that cannot run.
#[derive(Default)]
struct Told(AtomicUsize);

impl Observer for Told {
    fn cannot_run(&self, _: &Name, _: &Error) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Signals a report of an actor that cannot run.
struct Telling(Mutex<Sender<()>>);

impl Observer for Telling {
    fn cannot_run(&self, _: &Name, _: &Error) {
        let _ = self.0.lock().unwrap().send(());
    }
}

/// Registers a class with an invalid component, so that the queued construction of its actor `s`
/// cannot run.
fn spoil(place: &Place) {
    let description = place.engine().class("counter", None).unwrap().version.description;
    let (class, component) = (ClassName::new("spoiled").unwrap(), b"no component".to_vec());
    let version =
        NewVersion { class, hash: Hash::of(&component), component, description, at: Timestamp::from_millis(0) };
    place.store().register(version).unwrap();
    place.engine().submit_create("spoiled", "s", json!({"init_val": 0}), &Options::default()).unwrap();
}

/// An actor that cannot run keeps no worker.
#[test]
fn detached_worker_leaves_although_call_cannot_run() {
    let place = Place::new();
    spoil(&place);
    let called = place.engine().submit_call("c", "incr", json!({}), &Options::default()).unwrap();

    let told = Arc::new(Told::default());
    let settings = Settings { observer: told.clone(), ..Settings::default() };
    let stop = settings.stop.clone();
    let (tell, left) = channel();
    std::thread::scope(|scope| {
        let worker = place.engine_with(settings);
        scope.spawn(move || tell.send(worker.work_detached(2)));
        // a bound against a hang, no measurement
        let left = left.recv_timeout(Duration::from_secs(60));
        stop.stop();
        left.expect("it stays").unwrap();
    });
    assert_eq!(told.0.load(Ordering::SeqCst), 1, "told once");
    assert_eq!(place.engine().wait(&called, None).unwrap().result.as_str(), "1");
}

/// A worker that could not run an actor runs the recreated actor of that id.
#[test]
fn recreated_actor_is_run_by_worker_that_failed_on_previous_one() {
    let place = Place::new();
    spoil(&place);
    let (tell, told) = channel();
    let settings = Settings { observer: Arc::new(Telling(Mutex::new(tell))), ..Settings::default() };
    let stop = settings.stop.clone();
    std::thread::scope(|scope| {
        let worker = place.engine_with(settings);
        let worker = scope.spawn(move || worker.work(1, Until::Stopped));
        // bounds against a hang, no measurement
        let stuck = told.recv_timeout(Duration::from_secs(60));
        let other = place.engine();
        other.remove("s", true).unwrap();
        let made = other.submit_create("counter", "s", json!({"init_val": 7}), &Options::default()).unwrap();
        let until = Instant::now() + Duration::from_secs(60);
        let has_ended = || other.invocation(&made).unwrap().ended_at().is_some();
        while !has_ended() && Instant::now() < until {
            std::thread::yield_now();
        }
        let ended = has_ended();
        stop.stop();
        worker.join().unwrap().unwrap();
        assert!(stuck.is_ok() && ended);
    });
}

/// A store with inconsistent records may refuse a commit although no other commit came before.
#[test]
fn commit_refused_without_cause_is_damage() {
    let place = Place::new();
    let mut store = FaultyStore::new(place.store(), None);
    store.refuses_commits = true;
    let told = Arc::new(Told::default());
    let settings = Settings { observer: told.clone(), ..Settings::default() };
    let engine = Engine::new(Arc::new(store), super::sandbox(), settings);
    let error = engine.call("c", "incr", json!({}), &Options::default()).unwrap_err();
    assert_eq!((error.kind(), error.category()), ("damaged", Category::Store));
    engine.submit_call("c", "incr", json!({}), &Options::default()).unwrap();
    engine.work(1, Until::Idle { ahead: Duration::ZERO }).unwrap();
    assert_eq!(told.0.load(Ordering::SeqCst), 1);
}

/// Both workers find the actor runnable before one of them finds that it cannot run; the other one
/// follows.
#[test]
fn unrunnable_actor_is_reported_once_by_two_workers() {
    let place = Place::new();
    spoil(&place);
    let seen = AtomicUsize::new(0);
    let store = FaultyStore::locking(place.store(), move |store, of, until| {
        if of.as_str() != "s" || seen.fetch_add(1, Ordering::SeqCst) >= 2 {
            return store.lock(of, until);
        }
        let a_minute = Some(Instant::now() + Duration::from_secs(60));
        while seen.load(Ordering::SeqCst) < 2 && Some(Instant::now()) < a_minute {
            std::thread::yield_now();
        }
        store.lock(of, a_minute)
    });
    let told = Arc::new(Told::default());
    let settings = Settings { observer: told.clone(), ..Settings::default() };
    Engine::new(Arc::new(store), super::sandbox(), settings).work(2, Until::Idle { ahead: Duration::ZERO }).unwrap();
    assert_eq!(told.0.load(Ordering::SeqCst), 1, "told once");
}

/// The process that ran the last call may lock the actor a moment longer than its end is visible.
#[test]
fn actor_after_awaited_call_is_not_busy() {
    let place = Place::new();
    let lets_go = Mutex::new(place.store().lock(&Name::new_unchecked("c"), None).unwrap());
    let store = FaultyStore::locking(place.store(), move |store, of, until| {
        let taken = store.lock(of, until);
        if let Ok(None) = taken {
            drop(lets_go.lock().unwrap().take());
        }
        taken
    });
    Engine::new(Arc::new(store), super::sandbox(), Settings::default()).remove("c", false).unwrap();
    // a lock that stays means a running call
    let _held = place.store().lock(&Name::new_unchecked("h"), None).unwrap();
    assert!(matches!(place.engine().remove("h", false), Err(Error::Busy { .. })));
}

/// A worker with `--until-idle` gives up after some tries, and loses nothing.
#[test]
fn worker_until_idle_on_full_disk_ends_with_error() {
    let disk = Disk::default();
    let engine = |settings| {
        let store = RedbStore::open_on(disk.clone(), Mode::Write).unwrap();
        Engine::new(Arc::new(store), super::sandbox(), settings)
    };
    let worker = engine(Settings::default());
    worker.register("counter", include_bytes!("../../contracts/counter-0.1.0.wasm")).unwrap();
    worker.create("counter", "c", json!({"init_val": 0}), &Options::default()).unwrap();
    let called = worker.submit_call("c", "incr", json!({}), &Options::default()).unwrap();
    disk.fill(Some(0));
    let (tell, ended) = channel();
    std::thread::spawn(move || tell.send(worker.work(2, Until::Idle { ahead: Duration::ZERO })));
    let ended = ended.recv_timeout(Duration::from_secs(60)).expect("it goes on");
    let error = ended.unwrap_err();
    assert_eq!(error.category(), Category::Store);
    assert!(error.to_string().contains("no storage space"), "{error}");
    disk.fill(None);
    assert_eq!(engine(Settings::default()).wait(&called, None).unwrap().result.as_str(), "1");
}

/// A wait runs the calls before the awaited call in the inbox, and the call itself. The calls
/// behind it are left to others, even if the awaited call ends just before the actor is locked.
#[test]
fn wait_runs_nothing_behind_awaited_call() {
    let place = Place::new();
    let other = place.engine();
    let [first, second] = [(); 2].map(|()| other.submit_call("c", "incr", json!({}), &Options::default()).unwrap());
    let (cancelling, cancelled) = (Mutex::new(Some(place.engine())), first.clone());
    let store = FaultyStore::locking(place.store(), move |store, of, until| {
        if let Some(other) = cancelling.lock().unwrap().take() {
            other.cancel(&cancelled).unwrap();
        }
        store.lock(of, until)
    });
    let engine = Engine::new(Arc::new(store), super::sandbox(), Settings::default());
    assert_eq!(engine.wait(&first, None).unwrap_err().kind(), "cancelled");
    assert_eq!(other.phase(&other.invocation(&second).unwrap()).unwrap(), Phase::Queued);
}

/// Counts log lines, which `h` writes for ever.
#[derive(Default)]
struct Heard(AtomicUsize);

impl Observer for Heard {
    fn logged(&self, _: &Name, _: &vactor::model::LogLine) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A run of a helper thread is stopped when the wait that needed it returns.
#[test]
fn returned_wait_leaves_nothing_running() {
    let place = Place::new();
    let other = place.engine();
    let heard = Arc::new(Heard::default());
    let engine = place.engine_with(Settings { observer: heard.clone(), ..Settings::default() });
    let chatters = other.submit_call("h", "chatter", json!({}), &Options::default()).unwrap();
    let is_queued = || other.phase(&other.invocation(&chatters).unwrap()).unwrap() == Phase::Queued;
    while heard.0.load(Ordering::SeqCst) == 0 {
        let error = engine.wait(&chatters, Some(Instant::now() + Duration::from_millis(50))).unwrap_err();
        assert!(matches!(error, Error::StillRunning { .. }), "{error}");
        assert!(is_queued(), "it runs after the wait for it returned");
    }
    // beside a call that ends
    heard.0.store(0, Ordering::SeqCst);
    while heard.0.load(Ordering::SeqCst) == 0 {
        let called = other.submit_call("c", "incr", json!({}), &Options::default()).unwrap();
        engine.wait_any(&[chatters.clone(), called], None).unwrap().1.unwrap();
        assert!(is_queued(), "it runs after the wait for any returned");
    }
}

/// A call that could not run is tried again for a later caller.
#[test]
fn later_wait_ignores_failure_of_earlier_wait() {
    let place = Place::new();
    spoil(&place);
    let engine = place.engine();
    engine.submit_create("spoiled", "t", json!({"init_val": 0}), &Options::default()).unwrap();
    let spoiled = ["s#1", "t#1"].map(|reference| reference.parse().unwrap());
    engine.wait_any(&spoiled, None).unwrap_err();
    for id in ["s", "t"] {
        engine.remove(id, true).unwrap();
        let made = engine.submit_create("counter", id, json!({"init_val": 7}), &Options::default()).unwrap();
        engine.wait(&made, None).unwrap();
    }
}

/// Each search for work fails once, as on a full disk, and a call is accepted just then. The
/// command that accepts it finds a worker and starts none.
#[test]
fn detached_worker_runs_call_accepted_while_store_failed() {
    for failing in 1..=4 {
        let place = Place::new();
        let (other, looks, accepted) = (place.engine(), AtomicUsize::new(0), Arc::new(AtomicBool::new(false)));
        let has_accepted = accepted.clone();
        let mut store = FaultyStore::new(place.store(), None);
        store.before_search = Box::new(move |_| {
            if looks.fetch_add(1, Ordering::SeqCst) + 1 != failing {
                return Ok(());
            }
            other.submit_call("c", "incr", json!({"val": 5}), &Options::default()).unwrap();
            has_accepted.store(true, Ordering::SeqCst);
            Err(Error::io("write to the store", "no space left on device"))
        });
        let worker = Engine::new(Arc::new(store), super::sandbox(), Settings::default());
        // the worker may leave before it searches so often
        while !accepted.load(Ordering::SeqCst) {
            worker.work_detached(1).unwrap();
        }
        assert_eq!(place.engine().get("c", "value", json!({})).unwrap().result.as_str(), "5", "look {failing}");
    }
}

/// A detached worker of this release that waits for a call of the next hour, until it is dropped.
struct Detached(StopSignal, Option<thread::JoinHandle<()>>);

impl Detached {
    fn start(place: &Place) -> Detached {
        let settings = Settings::default();
        let stop = settings.stop.clone();
        let engine = place.engine_with(settings);
        let due = Some(engine.now().unwrap().after(Duration::from_secs(3600)));
        engine.submit_call("c", "incr", json!({}), &Options { due, ..Options::default() }).unwrap();
        let worker = engine.clone();
        let thread = thread::spawn(move || worker.work_detached(1).unwrap());
        while !engine.has_detached_worker().unwrap() {
            thread::yield_now();
        }
        Detached(stop, Some(thread))
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        self.0.stop();
        self.1.take().unwrap().join().unwrap();
    }
}

fn of_worker(announced: &mut [Announcement], change: impl Fn(&mut Announcement)) {
    announced.iter_mut().filter(|one| one.name.as_str().starts_with("#worker")).for_each(change);
}

#[test]
fn stale_or_older_worker_does_not_count() {
    let place = Place::new();
    let _worker = Detached::start(&place);
    let forge_announcements: [fn(&mut Vec<Announcement>); 4] = [
        |_| {},
        |all| of_worker(all, |one| one.age = Duration::from_secs(11)),
        |all| of_worker(all, |one| one.process.stopped = true),
        |all| of_worker(all, |one| one.build = ProgramVersion::new([0, 0, 0], 0)),
    ];
    for (n, forge_announcements) in forge_announcements.into_iter().enumerate() {
        let mut store = FaultyStore::new(place.store(), None);
        store.forge_announcements = forge_announcements;
        let engine = Engine::new(Arc::new(store), super::sandbox(), Settings::default());
        assert_eq!(engine.has_detached_worker().unwrap(), n == 0, "{n}");
    }
}

/// Whether the first worker counts as one of a newer release.
static NEWER: AtomicBool = AtomicBool::new(false);

#[test]
fn idle_worker_yields_to_newer_release() {
    let place = Place::new();
    let _first = Detached::start(&place);
    let mut store = FaultyStore::new(place.store(), None);
    store.forge_announcements = |all| {
        let first = all.iter_mut().filter(|one| one.name.as_str().starts_with("#worker0"));
        first.for_each(|first| match NEWER.load(Ordering::SeqCst) {
            true => first.build = ProgramVersion::new([u32::MAX, 0, 0], 0),
            false => first.age = Duration::from_secs(11),
        });
    };
    let engine = Engine::new(Arc::new(store), super::sandbox(), Settings::default());
    let second = engine.clone();
    // a call is due in an hour, so the worker would stay
    let second = thread::spawn(move || second.work_detached(1).unwrap());
    let workers =
        || place.store().announcements(None).iter().filter(|one| one.name.as_str().starts_with("#worker")).count();
    while workers() < 2 {
        thread::yield_now();
    }
    NEWER.store(true, Ordering::SeqCst);
    let called = engine.submit_call("c", "incr", json!({}), &Options::default()).unwrap();
    second.join().unwrap();
    engine.wait(&called, None).unwrap();
}
