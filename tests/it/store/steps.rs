//! Steps: stored wholly or not at all, in order, permanently. Each function is a test of every
//! store.

use vactor::model::*;
use vactor::store::{CommitSource, Committed, End};

use super::fixture::*;

promises! {
    step_is_stored_whole
    stale_commit_changes_nothing
    two_handles_see_same_store
    store_needs_no_close
    commits_of_group_are_judged_one_by_one
    group_commits_consecutive_steps_of_actor
    commit_after_refused_commit_in_group_is_stale
    earlier_states_have_near_checkpoint
    large_states_and_arguments_are_returned
}

fn step_is_stored_whole(stores: &Fixture) {
    let store = stores.open();
    assert_eq!(store.load(&id("a")).unwrap(), None);
    make(&*store, "a", b"one");
    let outcome = commit(&*store, ends(fresh(call("a", "incr", 5)), 1, 6, b"two")).unwrap();
    assert_eq!(outcome, Committed::Done { reference: 2, step: Some(2) });

    let there = store.load(&id("a")).unwrap().unwrap();
    assert_eq!(there.state, b"two");
    let actor = there.record.actor.unwrap();
    assert_eq!((actor.created, actor.updated, actor.first_step), (at(2), at(6), 1));
    assert_eq!((actor.state, actor.state_bytes), (Hash::of(b"two"), 3));
    assert_eq!(there.record.counters, Counters { steps: 2, references: 2, positions: 0, events: 0 });

    let steps = store.steps(&id("a"), 1, 10).unwrap();
    assert_eq!(steps.iter().map(|step| step.number).collect::<Vec<_>>(), [1, 2]);
    let step = &steps[1];
    assert_eq!((step.request.method.as_str(), step.reference, step.micros), ("incr", 2, 5));
    assert_eq!((step.times, step.request.seed, step.state), (times(6, 6), Seed([5; 32]), Hash::of(b"two")));
    assert_eq!(
        (&step.request.caller, &step.outcome, &step.log),
        (&Some(reference("boss", 7)), &done("1"), &log("hello"))
    );

    let ended = store.invocation(&reference("a", 2)).unwrap().unwrap();
    assert_eq!(ended.request, call("a", "incr", 5));
    assert_eq!(
        ended.status,
        Status::Ended { times: times(6, 6), outcome: done("1"), log: log("hello"), step: Some(2) }
    );
    let made = store.invocation(&reference("a", 1)).unwrap().unwrap();
    assert_eq!(made.request, construction("a", 1));
    assert_eq!(store.invocation(&reference("a", 3)).unwrap(), None);

    // a step that keeps the state
    let same = vactor::store::Commit {
        end: End::Step { version: 1, state: None },
        outcome: failed(),
        ..ends(fresh(call("a", "fail", 7)), 2, 8, b"")
    };
    commit(&*store, same).unwrap();
    assert_eq!(store.load(&id("a")).unwrap().unwrap().state, b"two");
    assert_eq!(store.steps(&id("a"), 3, 1).unwrap()[0].state, Hash::of(b"two"));
}

fn stale_commit_changes_nothing(stores: &Fixture) {
    let (one, other) = (stores.open(), stores.open());
    make(&*one, "a", b"1");
    let slower = ends(fresh(keyed("a", "incr", 5, "k")), 1, 6, b"lost");
    step(&*other, "a", b"2");
    let before = one.name_record(&name("a")).unwrap();
    assert_eq!(commit(&*one, slower), Err(Error::Stale { id: "a".to_owned() }));
    assert_eq!(one.name_record(&name("a")).unwrap(), before);
    assert_eq!(one.load(&id("a")).unwrap().unwrap().state, b"2");
    assert_eq!(one.invocation_by_key(&name("a"), "k").unwrap(), None);
    // a pending call that another process ended
    let number = accept(&*one, call("a", "incr", 7));
    commit(&*other, ends(accepted("a", number), 2, 8, b"3")).unwrap();
    assert_eq!(commit(&*one, ends(accepted("a", number), 3, 8, b"4")), Err(Error::Stale { id: "a".to_owned() }));
    // a call of a removed actor
    one.remove(&id("a"), at(9), false).unwrap();
    let late = ends(fresh(call("a", "incr", 9)), 3, 9, b"5");
    assert_eq!(commit(&*one, late), Err(Error::Stale { id: "a".to_owned() }));
}

fn two_handles_see_same_store(stores: &Fixture) {
    let (one, other) = (stores.open(), stores.open());
    make(&*one, "a", b"0");
    for n in 0..20 {
        let (writer, reader) = if n % 2 == 0 { (&other, &one) } else { (&one, &other) };
        step(&**writer, "a", format!("{n}").as_bytes());
        assert_eq!(reader.load(&id("a")).unwrap().unwrap().state, format!("{n}").as_bytes());
    }
}

fn store_needs_no_close(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    std::mem::forget(store.clone());
    std::mem::forget(store);
    let again = stores.open();
    step(&*again, "a", b"1");
    drop(again);
    assert_eq!(stores.open().load(&id("a")).unwrap().unwrap().state, b"1");
}

