//! Queued calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use vactor::engine::{Options, Phase, Settings, Until};
use vactor::model::{Limit, LimitOverrides};
use vactor::{ActorId, Category, Error, Reference, Timestamp};

use super::{Place, incr, keyed, value};

const IDLE: Until = Until::Idle { ahead: Duration::ZERO };

fn none() -> Options {
    Options::default()
}

#[test]
fn queued_calls_run_in_order_by_any_caller() {
    let place = Place::new();
    let first = place.engine().submit_call("c", "incr", json!({"val": 10}), &none()).unwrap();
    assert_eq!(first.to_string(), "c#2");
    // a blocking call after a queued one sees its effect
    assert_eq!(incr(&place.engine(), 10, &none()).unwrap(), 20);
    assert_eq!(place.engine().wait(&first, None).unwrap().result.as_str(), "10");
    let last = place.engine().submit_call("c", "incr", json!({"val": 1}), &none()).unwrap();
    place.engine().work(2, IDLE).unwrap();
    assert_eq!(value(&place.engine()), 21);
    assert_eq!(place.engine().wait(&last, Some(Instant::now())).unwrap().result.as_str(), "21");
}

#[test]
fn call_is_accepted_before_construction_ran() {
    let place = Place::new();
    let engine = place.engine();
    let made = engine.submit_create("counter", "d", json!({"init_val": 5}), &none()).unwrap();
    let called = engine.submit_call("d", "incr", json!({}), &none()).unwrap();
    let again = engine.submit_create("counter", "d", json!({"init_val": 5}), &none());
    assert_eq!(again.unwrap_err(), Error::BeingMade { id: "d".to_owned(), reference: made.clone() });
    assert_eq!(engine.wait(&called, None).unwrap().result.as_str(), "6");
    assert!(!engine.wait(&made, None).unwrap().has_result);
}

#[test]
fn create_if_absent_respects_pending_construction() {
    let place = Place::new();
    let engine = place.engine();
    engine.submit_create("counter", "d", json!({"init_val": 5}), &none()).unwrap();
    assert_eq!(engine.create_if_absent("counter", "d", json!({"init_val": 7}), &none()).unwrap(), None);
    assert_eq!(engine.get("d", "value", json!({})).unwrap().result.as_str(), "5");
}

#[test]
fn used_key_returns_reference_of_queued_call() {
    let place = Place::new();
    let engine = place.engine();
    let first = engine.submit_call("c", "incr", json!({}), &keyed("k")).unwrap();
    assert_eq!(engine.submit_call("c", "incr", json!({}), &keyed("k")).unwrap(), first);
    let reply = engine.call("c", "incr", json!({}), &keyed("k")).unwrap();
    assert_eq!((reply.reference, reply.is_duplicate, reply.result.as_str()), (Some(first), true, "1"));
    assert_eq!(value(&engine), 1);
}

#[test]
fn delayed_call_is_enqueued_when_due() {
    let place = Place::new();
    let now = Arc::new(std::sync::atomic::AtomicU64::new(1_800_000_000_000));
    let clock = Arc::clone(&now);
    let settings = Settings {
        clock: Arc::new(move || Timestamp::from_millis(clock.load(std::sync::atomic::Ordering::SeqCst))),
        ..Settings::default()
    };
    let engine = place.engine_with(settings);
    let at = |millis: u64| Options { due: Some(Timestamp::from_millis(1_800_000_000_000 + millis)), ..none() };
    let later = engine.submit_call("c", "incr", json!({"val": 100}), &at(2_000)).unwrap();
    let sooner = engine.submit_call("c", "incr", json!({"val": 10}), &at(1_000)).unwrap();
    // delayed calls delay no others
    assert_eq!(incr(&engine, 1, &none()).unwrap(), 1);
    engine.work(1, IDLE).unwrap();
    assert_eq!(value(&engine), 1);
    now.fetch_add(999, std::sync::atomic::Ordering::SeqCst);
    engine.work(1, IDLE).unwrap();
    assert_eq!(value(&engine), 1, "early");
    now.fetch_add(1_001, std::sync::atomic::Ordering::SeqCst);
    engine.work(1, IDLE).unwrap();
    assert_eq!(engine.wait(&sooner, None).unwrap().result.as_str(), "11");
    assert_eq!(engine.wait(&later, None).unwrap().result.as_str(), "111");
}

