//! Tasks: any number of one name at once, tried again; each a test of every store.

use vactor::model::*;
use vactor::store::{Commit, Committed, End, Store};

use super::fixture::*;
use super::waits::found;

promises! {
    tasks_of_one_name_run_at_once
    a_task_is_tried_again
    a_task_and_an_actor_of_one_name_go_by_each_other
}

fn task_numbers(store: &dyn Store, after: Option<u64>, now: u64, limit: usize) -> Vec<u64> {
    let tasks = store.tasks(&name("counter/sum"), after, at(now), limit).unwrap();
    tasks.iter().map(|task| task.number).collect()
}

fn tasks_of_one_name_run_at_once(stores: &Fixture) {
    let store = stores.open();
    for _ in 0..4 {
        accept(&*store, task("counter/sum", 10));
    }
    accept(&*store, Request { due: Some(at(90)), ..task("counter/sum", 10) });
    assert_eq!(task_numbers(&*store, None, 20, 9), [1, 2, 3, 4]);
    assert_eq!(task_numbers(&*store, Some(1), 20, 2), [2, 3]);
    assert_eq!(task_numbers(&*store, Some(4), 90, 9), [5]);
    assert_eq!(store.next(&name("counter/sum"), at(90)).unwrap(), None);
    // in any order
    for (n, number) in [3, 1, 5, 4, 2].into_iter().enumerate() {
        assert!(is_ready(&*store, "counter/sum", 90));
        commit(&*store, bare(accepted("counter/sum", number), 0, 90)).unwrap();
        assert_eq!(task_numbers(&*store, None, 90, 9).len(), 4 - n);
    }
    assert!(!is_ready(&*store, "counter/sum", 90));
}

fn a_task_is_tried_again(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let waiter = waits(&*store, "a", 10, vec![starts(task("counter/sum", 10))], vec![On::Child(0)]);
    for attempts in 0..3 {
        let now = 20 + 10 * attempts;
        let again = Commit { end: End::Retry { due: at(now + 10) }, ..bare(accepted("counter/sum", 1), 0, now) };
        assert_eq!(commit(&*store, again).unwrap(), Committed::Done { reference: 1, step: None });
        let open = store.invocation(&reference("counter/sum", 1)).unwrap().unwrap();
        assert_eq!((open.attempts as u64, open.status), (attempts + 1, Status::Accepted));
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
    // one that fails at once, before anybody accepted it
    let again = Commit { end: End::Retry { due: at(90) }, ..bare(fresh(task("counter/sum", 70)), 0, 70) };
    assert_eq!(commit(&*store, again).unwrap(), Committed::Done { reference: 2, step: None });
    assert_eq!(task_numbers(&*store, None, 90, 9), [2]);
}

fn a_task_and_an_actor_of_one_name_go_by_each_other(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "counter/sum", b"0");
    let number = waits(&*store, "counter/sum", 60, vec![], vec![on_event("e")]);
    let of_task = accept(&*store, task("counter/sum", 61));
    let behind = accept(&*store, call("counter/sum", "x", 62));
    assert!(is_ready(&*store, "counter/sum", 63));
    assert_eq!(task_numbers(&*store, None, 63, 9), [of_task]);
    assert_eq!(store.next(&name("counter/sum"), at(63)).unwrap(), None);
    commit(&*store, bare(accepted("counter/sum", of_task), 77, 64)).unwrap();
    assert!(!is_ready(&*store, "counter/sum", 65));
    let late = accept(&*store, task("counter/sum", 66));
    end(&*store, "counter/sum", number, 67);
    assert_eq!(store.next(&name("counter/sum"), at(68)).unwrap().unwrap().number, behind);
    end(&*store, "counter/sum", behind, 69);
    assert_eq!(task_numbers(&*store, None, 70, 9), [late]);
    assert!(is_ready(&*store, "counter/sum", 70));
}
