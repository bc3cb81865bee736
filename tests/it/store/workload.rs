//! Changes of every kind, and all answers of a store after them.

use vactor::model::*;
use vactor::store::{Commit, Progress, Store, Suspend};

use super::fixture::*;

/// A change, in one transaction.
pub type Change = Box<dyn Fn(&dyn Store) -> Result<()>>;

/// All answers of a store, as lines. Asserts that no answer contradicts another.
pub fn dump(store: &dyn Store) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for class in store.classes()? {
        for number in 1..=class.versions {
            let version = store.version(&class.name, number)?.expect("a version below the last");
            let component = store.component(&version.hash)?.expect("the component of a version");
            assert_eq!(component.len() as u64, version.component_bytes);
            lines.push(format!("{class:?} {version:?} {component:?}"));
        }
    }
    for (id, head) in store.actors("", None, usize::MAX)? {
        let snapshot = store.load(&id)?.expect("an actor that is listed");
        assert_eq!(snapshot.record, head);
        let steps = store.steps(&id, 1, usize::MAX)?;
        let (actor, last) = (head.actor.as_ref().unwrap(), steps.last().expect("an actor has steps"));
        assert_eq!((last.number, last.state, last.times.committed), (head.counters.steps, actor.state, actor.updated));
        assert!(steps.iter().map(|step| step.number).eq(actor.first_step..=head.counters.steps), "gaps");
        let (checkpoint, whole) = store.checkpoint(&id, last.number)?.expect("a checkpoint before the last step");
        assert_eq!(steps[(checkpoint - actor.first_step) as usize].state, Hash::of(&whole));
        lines.push(format!("{id} {snapshot:?} {steps:?} {checkpoint} {whole:?}"));
    }
    for of in ["a", "b", "c", "d", "counter/sum", "none"].map(name) {
        let head = store.name_record(&of)?;
        let invocations = store.invocations(&of, None, usize::MAX)?;
        let pending = store.pending(Some(&of), None, usize::MAX)?;
        let waiting = head.as_ref().map_or(0, |head| head.queued + head.delayed);
        assert_eq!(pending.len() as u64, waiting, "the inbox of {of}");
        // at the end of time every wait with a timer is answered
        let tasks = store.runnable_tasks(&of, None, at(u64::MAX), usize::MAX)?;
        let next = store.next_in_inbox(&of, at(u64::MAX))?;
        assert!(next.is_none() || next.as_ref() == pending.first());
        assert_eq!(next.is_none() && tasks.is_empty(), pending.is_empty(), "{of} waits for ever");
        let events = store.events(&of, 0, usize::MAX)?;
        assert_eq!(events.len() as u64, head.as_ref().map_or(0, |head| head.events), "the events of {of}");
        let key = store.invocation_by_key(&of, "k")?.map(|known| known.number);
        lines.push(format!("{of} {head:?} {invocations:?} {pending:?} {tasks:?} {events:?} {key:?}"));
        for invocation in invocations {
            let reference = invocation.reference();
            let told = store.reference_of(&invocation.request.seed.opaque_id())?;
            let record = store.history(&reference, 0, usize::MAX)?;
            assert!(
                invocation.resume_point.is_none_or(|begun| begun.history_len == record.len() as u64),
                "{reference}"
            );
            lines.push(format!("{reference} {told:?} {record:?} {:?}", store.initial_state(&reference)?));
        }
    }
    lines.push(format!("{:?}", store.pending(None, None, usize::MAX)?));
    for now in [0, 100, u64::MAX] {
        lines.push(format!("{:?} {:?}", store.runnable(None, at(now), 100)?, store.next_due(at(now))?));
    }
    Ok(lines)
}

