//! Every method of a store, called once: for stores with wrong content, whose methods may fail and must not panic.

use vactor::model::*;
use vactor::store::Store;

use super::fixture::*;

/// Calls all reading methods of a store. Their errors.
pub fn call_reading_methods(store: &dyn Store) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut told = |error: Option<Error>| errors.extend(error);
    told(store.classes().err());
    for number in 0..3 {
        match store.version(&class(), number) {
            Ok(Some(version)) => told(store.component(&version.hash).err()),
            other => told(other.err()),
        }
    }
    told(store.actors("", None, usize::MAX).err());
    told(store.names(None, usize::MAX).err());
    for of in ["a", "b", "c", "d", "counter/sum"].map(name) {
        let head = store.name_record(&of);
        let steps = head.as_ref().ok().and_then(|head| head.as_ref()).map_or(0, |head| head.counters.steps);
        told(head.err());
        told(store.invocations(&of, None, usize::MAX).err());
        told(store.pending(Some(&of), None, usize::MAX).err());
        told(store.runnable_tasks(&of, None, at(u64::MAX), usize::MAX).err());
        told(store.next_in_inbox(&of, at(u64::MAX)).err());
        told(store.events(&of, 0, usize::MAX).err());
        told(store.invocation_by_key(&of, "k").err());
        for number in 0..8 {
            let reference = reference(of.as_str(), number);
            told(store.history(&reference, 0, usize::MAX).err());
            told(store.initial_state(&reference).err());
            told(store.wait_result(&reference, &[ResolvedTarget::Timer(at(5)), on_event("e")], at(600)).err());
            if let Ok(Some(invocation)) = store.invocation(&reference) {
                told(store.reference_of(&invocation.request.seed.opaque_id()).err());
            }
        }
        let Ok(id) = of.actor() else { continue };
        told(store.load(&id).err());
        told(store.steps(&id, 0, 1000).err());
        told(store.checkpoint(&id, steps).err());
    }
    for now in [0, 100, u64::MAX] {
        told(store.runnable(None, at(now), 100).err());
        told(store.next_due(at(now)).err());
    }
    errors
}

/// Calls the writing methods of a store, each of which may fail. Their errors.
pub fn call_writing_methods(store: &dyn Store) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut told = |error: Option<Error>| errors.extend(error);
    let version = vactor::store::NewVersion {
        class: class(),
        hash: Hash::of(b"more"),
        component: b"more".to_vec(),
        description: Json::parse("{}").unwrap(),
        at: at(1),
    };
    told(store.register(version).err());
    for of in ["a", "c", "d"] {
        told(store.accept(vec![keyed(of, "incr", 700, "k"), delayed(of, "later", 701, 900)], 100).err());
        told(store.emit(event(of, "e", "1", 702), 9).err());
        let steps = store.name_record(&name(of)).ok().flatten().map_or(0, |head| head.counters.steps);
        let turn = match store.next_in_inbox(&name(of), at(u64::MAX)) {
            Ok(Some(invocation)) => accepted(of, invocation.number),
            _ => fresh(call(of, "incr", 703)),
        };
        let asks = progress(0, vec![starts(call("c", "child", 704))]);
        told(store.suspend(suspends(turn.clone(), steps, 705, asks, vec![ResolvedTarget::Child(0)])).err());
        told(store.commit(vec![ends(turn, steps, 706, b"after")], at(706)).err());
        for number in 1..6 {
            told(cancel(store, of, number, 707).err());
        }
        told(store.remove(&id(of), at(708), true).err());
    }
    told(store.remove_class(&class(), false).err());
    errors
}
