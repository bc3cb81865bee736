//! Actors and classes: created, listed, removed. Each function is a test of every store.

use vactor::model::*;
use vactor::store::{Committed, NewVersion, Registered};

use super::fixture::*;

promises! {
    removed_actor_continues_numbers
    removal_of_busy_actor_needs_force
    removal_keeps_task_of_same_name
    failed_construction_leaves_no_actor
    class_gets_version_per_component
    class_in_use_is_kept
    actors_are_listed_by_id
    names_of_actors_and_tasks_are_listed
}

fn removed_actor_continues_numbers(stores: &Fixture) {
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
    let head = store.name_record(&name("a")).unwrap().unwrap();
    assert_eq!((head.counters.steps, head.counters.references, head.actor), (2, 2, None));
    make(&*store, "a", b"new");
    assert_eq!(store.invocation(&reference("a", 3)).unwrap().unwrap().request, construction("a", 1));
    let steps = store.steps(&id("a"), 1, 10).unwrap();
    assert_eq!(steps.iter().map(|step| step.number).collect::<Vec<_>>(), [3]);
    assert_eq!(store.checkpoint(&id("a"), 2).unwrap(), None);
    assert_eq!(store.checkpoint(&id("a"), 3).unwrap(), Some((3, b"new".to_vec())));
}

fn removal_of_busy_actor_needs_force(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let queued = accept(&*store, keyed("a", "x", 5, "k"));
    let later = accept(&*store, delayed("a", "x", 5, 50));
    assert_eq!(store.remove(&id("a"), at(6), false), Err(Error::Busy { id: "a".to_owned() }));
    assert_eq!(store.load(&id("a")).unwrap().unwrap().state, b"0");
    store.remove(&id("a"), at(6), true).unwrap();
    for number in [queued, later] {
        let ended = store.invocation(&reference("a", number)).unwrap().unwrap();
        let Status::Ended { times, outcome: Outcome::Failed(fault), step: None, .. } = ended.status else {
            panic!("{ended:?}")
        };
        assert!(fault.is_host(HostFault::Cancelled) && times.committed == at(6));
    }
    let head = store.name_record(&name("a")).unwrap().unwrap();
    assert_eq!((head.queued, head.delayed), (0, 0));
    assert_eq!(store.pending(None, None, 10).unwrap(), []);
    assert_eq!(store.next_due(at(0)).unwrap(), None);
    assert_eq!(store.invocation_by_key(&name("a"), "k").unwrap(), None);
}

fn removal_keeps_task_of_same_name(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "counter/sum", b"0");
    let task_one = accept(&*store, task("counter/sum", 5));
    let ended = CallRequest { key: keyed("x", "y", 1, "k").key, ..task("counter/sum", 6) };
    let Committed::Done { reference: ended, step: None } = commit(&*store, bare(fresh(ended), 1, 7)).unwrap() else {
        panic!()
    };
    store.remove(&id("counter/sum"), at(8), false).unwrap();
    assert_eq!(store.runnable_tasks(&name("counter/sum"), None, at(9), 9).unwrap()[0].number, task_one);
    assert_eq!(store.invocation_by_key(&name("counter/sum"), "k").unwrap().unwrap().number, ended);
}

fn failed_construction_leaves_no_actor(stores: &Fixture) {
    let store = stores.open();
    let told = commit(&*store, bare(fresh(construction("a", 1)), 0, 2)).unwrap();
    assert_eq!(told, Committed::Done { reference: 1, step: None });
    assert_eq!(store.load(&id("a")).unwrap(), None);
    assert_eq!(store.actors("", None, 10).unwrap(), []);
    let ended = store.invocation(&reference("a", 1)).unwrap().unwrap();
    assert_eq!(ended.status, Status::Ended { times: times(2, 2), outcome: failed(), log: log("hello"), step: None });
    make(&*store, "a", b"0");
    assert_eq!(store.invocation(&reference("a", 2)).unwrap().unwrap().request.kind, construction("a", 1).kind);
    // a step of another invocation with the same number is not taken for it
    assert_eq!(store.invocation(&reference("a", 1)).unwrap().unwrap(), ended);
}

pub fn version(bytes: &[u8], millis: u64) -> NewVersion {
    NewVersion {
        class: class(),
        hash: Hash::of(bytes),
        component: bytes.to_vec(),
        description: Json::parse(r#"{"methods":[]}"#).unwrap(),
        at: at(millis),
    }
}

fn class_gets_version_per_component(stores: &Fixture) {
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
    // bytes that two classes share stay while one class has them
    let other = ClassName::new("other").unwrap();
    store.register(NewVersion { class: other.clone(), ..version(b"one", 5) }).unwrap();
    store.remove_class(&class(), false).unwrap();
    assert_eq!(store.class(&class()).unwrap(), None);
    assert_eq!(store.component(&Hash::of(&long)).unwrap(), None);
    assert_eq!(store.component(&Hash::of(b"one")).unwrap().unwrap(), b"one");
    assert_eq!(store.classes().unwrap()[0].name, other);
    assert!(matches!(store.remove_class(&class(), false), Err(Error::NoClass { .. })));
}

fn class_in_use_is_kept(stores: &Fixture) {
    let store = stores.open();
    store.register(version(b"one", 1)).unwrap();
    make(&*store, "a", b"0");
    let in_use = |example: &str| Err(Error::ClassInUse { class: class(), example: example.to_owned() });
    assert_eq!(store.remove_class(&class(), false), in_use("a"));
    store.remove(&id("a"), at(5), false).unwrap();
    accept(&*store, construction("b", 5));
    assert_eq!(store.remove_class(&class(), false), in_use("b#1"));
    cancel(&*store, "b", 1, 6).unwrap();
    accept(&*store, CallRequest { due: Some(at(50)), ..task("counter/sum", 7) });
    assert_eq!(store.remove_class(&class(), false), in_use("counter/sum#1"));
    cancel(&*store, "counter/sum", 1, 8).unwrap();
    store.remove_class(&class(), false).unwrap();
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
        found.into_iter().map(|(id, head)| (id.to_string(), head.counters.steps)).collect::<Vec<_>>()
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

fn names_of_actors_and_tasks_are_listed(stores: &Fixture) {
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