/// The clock advances at each claim of a worker, which stays while a call is due within an hour.
#[test]
fn call_that_comes_due_between_claims_runs() {
    let place = Place::new();
    let from = |begin: u64| {
        let now = std::sync::atomic::AtomicU64::new(begin);
        let clock = Arc::new(move || Timestamp::from_millis(now.fetch_add(1, std::sync::atomic::Ordering::SeqCst)));
        place.engine_with(Settings { clock, ..Settings::default() })
    };
    for n in 0..8 {
        let begin = 1_900_000_000_000 + 1_000_000 * n;
        let due = Some(Timestamp::from_millis(begin + n));
        place.engine().submit_call("c", "incr", json!({}), &Options { due, ..none() }).unwrap();
        from(begin).work(1, Until::Idle { ahead: Duration::from_hours(1) }).unwrap();
        assert_eq!(value(&place.engine()), n as i64 + 1, "due {n} ms after the worker began");
    }
}

#[test]
fn queued_call_is_cancelled_at_once() {
    let place = Place::new();
    let engine = place.engine();
    let first = engine.submit_call("c", "incr", json!({"val": 1}), &none()).unwrap();
    let second = engine.submit_call("c", "incr", json!({"val": 10}), &none()).unwrap();
    engine.cancel(&first).unwrap();
    assert!(matches!(engine.cancel(&first), Err(Error::AlreadyEnded { .. })));
    assert_eq!(engine.wait(&second, None).unwrap().result.as_str(), "10");
    let error = engine.wait(&first, None).unwrap_err();
    assert_eq!((error.kind(), error.category()), ("cancelled", Category::Conflict));
    let phase = |reference: &Reference| engine.phase(&engine.invocation(reference).unwrap()).unwrap();
    assert_eq!((phase(&first), phase(&second)), (Phase::Cancelled, Phase::Succeeded));
}

/// The guest may spin for an hour. A cancel by another engine interrupts its run.
#[test]
fn running_call_is_interrupted_by_cancel() {
    let place = Place::new();
    let limits = LimitOverrides::new([(Limit::Time, 3_600_000_000)]).unwrap();
    let settings = Settings { limits, ..Settings::default() };
    let reference = place.engine_with(settings.clone()).submit_call("h", "spin", json!({}), &none()).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let interrupted = std::thread::scope(|scope| {
        let worker = place.engine_with(settings.clone());
        scope.spawn(move || tell.send(worker.work(1, IDLE)));
        let engine = place.engine();
        let phase = || engine.phase(&engine.invocation(&reference).unwrap()).unwrap();
        while phase() != Phase::Running {
            std::thread::yield_now();
        }
        engine.cancel(&reference).unwrap();
        assert_eq!(engine.wait(&reference, None).unwrap_err().kind(), "cancelled");
        // a bound against a hang, no measurement
        let interrupted = told.recv_timeout(Duration::from_secs(60));
        settings.stop.stop();
        interrupted
    });
    interrupted.expect("the guest goes on").unwrap();
    let steps = place.engine().steps("h", 1, 9).unwrap();
    assert_eq!(steps.len(), 2, "a call that had begun leaves its step");
}

/// Two machines whose clocks differ by ten minutes run one actor.
#[test]
fn actor_clock_never_goes_back() {
    let place = Place::new();
    let at = |millis| Settings { clock: Arc::new(move || Timestamp::from_millis(millis)), ..Settings::default() };
    let (early, late) = (2_000_000_000_000, 2_000_000_600_000);
    for clock in [early, late, early] {
        incr(&place.engine_with(at(clock)), 1, &none()).unwrap();
    }
    let times: Vec<u64> =
        place.engine().steps("c", 2, 9).unwrap().iter().map(|step| step.times.now.as_millis()).collect();
    assert_eq!(times, [early, late, late]);
    place.engine().state_at("c", 4).unwrap();
}

