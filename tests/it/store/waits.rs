//! Runs of several commits: waits, histories, saves. Each function is a test of every store.

use vactor::model::*;
use vactor::store::{Commit, Committed, End, NewEntry, Progress, Store, Suspended};

use super::fixture::*;

promises! {
    wait_is_recorded_and_answered_by_end_of_child
    wait_with_present_result_does_not_suspend
    earliest_of_several_results_counts
    timer_answers_wait_when_due
    repeated_suspend_changes_nothing
    begun_call_is_first_in_inbox
    other_commits_are_refused_while_call_waits
    progress_continues_from_recorded_history
    suspend_with_used_key_is_duplicate
    save_is_step_and_keeps_previous_state
    saving_constructor_has_created_actor
    call_without_operations_is_stored_as_step
    depth_and_retries_are_returned
    waiting_actors_cost_no_look_ups
}

pub(super) fn found(store: &dyn Store, of: &str, number: u64, now: u64) -> Option<vactor::store::StoredResult> {
    let waiting = store.invocation(&reference(of, number)).unwrap().unwrap().pending_wait().cloned().unwrap();
    store.wait_result(&reference(of, number), &waiting.targets, at(now)).unwrap()
}

fn begun(store: &dyn Store, of: &str, number: u64) -> ResumePoint {
    store.invocation(&reference(of, number)).unwrap().unwrap().resume_point.unwrap()
}

fn wait_is_recorded_and_answered_by_end_of_child(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    make(&*store, "b", b"0");
    let number = waits(&*store, "a", 60, vec![starts(call("b", "x", 61))], vec![ResolvedTarget::Child(0)]);
    let child = store.next_in_inbox(&name("b"), at(62)).unwrap().unwrap();
    assert_eq!(child.request.caller, Some(reference("a", number)));
    let record = store.history(&reference("a", number), 0, 9).unwrap();
    let started =
        HistoryEntry { fingerprint: asked("start b"), result: OperationResult::Started(Ok(child.reference())) };
    assert_eq!(record, std::slice::from_ref(&started));
    let is = begun(&*store, "a", number);
    assert_eq!((is.first_now, is.history_len, is.saves), (at(50), 1, 0));
    assert_eq!(
        is.wait,
        Some(PendingWait { fingerprint: asked("wait"), targets: vec![ResolvedTarget::Child(0)], since: at(60) })
    );
    assert_eq!(store.next_in_inbox(&name("a"), at(62)).unwrap(), None);
    assert_eq!(store.runnable(None, at(62), 9).unwrap().names, [name("b")]);
    assert_eq!(found(&*store, "a", number, 62), None);
    // no step, and an unchanged state
    assert_eq!(steps_of(&*store, "a"), 1);

    end(&*store, "b", child.number, 70);
    assert_eq!(store.runnable(None, at(71), 9).unwrap().names, [name("a")]);
    assert_eq!(store.next_in_inbox(&name("a"), at(71)).unwrap().unwrap().number, number);
    let found = found(&*store, "a", number, 71).unwrap();
    assert_eq!(found.result, WaitResult { index: 0, result: Ok(Json::parse("1").unwrap()), at: at(71) });
    let last = Commit {
        progress: Some(progress(1, vec![answered(found.clone())])),
        ..ends(accepted("a", number), 1, 72, b"after")
    };
    commit(&*store, last).unwrap();
    let step = store.steps(&id("a"), 2, 9).unwrap().remove(0);
    assert_eq!(
        (step.reference, step.run),
        (number, Some(RunProgress { first_now: at(50), history_len: 2, is_save: false }))
    );
    // a replay needs the history
    let record = store.history(&reference("a", number), 0, 9).unwrap();
    assert_eq!(
        record,
        [started, HistoryEntry { fingerprint: asked("wait"), result: OperationResult::Waited(found.result) }]
    );
    assert_eq!(store.history(&reference("a", number), 1, 9).unwrap(), record[1..]);
    assert_eq!(store.runnable(None, at(80), 9).unwrap().names, []);
    // a wait of an ended invocation fails
    let late = store.wait_result(&reference("a", number), &[ResolvedTarget::Child(0)], at(80));
    assert_eq!(late, Err(Error::AlreadyEnded { reference: reference("a", number) }));
}