/// Changes of every kind, one transaction each.
pub fn story() -> Vec<Change> {
    let version = |bytes: Vec<u8>| vactor::store::NewVersion {
        class: class(),
        hash: Hash::of(&bytes),
        component: bytes,
        description: Json::parse(r#"{"methods":[]}"#).unwrap(),
        at: at(1),
    };
    fn committed(store: &dyn Store, commits: Vec<Commit>) -> Result<()> {
        commit_all(store, commits)?.into_iter().try_for_each(|told| told.map(drop))
    }
    fn accepts(store: &dyn Store, request: CallRequest) -> Result<()> {
        store.accept(vec![request], 100)?.into_iter().try_for_each(|told| told.map(drop))
    }
    let mut story: Vec<Change> = vec![
        Box::new(move |store| store.register(version(b"first".to_vec())).map(drop)),
        Box::new(move |store| store.register(version(vec![3; 9000])).map(drop)),
        Box::new(|store| committed(store, vec![makes(fresh(construction("a", 1)), 0, 2, b"0")])),
        Box::new(|store| committed(store, vec![makes(fresh(construction("b", 1)), 0, 2, &[7; 6000])])),
        Box::new(|store| accepts(store, keyed("a", "queued", 3, "k"))),
        Box::new(|store| accepts(store, delayed("a", "later", 3, 100))),
        Box::new(|store| accepts(store, task("counter/sum", 3))),
        Box::new(|store| committed(store, vec![ends(accepted("a", 2), 1, 4, b"1")])),
        Box::new(|store| committed(store, vec![bare(accepted("counter/sum", 1), 0, 5)])),
        Box::new(|store| committed(store, vec![bare(fresh(construction("c", 5)), 0, 5)])),
        Box::new(|store| accepts(store, call("b", "cancelled", 6))),
        Box::new(|store| cancel(store, "b", 2, 7)),
        Box::new(|store| accepts(store, call("b", "waits", 8))),
    ];
    for n in 1..8 {
        story.push(Box::new(move |store| {
            let (a, b) = (store.name_record(&name("a"))?.unwrap(), store.name_record(&name("b"))?.unwrap());
            let state = vec![n; 100 * usize::from(n)];
            let of_a = ends(fresh(call("a", "incr", 20)), a.counters.steps, 21, &state);
            let of_b = ends(fresh(call("b", "incr", 20)), b.counters.steps, 21, &vec![n; 6000]);
            committed(store, vec![of_a, of_b])
        }));
    }
    story.push(Box::new(|store| committed(store, vec![makes(fresh(construction("c", 30)), 0, 31, &[1; 30_000])])));
    story.push(Box::new(|store| accepts(store, call("a", "enters_with_what_is_due", 150))));
    story.extend(waiting());
    story.push(Box::new(|store| store.remove(&id("b"), at(40), true)));
    story
}

/// Runs of several commits, on actors of their own.
fn waiting() -> Vec<Change> {
    fn suspended(store: &dyn Store, suspend: Suspend) -> Result<()> {
        store.suspend(suspend).map(drop)
    }
    fn committed(store: &dyn Store, commit: Commit, asks: Progress) -> Result<()> {
        commit_all(store, vec![Commit { progress: Some(asks), ..commit }])?
            .into_iter()
            .try_for_each(|told| told.map(drop))
    }
    let on = || vec![ResolvedTarget::Child(0), on_event("e"), ResolvedTarget::Timer(at(300))];
    vec![
        Box::new(|store| commit_all(store, vec![makes(fresh(construction("d", 1)), 0, 2, &[8; 3000])]).map(drop)),
        Box::new(move |store| {
            let asks = progress(0, vec![starts(call("c", "child", 61)), starts(task("counter/sum", 62))]);
            suspended(store, suspends(fresh(call("d", "waits", 60)), 1, 60, asks, on()))
        }),
        Box::new(|store| store.emit(event("d", "other", "1", 63), 9).map(drop)),
        Box::new(|store| store.emit(event("d", "e", "2", 64), 9).map(drop)),
        Box::new(move |store| {
            let found = store.wait_result(&reference("d", 2), &on(), at(65))?.expect("the event");
            let asks = Progress { save: Some(asked("save")), ..progress(2, vec![answered(found)]) };
            committed(store, ends(accepted("d", 2), 1, 65, &[9; 3000]), asks)
        }),
        Box::new(|store| {
            let asks = progress(4, vec![starts(delayed("c", "later", 66, 400))]);
            suspended(
                store,
                suspends(accepted("d", 2), 2, 66, asks, vec![ResolvedTarget::Child(4), ResolvedTarget::Timer(at(500))]),
            )
        }),
        Box::new(|store| cancel(store, "d", 2, 67)),
        Box::new(|store| {
            let asks = Progress { sends: vec![child(call("c", "message", 68))], ..progress(0, vec![]) };
            committed(store, ends(fresh(call("d", "sends", 68)), 3, 68, b"sent"), asks)
        }),
        Box::new(|store| {
            suspended(
                store,
                suspends(
                    fresh(call("d", "again", 69)),
                    4,
                    69,
                    progress(0, vec![]),
                    vec![ResolvedTarget::Timer(at(90))],
                ),
            )
        }),
    ]
}