#[test]
fn failed_call_is_resumed_once() {
    let place = Place::new();
    let engine = place.engine();
    let failed = engine.submit_call("h", "fail", json!({}), &none()).unwrap();
    assert!(matches!(engine.resume(&failed), Err(Error::NotEnded { .. })));
    assert_eq!(engine.wait(&failed, None).unwrap_err().category(), Category::Failure);
    let again = engine.resume(&failed).unwrap();
    assert_eq!(again.to_string(), "h#3");
    assert!(matches!(engine.resume(&failed), Err(Error::AlreadyResumed { .. })));
    assert_eq!(engine.wait(&again, None).unwrap_err().category(), Category::Failure);
    assert_eq!(engine.invocation(&failed).unwrap().resumed_by, Some(3));
}

#[test]
fn queued_calls_of_removed_actor_end_cancelled() {
    let place = Place::new();
    let engine = place.engine();
    let queued = engine.submit_call("c", "incr", json!({}), &none()).unwrap();
    assert!(matches!(engine.remove("c", false), Err(Error::Busy { .. })));
    engine.remove("c", true).unwrap();
    assert_eq!(engine.wait(&queued, None).unwrap_err().kind(), "cancelled");
}

#[test]
fn wait_any_returns_first_ended_call() {
    let place = Place::new();
    let engine = place.engine();
    let options = Options { due: Some(Timestamp::from_millis(u64::MAX)), ..none() };
    let never = engine.submit_call("c", "incr", json!({}), &options).unwrap();
    let failed = engine.submit_call("h", "fail", json!({}), &none()).unwrap();
    let (first, outcome) = engine.wait_any(&[never.clone(), failed], None).unwrap();
    assert_eq!((first, outcome.unwrap_err().category()), (1, Category::Failure));
    let error = engine.wait(&never, Some(Instant::now())).unwrap_err();
    assert!(matches!(error, Error::StillRunning { .. }));
    let unknown: Reference = "missing#1".parse().unwrap();
    assert_eq!(engine.wait(&unknown, None).unwrap_err().category(), Category::NotFound);
}

#[test]
fn construction_due_first_creates_actor() {
    let place = Place::new();
    let engine = place.engine();
    let id = ActorId::new("d").unwrap();
    let making = || engine.making(&id).unwrap().map(|making| (making.reference.number, making.class.to_string()));
    let create = |class: &str, due: Option<u64>| {
        let options = Options { due: due.map(Timestamp::from_millis), ..none() };
        let arguments = if class == "counter" { json!({"init_val": 0}) } else { json!({}) };
        engine.submit_create(class, "d", arguments, &options).unwrap()
    };
    let late = create("hostile", Some(u64::MAX));
    assert_eq!(making(), Some((1, "hostile".to_owned())));
    // calls are validated by the class of the pending construction
    let now = create("counter", None);
    assert_eq!(making(), Some((2, "counter".to_owned())));
    engine.submit_call("d", "incr", json!({}), &none()).unwrap();
    engine.cancel(&now).unwrap();
    assert_eq!(making(), Some((1, "hostile".to_owned())));
    let sooner = create("counter", Some(u64::MAX - 1));
    engine.cancel(&late).unwrap();
    assert_eq!(making(), Some((sooner.number, "counter".to_owned())));
    engine.cancel(&sooner).unwrap();
    assert_eq!(making(), None);
}

#[test]
fn wait_any_returns_call_committed_first() {
    let place = Place::new();
    let clock = Arc::new(AtomicU64::new(1_900_000_000_000));
    let told = Arc::clone(&clock);
    let told = Arc::new(move || Timestamp::from_millis(told.load(Ordering::SeqCst)));
    let engine = place.engine_with(Settings { clock: told, ..Settings::default() });
    let first = engine.submit_call("h", "fail", json!({}), &none()).unwrap();
    assert!(engine.wait(&first, None).is_err());
    clock.store(1_900_000_001_000, Ordering::SeqCst);
    let second = engine.submit_call("c", "incr", json!({}), &none()).unwrap();
    engine.wait(&second, None).unwrap();
    for (references, index) in [([&first, &second], 0), ([&second, &first], 1)] {
        let (found, outcome) = engine.wait_any(&references.map(Clone::clone), None).unwrap();
        assert_eq!((found, outcome.is_err()), (index, true));
    }
}