fn commits_of_group_are_judged_one_by_one(stores: &Fixture) {
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
    let told = commit_all(&*store, group).unwrap();
    assert_eq!(told[0], Ok(Committed::Done { reference: 2, step: Some(2) }));
    assert_eq!(told[1], Err(Error::Stale { id: "d".to_owned() }));
    assert_eq!(told[2], Ok(Committed::Done { reference: 2, step: Some(2) }));
    assert!(matches!(&told[3], Ok(Committed::Duplicate(known)) if known.number == 2));
    assert_eq!(told[4], Err(Error::ActorExists { id: "a".to_owned() }));
    assert_eq!(told[5], Ok(Committed::Done { reference: 1, step: Some(1) }));
    let state = |of| store.load(&id(of)).unwrap().unwrap().state;
    assert_eq!((state("a"), state("b"), state("c")), (b"a1".to_vec(), b"b1".to_vec(), b"c1".to_vec()));
    assert_eq!(store.name_record(&name("b")).unwrap().unwrap().counters.references, 2);
}

fn group_commits_consecutive_steps_of_actor(stores: &Fixture) {
    let store = stores.open();
    let mut group = vec![makes(fresh(construction("a", 1)), 0, 2, b"0")];
    group.extend((1..200).map(|n| ends(fresh(call("a", "x", n)), n, n, format!("{n}").as_bytes())));
    for (n, told) in (1..).zip(commit_all(&*store, group).unwrap()) {
        assert_eq!(told, Ok(Committed::Done { reference: n, step: Some(n) }));
    }
    assert_eq!(store.load(&id("a")).unwrap().unwrap().state, b"199");
    let steps = store.steps(&id("a"), 1, 1000).unwrap();
    assert_eq!(steps.iter().map(|step| step.number).collect::<Vec<_>>(), (1..=200).collect::<Vec<_>>());
    assert!(steps.iter().skip(1).all(|step| step.state == Hash::of(format!("{}", step.number - 1).as_bytes())));
    assert_eq!(store.steps(&id("a"), 100, 2).unwrap()[1].number, 101);
}

/// The second step of a group was made from the first one. A step of another process must not make
/// it valid, nor must a key that another process used.
fn commit_after_refused_commit_in_group_is_stale(stores: &Fixture) {
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
        let told = commit_all(&*store, group).unwrap();
        assert!(matches!(told[0], Err(Error::Stale { .. }) | Ok(Committed::Duplicate(_))), "{told:?}");
        assert!(told[1].is_ok(), "{told:?}");
        assert!(matches!(told[2], Err(Error::Stale { .. })), "{told:?}");
        assert_eq!(store.load(&id(&of)).unwrap().unwrap().state, b"10");
    }
}

/// Steps append one byte to the state, so that any state follows from a checkpoint and the steps
/// after it.
fn earlier_states_have_near_checkpoint(stores: &Fixture) {
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
        // the size of the history follows from the changes: 200 steps take less than many long
        // states
        assert!(of == "short" || checkpoints.len() < 8, "{checkpoints:?}");
        let last = store.name_record(&name(of)).unwrap().unwrap().actor.unwrap();
        assert_eq!(store.checkpoint(&id(of), u64::MAX).unwrap().unwrap().0, last.checkpoint);
        assert_eq!(store.checkpoint(&id(of), 0).unwrap(), None);
    }
}

fn large_states_and_arguments_are_returned(stores: &Fixture) {
    let store = stores.open();
    let long = |n: u8, bytes: usize| vec![n; bytes];
    make(&*store, "a", &long(1, 3_000_000));
    make(&*store, "b", b"small");
    let text = Json::of(&"y".repeat(2_000_000)).unwrap();
    for (n, bytes) in [(2, 5_000_000), (3, 10), (4, 1024), (5, 1025), (6, 4096), (7, 0)] {
        let steps = store.name_record(&name("a")).unwrap().unwrap().counters.steps;
        let with_text = CallRequest { arguments: text.clone(), ..call("a", "x", 5) };
        let CommitSource::Fresh(request) = fresh(with_text) else { unreachable!() };
        commit(&*store, ends(CommitSource::Fresh(request), steps, 6, &long(n, bytes))).unwrap();
        assert!(store.load(&id("a")).unwrap().unwrap().state == long(n, bytes), "{bytes}");
        assert!(store.steps(&id("a"), steps + 1, 1).unwrap()[0].request.arguments == text);
        assert_eq!(store.load(&id("b")).unwrap().unwrap().state, b"small");
    }
    let number = accept(&*store, CallRequest { arguments: text.clone(), ..call("a", "x", 5) });
    assert!(store.next_in_inbox(&name("a"), at(9)).unwrap().unwrap().request.arguments == text);
    cancel(&*store, "a", number, 9).unwrap();
    assert!(store.invocation(&reference("a", number)).unwrap().unwrap().request.arguments == text);
    store.remove(&id("a"), at(10), false).unwrap();
    assert_eq!(store.load(&id("b")).unwrap().unwrap().state, b"small");
}
