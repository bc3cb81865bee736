//! Accepted calls: keys, inbox order, ends. Each function is a test of every store.

use vactor::model::*;
use vactor::store::{Accepted, Committed, End, Runnable, RunnableCursor, Store};

use super::fixture::*;

promises! {
    call_with_used_key_is_duplicate
    inbox_order_follows_acceptance
    call_accepted_during_run_is_behind_it
    delayed_call_is_enqueued_when_due
    next_due_time_is_found
    pending_calls_are_listed_in_order_and_pages
    inbox_over_limit_refuses_calls
    invocations_are_listed_newest_first
    cancelled_call_has_ended
    failed_call_is_resumed_once
}

fn call_with_used_key_is_duplicate(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    // a blocking call
    let first = commit(&*store, ends(fresh(keyed("a", "incr", 5, "k")), 1, 6, b"1")).unwrap();
    assert_eq!(first, Committed::Done { reference: 2, step: Some(2) });
    let again = commit(&*store, ends(fresh(keyed("a", "incr", 7, "k")), 2, 8, b"2")).unwrap();
    let Committed::Duplicate(known) = again else { panic!("{again:?}") };
    assert_eq!((known.number, &known.request), (2, &keyed("a", "incr", 5, "k")));
    assert_eq!(store.load(&id("a")).unwrap().unwrap().state, b"1");
    // a queued call, before it ran, after it ran, and after it failed
    let number = accept(&*store, keyed("a", "incr", 9, "later"));
    let known = |store: &dyn Store| match store.accept(vec![keyed("a", "other", 9, "later")], 100).unwrap().remove(0) {
        Ok(Accepted::Duplicate(known)) => known,
        other => panic!("{other:?}"),
    };
    assert_eq!((known(&*store).number, known(&*store).status), (number, Status::Pending));
    let fails = vactor::store::Commit {
        outcome: failed(),
        end: End::Step { version: 1, state: None },
        ..ends(accepted("a", number), 2, 10, b"")
    };
    commit(&*store, fails).unwrap();
    assert!(matches!(known(&*store).status, Status::Ended { outcome: Outcome::Failed(_), step: Some(3), .. }));
    assert_eq!(store.invocation_by_key(&name("a"), "later").unwrap().unwrap().number, number);
    assert_eq!(store.invocation_by_key(&name("b"), "later").unwrap(), None);
    // two calls of one key in one group: the second is a duplicate of the first
    let both = vec![keyed("a", "x", 11, "twice"), keyed("a", "x", 11, "twice")];
    let both = store.accept(both, 100).unwrap();
    assert!(matches!(both[0], Ok(Accepted::New(_))) && matches!(both[1], Ok(Accepted::Duplicate(_))), "{both:?}");
    // keys are removed with their actor
    store.remove(&id("a"), at(12), true).unwrap();
    assert_eq!(store.invocation_by_key(&name("a"), "k").unwrap(), None);
}

fn numbers(store: &dyn Store, of: &str, now: u64) -> Vec<u64> {
    let mut found = Vec::new();
    while let Some(next) = store.next_in_inbox(&name(of), at(now)).unwrap() {
        found.push(next.number);
        let steps = store.name_record(&name(of)).unwrap().unwrap().counters.steps;
        commit(store, ends(accepted(of, next.number), steps, now, b"s")).unwrap();
    }
    found
}

