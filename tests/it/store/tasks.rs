//! Tasks: in parallel under one name, and retried. Each function is a test of every store.

use vactor::model::*;
use vactor::store::{Commit, Committed, End, Store};

use super::actors::version;
use super::fixture::*;
use super::waits::found;

promises! {
    tasks_of_same_name_run_in_parallel
    failed_task_is_retried
    task_and_actor_of_same_name_are_independent
    failed_tries_of_task_are_kept
    removed_tasks_leave_only_numbers
    task_in_use_is_removed_only_by_force
    removed_class_leaves_no_tasks
}

fn task_numbers(store: &dyn Store, after: Option<u64>, now: u64, limit: usize) -> Vec<u64> {
    let tasks = store.runnable_tasks(&name("counter/sum"), after, at(now), limit).unwrap();
    tasks.iter().map(|task| task.number).collect()
}

fn tasks_of_same_name_run_in_parallel(stores: &Fixture) {
    let store = stores.open();
    for _ in 0..4 {
        accept(&*store, task("counter/sum", 10));
    }
    accept(&*store, CallRequest { due: Some(at(90)), ..task("counter/sum", 10) });
    assert_eq!(task_numbers(&*store, None, 20, 9), [1, 2, 3, 4]);
    assert_eq!(task_numbers(&*store, Some(1), 20, 2), [2, 3]);
    assert_eq!(task_numbers(&*store, Some(4), 90, 9), [5]);
    assert_eq!(store.next_in_inbox(&name("counter/sum"), at(90)).unwrap(), None);
    // in any order
    for (n, number) in [3, 1, 5, 4, 2].into_iter().enumerate() {
        assert!(is_ready(&*store, "counter/sum", 90));
        commit(&*store, bare(accepted("counter/sum", number), 0, 90)).unwrap();
        assert_eq!(task_numbers(&*store, None, 90, 9).len(), 4 - n);
    }
    assert!(!is_ready(&*store, "counter/sum", 90));
}

fn failed_task_is_retried(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let waiter = waits(&*store, "a", 10, vec![starts(task("counter/sum", 10))], vec![ResolvedTarget::Child(0)]);
    for attempts in 0..3 {
        let now = 20 + 10 * attempts;
        let again = Commit { end: End::Retry { due: at(now + 10) }, ..bare(accepted("counter/sum", 1), 0, now) };
        assert_eq!(commit(&*store, again).unwrap(), Committed::Done { reference: 1, step: None });
        let open = store.invocation(&reference("counter/sum", 1)).unwrap().unwrap();
        assert_eq!((open.attempts as u64, open.status), (attempts + 1, Status::Pending));
        assert_eq!(store.next_due(at(now)).unwrap(), Some(at(now + 10)));
        assert_eq!(
            (is_ready(&*store, "counter/sum", now + 9), is_ready(&*store, "counter/sum", now + 10)),
            (false, true)
        );
        assert_eq!(task_numbers(&*store, None, now + 10, 9), [1]);
        assert!(!is_ready(&*store, "a", now + 10));
    }
    commit(&*store, bare(accepted("counter/sum", 1), 0, 60)).unwrap();
    assert_eq!(store.invocation(&reference("counter/sum", 1)).unwrap().unwrap().attempts, 3);
    assert!(found(&*store, "a", waiter, 61).is_some() && is_ready(&*store, "a", 61));
    // a call that fails before it was accepted
    let again = Commit { end: End::Retry { due: at(90) }, ..bare(fresh(task("counter/sum", 70)), 0, 70) };
    assert_eq!(commit(&*store, again).unwrap(), Committed::Done { reference: 2, step: None });
    assert_eq!(task_numbers(&*store, None, 90, 9), [2]);
}

