//! Deadlocks, which are found at once. Each function is a test of every store.

use vactor::model::*;
use vactor::store::Store;

use super::fixture::*;

promises! {
    wait_for_own_actor_is_deadlock
    mutual_wait_is_deadlock
    wait_through_inbox_order_is_deadlock
    cycle_of_three_is_deadlock
    wait_for_own_end_is_deadlock
    wait_any_is_deadlock_if_every_branch_is
    delayed_call_closes_cycle_when_due
    long_cycle_is_reported_in_part
    runnable_wait_is_no_deadlock
}

fn made(stores: &Fixture) -> std::sync::Arc<dyn Store> {
    let store = stores.open();
    for of in ["a", "b", "c", "d"] {
        make(&*store, of, b"0");
    }
    store
}

/// A call that starts a call of `target` and waits for it. The immediate result of its wait.
fn calls(
    store: &dyn Store,
    turn: vactor::store::CommitSource,
    of: &str,
    target: &str,
    now: u64,
) -> (u64, Option<Fault>) {
    let asks = progress(0, vec![starts(call(target, "called", now))]);
    let (number, found) =
        suspend(store, suspends(turn, steps_of(store, of), now, asks, vec![ResolvedTarget::Child(0)]));
    (number, found.map(|found| found.result.result.unwrap_err()))
}

fn expect(fault: Option<Fault>, cycle: &str) {
    let fault = fault.expect("a deadlock");
    assert!(fault.is_host(HostFault::Deadlock), "{fault:?}");
    assert_eq!(fault.message, format!("this would wait for ever: {cycle}"));
}

fn wait_for_own_actor_is_deadlock(stores: &Fixture) {
    let store = made(stores);
    let (number, fault) = calls(&*store, fresh(call("a", "x", 60)), "a", "a", 60);
    expect(fault, "a#2 waits for a#3, which is queued behind a#2 in its inbox");
    // it gets the fault, and continues
    let invocation = store.next_in_inbox(&name("a"), at(61)).unwrap().unwrap();
    assert_eq!((invocation.number, invocation.pending_wait()), (number, None));
    assert!(is_ready(&*store, "a", 61));
}

fn mutual_wait_is_deadlock(stores: &Fixture) {
    let store = made(stores);
    let (_, fault) = calls(&*store, fresh(call("a", "x", 60)), "a", "b", 60);
    assert_eq!(fault, None);
    let (_, fault) = calls(&*store, accepted("b", 2), "b", "a", 61);
    expect(fault, "b#2 waits for a#3, which is queued behind a#2 in its inbox, which waits for b#2");
    // two roots with crossing waits
    let (_, fault) = calls(&*store, fresh(call("c", "x", 60)), "c", "d", 62);
    assert_eq!(fault, None);
    let (_, fault) = calls(&*store, fresh(call("d", "x", 60)), "d", "c", 63);
    let way = "d#3 waits for c#3, which is queued behind c#2 in its inbox, which waits for d#2, which is queued behind d#3 in its inbox";
    expect(fault, way);
}

fn wait_through_inbox_order_is_deadlock(stores: &Fixture) {
    let store = made(stores);
    let first = accept(&*store, call("b", "first", 40));
    waits(&*store, "a", 60, vec![starts(call("b", "second", 61))], vec![ResolvedTarget::Child(0)]);
    let (_, fault) = calls(&*store, accepted("b", first), "b", "a", 62);
    let way = "b#2 waits for a#3, which is queued behind a#2 in its inbox, which waits for b#3, which is queued behind b#2 in its inbox";
    expect(fault, way);
}

fn cycle_of_three_is_deadlock(stores: &Fixture) {
    let store = made(stores);
    assert_eq!(calls(&*store, fresh(call("a", "x", 60)), "a", "b", 60).1, None);
    assert_eq!(calls(&*store, accepted("b", 2), "b", "c", 61).1, None);
    let (_, fault) = calls(&*store, accepted("c", 2), "c", "a", 62);
    let way = "c#2 waits for a#3, which is queued behind a#2 in its inbox, which waits for b#2, which waits for c#2";
    expect(fault, way);
}

fn wait_for_own_end_is_deadlock(stores: &Fixture) {
    let store = made(stores);
    let number = accept(&*store, call("a", "x", 40));
    let on = vec![ResolvedTarget::Invocation(reference("a", number))];
    let (_, found) = suspend(&*store, suspends(accepted("a", number), 1, 60, progress(0, vec![]), on));
    expect(found.map(|found| found.result.result.unwrap_err()), "a#2 waits for a#2");
}

