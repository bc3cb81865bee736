//! One function per promise of a store, generic over which; each is a test of every store.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use vactor::model::*;
use vactor::store::{Accepted, Committed, End, NewVersion, Registered, Store, Turn};

use super::fixture::*;

promises! {
    a_step_is_there_whole
    a_stale_commit_changes_nothing
    two_handles_see_one_store
    nothing_needs_closing
    a_key_is_used_once
    turns_follow_acceptance
    who_came_in_meanwhile_stands_behind
    a_delayed_call_takes_its_place_when_it_is_due
    due_times_are_found
    pending_is_listed_in_order_and_in_pages
    removal_leaves_numbers
    removal_of_a_busy_actor_needs_force
    removal_leaves_a_task_of_the_same_name
    a_group_is_judged_one_by_one
    steps_of_one_actor_follow_each_other_in_a_group
    what_follows_a_refused_step_in_a_group_is_stale
    every_earlier_state_has_a_checkpoint_near
    the_inbox_has_a_limit
    invocations_are_listed_newest_first
    what_was_cancelled_has_ended
    a_failed_one_is_resumed_once
    a_failed_construction_leaves_no_actor
    classes_have_versions
    a_class_in_use_stays
    actors_are_listed_by_id
    names_are_listed_of_whatever_was_called
    a_hold_excludes_other_threads
    a_watch_wakes_at_a_commit
    a_watch_wakes_again_when_the_name_is_free
    looking_at_a_hold_takes_nothing
    many_names_are_held_and_released_together
    large_states_and_arguments_come_back
}

fn a_step_is_there_whole(stores: &Fixture) {
    let store = stores.open();
    assert_eq!(store.load(&id("a")).unwrap(), None);
    make(&*store, "a", b"one");
    let outcome = commit(&*store, ends(fresh(call("a", "incr", 5)), 1, 6, b"two")).unwrap();
    assert_eq!(outcome, Committed::Done { reference: 2, step: Some(2) });

    let there = store.load(&id("a")).unwrap().unwrap();
    assert_eq!(there.state, b"two");
    let actor = there.head.actor.unwrap();
    assert_eq!((actor.created, actor.updated, actor.first_step), (at(2), at(6), 1));
    assert_eq!((actor.state, actor.state_bytes), (Hash::of(b"two"), 3));
    assert_eq!(there.head.numbers, Numbers { steps: 2, references: 2, turns: 0, events: 0 });

    let steps = store.steps(&id("a"), 1, 10).unwrap();
    assert_eq!(steps.iter().map(|step| step.number).collect::<Vec<_>>(), [1, 2]);
    let step = &steps[1];
    assert_eq!((step.method.as_str(), step.reference, step.micros), ("incr", 2, 5));
    assert_eq!((step.at, step.seed, step.state), (at(6), Seed([5; 32]), Hash::of(b"two")));
    assert_eq!((&step.caller, &step.outcome, &step.log), (&Some(reference("boss", 7)), &done("1"), &log("hello")));

    let ended = store.invocation(&reference("a", 2)).unwrap().unwrap();
    assert_eq!(ended.new, call("a", "incr", 5));
    assert_eq!(ended.status, Status::Ended { at: at(6), outcome: done("1"), log: log("hello"), step: Some(2) });
    let made = store.invocation(&reference("a", 1)).unwrap().unwrap();
    assert_eq!(made.new, construction("a", 1));
    assert_eq!(store.invocation(&reference("a", 3)).unwrap(), None);

    // a step that leaves the state as it was
    let same = vactor::store::Commit {
        end: End::Step { version: 1, state: None },
        outcome: failed(),
        ..ends(fresh(call("a", "fail", 7)), 2, 8, b"")
    };
    commit(&*store, same).unwrap();
    assert_eq!(store.load(&id("a")).unwrap().unwrap().state, b"two");
    assert_eq!(store.steps(&id("a"), 3, 1).unwrap()[0].state, Hash::of(b"two"));
}