fn task_and_actor_of_same_name_are_independent(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "counter/sum", b"0");
    let number = waits(&*store, "counter/sum", 60, vec![], vec![on_event("e")]);
    let of_task = accept(&*store, task("counter/sum", 61));
    let behind = accept(&*store, call("counter/sum", "x", 62));
    assert!(is_ready(&*store, "counter/sum", 63));
    assert_eq!(task_numbers(&*store, None, 63, 9), [of_task]);
    assert_eq!(store.next_in_inbox(&name("counter/sum"), at(63)).unwrap(), None);
    commit(&*store, bare(accepted("counter/sum", of_task), 77, 64)).unwrap();
    assert!(!is_ready(&*store, "counter/sum", 65));
    let late = accept(&*store, task("counter/sum", 66));
    end(&*store, "counter/sum", number, 67);
    assert_eq!(store.next_in_inbox(&name("counter/sum"), at(68)).unwrap().unwrap().number, behind);
    end(&*store, "counter/sum", behind, 69);
    assert_eq!(task_numbers(&*store, None, 70, 9), [late]);
    assert!(is_ready(&*store, "counter/sum", 70));
}

/// Fails a try of a task that is retried.
fn fails(store: &dyn Store, number: u64, now: u64) {
    let again = Commit {
        end: End::Retry { due: at(now + 1) },
        log: log(&format!("at {now}")),
        ..bare(accepted("counter/sum", number), 0, now)
    };
    commit(store, again).unwrap();
}

fn failed_tries_of_task_are_kept(stores: &Fixture) {
    let store = stores.open();
    let tries = |from, limit| store.attempts(&reference("counter/sum", 2), from, limit).unwrap();
    for _ in 0..2 {
        accept(&*store, task("counter/sum", 10));
    }
    assert_eq!(tries(1, 9), []);
    fails(&*store, 2, 20);
    fails(&*store, 1, 25);
    fails(&*store, 2, 30);
    let failed =
        |number, now| Attempt { number, times: times(now, now), outcome: failed(), log: log(&format!("at {now}")) };
    assert_eq!(tries(1, 9), [failed(1, 20), failed(2, 30)]);
    commit(&*store, Commit { outcome: done("7"), ..bare(accepted("counter/sum", 2), 0, 40) }).unwrap();
    let last = Attempt { number: 3, times: times(40, 40), outcome: done("7"), log: log("hello") };
    assert_eq!(tries(1, 9), [failed(1, 20), failed(2, 30), last.clone()]);
    assert_eq!((tries(2, 1), tries(3, 9), tries(4, 9)), (vec![failed(2, 30)], vec![last], vec![]));
    // a cancelled call has no failed try for its end
    cancel(&*store, "counter/sum", 1, 50).unwrap();
    assert_eq!(store.attempts(&reference("counter/sum", 1), 1, 9).unwrap(), [failed(1, 25)]);
    let nothing = store.attempts(&reference("counter/sum", 3), 1, 9).unwrap_err();
    assert!(matches!(nothing, Error::NoInvocation { .. }), "{nothing}");
}