fn wait_with_present_result_does_not_suspend(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    make(&*store, "b", b"0");
    step(&*store, "b", b"1");
    let on = vec![ResolvedTarget::Timer(at(1000)), ResolvedTarget::Invocation(reference("b", 2))];
    let (number, found) = suspend(&*store, suspends(fresh(call("a", "x", 60)), 1, 60, progress(0, vec![]), on));
    assert_eq!(found.unwrap().result.index, 1);
    assert_eq!(begun(&*store, "a", number).wait, None);
    assert!(is_ready(&*store, "a", 61));
    assert_eq!(store.next_due(at(0)).unwrap(), None);
    // a call that never existed, or was removed
    let gone = suspends(
        accepted("a", number),
        1,
        62,
        progress(0, vec![]),
        vec![ResolvedTarget::Invocation(reference("b", 99))],
    );
    let fault = suspend(&*store, gone).1.unwrap().result.result.unwrap_err();
    assert!(fault.is_host(HostFault::NotFound), "{fault:?}");
}

fn earliest_of_several_results_counts(stores: &Fixture) {
    let store = stores.open();
    for of in ["a", "b", "c"] {
        make(&*store, of, b"0");
    }
    let children = vec![starts(call("b", "x", 61)), starts(call("c", "x", 62))];
    let on = vec![ResolvedTarget::Child(0), ResolvedTarget::Timer(at(90)), on_event("e"), ResolvedTarget::Child(1)];
    let number = waits(&*store, "a", 60, children, on);
    let index = |now| found(&*store, "a", number, now).map(|found| found.result.index);
    assert_eq!((index(89), index(90)), (None, Some(1)));
    store.emit(event("a", "e", "5", 80), 9).unwrap();
    assert_eq!(index(90), Some(2));
    end(&*store, "c", 2, 79);
    assert_eq!(index(90), Some(3));
    // two at the same time: the lower index
    end(&*store, "b", 2, 79);
    assert_eq!(index(90), Some(0));
    // the guest's clock never goes back
    assert_eq!(found(&*store, "a", number, 10).unwrap().result.at, at(50));
}

fn timer_answers_wait_when_due(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let number = waits(
        &*store,
        "a",
        60,
        vec![],
        vec![ResolvedTarget::Timer(at(300)), ResolvedTarget::Timer(at(200)), ResolvedTarget::Timer(at(400))],
    );
    assert_eq!(store.next_due(at(60)).unwrap(), Some(at(200)));
    assert_eq!((is_ready(&*store, "a", 199), is_ready(&*store, "a", 200)), (false, true));
    let found = found(&*store, "a", number, 205).unwrap();
    assert_eq!(found.result, WaitResult { index: 1, result: Ok(Json::null()), at: at(205) });
    // the next wait of the same run has a timer of its own
    let next = suspends(
        accepted("a", number),
        1,
        206,
        progress(0, vec![answered(found)]),
        vec![ResolvedTarget::Timer(at(300))],
    );
    assert_eq!(suspend(&*store, next).1, None);
    assert_eq!((store.next_due(at(0)).unwrap(), is_ready(&*store, "a", 206)), (Some(at(300)), false));
    assert_eq!(begun(&*store, "a", number).clock, at(205));
    end(&*store, "a", number, 207);
    assert_eq!(store.next_due(at(0)).unwrap(), None);
}

fn repeated_suspend_changes_nothing(stores: &Fixture) {
    let (store, other) = (stores.open(), stores.open());
    make(&*store, "a", b"0");
    let number = waits(&*store, "a", 60, vec![], vec![on_event("e")]);
    let before = store.invocation(&reference("a", number)).unwrap();
    let again = || suspends(accepted("a", number), 1, 90, progress(0, vec![]), vec![on_event("e")]);
    assert_eq!(suspend(&*other, again()), (number, None));
    assert_eq!(store.invocation(&reference("a", number)).unwrap(), before);
    store.emit(event("a", "e", "5", 80), 9).unwrap();
    let found = suspend(&*other, again()).1.unwrap();
    assert_eq!(found.event, Some(("e".to_owned(), 1)));
    assert!(is_ready(&*store, "a", 91));
}

