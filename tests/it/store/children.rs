//! Children and messages of a commit, and the ids that guests see. Each function is a test of every
//! store.

use vactor::model::*;
use vactor::store::{Commit, NewCall, NewEntry, Progress};

use super::fixture::*;

promises! {
    child_creates_its_actor
    refused_child_is_recorded_with_reason
    messages_are_sent_with_commit
    opaque_ids_are_found_until_actor_is_removed
}

fn child_creates_its_actor(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let both = || {
        let child = NewCall { construction: Some(construction("new", 61)), call: call("new", "x", 61) };
        NewEntry::Start { fingerprint: asked("start"), child: Box::new(child) }
    };
    waits(&*store, "a", 60, vec![both(), both()], vec![ResolvedTarget::Child(0)]);
    let pending = store.pending(Some(&name("new")), None, 9).unwrap();
    let methods: Vec<_> = pending.iter().map(|pending| pending.request.method.as_str()).collect();
    assert_eq!(methods, ["new", "x", "x"]);
    assert!(pending.iter().all(|pending| pending.request.caller.is_some()));
    commit(&*store, makes(accepted("new", 1), 0, 62, b"0")).unwrap();
    cancel(&*store, "a", 2, 63).unwrap();
    waits(&*store, "a", 64, vec![both()], vec![ResolvedTarget::Child(0)]);
    let pending = store.pending(Some(&name("new")), None, 9).unwrap();
    assert_eq!(pending.iter().map(|pending| pending.number).collect::<Vec<_>>(), [4]);
}

fn refused_child_is_recorded_with_reason(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    make(&*store, "b", b"0");
    let asks = Progress { inbox_limit: 1, ..progress(0, vec![starts(call("b", "x", 61)), starts(call("b", "y", 62))]) };
    let wait =
        suspends(fresh(call("a", "x", 60)), 1, 60, asks, vec![ResolvedTarget::Child(0), ResolvedTarget::Child(1)]);
    let (number, found) = suspend(&*store, wait);
    let found = found.unwrap();
    assert_eq!(found.result.index, 1);
    assert!(found.result.result.unwrap_err().is_host(HostFault::InboxFull));
    let record = store.history(&reference("a", number), 0, 9).unwrap();
    assert!(matches!(&record[0].result, OperationResult::Started(Ok(child)) if *child == reference("b", 2)));
    assert!(matches!(&record[1].result, OperationResult::Started(Err(fault)) if fault.message.contains("full")));
    assert_eq!(store.name_record(&name("b")).unwrap().unwrap().queued, 1);
}

fn messages_are_sent_with_commit(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    make(&*store, "b", b"0");
    let later = delayed("b", "later", 60, 100);
    let sends =
        vec![child(call("b", "one", 60)), child(later), child(call("b", "two", 60)), child(call("a", "self", 60))];
    let stale = Progress { sends: sends.clone(), ..progress(4, vec![]) };
    let refused = Commit { progress: Some(stale), ..ends(fresh(call("a", "x", 60)), 1, 60, b"1") };
    assert!(commit(&*store, refused).is_err());
    assert_eq!(store.pending(None, None, 9).unwrap(), []);

    let sent = Progress { sends, inbox_limit: 2, ..progress(0, vec![]) };
    commit(&*store, Commit { progress: Some(sent), ..ends(fresh(call("a", "x", 60)), 1, 60, b"1") }).unwrap();
    let pending = store.pending(None, None, 9).unwrap();
    let methods: Vec<_> = pending.iter().map(|pending| pending.request.method.as_str()).collect();
    // the third message exceeds the inbox limit
    assert_eq!(methods, ["self", "one", "later"]);
    assert!(pending.iter().all(|pending| pending.request.caller == Some(reference("a", 2))));
    assert_eq!(store.next_due(at(60)).unwrap(), Some(at(100)));
}

fn opaque_ids_are_found_until_actor_is_removed(stores: &Fixture) {
    let store = stores.open();
    make(&*store, "a", b"0");
    let of = |request: &CallRequest| store.reference_of(&request.seed.opaque_id()).unwrap();
    let unknown = CallRequest { caller: None, ..call("a", "x", 60) };
    commit(&*store, ends(fresh(unknown.clone()), 1, 60, b"1")).unwrap();
    assert_eq!(of(&unknown), None);
    let known = CallRequest { caller: None, ..call("a", "x", 61) };
    commit(&*store, Commit { id_exposed: true, ..ends(fresh(known.clone()), 2, 61, b"1") }).unwrap();
    assert_eq!(of(&known), Some(reference("a", 3)));
    let called = call("a", "x", 62);
    accept(&*store, called.clone());
    assert_eq!(of(&called), Some(reference("a", 4)));
    let waiting = CallRequest { caller: None, ..call("a", "x", 63) };
    let wait = suspends(fresh(waiting.clone()), 3, 63, progress(0, vec![]), vec![on_event("e")]);
    suspend(&*store, vactor::store::Suspend { id_exposed: true, ..wait });
    assert_eq!(of(&waiting), Some(reference("a", 5)));
    let task = CallRequest { seed: Seed([99; 32]), ..task("a", 64) };
    accept(&*store, task.clone());
    store.remove(&id("a"), at(65), true).unwrap();
    assert_eq!([&known, &called, &waiting].map(of), [None, None, None]);
    assert_eq!(of(&task), Some(reference("a", 6)));
}