fn removed_tasks_leave_only_numbers(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "counter/sum", b"0");
    for _ in 0..3 {
        let key = store.name_record(&name("counter/sum")).unwrap().unwrap().counters.references.to_string();
        let number =
            accept(&*store, CallRequest { key: keyed("counter/sum", "task", 10, &key).key, ..task("counter/sum", 10) });
        fails(&*store, number, 20);
        commit(&*store, bare(accepted("counter/sum", number), 0, 30)).unwrap();
    }
    let numbers = || -> Vec<u64> {
        store.invocations(&name("counter/sum"), None, 99).unwrap().iter().map(|one| one.number).collect()
    };
    let resumed = CallRequest { resumes: Some(4), ..task("counter/sum", 40) };
    let number = accept(&*store, resumed.clone());
    commit(&*store, bare(accepted("counter/sum", number), 0, 50)).unwrap();
    assert_eq!(numbers(), [5, 4, 3, 2, 1]);
    assert_eq!(store.remove_tasks(&name("counter/sum"), Some(3), at(60), false).unwrap(), 1);
    assert_eq!(numbers(), [5, 4, 2, 1]);
    assert!(store.attempts(&reference("counter/sum", 3), 1, 9).is_err());
    assert_eq!(store.invocation_by_key(&name("counter/sum"), "2").unwrap(), None);
    assert_eq!(store.invocation_by_key(&name("counter/sum"), "1").unwrap().unwrap().number, 2);
    // the resumption was removed, so the call can be resumed again
    assert_eq!(store.remove_tasks(&name("counter/sum"), Some(5), at(60), false).unwrap(), 1);
    let number = accept(&*store, resumed);
    commit(&*store, bare(accepted("counter/sum", number), 0, 70)).unwrap();
    for number in [1, 3, 9] {
        let error = store.remove_tasks(&name("counter/sum"), Some(number), at(80), false).unwrap_err();
        assert!(matches!(error, Error::NoInvocation { .. }), "{number}: {error}");
    }
    assert_eq!(store.remove_tasks(&name("counter/sum"), None, at(80), false).unwrap(), 3);
    assert_eq!(numbers(), [1], "the actor's construction stays");
    assert_eq!(store.load(&id("counter/sum")).unwrap().unwrap().state, b"0");
    assert_eq!(store.remove_tasks(&name("counter/sum"), None, at(80), false).unwrap(), 0);
    assert_eq!(accept(&*store, task("counter/sum", 90)), 7);
}

fn task_in_use_is_removed_only_by_force(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let child = CallRequest { depth: 1, ..task("counter/sum", 10) };
    waits(&*store, "a", 10, vec![starts(child)], vec![on_event("e")]);
    let remove = |number, force| store.remove_tasks(&name("counter/sum"), number, at(40), force);
    let busy = |removed: Result<u64>| matches!(removed, Err(Error::Busy { id }) if id == "counter/sum#1");
    assert!(busy(remove(None, false)) && busy(remove(Some(1), false)), "it has not ended");
    commit(&*store, bare(accepted("counter/sum", 1), 0, 20)).unwrap();
    assert!(busy(remove(None, false)) && busy(remove(Some(1), false)), "the one that started it has not ended");
    store.remove(&id("a"), at(30), true).unwrap();
    assert_eq!(remove(None, false).unwrap(), 1);
    // by force: running calls are cancelled and stay, needed results go
    make(&*store, "a", b"0");
    let children = vec![
        starts(CallRequest { depth: 1, ..task("counter/sum", 40) }),
        starts(CallRequest { depth: 1, ..task("counter/sum", 41) }),
    ];
    waits(&*store, "a", 42, children, vec![ResolvedTarget::Child(1)]);
    commit(&*store, bare(accepted("counter/sum", 2), 0, 43)).unwrap();
    assert_eq!(remove(None, true).unwrap(), 1);
    let cancelled = store.invocation(&reference("counter/sum", 3)).unwrap().unwrap();
    let Status::Ended { outcome: Outcome::Failed(fault), .. } = cancelled.status else { panic!("{cancelled:?}") };
    assert!(fault.is_host(HostFault::Cancelled) && fault.message.contains("was removed"), "{fault:?}");
    assert!(is_ready(&*store, "a", 44), "what waited for it goes on");
}

fn removed_class_leaves_no_tasks(stores: &Fixture) {
    let store = stores.open();
    store.register(version(b"one", 1)).unwrap();
    for of in ["counter/sum", "counter/other", "counters/sum"] {
        accept(&*store, task(of, 10));
        fails_named(&*store, of);
    }
    store.remove_class(&class(), false).unwrap();
    let left = store.names(None, 9).unwrap();
    let left: Vec<_> = left.iter().filter(|name| !store.invocations(name, None, 9).unwrap().is_empty()).collect();
    assert_eq!(left, [&name("counters/sum")]);
}

fn fails_named(store: &dyn Store, of: &str) {
    let again = Commit { end: End::Retry { due: at(21) }, ..bare(accepted(of, 1), 0, 20) };
    commit(store, again).unwrap();
    commit(store, bare(accepted(of, 1), 0, 30)).unwrap();
}
