//! Events, which are kept until they are taken, once. Each function is a test of every store.

use vactor::model::*;
use vactor::store::{Commit, NewEvent};

use super::fixture::*;

promises! {
    event_is_kept_until_taken
    event_is_taken_when_sent_before_or_after_wait
    event_is_taken_once
    actor_with_pending_construction_has_events
    events_over_limit_are_refused
    event_with_used_key_is_sent_once
    events_are_removed_with_actor
}

fn event_is_kept_until_taken(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    for (n, of) in ["z", "a", "z", "", "z\0\0\0\0\0\0\0\0\u{1}"].into_iter().enumerate() {
        assert_eq!(store.emit(event("a", of, &n.to_string(), 10), 9).unwrap(), n as u64 + 1);
    }
    let events = store.events(&name("a"), 0, 9).unwrap();
    assert_eq!(events.iter().map(|event| event.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let second = Event { name: "a".to_owned(), number: 2, at: at(10), payload: Json::parse("1").unwrap() };
    assert_eq!(store.events(&name("a"), 1, 1).unwrap(), [second]);
    assert_eq!(store.name_record(&name("a")).unwrap().unwrap().events, 5);
    // the first event of a name after a number
    let number = waits(&*store, "a", 60, vec![], vec![on_event("other")]);
    let first = |after| {
        let on = ResolvedTarget::Event { name: "z".to_owned(), after };
        let found = store.wait_result(&reference("a", number), &[on], at(61)).unwrap();
        found.and_then(|found| found.event).map(|(_, number)| number)
    };
    assert_eq!([0, 1, 2, 3].map(first), [Some(1), Some(3), Some(3), None]);
}

fn event_is_taken_when_sent_before_or_after_wait(stores: &Fixture) {
    let store = stores.open();
    for (of, before) in [("a", true), ("b", false)] {
        make(&*store, of, b"0");
        let emit = || store.emit(event(of, "go", r#"{"by":"x"}"#, 55), 9).unwrap();
        if before {
            emit();
        }
        let wait = suspends(fresh(call(of, "x", 60)), 1, 60, progress(0, vec![]), vec![on_event("go")]);
        let (number, found) = suspend(&*store, wait);
        assert_eq!(found.is_some(), before);
        if !before {
            emit();
        }
        let on = [on_event("go")];
        let later = store.wait_result(&reference(of, number), &on, at(60)).unwrap().unwrap();
        assert!(found.is_none_or(|found| found == later));
        assert_eq!(later.result.result, Ok(Json::parse(r#"{"by":"x"}"#).unwrap()));
        assert!(is_ready(&*store, of, 61));
    }
}

fn event_is_taken_once(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let number = waits(&*store, "a", 60, vec![], vec![on_event("go")]);
    store.emit(event("a", "go", "1", 61), 9).unwrap();
    store.emit(event("a", "go", "2", 62), 9).unwrap();
    let found = store.wait_result(&reference("a", number), &[on_event("go")], at(63)).unwrap().unwrap();
    let taken = vec![answered(found.clone())];
    let next = suspends(accepted("a", number), 1, 64, progress(0, taken.clone()), vec![on_event("go")]);
    let (_, second) = suspend(&*store, next);
    assert_eq!(second.unwrap().event, Some(("go".to_owned(), 2)));
    assert_eq!(
        (store.events(&name("a"), 0, 9).unwrap().len(), store.name_record(&name("a")).unwrap().unwrap().events),
        (1, 1)
    );
    // a taken event cannot be taken again
    let twice = Commit { progress: Some(progress(1, taken)), ..ends(accepted("a", number), 1, 65, b"1") };
    assert_eq!(commit(&*store, twice), Err(Error::Stale { id: "a".to_owned() }));
    // taken events stay taken when the run is cancelled
    cancel(&*store, "a", number, 66).unwrap();
    assert_eq!(store.events(&name("a"), 0, 9).unwrap()[0].number, 2);
}

fn actor_with_pending_construction_has_events(stores: &Fixture) {
    let store = stores.open();
    let refused = store.emit(event("a", "go", "1", 10), 9);
    assert_eq!(refused, Err(Error::NoActor { id: "a".to_owned(), similar: None }));
    accept(&*store, call("a", "x", 11));
    assert!(store.emit(event("a", "go", "1", 11), 9).is_err());
    let later = accept(&*store, CallRequest { due: Some(at(90)), ..construction("a", 12) });
    assert_eq!(store.emit(event("a", "go", "1", 13), 9), Ok(1));
    cancel(&*store, "a", later, 14).unwrap();
    assert!(store.emit(event("a", "go", "1", 15), 9).is_err());
}

fn events_over_limit_are_refused(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let emit = || store.emit(event("a", "go", "1", 10), 2);
    assert_eq!([emit(), emit()], [Ok(1), Ok(2)]);
    let refused = emit().unwrap_err();
    assert_eq!(refused, Error::EventsFull { id: "a".to_owned(), allowed: 2 });
    // the limit of the inbox is another one
    accept(&*store, call("a", "x", 11));
}

fn event_with_used_key_is_sent_once(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let with_key = |of: &str, payload: &str, key: &str| {
        let fingerprint = Hash::of(format!("{of} {payload}").as_bytes());
        NewEvent { key: Some(Key { text: key.to_owned(), fingerprint }), ..event("a", of, payload, 10) }
    };
    assert_eq!(store.emit(with_key("go", "1", "k"), 9), Ok(1));
    assert_eq!(store.emit(with_key("go", "1", "k"), 9), Ok(1));
    assert_eq!(store.events(&name("a"), 0, 9).unwrap().len(), 1);
    let taken = Error::KeyTakenByEvent { key: "k".to_owned(), id: "a".to_owned(), number: 1 };
    assert_eq!(store.emit(with_key("go", "2", "k"), 9), Err(taken.clone()));
    // a call and an event cannot have the same key
    assert_eq!(store.invocation_by_key(&name("a"), "k"), Err(taken.clone()));
    assert_eq!(store.accept(vec![keyed("a", "x", 20, "k")], 9).unwrap(), [Err(taken.clone())]);
    assert_eq!(commit(&*store, ends(fresh(keyed("a", "x", 20, "k")), 1, 21, b"1")), Err(taken));
    accept(&*store, keyed("a", "x", 22, "call"));
    let taken = Error::KeyTaken { key: "call".to_owned(), reference: reference("a", 2) };
    assert_eq!(store.emit(with_key("go", "1", "call"), 9), Err(taken));
}

fn events_are_removed_with_actor(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let key = Some(Key { text: "k".to_owned(), fingerprint: Hash::of(b"") });
    store.emit(NewEvent { key, ..event("a", "go", "1", 10) }, 9).unwrap();
    store.remove(&id("a"), at(11), false).unwrap();
    assert_eq!(store.events(&name("a"), 0, 9).unwrap(), []);
    assert_eq!(store.invocation_by_key(&name("a"), "k").unwrap(), None);
    make(&*store, "a", b"0");
    // numbers are never given twice
    assert_eq!(store.emit(event("a", "go", "1", 12), 1), Ok(2));
}