fn begun_call_is_first_in_inbox(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let first = accept(&*store, call("a", "queued", 40));
    let second = accept(&*store, call("a", "queued", 41));
    let later = accept(&*store, delayed("a", "later", 41, 45));
    let number = waits(&*store, "a", 60, vec![], vec![on_event("e")]);
    let order = |store: &dyn Store| {
        let pending = store.pending(Some(&name("a")), None, 9).unwrap();
        pending.iter().map(|pending| pending.number).collect::<Vec<_>>()
    };
    assert_eq!(order(&*store), [number, first, second, later]);
    let head = store.name_record(&name("a")).unwrap().unwrap();
    assert_eq!((head.queued, head.delayed), (3, 1));
    // due calls are behind it, and searches do not find it again
    assert!(!is_ready(&*store, "a", 61));
    let head = store.name_record(&name("a")).unwrap().unwrap();
    assert_eq!((head.queued, head.delayed, store.next_due(at(0)).unwrap()), (4, 0, None));
    end(&*store, "a", number, 70);
    assert_eq!(order(&*store), [first, second, later]);
    assert!(is_ready(&*store, "a", 71));
    // a delayed call that begins goes to the front too
    cancel(&*store, "a", first, 71).unwrap();
    cancel(&*store, "a", second, 71).unwrap();
    cancel(&*store, "a", later, 71).unwrap();
    let due = accept(&*store, delayed("a", "later", 80, 85));
    assert_eq!(store.next_in_inbox(&name("a"), at(85)).unwrap().unwrap().number, due);
    suspend(&*store, suspends(accepted("a", due), 2, 86, progress(0, vec![]), vec![on_event("e")]));
    let behind = accept(&*store, call("a", "x", 87));
    assert_eq!(order(&*store), [due, behind]);
    assert_eq!(store.next_due(at(0)).unwrap(), None);
}

fn other_commits_are_refused_while_call_waits(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let queued = accept(&*store, call("a", "queued", 40));
    let stale = Error::Stale { id: "a".to_owned() };
    // only the first call of an inbox can begin
    let second = accept(&*store, call("a", "queued", 40));
    let skips = suspends(accepted("a", second), 1, 60, progress(0, vec![]), vec![on_event("e")]);
    assert_eq!(store.suspend(skips).unwrap_err(), stale);

    let number = waits(&*store, "a", 60, vec![], vec![on_event("e")]);
    let before = store.name_record(&name("a")).unwrap();
    assert_eq!(commit(&*store, ends(fresh(call("a", "x", 61)), 1, 61, b"lost")).unwrap_err(), stale);
    assert_eq!(commit(&*store, ends(accepted("a", queued), 1, 61, b"lost")).unwrap_err(), stale);
    let other = suspends(fresh(call("a", "x", 61)), 1, 61, progress(0, vec![]), vec![on_event("e")]);
    assert_eq!(store.suspend(other).unwrap_err(), stale);
    assert_eq!(store.name_record(&name("a")).unwrap(), before);
    end(&*store, "a", number, 62);
    end(&*store, "a", queued, 63);
}

