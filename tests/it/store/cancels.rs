//! Cancellation, which cancels children. Each function is a test of every store.

use std::collections::BTreeSet;

use vactor::model::*;
use vactor::store::{Commit, NewEntry, Store};

use super::fixture::*;

promises! {
    cancel_cancels_children
    cancelled_run_leaves_step
    cancel_frees_inbox
    wait_for_cancelled_call_is_answered
    run_cancels_child
    run_that_cancels_caller_continues
    removal_cancels_pending_calls
    chain_of_any_depth_is_cancelled
}

fn ended(store: &dyn Store, of: &str, number: u64) -> (Fault, Option<u64>) {
    match store.invocation(&reference(of, number)).unwrap().unwrap().status {
        Status::Ended { outcome: Outcome::Failed(fault), step, .. } => (fault, step),
        other => panic!("{other:?}"),
    }
}

fn made(stores: &Fixture) -> std::sync::Arc<dyn Store> {
    let store = stores.open();
    for of in ["a", "b", "c", "d"] {
        make(&*store, of, b"0");
    }
    store
}

/// a waits for b, b for c and for a task; c is queued.
fn tree(store: &dyn Store) {
    waits(store, "a", 60, vec![starts(call("b", "x", 61))], vec![ResolvedTarget::Child(0)]);
    let asks = progress(0, vec![starts(call("c", "x", 62)), starts(task("counter/sum", 63))]);
    suspend(store, suspends(accepted("b", 2), 1, 62, asks, vec![ResolvedTarget::Child(0), ResolvedTarget::Child(1)]));
}

fn cancel_cancels_children(stores: &Fixture) {
    let store = made(stores);
    tree(&*store);
    cancel(&*store, "a", 2, 70).unwrap();
    assert_eq!(ended(&*store, "a", 2).0, cancelled());
    assert_eq!(ended(&*store, "b", 2).0.message, "its caller a#2 was cancelled");
    assert_eq!(ended(&*store, "c", 2).0.message, "its caller b#2 was cancelled");
    assert!(ended(&*store, "counter/sum", 1).0.is_host(HostFault::Cancelled));
    assert_eq!(store.pending(None, None, 9).unwrap(), []);
    assert_eq!(store.runnable(None, at(u64::MAX), 9).unwrap().names, []);
    // an ended call cannot be cancelled again
    assert_eq!(cancel(&*store, "b", 2, 71), Err(Error::AlreadyEnded { reference: reference("b", 2) }));
    // the children of a failed call continue
    let number = waits(&*store, "a", 80, vec![starts(call("c", "x", 81))], vec![ResolvedTarget::Child(0)]);
    commit(&*store, Commit { outcome: failed(), ..ends(accepted("a", number), 2, 82, b"0") }).unwrap();
    assert!(is_ready(&*store, "c", 83));
}

fn cancelled_run_leaves_step(stores: &Fixture) {
    let store = made(stores);
    tree(&*store);
    // c is running, and has committed nothing yet
    let running = BTreeSet::from([reference("c", 2), reference("counter/sum", 1)]);
    store.cancel(&reference("a", 2), at(70), cancelled(), &running).unwrap();
    let step = |of: &str| store.steps(&id(of), 2, 1).unwrap().pop();
    let of_a = step("a").unwrap();
    assert_eq!((of_a.reference, of_a.times.committed, of_a.outcome), (2, at(70), Outcome::Failed(cancelled())));
    assert_eq!(of_a.run, Some(RunProgress { first_now: at(50), history_len: 1, is_save: false }));
    assert_eq!(of_a.state, Hash::of(b"0"));
    assert_eq!(step("c").unwrap().run, None);
    assert_eq!((ended(&*store, "b", 2).1, ended(&*store, "counter/sum", 1).1), (Some(2), None));
    // a queued call leaves no step, nor does a constructor
    let queued = accept(&*store, call("d", "x", 71));
    cancel(&*store, "d", queued, 72).unwrap();
    assert_eq!(ended(&*store, "d", queued).1, None);
    let wait = suspends(fresh(construction("new", 73)), 0, 73, progress(0, vec![]), vec![on_event("e")]);
    let (number, _) = suspend(&*store, wait);
    cancel(&*store, "new", number, 74).unwrap();
    assert_eq!((ended(&*store, "new", number).1, store.load(&id("new")).unwrap()), (None, None));
}

fn cancel_frees_inbox(stores: &Fixture) {
    let store = made(stores);
    let number = waits(&*store, "a", 60, vec![], vec![on_event("e"), ResolvedTarget::Timer(at(500))]);
    let behind = accept(&*store, call("a", "behind", 61));
    assert!(!is_ready(&*store, "a", 62));
    cancel(&*store, "a", number, 63).unwrap();
    assert_eq!(store.next_in_inbox(&name("a"), at(64)).unwrap().unwrap().number, behind);
    assert!(is_ready(&*store, "a", 64));
    assert_eq!(store.next_due(at(0)).unwrap(), None);
    let late = ends(accepted("a", number), 2, 65, b"late");
    assert_eq!(commit(&*store, late), Err(Error::Stale { id: "a".to_owned() }));
}