fn a_stale_commit_changes_nothing(stores: &Fixture) {
    let (one, other) = (stores.open(), stores.open());
    make(&*one, "a", b"1");
    let slower = ends(fresh(keyed("a", "incr", 5, "k")), 1, 6, b"lost");
    step(&*other, "a", b"2");
    let before = one.head(&name("a")).unwrap();
    assert_eq!(commit(&*one, slower), Err(Error::Stale { id: "a".to_owned() }));
    assert_eq!(one.head(&name("a")).unwrap(), before);
    assert_eq!(one.load(&id("a")).unwrap().unwrap().state, b"2");
    assert_eq!(one.keyed(&name("a"), "k").unwrap(), None);
    // an accepted one that another process ended
    let number = accept(&*one, call("a", "incr", 7));
    commit(&*other, ends(accepted("a", number), 2, 8, b"3")).unwrap();
    assert_eq!(commit(&*one, ends(accepted("a", number), 3, 8, b"4")), Err(Error::Stale { id: "a".to_owned() }));
    // one whose actor was removed
    one.remove(&id("a"), at(9), false).unwrap();
    let late = ends(fresh(call("a", "incr", 9)), 3, 9, b"5");
    assert_eq!(commit(&*one, late), Err(Error::Stale { id: "a".to_owned() }));
}

fn two_handles_see_one_store(stores: &Fixture) {
    let (one, other) = (stores.open(), stores.open());
    make(&*one, "a", b"0");
    for n in 0..20 {
        let (writer, reader) = if n % 2 == 0 { (&other, &one) } else { (&one, &other) };
        step(&**writer, "a", format!("{n}").as_bytes());
        assert_eq!(reader.load(&id("a")).unwrap().unwrap().state, format!("{n}").as_bytes());
    }
}

fn nothing_needs_closing(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    std::mem::forget(store.clone());
    std::mem::forget(store);
    let again = stores.open();
    step(&*again, "a", b"1");
    drop(again);
    assert_eq!(stores.open().load(&id("a")).unwrap().unwrap().state, b"1");
}

fn a_key_is_used_once(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    // a blocking call
    let first = commit(&*store, ends(fresh(keyed("a", "incr", 5, "k")), 1, 6, b"1")).unwrap();
    assert_eq!(first, Committed::Done { reference: 2, step: Some(2) });
    let again = commit(&*store, ends(fresh(keyed("a", "incr", 7, "k")), 2, 8, b"2")).unwrap();
    let Committed::Known(known) = again else { panic!("{again:?}") };
    assert_eq!((known.number, &known.new), (2, &keyed("a", "incr", 5, "k")));
    assert_eq!(store.load(&id("a")).unwrap().unwrap().state, b"1");
    // an accepted one, before it ran, after, and after it failed
    let number = accept(&*store, keyed("a", "incr", 9, "later"));
    let known = |store: &dyn Store| match store.accept(vec![keyed("a", "other", 9, "later")], 100).unwrap().remove(0) {
        Ok(Accepted::Known(known)) => known,
        other => panic!("{other:?}"),
    };
    assert_eq!((known(&*store).number, known(&*store).status), (number, Status::Accepted));
    let fails = vactor::store::Commit {
        outcome: failed(),
        end: End::Step { version: 1, state: None },
        ..ends(accepted("a", number), 2, 10, b"")
    };
    commit(&*store, fails).unwrap();
    assert!(matches!(known(&*store).status, Status::Ended { outcome: Outcome::Failed(_), step: Some(3), .. }));
    assert_eq!(store.keyed(&name("a"), "later").unwrap().unwrap().number, number);
    assert_eq!(store.keyed(&name("b"), "later").unwrap(), None);
    // two of one key in one group: the second is told of the first
    let both = vec![keyed("a", "x", 11, "twice"), keyed("a", "x", 11, "twice")];
    let both = store.accept(both, 100).unwrap();
    assert!(matches!(both[0], Ok(Accepted::New(_))) && matches!(both[1], Ok(Accepted::Known(_))), "{both:?}");
    // keys end with their actor
    store.remove(&id("a"), at(12), true).unwrap();
    assert_eq!(store.keyed(&name("a"), "k").unwrap(), None);
}

fn numbers(store: &dyn Store, of: &str, now: u64) -> Vec<u64> {
    let mut found = Vec::new();
    while let Some(next) = store.next(&name(of), at(now)).unwrap() {
        found.push(next.number);
        let steps = store.head(&name(of)).unwrap().unwrap().numbers.steps;
        commit(store, ends(accepted(of, next.number), steps, now, b"s")).unwrap();
    }
    found
}