fn progress_continues_from_recorded_history(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    make(&*store, "b", b"0");
    let number = waits(&*store, "a", 60, vec![starts(call("b", "x", 61))], vec![ResolvedTarget::Child(0)]);
    let stale = Error::Stale { id: "a".to_owned() };
    let twice = vec![starts(call("b", "x", 61))];
    let again = suspends(accepted("a", number), 1, 62, progress(0, twice.clone()), vec![ResolvedTarget::Child(0)]);
    assert_eq!(store.suspend(again).unwrap_err(), stale);
    let ends_it = Commit { progress: Some(progress(0, twice)), ..ends(accepted("a", number), 1, 62, b"1") };
    assert_eq!(commit(&*store, ends_it).unwrap_err(), stale);
    assert_eq!(store.name_record(&name("b")).unwrap().unwrap().queued, 1);
    let steps = suspends(accepted("a", number), 7, 62, progress(1, vec![]), vec![ResolvedTarget::Child(0)]);
    assert_eq!(store.suspend(steps).unwrap_err(), stale);
    cancel(&*store, "a", number, 63).unwrap();
    let gone = suspends(accepted("a", number), 2, 64, progress(1, vec![]), vec![ResolvedTarget::Child(0)]);
    assert_eq!(store.suspend(gone).unwrap_err(), stale);
    // a call of a removed actor
    store.remove(&id("a"), at(65), true).unwrap();
    let late = suspends(fresh(call("a", "x", 66)), 2, 66, progress(0, vec![]), vec![on_event("e")]);
    assert_eq!(store.suspend(late).unwrap_err(), stale);
}

fn suspend_with_used_key_is_duplicate(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let wait = || suspends(fresh(keyed("a", "x", 60, "k")), 1, 60, progress(0, vec![]), vec![on_event("e")]);
    let (number, _) = suspend(&*store, wait());
    let Suspended::Duplicate(known) = store.suspend(wait()).unwrap() else { panic!("accepted twice") };
    assert_eq!((known.number, known.resume_point.is_some()), (number, true));
    assert_eq!(store.name_record(&name("a")).unwrap().unwrap().queued, 1);
}

/// A save of a run that continues.
fn saves(commit: Commit, record: u64, entries: Vec<NewEntry>) -> Commit {
    let progress = Progress { save: Some(asked("save")), ..progress(record, entries) };
    Commit { progress: Some(progress), ..commit }
}

fn save_is_step_and_keeps_previous_state(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"before");
    make(&*store, "b", b"0");
    let behind = accept(&*store, call("a", "behind", 40));
    let first = saves(ends(fresh(call("a", "x", 60)), 1, 60, b"one"), 0, vec![starts(call("b", "x", 61))]);
    let told = commit(&*store, first).unwrap();
    let Committed::Done { reference: number, step: Some(2) } = told else { panic!("{told:?}") };
    assert_eq!(store.load(&id("a")).unwrap().unwrap().state, b"one");
    assert_eq!(store.initial_state(&reference("a", number)).unwrap().unwrap(), b"before");
    let step = store.steps(&id("a"), 2, 1).unwrap().remove(0);
    assert_eq!((step.reference, &step.outcome), (number, &Outcome::Succeeded(Json::null())));
    assert_eq!(step.run, Some(RunProgress { first_now: at(50), history_len: 2, is_save: true }));
    let record = store.history(&reference("a", number), 1, 9).unwrap();
    assert_eq!(record, [HistoryEntry { fingerprint: asked("save"), result: OperationResult::Saved(2) }]);
    // it continues, before a call that was accepted earlier
    let invocation = store.next_in_inbox(&name("a"), at(62)).unwrap().unwrap();
    assert_eq!((invocation.number, invocation.status), (number, Status::Pending));
    assert_eq!(invocation.resume_point.unwrap().saves, 1);
    assert!(is_ready(&*store, "a", 62));

    commit(&*store, saves(ends(accepted("a", number), 2, 63, b"two"), 2, vec![])).unwrap();
    assert_eq!(store.initial_state(&reference("a", number)).unwrap().unwrap(), b"before");
    let all = store.invocations(&name("a"), None, 9).unwrap();
    assert_eq!(all.iter().map(|found| found.number).collect::<Vec<_>>(), [number, behind, 1]);
    // a failure returns to the last save
    let fails = Commit {
        outcome: failed(),
        end: End::Step { version: 1, state: None },
        ..ends(accepted("a", number), 3, 64, b"")
    };
    commit(&*store, fails).unwrap();
    assert_eq!(store.load(&id("a")).unwrap().unwrap().state, b"two");
    assert_eq!(store.initial_state(&reference("a", number)).unwrap(), None);
    let ended = store.invocation(&reference("a", number)).unwrap().unwrap();
    assert!(matches!(ended.status, Status::Ended { step: Some(4), outcome: Outcome::Failed(_), .. }), "{ended:?}");
    assert_eq!(store.steps(&id("a"), 4, 1).unwrap()[0].run.unwrap().history_len, 3);
    assert_eq!(store.next_in_inbox(&name("a"), at(65)).unwrap().unwrap().number, behind);
}