fn wait_for_cancelled_call_is_answered(stores: &Fixture) {
    let store = made(stores);
    let number = waits(&*store, "a", 60, vec![starts(call("b", "x", 61))], vec![ResolvedTarget::Child(0)]);
    let outside = waits(&*store, "c", 60, vec![], vec![ResolvedTarget::Invocation(reference("b", 2))]);
    cancel(&*store, "b", 2, 62).unwrap();
    for (of, number, on) in
        [("a", number, ResolvedTarget::Child(0)), ("c", outside, ResolvedTarget::Invocation(reference("b", 2)))]
    {
        assert!(is_ready(&*store, of, 63));
        let found = store.wait_result(&reference(of, number), &[on], at(63)).unwrap().unwrap();
        assert_eq!(found.result.result, Err(cancelled()));
    }
}

fn run_cancels_child(stores: &Fixture) {
    let store = made(stores);
    let cancels = |target| NewEntry::Cancel { fingerprint: asked("cancel"), target };
    let entries = vec![
        starts(call("b", "x", 61)),
        cancels(ResolvedTarget::Child(0)),
        cancels(ResolvedTarget::Child(0)),
        cancels(ResolvedTarget::Invocation(reference("missing", 7))),
        starts(call("c", "x", 62)),
    ];
    let number = waits(&*store, "a", 60, entries, vec![ResolvedTarget::Child(4)]);
    assert_eq!(ended(&*store, "b", 2).0.message, "a#2 cancelled it");
    let record = store.history(&reference("a", number), 1, 3).unwrap();
    assert!(record.iter().all(|entry| entry.result == OperationResult::Done));
    assert!(is_ready(&*store, "c", 63));
}

fn run_that_cancels_caller_continues(stores: &Fixture) {
    let store = made(stores);
    waits(&*store, "a", 60, vec![starts(call("b", "x", 61))], vec![ResolvedTarget::Child(0)]);
    let target = ResolvedTarget::Invocation(reference("a", 2));
    let asks = progress(0, vec![NewEntry::Cancel { fingerprint: asked("cancel"), target }]);
    let ends_it = Commit { progress: Some(asks), ..ends(accepted("b", 2), 1, 62, b"1") };
    commit(&*store, ends_it).unwrap();
    assert!(ended(&*store, "a", 2).0.is_host(HostFault::Cancelled));
    assert_eq!(store.load(&id("b")).unwrap().unwrap().state, b"1");
}

fn removal_cancels_pending_calls(stores: &Fixture) {
    let store = made(stores);
    tree(&*store);
    let outside = waits(&*store, "d", 64, vec![], vec![ResolvedTarget::Invocation(reference("a", 2))]);
    store.emit(event("a", "e", "1", 65), 9).unwrap();
    assert_eq!(store.remove(&id("a"), at(66), false), Err(Error::Busy { id: "a".to_owned() }));
    store.remove(&id("a"), at(66), true).unwrap();
    assert_eq!(ended(&*store, "a", 2).1, None);
    assert_eq!(ended(&*store, "b", 2).0.message, "its caller a#2 was cancelled");
    assert!(ended(&*store, "c", 2).0.is_host(HostFault::Cancelled));
    assert_eq!(store.history(&reference("a", 2), 0, 9).unwrap(), []);
    assert_eq!(store.events(&name("a"), 0, 9).unwrap(), []);
    assert!(is_ready(&*store, "d", 67));
    let on = [ResolvedTarget::Invocation(reference("a", 2))];
    let found = store.wait_result(&reference("d", outside), &on, at(67)).unwrap().unwrap();
    assert!(found.result.result.unwrap_err().is_host(HostFault::Cancelled));
    make(&*store, "a", b"new");
    assert_eq!(store.name_record(&name("a")).unwrap().unwrap().queued, 0);
}

fn chain_of_any_depth_is_cancelled(stores: &Fixture) {
    let store = stores.open();
    let names: Vec<String> = (0..300).map(|n| format!("actor{n}")).collect();
    for of in &names {
        make(&*store, of, b"0");
    }
    for pair in names.windows(2) {
        let turn = if pair[0] == "actor0" { fresh(call("actor0", "x", 60)) } else { accepted(&pair[0], 2) };
        let asks = progress(0, vec![starts(call(&pair[1], "x", 61))]);
        assert_eq!(suspend(&*store, suspends(turn, 1, 61, asks, vec![ResolvedTarget::Child(0)])).1, None);
    }
    cancel(&*store, "actor0", 2, 70).unwrap();
    assert_eq!(store.pending(None, None, 9).unwrap(), []);
}