fn turns_follow_acceptance(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    assert_eq!(store.next(&name("a"), at(1)).unwrap(), None);
    let accepted: Vec<u64> = (0..5).map(|n| accept(&*store, call("a", "incr", 10 + n))).collect();
    assert_eq!(accepted, [2, 3, 4, 5, 6]);
    assert_eq!(store.head(&name("a")).unwrap().unwrap().queued, 5);
    assert_eq!(store.runnable(None, at(10), 10).unwrap(), [name("a")]);
    assert_eq!(numbers(&*store, "a", 20), accepted);
    assert_eq!(store.head(&name("a")).unwrap().unwrap().queued, 0);
    assert_eq!(store.runnable(None, at(10), 10).unwrap(), []);
    let steps = store.steps(&id("a"), 1, 10).unwrap();
    assert_eq!(steps.iter().map(|step| step.reference).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
}

fn who_came_in_meanwhile_stands_behind(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let running = ends(fresh(call("a", "incr", 5)), 1, 6, b"1");
    let behind = accept(&*store, call("a", "incr", 5));
    let done = commit(&*store, running).unwrap();
    assert_eq!(done, Committed::Done { reference: behind + 1, step: Some(2) });
    assert_eq!(store.next(&name("a"), at(9)).unwrap().unwrap().number, behind);
    commit(&*store, ends(accepted("a", behind), 2, 8, b"2")).unwrap();
    // each is found under its own number
    for (number, step) in [(behind, 3), (behind + 1, 2)] {
        let ended = store.invocation(&reference("a", number)).unwrap().unwrap();
        assert!(matches!(ended.status, Status::Ended { step: Some(found), .. } if found == step), "{ended:?}");
    }
}

fn a_delayed_call_takes_its_place_when_it_is_due(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let late = accept(&*store, delayed("a", "late", 10, 200));
    let next_year = accept(&*store, delayed("a", "next year", 10, 1_000_000));
    let soon = accept(&*store, delayed("a", "soon", 11, 100));
    let same_time = accept(&*store, delayed("a", "same time", 12, 100));
    let head = store.head(&name("a")).unwrap().unwrap();
    assert_eq!((head.queued, head.delayed), (0, 4));
    assert_eq!(store.next(&name("a"), at(99)).unwrap(), None);
    assert_eq!(store.runnable(None, at(99), 10).unwrap(), []);
    // nobody has looked yet, and it is due
    assert_eq!(store.next(&name("a"), at(100)).unwrap().unwrap().number, soon);
    assert_eq!(store.runnable(None, at(100), 10).unwrap(), [name("a")]);
    // one that is accepted before the due time has its turn first, one accepted after it stands behind
    let before = accept(&*store, call("a", "before", 99));
    let after = accept(&*store, call("a", "after", 150));
    assert_eq!(numbers(&*store, "a", 150), [before, soon, same_time, after]);
    assert_eq!(store.next(&name("a"), at(150)).unwrap(), None);
    assert_eq!(numbers(&*store, "a", 200), [late]);
    let head = store.head(&name("a")).unwrap().unwrap();
    assert_eq!((head.queued, head.delayed), (0, 1));
    assert_eq!(store.pending(None, None, 10).unwrap()[0].number, next_year);
    // due at once is no delay
    let now = accept(&*store, delayed("a", "now", 300, 300));
    assert_eq!(store.next(&name("a"), at(0)).unwrap().unwrap().number, now);
}

fn due_times_are_found(stores: &Fixture) {
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
    assert_eq!(store.runnable(None, at(90), 10).unwrap(), ["a", "b", "c"].map(name));
    assert_eq!(store.runnable(None, at(90), 2).unwrap(), ["a", "b"].map(name));
    assert_eq!(store.runnable(Some(&name("a")), at(90), 1).unwrap(), ["b"].map(name));
    assert_eq!(store.runnable(Some(&name("b")), at(90), 9).unwrap(), ["c"].map(name));
    assert_eq!(store.runnable(None, at(60), 10).unwrap(), ["b", "c"].map(name));
}

fn pending_is_listed_in_order_and_in_pages(stores: &Fixture) {
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

fn removal_leaves_numbers(stores: &Fixture) {
    let store = stores.open();
    assert!(matches!(store.remove(&id("a"), at(1), true), Err(Error::NoActor { .. })));
    make(&*store, "a", b"0");
    step(&*store, "a", &[7; 5000]);
    store.remove(&id("a"), at(9), false).unwrap();
    assert_eq!(store.load(&id("a")).unwrap(), None);
    assert_eq!(store.steps(&id("a"), 1, 10).unwrap(), []);
    assert_eq!(store.checkpoint(&id("a"), 2).unwrap(), None);
    assert_eq!(store.invocation(&reference("a", 2)).unwrap(), None);
    assert_eq!(store.actors("", None, 10).unwrap(), []);
    let head = store.head(&name("a")).unwrap().unwrap();
    assert_eq!((head.numbers.steps, head.numbers.references, head.actor), (2, 2, None));
    make(&*store, "a", b"new");
    assert_eq!(store.invocation(&reference("a", 3)).unwrap().unwrap().new, construction("a", 1));
    let steps = store.steps(&id("a"), 1, 10).unwrap();
    assert_eq!(steps.iter().map(|step| step.number).collect::<Vec<_>>(), [3]);
    assert_eq!(store.checkpoint(&id("a"), 2).unwrap(), None);
    assert_eq!(store.checkpoint(&id("a"), 3).unwrap(), Some((3, b"new".to_vec())));
}

fn removal_of_a_busy_actor_needs_force(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let queued = accept(&*store, keyed("a", "x", 5, "k"));
    let later = accept(&*store, delayed("a", "x", 5, 50));
    assert_eq!(store.remove(&id("a"), at(6), false), Err(Error::Busy { id: "a".to_owned() }));
    assert_eq!(store.load(&id("a")).unwrap().unwrap().state, b"0");
    store.remove(&id("a"), at(6), true).unwrap();
    for number in [queued, later] {
        let ended = store.invocation(&reference("a", number)).unwrap().unwrap();
        let Status::Ended { at: ended_at, outcome: Outcome::Failed(fault), step: None, .. } = ended.status else {
            panic!("{ended:?}")
        };
        assert!(fault.is_host(HostFault::Cancelled) && ended_at == at(6));
    }
    let head = store.head(&name("a")).unwrap().unwrap();
    assert_eq!((head.queued, head.delayed), (0, 0));
    assert_eq!(store.pending(None, None, 10).unwrap(), []);
    assert_eq!(store.next_due(at(0)).unwrap(), None);
    assert_eq!(store.keyed(&name("a"), "k").unwrap(), None);
}

fn removal_leaves_a_task_of_the_same_name(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "counter/sum", b"0");
    let task_one = accept(&*store, task("counter/sum", 5));
    let ended = NewInvocation { key: keyed("x", "y", 1, "k").key, ..task("counter/sum", 6) };
    let Committed::Done { reference: ended, step: None } = commit(&*store, bare(fresh(ended), 1, 7)).unwrap() else {
        panic!()
    };
    store.remove(&id("counter/sum"), at(8), false).unwrap();
    assert_eq!(store.tasks(&name("counter/sum"), None, at(9), 9).unwrap()[0].number, task_one);
    assert_eq!(store.keyed(&name("counter/sum"), "k").unwrap().unwrap().number, ended);
}

fn a_group_is_judged_one_by_one(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    make(&*store, "b", b"0");
    let group = vec![
        ends(fresh(call("a", "x", 5)), 1, 6, b"a1"),
        ends(fresh(call("d", "x", 5)), 9, 6, b"stale"),
        ends(fresh(keyed("b", "x", 5, "k")), 1, 6, b"b1"),
        ends(fresh(keyed("b", "x", 5, "k")), 2, 6, b"known"),
        makes(fresh(construction("a", 5)), 2, 6, b"there already"),
        makes(fresh(construction("c", 5)), 0, 6, b"c1"),
    ];
    let told = store.commit(group).unwrap();
    assert_eq!(told[0], Ok(Committed::Done { reference: 2, step: Some(2) }));
    assert_eq!(told[1], Err(Error::Stale { id: "d".to_owned() }));
    assert_eq!(told[2], Ok(Committed::Done { reference: 2, step: Some(2) }));
    assert!(matches!(&told[3], Ok(Committed::Known(known)) if known.number == 2));
    assert_eq!(told[4], Err(Error::ActorExists { id: "a".to_owned() }));
    assert_eq!(told[5], Ok(Committed::Done { reference: 1, step: Some(1) }));
    let state = |of| store.load(&id(of)).unwrap().unwrap().state;
    assert_eq!((state("a"), state("b"), state("c")), (b"a1".to_vec(), b"b1".to_vec(), b"c1".to_vec()));
    assert_eq!(store.head(&name("b")).unwrap().unwrap().numbers.references, 2);
}

fn steps_of_one_actor_follow_each_other_in_a_group(stores: &Fixture) {
    let store = stores.open();
    let mut group = vec![makes(fresh(construction("a", 1)), 0, 2, b"0")];
    group.extend((1..200).map(|n| ends(fresh(call("a", "x", n)), n, n, format!("{n}").as_bytes())));
    for (n, told) in (1..).zip(store.commit(group).unwrap()) {
        assert_eq!(told, Ok(Committed::Done { reference: n, step: Some(n) }));
    }
    assert_eq!(store.load(&id("a")).unwrap().unwrap().state, b"199");
    let steps = store.steps(&id("a"), 1, 1000).unwrap();
    assert_eq!(steps.iter().map(|step| step.number).collect::<Vec<_>>(), (1..=200).collect::<Vec<_>>());
    assert!(steps.iter().skip(1).all(|step| step.state == Hash::of(format!("{}", step.number - 1).as_bytes())));
    assert_eq!(store.steps(&id("a"), 100, 2).unwrap()[1].number, 101);
}

/// Steps append one byte to the state, so that a checkpoint and the steps behind it give any state.
/// A group's second step was made of what its first one left. Somebody else's step must not make room for it, nor must a key
/// that somebody else used.
fn what_follows_a_refused_step_in_a_group_is_stale(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "other", b"0");
    for (n, first) in [(0, call("a", "incr", 5)), (1, keyed("b", "incr", 5, "k"))] {
        let of = first.name.to_string();
        make(&*store, &of, b"0");
        let group = vec![
            ends(fresh(first), 1, 6, b"1"),
            ends(fresh(call("other", "incr", 5)), 1 + n, 6, b"1"),
            ends(fresh(call(&of, "incr", 5)), 2, 6, b"2"),
        ];
        commit(&*store, ends(fresh(keyed(&of, "incr", 3, "k")), 1, 4, b"10")).unwrap();
        let told = store.commit(group).unwrap();
        assert!(matches!(told[0], Err(Error::Stale { .. }) | Ok(Committed::Known(_))), "{told:?}");
        assert!(told[1].is_ok(), "{told:?}");
        assert!(matches!(told[2], Err(Error::Stale { .. })), "{told:?}");
        assert_eq!(store.load(&id(&of)).unwrap().unwrap().state, b"10");
    }
}