fn saving_constructor_has_created_actor(stores: &Fixture) {
    let store = stores.open();
    let number = accept(&*store, construction("a", 40));
    let made = saves(makes(accepted("a", number), 0, 60, b"made"), 0, vec![]);
    assert_eq!(commit(&*store, made).unwrap(), Committed::Done { reference: number, step: Some(1) });
    assert_eq!(store.load(&id("a")).unwrap().unwrap().state, b"made");
    assert_eq!(store.initial_state(&reference("a", number)).unwrap(), None);
    commit(&*store, saves(ends(accepted("a", number), 1, 61, b"more"), 1, vec![])).unwrap();
    assert_eq!(store.initial_state(&reference("a", number)).unwrap(), None);
    let wait = suspends(accepted("a", number), 2, 62, progress(2, vec![]), vec![on_event("e")]);
    assert_eq!(suspend(&*store, wait), (number, None));
    end(&*store, "a", number, 63);
    let ended = store.invocation(&reference("a", number)).unwrap().unwrap();
    assert!(matches!(ended.status, Status::Ended { step: Some(3), .. }), "{ended:?}");
    // a constructor that waits before it saves has not created its actor
    let wait = suspends(fresh(construction("b", 60)), 0, 60, progress(0, vec![]), vec![on_event("e")]);
    let (number, _) = suspend(&*store, wait);
    assert_eq!(store.load(&id("b")).unwrap(), None);
    commit(&*store, makes(accepted("b", number), 0, 65, b"late")).unwrap();
    assert_eq!(store.load(&id("b")).unwrap().unwrap().state, b"late");
}

fn call_without_operations_is_stored_as_step(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    step(&*store, "a", b"1");
    let step = store.steps(&id("a"), 2, 1).unwrap().remove(0);
    assert_eq!(step.run, None);
    assert_eq!(store.history(&reference("a", 2), 0, 9).unwrap(), []);
    assert_eq!(store.runnable(None, at(u64::MAX), 9).unwrap().names, []);
}

fn depth_and_retries_are_returned(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let deep = CallRequest { depth: 7, retries: Some(3), ..call("a", "x", 60) };
    commit(&*store, ends(fresh(deep.clone()), 1, 60, b"1")).unwrap();
    assert_eq!(store.invocation(&reference("a", 2)).unwrap().unwrap().request, deep);
    let number = accept(&*store, deep.clone());
    assert_eq!(store.next_in_inbox(&name("a"), at(61)).unwrap().unwrap().request, deep);
    end(&*store, "a", number, 62);
    assert_eq!(store.invocation(&reference("a", number)).unwrap().unwrap().request, deep);
}

fn waiting_actors_cost_no_look_ups(stores: &Fixture) {
    let store = stores.open();
    let names: Vec<String> = (0..300).map(|n| format!("waits{n}")).collect();
    for of in &names {
        make(&*store, of, b"0");
        waits(&*store, of, 60, vec![], vec![on_event("go"), ResolvedTarget::Timer(at(10_000))]);
        accept(&*store, call(of, "behind", 61));
    }
    // one search with any limit passes them all
    assert_eq!(store.runnable(None, at(99), 1).unwrap().names, []);
    store.emit(event("waits250", "other", "1", 70), 9).unwrap();
    assert_eq!(store.runnable(None, at(99), 1).unwrap().names, []);
    store.emit(event("waits250", "go", "1", 70), 9).unwrap();
    assert_eq!(store.runnable(None, at(99), 1).unwrap().names, [name("waits250")]);
}