fn inbox_order_follows_acceptance(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    assert_eq!(store.next_in_inbox(&name("a"), at(1)).unwrap(), None);
    let accepted: Vec<u64> = (0..5).map(|n| accept(&*store, call("a", "incr", 10 + n))).collect();
    assert_eq!(accepted, [2, 3, 4, 5, 6]);
    assert_eq!(store.name_record(&name("a")).unwrap().unwrap().queued, 5);
    assert_eq!(store.runnable(None, at(10), 10).unwrap().names, [name("a")]);
    assert_eq!(numbers(&*store, "a", 20), accepted);
    assert_eq!(store.name_record(&name("a")).unwrap().unwrap().queued, 0);
    assert_eq!(store.runnable(None, at(10), 10).unwrap().names, []);
    let steps = store.steps(&id("a"), 1, 10).unwrap();
    assert_eq!(steps.iter().map(|step| step.reference).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
}

fn call_accepted_during_run_is_behind_it(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let running = ends(fresh(call("a", "incr", 5)), 1, 6, b"1");
    let behind = accept(&*store, call("a", "incr", 5));
    let done = commit(&*store, running).unwrap();
    assert_eq!(done, Committed::Done { reference: behind + 1, step: Some(2) });
    assert_eq!(store.next_in_inbox(&name("a"), at(9)).unwrap().unwrap().number, behind);
    commit(&*store, ends(accepted("a", behind), 2, 8, b"2")).unwrap();
    // each is found by its own number
    for (number, step) in [(behind, 3), (behind + 1, 2)] {
        let ended = store.invocation(&reference("a", number)).unwrap().unwrap();
        assert!(matches!(ended.status, Status::Ended { step: Some(found), .. } if found == step), "{ended:?}");
    }
}

fn delayed_call_is_enqueued_when_due(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let late = accept(&*store, delayed("a", "late", 10, 200));
    let next_year = accept(&*store, delayed("a", "next_year", 10, 1_000_000));
    let soon = accept(&*store, delayed("a", "soon", 11, 100));
    let same_time = accept(&*store, delayed("a", "same_time", 12, 100));
    let head = store.name_record(&name("a")).unwrap().unwrap();
    assert_eq!((head.queued, head.delayed), (0, 4));
    assert_eq!(store.next_in_inbox(&name("a"), at(99)).unwrap(), None);
    assert_eq!(store.runnable(None, at(99), 10).unwrap().names, []);
    // no search has enqueued it yet, and it is due
    assert_eq!(store.next_in_inbox(&name("a"), at(100)).unwrap().unwrap().number, soon);
    // a call accepted before the due time runs first, one accepted after it is behind
    let before = accept(&*store, call("a", "before", 99));
    assert_eq!(store.runnable(None, at(100), 10).unwrap().names, [name("a")]);
    let head = store.name_record(&name("a")).unwrap().unwrap();
    assert_eq!((head.queued, head.delayed), (3, 2));
    let after = accept(&*store, call("a", "after", 150));
    assert_eq!(numbers(&*store, "a", 150), [before, soon, same_time, after]);
    assert_eq!(store.next_in_inbox(&name("a"), at(150)).unwrap(), None);
    assert_eq!(numbers(&*store, "a", 200), [late]);
    let head = store.name_record(&name("a")).unwrap().unwrap();
    assert_eq!((head.queued, head.delayed), (0, 1));
    assert_eq!(store.pending(None, None, 10).unwrap()[0].number, next_year);
    // a due time that has passed is no delay
    let now = accept(&*store, delayed("a", "now", 300, 300));
    assert_eq!(store.next_in_inbox(&name("a"), at(0)).unwrap().unwrap().number, now);
}

fn next_due_time_is_found(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "b", b"0");
    make(&*store, "a", b"0");
    assert_eq!(store.next_due(at(0)).unwrap(), None);
    accept(&*store, delayed("b", "x", 1, 70));
    accept(&*store, delayed("a", "x", 1, 90));
    accept(&*store, delayed("b", "x", 1, 50));
    let due: Vec<_> = [0, 49, 50, 70, 89, 90].map(|now| store.next_due(at(now)).unwrap()).into();
    assert_eq!(due, [Some(at(50)), Some(at(50)), Some(at(70)), Some(at(90)), Some(at(90)), None]);
    accept(&*store, call("c", "x", 1));
    assert_eq!(store.runnable(None, at(49), 10).unwrap().names, ["c"].map(name));
    assert_eq!(store.runnable(None, at(60), 10).unwrap().names, ["b", "c"].map(name));
    assert_eq!(store.runnable(None, at(90), 10).unwrap().names, ["a", "b", "c"].map(name));
    assert_eq!(store.runnable(None, at(90), 2).unwrap().names, ["a", "b"].map(name));
    let behind = |of: &str, limit| store.runnable(Some(&RunnableCursor::Ready(name(of))), at(90), limit).unwrap();
    assert_eq!(behind("a", 1), Runnable { names: vec![name("b")], next: Some(RunnableCursor::Ready(name("b"))) });
    assert_eq!(behind("b", 9), Runnable { names: vec![name("c")], next: None });
}

fn pending_calls_are_listed_in_order_and_pages(stores: &Fixture) {
    let store = stores.open();
    for of in ["b", "a", "c"] {
        make(&*store, of, b"0");
        accept(&*store, delayed(of, "d", 10, 100));
        accept(&*store, call(of, "x", 11));
        accept(&*store, call(of, "y", 12));
    }
    let numbers = |found: &[Invocation]| found.iter().map(|i| i.reference().to_string()).collect::<Vec<_>>();
    let all = numbers(&store.pending(None, None, 100).unwrap());
    assert_eq!(all, ["a#3", "a#4", "a#2", "b#3", "b#4", "b#2", "c#3", "c#4", "c#2"]);
    assert_eq!(numbers(&store.pending(Some(&name("b")), None, 100).unwrap()), all[3..6]);
    for size in 1..5 {
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page = store.pending(None, after.as_ref(), size).unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.reference());
            paged.extend(numbers(&page));
        }
        assert_eq!(paged, all, "{size}");
    }
}