fn every_earlier_state_has_a_checkpoint_near(stores: &Fixture) {
    for (of, start) in [("short", 0), ("long", 20_000)] {
        let store = stores.open();
        let mut state = vec![b'x'; start];
        make(&*store, of, &state);
        let mut states = vec![state.clone()];
        for n in 0..200 {
            state.push(n);
            step(&*store, of, &state);
            states.push(state.clone());
        }
        let mut checkpoints = std::collections::BTreeSet::new();
        for (number, state) in (1..).zip(&states) {
            let (checkpoint, whole) = store.checkpoint(&id(of), number).unwrap().unwrap();
            assert!(checkpoint <= number && number - checkpoint < CHECKPOINT_EVERY, "{checkpoint} for {number}");
            let mut rebuilt = whole;
            rebuilt.extend(&state[start + checkpoint as usize - 1..]);
            let recorded = store.steps(&id(of), number, 1).unwrap()[0].state;
            assert_eq!(Hash::of(&rebuilt), recorded);
            checkpoints.insert(checkpoint);
        }
        // history costs what happened: 200 steps do not weigh many long states
        assert!(of == "short" || checkpoints.len() < 8, "{checkpoints:?}");
        let last = store.head(&name(of)).unwrap().unwrap().actor.unwrap();
        assert_eq!(store.checkpoint(&id(of), u64::MAX).unwrap().unwrap().0, last.checkpoint);
        assert_eq!(store.checkpoint(&id(of), 0).unwrap(), None);
    }
}