fn wait_any_is_deadlock_if_every_branch_is(stores: &Fixture) {
    let store = made(stores);
    // the wait targets of a: itself, and b, which can run
    let asks = vec![starts(call("a", "stuck", 61)), starts(call("b", "free", 61))];
    let first = waits(&*store, "a", 60, asks, vec![ResolvedTarget::Child(0), ResolvedTarget::Child(1)]);
    assert!(!is_ready(&*store, "a", 61));
    // now b waits for a: no target can run
    let on = vec![ResolvedTarget::Invocation(reference("a", first))];
    let (_, found) = suspend(&*store, suspends(accepted("b", 2), 1, 62, progress(0, vec![]), on.clone()));
    expect(found.map(|found| found.result.result.unwrap_err()), "b#2 waits for a#2, which waits for b#2");
    // a timer or an event as another target can answer it
    for other in [ResolvedTarget::Timer(at(900)), on_event("e")] {
        let on = [on.clone(), vec![other]].concat();
        let (_, found) = suspend(&*store, suspends(accepted("b", 2), 1, 63, progress(0, vec![]), on));
        assert_eq!(found, None);
    }
    // while b's event can come, c may wait for a without a waiter of its own
    waits(&*store, "c", 64, vec![], on);
}

fn delayed_call_closes_cycle_when_due(stores: &Fixture) {
    let store = made(stores);
    // b#2 is due at 200; a waits for it, b#3 waits for a, c waits outside of the cycle
    accept(&*store, delayed("b", "later", 40, 200));
    let late = vec![ResolvedTarget::Invocation(reference("b", 2))];
    let outside = waits(&*store, "c", 59, vec![], late.clone());
    let waiter = waits(&*store, "a", 60, vec![], late.clone());
    let on = vec![ResolvedTarget::Invocation(reference("a", waiter))];
    let (other, found) = suspend(&*store, suspends(fresh(call("b", "x", 61)), 1, 61, progress(0, vec![]), on.clone()));
    assert_eq!(found, None);
    let answer =
        |of: &str, number, on: &[ResolvedTarget], now| store.wait_result(&reference(of, number), on, at(now)).unwrap();
    assert_eq!(answer("a", waiter, &late, 199), None);
    assert_eq!(store.runnable(None, at(199), 9).unwrap().names, []);
    // a read finds the deadlock before and after b#2 is enqueued
    let way = "a#2 waits for b#2, which is queued behind b#3 in its inbox, which waits for a#2";
    for _ in 0..2 {
        expect(answer("a", waiter, &late, 200).map(|found| found.result.result.unwrap_err()), way);
        assert_eq!(answer("b", other, &on, 200), None);
        assert_eq!(answer("c", outside, &late, 200), None);
        assert_eq!(store.runnable(None, at(200), 9).unwrap().names, [name("a")]);
    }
    assert_eq!(store.next_in_inbox(&name("a"), at(200)).unwrap().unwrap().number, waiter);
    end(&*store, "a", waiter, 201);
    assert_eq!(store.runnable(None, at(202), 9).unwrap().names, [name("b")]);
    end(&*store, "b", other, 203);
    end(&*store, "b", 2, 204);
    assert_eq!(store.runnable(None, at(205), 9).unwrap().names, [name("c")]);
}

fn long_cycle_is_reported_in_part(stores: &Fixture) {
    let store = stores.open();
    let names: Vec<String> = (0..30).map(|n| format!("actor{n}")).collect();
    for of in &names {
        make(&*store, of, b"0");
    }
    for (n, of) in names.iter().enumerate() {
        let turn = if n == 0 { fresh(call(of, "x", 60)) } else { accepted(of, 2) };
        let (_, fault) = calls(&*store, turn, of, &names[(n + 1) % 30], 61);
        assert_eq!(fault.is_some(), n == 29);
        if let Some(fault) = fault {
            assert!(fault.message.ends_with(", and so on over 23 more until actor29#2"), "{}", fault.message);
        }
    }
}

fn runnable_wait_is_no_deadlock(stores: &Fixture) {
    let store = made(stores);
    // a task does not wait, although the actor of its name does
    waits(&*store, "a", 60, vec![starts(task("a", 61))], vec![ResolvedTarget::Child(0)]);
    // a chain whose last call is running
    waits(&*store, "b", 60, vec![starts(call("c", "x", 61))], vec![ResolvedTarget::Child(0)]);
    waits(&*store, "d", 60, vec![], vec![ResolvedTarget::Invocation(reference("b", 2))]);
    let (_, fault) = calls(&*store, accepted("c", 2), "c", "missing", 62);
    assert_eq!(fault, None);
}