fn inbox_over_limit_refuses_calls(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let calls = vec![call("a", "x", 5), delayed("a", "x", 5, 50), call("a", "x", 5), call("b", "x", 5)];
    let told = store.accept(calls, 2).unwrap();
    assert_eq!(told[0], Ok(Accepted::New(2)));
    assert_eq!(told[1], Ok(Accepted::New(3)));
    assert_eq!(told[2], Err(Error::InboxFull { id: "a".to_owned(), allowed: 2 }));
    assert_eq!(told[3], Ok(Accepted::New(1)));
    assert_eq!(store.name_record(&name("a")).unwrap().unwrap().counters.references, 3);
    commit(&*store, ends(accepted("a", 2), 1, 6, b"1")).unwrap();
    assert_eq!(store.accept(vec![call("a", "x", 7)], 2).unwrap(), [Ok(Accepted::New(4))]);
}

fn invocations_are_listed_newest_first(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    step(&*store, "a", b"1");
    let queued = accept(&*store, call("a", "queued", 5));
    commit(&*store, bare(fresh(construction("a", 6)), 2, 7)).unwrap();
    step(&*store, "a", b"2");
    commit(&*store, ends(accepted("a", queued), 3, 9, b"3")).unwrap();
    step(&*store, "a", b"4");
    accept(&*store, call("a", "waits", 10));
    let numbers = |before, limit| {
        let found = store.invocations(&name("a"), before, limit).unwrap();
        found.iter().map(|found| found.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(None, 100), [7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(numbers(Some(5), 2), [4, 3]);
    assert!(numbers(None, 0).is_empty());
    for found in store.invocations(&name("a"), None, 100).unwrap() {
        assert_eq!(store.invocation(&found.reference()).unwrap().as_ref(), Some(&found));
    }
    assert_eq!(store.invocations(&name("b"), None, 100).unwrap(), []);
}

fn cancelled_call_has_ended(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let first = accept(&*store, call("a", "x", 5));
    let second = accept(&*store, call("a", "x", 5));
    let later = accept(&*store, delayed("a", "x", 5, 50));
    for number in [second, later] {
        cancel(&*store, "a", number, 6).unwrap();
        let ended = store.invocation(&reference("a", number)).unwrap().unwrap();
        assert_eq!(
            ended.status,
            Status::Ended {
                times: Times { began: None, ..times(6, 6) },
                outcome: Outcome::Failed(cancelled()),
                log: Log::default(),
                step: None
            }
        );
        let again = cancel(&*store, "a", number, 7);
        assert_eq!(again, Err(Error::AlreadyEnded { reference: reference("a", number) }));
        assert_eq!(commit(&*store, ends(accepted("a", number), 1, 8, b"")), Err(Error::Stale { id: "a".to_owned() }));
    }
    assert_eq!(store.pending(None, None, 10).unwrap().len(), 1);
    assert_eq!(numbers(&*store, "a", 100), [first]);
    let ran = cancel(&*store, "a", first, 7);
    assert_eq!(ran, Err(Error::AlreadyEnded { reference: reference("a", first) }));
    let none = cancel(&*store, "a", 99, 7);
    assert_eq!(none, Err(Error::NoInvocation { reference: reference("a", 99) }));
}

fn failed_call_is_resumed_once(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let fails = vactor::store::Commit { outcome: failed(), ..ends(fresh(call("a", "x", 5)), 1, 6, b"0") };
    commit(&*store, fails).unwrap();
    assert_eq!(store.invocation(&reference("a", 2)).unwrap().unwrap().resumed_by, None);
    let resumes = CallRequest { resumes: Some(2), ..call("a", "x", 7) };
    let by = accept(&*store, resumes.clone());
    assert_eq!(store.invocation(&reference("a", 2)).unwrap().unwrap().resumed_by, Some(by));
    let refused = Err(Error::AlreadyResumed { reference: reference("a", 2), by: reference("a", by) });
    assert_eq!(store.accept(vec![resumes], 100).unwrap(), [refused]);
    commit(&*store, ends(accepted("a", by), 2, 8, b"1")).unwrap();
    assert_eq!(store.invocation(&reference("a", by)).unwrap().unwrap().request.resumes, Some(2));
}