fn the_inbox_has_a_limit(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let calls = vec![call("a", "x", 5), delayed("a", "x", 5, 50), call("a", "x", 5), call("b", "x", 5)];
    let told = store.accept(calls, 2).unwrap();
    assert_eq!(told[0], Ok(Accepted::New(2)));
    assert_eq!(told[1], Ok(Accepted::New(3)));
    assert_eq!(told[2], Err(Error::InboxFull { id: "a".to_owned(), allowed: 2 }));
    assert_eq!(told[3], Ok(Accepted::New(1)));
    assert_eq!(store.head(&name("a")).unwrap().unwrap().numbers.references, 3);
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

fn what_was_cancelled_has_ended(stores: &Fixture) {
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
            Status::Ended { at: at(6), outcome: Outcome::Failed(cancelled()), log: Log::default(), step: None }
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

fn a_failed_one_is_resumed_once(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let fails = vactor::store::Commit { outcome: failed(), ..ends(fresh(call("a", "x", 5)), 1, 6, b"0") };
    commit(&*store, fails).unwrap();
    assert_eq!(store.invocation(&reference("a", 2)).unwrap().unwrap().resumed_by, None);
    let resumes = NewInvocation { resumes: Some(2), ..call("a", "x", 7) };
    let by = accept(&*store, resumes.clone());
    assert_eq!(store.invocation(&reference("a", 2)).unwrap().unwrap().resumed_by, Some(by));
    let refused = Err(Error::AlreadyResumed { reference: reference("a", 2), by: reference("a", by) });
    assert_eq!(store.accept(vec![resumes], 100).unwrap(), [refused]);
    commit(&*store, ends(accepted("a", by), 2, 8, b"1")).unwrap();
    assert_eq!(store.invocation(&reference("a", by)).unwrap().unwrap().new.resumes, Some(2));
}

fn a_failed_construction_leaves_no_actor(stores: &Fixture) {
    let store = stores.open();
    let told = commit(&*store, bare(fresh(construction("a", 1)), 0, 2)).unwrap();
    assert_eq!(told, Committed::Done { reference: 1, step: None });
    assert_eq!(store.load(&id("a")).unwrap(), None);
    assert_eq!(store.actors("", None, 10).unwrap(), []);
    let ended = store.invocation(&reference("a", 1)).unwrap().unwrap();
    assert_eq!(ended.status, Status::Ended { at: at(2), outcome: failed(), log: log("hello"), step: None });
    make(&*store, "a", b"0");
    assert_eq!(store.invocation(&reference("a", 2)).unwrap().unwrap().new.call, construction("a", 1).call);
    // a step whose number is that of another invocation is not taken for it
    assert_eq!(store.invocation(&reference("a", 1)).unwrap().unwrap(), ended);
}

fn version(bytes: &[u8], millis: u64) -> NewVersion {
    NewVersion {
        class: class(),
        hash: Hash::of(bytes),
        component: bytes.to_vec(),
        description: Json::parse(r#"{"methods":[]}"#).unwrap(),
        at: at(millis),
    }
}

fn classes_have_versions(stores: &Fixture) {
    let store = stores.open();
    assert_eq!(store.classes().unwrap(), []);
    assert_eq!(store.register(version(b"one", 1)).unwrap(), Registered::New(1));
    let long = vec![9; 200_000];
    assert_eq!(store.register(version(&long, 2)).unwrap(), Registered::New(2));
    assert_eq!(store.register(version(&long, 3)).unwrap(), Registered::Unchanged(2));
    assert_eq!(store.register(version(b"one", 4)).unwrap(), Registered::Again(1));
    let found = store.class(&class()).unwrap().unwrap();
    assert_eq!((found.current, found.versions), (1, 2));
    assert_eq!(store.classes().unwrap(), [found]);
    let second = store.version(&class(), 2).unwrap().unwrap();
    assert_eq!((second.hash, second.component_bytes, second.registered), (Hash::of(&long), 200_000, at(2)));
    assert_eq!(store.component(&second.hash).unwrap().unwrap(), long);
    assert_eq!(store.component(&Hash::of(b"none")).unwrap(), None);
    assert_eq!(store.version(&class(), 3).unwrap(), None);
    // bytes that two classes share stay while one has them
    let other = ClassName::new("other").unwrap();
    store.register(NewVersion { class: other.clone(), ..version(b"one", 5) }).unwrap();
    store.remove_class(&class()).unwrap();
    assert_eq!(store.class(&class()).unwrap(), None);
    assert_eq!(store.component(&Hash::of(&long)).unwrap(), None);
    assert_eq!(store.component(&Hash::of(b"one")).unwrap().unwrap(), b"one");
    assert_eq!(store.classes().unwrap()[0].name, other);
    assert!(matches!(store.remove_class(&class()), Err(Error::NoClass { .. })));
}

fn a_class_in_use_stays(stores: &Fixture) {
    let store = stores.open();
    store.register(version(b"one", 1)).unwrap();
    make(&*store, "a", b"0");
    let in_use = |example: &str| Err(Error::ClassInUse { class: class(), example: example.to_owned() });
    assert_eq!(store.remove_class(&class()), in_use("a"));
    store.remove(&id("a"), at(5), false).unwrap();
    accept(&*store, construction("b", 5));
    assert_eq!(store.remove_class(&class()), in_use("b#1"));
    cancel(&*store, "b", 1, 6).unwrap();
    accept(&*store, NewInvocation { due: Some(at(50)), ..task("counter/sum", 7) });
    assert_eq!(store.remove_class(&class()), in_use("counter/sum#1"));
    cancel(&*store, "counter/sum", 1, 8).unwrap();
    store.remove_class(&class()).unwrap();
}

fn actors_are_listed_by_id(stores: &Fixture) {
    let store = stores.open();
    for of in ["user:2", "user", "user:10", "b", "user/x", "User"] {
        make(&*store, of, b"0");
        step(&*store, of, b"1");
    }
    accept(&*store, task("user:3/task", 1));
    let list = |prefix: &str, after: Option<&str>, limit| {
        let found = store.actors(prefix, after.map(id).as_ref(), limit).unwrap();
        found.into_iter().map(|(id, head)| (id.to_string(), head.numbers.steps)).collect::<Vec<_>>()
    };
    let all = ["User", "b", "user", "user/x", "user:10", "user:2"].map(|id| (id.to_owned(), 2));
    assert_eq!(list("", None, 100), all);
    assert_eq!(list("user", None, 100), all[2..]);
    assert_eq!(list("user:", None, 100), all[4..]);
    assert_eq!(list("user", Some("user/x"), 1), all[4..5]);
    assert_eq!(list("user", Some("a"), 1), all[2..3]);
    assert_eq!(list("user", Some("z"), 100), []);
    assert_eq!(list("x", None, 100), []);
}

fn names_are_listed_of_whatever_was_called(stores: &Fixture) {
    let store = stores.open();
    assert_eq!(store.names(None, 9).unwrap(), []);
    for of in ["user/x", "b"] {
        make(&*store, of, b"0");
    }
    store.remove(&id("b"), at(9), false).unwrap();
    accept(&*store, task("counter/sum", 1));
    accept(&*store, call("never-made", "incr", 1));
    let all = ["b", "counter/sum", "never-made", "user/x"].map(name);
    assert_eq!(store.names(None, 9).unwrap(), all);
    assert_eq!(store.names(Some(&name("counter/sum")), 1).unwrap(), all[2..3]);
    assert_eq!(store.names(Some(&name("user/x")), 9).unwrap(), []);
}

fn a_hold_excludes_other_threads(stores: &Fixture) {
    let (one, other) = (stores.open(), stores.open());
    let held = one.hold(&name("a"), None).unwrap().unwrap();
    assert!(other.hold(&name("b"), Some(Instant::now())).unwrap().is_some());
    assert!(other.hold(&name("a"), Some(Instant::now())).unwrap().is_none());
    assert!(one.hold(&name("a"), Some(Instant::now() + Duration::from_millis(30))).unwrap().is_none());
    let (tell, told) = mpsc::channel();
    let waits = thread::spawn(move || {
        tell.send("waits").unwrap();
        let held = other.hold(&name("a"), None).unwrap();
        tell.send("holds").unwrap();
        drop(held);
        other.hold(&name("a"), Some(Instant::now() + Duration::from_secs(60))).unwrap().is_some()
    });
    assert_eq!(told.recv().unwrap(), "waits");
    assert!(told.recv_timeout(Duration::from_millis(30)).is_err());
    drop(held);
    assert_eq!(told.recv().unwrap(), "holds");
    assert!(waits.join().unwrap());
    // one who gave up does not keep it
    assert!(one.hold(&name("a"), Some(Instant::now() + Duration::from_secs(60))).unwrap().is_some());
}

fn a_watch_wakes_at_a_commit(stores: &Fixture) {
    let (one, other) = (stores.open(), stores.open());
    make(&*one, "a", b"0");
    let mut watch = other.watch().unwrap();
    let (tell, told) = mpsc::channel();
    let watcher = thread::spawn(move || {
        let end = Instant::now() + Duration::from_secs(60);
        while other.load(&id("a")).unwrap().unwrap().state != b"1" {
            assert!(Instant::now() < end, "no commit was seen");
            tell.send(()).unwrap();
            watch.wait(end);
        }
        // nothing happens now: it gives up at its deadline
        watch.wait(Instant::now() + Duration::from_millis(20));
    });
    told.recv().unwrap();
    step(&*one, "a", b"1");
    watcher.join().unwrap();
}

/// Who is woken by a commit may find the name held still, and waits on.
fn a_watch_wakes_again_when_the_name_is_free(stores: &Fixture) {
    let (one, other) = (stores.open(), stores.open());
    make(&*one, "a", b"0");
    let held = one.hold(&name("a"), None).unwrap().unwrap();
    let mut watch = other.watch().unwrap();
    step(&*one, "a", b"1");
    let end = Instant::now() + Duration::from_secs(60);
    watch.wait(end);
    drop(held);
    watch.wait(end);
    assert!(Instant::now() < end, "it slept on");
}

fn many_names_are_held_and_released_together(stores: &Fixture) {
    let (one, other) = (stores.open(), stores.open());
    make(&*one, "a", b"0");
    let (mut ours, mut theirs) = (one.holds().unwrap(), other.holds().unwrap());
    let c = other.hold(&name("c"), None).unwrap().unwrap();
    assert!(ours.take(&name("a")).unwrap() && ours.take(&name("b")).unwrap());
    assert!(!ours.take(&name("c")).unwrap(), "somebody has it");
    assert!(!theirs.take(&name("a")).unwrap() && theirs.take(&name("d")).unwrap());
    assert!(!ours.take(&name("d")).unwrap());
    // another of the same store is another holder
    assert!(one.hold(&name("b"), Some(Instant::now())).unwrap().is_none() && other.is_held(&name("a")).unwrap());
    let mut watch = other.watch().unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    step(&*one, "a", b"1");
    watch.wait(end);
    drop(ours);
    watch.wait(end);
    assert!(Instant::now() < end, "who was woken by the commit is woken again");
    for name in [name("a"), name("b")] {
        assert!(other.hold(&name, Some(Instant::now())).unwrap().is_some());
    }
    drop(c);
    assert!(one.hold(&name("d"), Some(Instant::now())).unwrap().is_none(), "theirs are held still");
}

fn looking_at_a_hold_takes_nothing(stores: &Fixture) {
    let (one, other) = (stores.open(), stores.open());
    assert!(!other.is_held(&name("a")).unwrap());
    let held = one.hold(&name("a"), Some(Instant::now())).unwrap().unwrap();
    assert!(other.is_held(&name("a")).unwrap() && one.is_held(&name("a")).unwrap());
    assert!(!other.is_held(&name("b")).unwrap());
    drop(held);
    assert!(!other.is_held(&name("a")).unwrap());
}

fn large_states_and_arguments_come_back(stores: &Fixture) {
    let store = stores.open();
    let long = |n: u8, bytes: usize| vec![n; bytes];
    make(&*store, "a", &long(1, 3_000_000));
    make(&*store, "b", b"small");
    let text = Json::of(&"y".repeat(2_000_000)).unwrap();
    for (n, bytes) in [(2, 5_000_000), (3, 10), (4, 1024), (5, 1025), (6, 4096), (7, 0)] {
        let steps = store.head(&name("a")).unwrap().unwrap().numbers.steps;
        let with_text = NewInvocation { arguments: text.clone(), ..call("a", "x", 5) };
        let Turn::Fresh(new) = fresh(with_text) else { unreachable!() };
        commit(&*store, ends(Turn::Fresh(new), steps, 6, &long(n, bytes))).unwrap();
        assert!(store.load(&id("a")).unwrap().unwrap().state == long(n, bytes), "{bytes}");
        assert!(store.steps(&id("a"), steps + 1, 1).unwrap()[0].arguments == text);
        assert_eq!(store.load(&id("b")).unwrap().unwrap().state, b"small");
    }
    let number = accept(&*store, NewInvocation { arguments: text.clone(), ..call("a", "x", 5) });
    assert!(store.next(&name("a"), at(9)).unwrap().unwrap().new.arguments == text);
    cancel(&*store, "a", number, 9).unwrap();
    assert!(store.invocation(&reference("a", number)).unwrap().unwrap().new.arguments == text);
    store.remove(&id("a"), at(10), false).unwrap();
    assert_eq!(store.load(&id("b")).unwrap().unwrap().state, b"small");
}
