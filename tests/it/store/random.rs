//! Random changes, and after each the invariants of every committed state.

use std::collections::{BTreeMap, BTreeSet};

use vactor::model::*;
use vactor::store::{
    Commit, CommitSource, End, Mode, NewCall, NewEntry, Progress, RedbStore, Store, StoredResult, VersionUsage,
};

use super::disk::Disk;
use super::fixture::*;

const TASK: &str = "counter/sum";
const CHANGES: usize = 1000;

#[test]
fn runnable_names_are_found_and_others_cost_nothing() {
    play(["a", "b", "c", "d"]);
}

#[test]
fn actor_with_name_of_task_is_found() {
    play(["a", "b", "c", TASK]);
}

fn play(actors: [&'static str; 4]) {
    let seed = std::env::var("VACTOR_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("VACTOR_SEED={seed}");
    let disk = Disk::default();
    let store = RedbStore::open_on(disk.clone(), Mode::Write).unwrap();
    let random = fastrand::Rng::with_seed(seed);
    let mut world = World { actors, store, disk, random, now: 100, for_nothing: 0, did: BTreeMap::new() };
    // the test goes on until every kind of change happened, within a bound
    let everything = ["ended", "answered", "saved", "deadlock", "cancelled", "retried"];
    let mut changes = 0;
    while changes < CHANGES || changes < 10 * CHANGES && !everything.iter().all(|what| world.did.contains_key(what)) {
        world.change();
        world.look(changes);
        changes += 1;
    }
    world.come_to_an_end();
    assert!(world.for_nothing <= changes / 100, "{} names were noted for nothing", world.for_nothing);
    for what in everything {
        assert!(world.did.contains_key(what), "{what}: {:?}", world.did);
    }
}

struct World {
    actors: [&'static str; 4],
    store: RedbStore,
    disk: Disk,
    random: fastrand::Rng,
    now: u64,
    /// How often the ready index had a name with nothing to run.
    for_nothing: usize,
    /// Counts by kind of change.
    did: BTreeMap<&'static str, u32>,
}

impl World {
    fn count(&mut self, what: &'static str) {
        *self.did.entry(what).or_default() += 1;
    }

    fn pick(&mut self) -> &'static str {
        self.actors[self.random.usize(..self.actors.len())]
    }

    /// A random call, task or construction, possibly delayed.
    fn some_call(&mut self) -> CallRequest {
        let (of, now) = (self.pick(), self.now);
        let request = match self.random.u8(..8) {
            0 => task(TASK, now),
            1 => construction(of, now),
            _ => call(of, "x", now),
        };
        let due = (self.random.u8(..4) == 0).then(|| at(now + self.random.u64(1..40)));
        let mut seed = [0; 32];
        self.random.fill(&mut seed);
        let mut call = request.kind.clone();
        if let CallKind::Construct { version, .. } | CallKind::Task { version, .. } = &mut call {
            *version = self.random.u32(1..3);
        }
        CallRequest { due, seed: Seed(seed), kind: call, ..request }
    }

    fn pending(&self) -> Vec<Invocation> {
        self.store.pending(None, None, usize::MAX).unwrap()
    }

    fn some_pending(&mut self) -> Option<Reference> {
        let pending = self.pending();
        self.random.choice(pending).map(|pending| pending.reference())
    }

    /// One transaction, or none if it does not apply.
    fn change(&mut self) {
        self.now += self.random.u64(..3);
        let (of, now) = (self.pick(), self.now);
        match self.random.u8(..40) {
            0..10 => {
                let request = self.some_call();
                let _ = self.store.accept(vec![request], 12).unwrap();
            }
            10..14 => {
                let event = event(of, ["e", "f"][self.random.usize(..2)], "7", now);
                let _ = self.store.emit(event, 5);
            }
            14..16 => {
                if let Some(reference) = self.some_pending() {
                    let running = self.some_pending().into_iter().collect::<BTreeSet<_>>();
                    self.store.cancel(&reference, at(now), cancelled(), &running).unwrap();
                    self.count("cancelled");
                }
            }
            16 => {
                let _ = self.store.remove(&id(of), at(now), true);
            }
            17..20 => {
                let turn = match self.store.load(&id(of)).unwrap() {
                    Some(_) => fresh(call(of, "fresh", now)),
                    None => fresh(construction(of, now)),
                };
                self.run(of, turn, None);
            }
            20 => {
                let _ = self.store.runnable(None, at(now), 9).unwrap();
            }
            _ => {
                let runs: Vec<Name> = self.names().into_iter().filter(|of| self.can_run(of, at(now))).collect();
                let Some(of) = self.random.choice(runs) else { return };
                if let Some(next) = self.store.next_in_inbox(&of, at(now)).unwrap() {
                    self.run(of.as_str(), accepted(of.as_str(), next.number), Some(next));
                } else if let Some(task) = self.some_task() {
                    self.end_task(task);
                }
            }
        }
    }

    fn some_task(&mut self) -> Option<Invocation> {
        let tasks = self.store.runnable_tasks(&name(TASK), None, at(self.now), 9).unwrap();
        self.random.choice(tasks)
    }

    fn end_task(&mut self, task: Invocation) {
        let ends_it = bare(accepted(task.request.name.as_str(), task.number), 0, self.now);
        let again = self.random.bool();
        let end = if again { End::Retry { due: at(self.now + 5) } } else { End::WithoutStep };
        commit(&self.store, Commit { end, ..ends_it }).unwrap();
        self.count(if again { "retried" } else { "ended" });
    }

    /// Continues an invocation: the result of its wait, some starts, and a wait, a save or the end.
    fn run(&mut self, of: &str, turn: CommitSource, before: Option<Invocation>) {
        let begun = before.as_ref().and_then(|before| before.resume_point.clone());
        let mut record = begun.as_ref().map_or(0, |begun| begun.history_len);
        let mut entries = Vec::new();
        let mut children = Vec::new();
        if let (Some(before), Some(waiting)) = (&before, begun.and_then(|begun| begun.wait)) {
            let found = self.store.wait_result(&before.reference(), &waiting.targets, at(self.now)).unwrap().unwrap();
            entries.push(self.answer(found));
        }
        for _ in 0..self.random.usize(..3) {
            if self.random.u8(..6) == 0
                && let Some(target) = self.some_pending()
            {
                entries.push(NewEntry::Cancel {
                    fingerprint: asked("cancel"),
                    target: ResolvedTarget::Invocation(target),
                });
            } else {
                children.push(ResolvedTarget::Child(record + entries.len() as u64));
                let call = CallRequest { due: None, ..self.some_call() };
                let create = matches!(call.kind, CallKind::Mutate).then(|| construction(call.name.as_str(), self.now));
                entries.push(NewEntry::Start {
                    fingerprint: asked("start"),
                    child: Box::new(NewCall { construction: create, call }),
                });
            }
        }
        record += entries.len() as u64;
        let asks = Progress { inbox_limit: 12, ..progress(record - entries.len() as u64, entries) };
        let steps = steps_of(&self.store, of);
        let there = self.store.load(&id(of)).unwrap().is_some();
        let constructs = match &turn {
            CommitSource::Fresh(request) => matches!(request.kind, CallKind::Construct { .. }),
            CommitSource::Accepted { .. } => matches!(before.unwrap().request.kind, CallKind::Construct { .. }),
        };
        let waits = (there || constructs) && self.random.u8(..3) > 0;
        if waits {
            if self.random.bool() {
                children.extend(self.some_pending().map(ResolvedTarget::Invocation));
            }
            if children.is_empty() || self.random.u8(..6) == 0 {
                children.push(on_event(["e", "f"][self.random.usize(..2)]));
            }
            if self.random.u8(..6) == 0 {
                children.push(ResolvedTarget::Timer(at(self.now + self.random.u64(..30))));
            }
            let suspended = self.store.suspend(suspends(turn, steps, self.now, asks, children));
            if let Ok(vactor::store::Suspended::Waiting { result: Some(found), .. }) = suspended
                && found.result.result.is_err_and(|fault| fault.is_host(HostFault::Deadlock))
            {
                self.count("deadlock");
            }
            return;
        }
        let made = if constructs && !there { makes } else { ends };
        let save = (self.random.u8(..3) == 0).then(|| asked("save"));
        let saves = save.is_some();
        let sends =
            if self.random.bool() { vec![NewCall { construction: None, call: self.some_call() }] } else { vec![] };
        let asks = Progress { save, sends, ..asks };
        let result = if there || constructs {
            commit(&self.store, Commit { progress: Some(asks), ..made(turn, steps, self.now, b"s") })
        } else {
            commit(&self.store, bare(turn, steps, self.now))
        };
        if result.is_ok() {
            self.count(if saves { "saved" } else { "ended" });
        }
    }

    fn answer(&mut self, found: StoredResult) -> NewEntry {
        self.count("answered");
        answered(found)
    }

    /// Names of the actors and of the task, in order.
    fn names(&self) -> BTreeSet<Name> {
        self.actors.into_iter().chain([TASK]).map(name).collect()
    }

    fn can_run(&self, of: &Name, now: Timestamp) -> bool {
        self.store.next_in_inbox(of, now).unwrap().is_some()
            || !self.store.runnable_tasks(of, None, now, 1).unwrap().is_empty()
    }

    /// Asserts the invariants.
    fn look(&mut self, n: usize) {
        let now = at(self.now);
        let mut due = Vec::new();
        // only a search removes the name of an actor that a task left in the ready index
        let mut to_be_tidied = self.actors.contains(&TASK) && !self.can_run(&name(TASK), now);
        for of in self.names() {
            let head = self.store.name_record(&of).unwrap().unwrap_or_default();
            let pending = self.store.pending(Some(&of), None, usize::MAX).unwrap();
            assert_eq!(pending.len() as u64, head.queued + head.delayed, "the inbox of {of} after {n}");
            let events = self.store.events(&of, 0, usize::MAX).unwrap();
            assert_eq!(events.len() as u64, head.events, "the events of {of} after {n}");
            let mut alive = pending.iter().filter(|one| !matches!(one.request.kind, CallKind::Task { .. }));
            assert!(
                alive.clone().skip(1).all(|one| one.resume_point.is_none()),
                "one behind another has begun after {n}"
            );
            let timer = alive.next().and_then(Invocation::pending_wait).map(|waiting| waiting.targets.clone());
            due.extend(timer.into_iter().flatten().filter_map(timer_of).min());
            let delayed = &pending[pending.len() - head.delayed as usize..];
            due.extend(delayed.iter().filter_map(|one| one.request.due));
            to_be_tidied |= delayed.iter().any(|one| one.request.due <= Some(now));
        }
        assert_eq!(self.store.version_usage(&class()).unwrap(), self.counted(), "what is on the versions after {n}");
        assert_eq!(self.store.next_due(at(0)).unwrap(), due.into_iter().min(), "what is due after {n}");

        let runs: Vec<Name> = self.names().into_iter().filter(|of| self.can_run(of, now)).collect();
        let before = self.disk.happened();
        let found = self.store.runnable(None, now, 99).unwrap().names;
        // one of several actors in a cycle is woken; others may get the fault too, if they are read
        // before it continues
        let woken = |of: &Name| found.contains(of);
        let (told, others): (Vec<Name>, Vec<Name>) = runs.into_iter().partition(|of| self.is_told_a_cycle(of, now));
        // a delayed call that closes a cycle may be enqueued only after the tasks of its name have
        // run
        let is_broken = told.is_empty() || told.iter().any(woken) || !others.is_empty();
        assert!(is_broken, "the cycle stays after {n}");
        let expected: BTreeSet<Name> = others.into_iter().chain(told.into_iter().filter(woken)).collect();
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "who can run after {n}");
        let wrote = self.disk.happened() - before;
        // a search writes only to enqueue a call; or the ready index had a name with nothing to
        // run, which is rare: a cycle was broken elsewhere after one of its members had been woken
        self.for_nothing += usize::from(wrote > 0 && !to_be_tidied);
        let again = self.store.runnable(None, now, 99).unwrap().names;
        assert_eq!((again, self.disk.happened() - before), (found, wrote), "looking again after {n}");
    }

    /// The usage of each version, counted from all actors and pending calls.
    fn counted(&self) -> Vec<VersionUsage> {
        let mut counts = BTreeMap::<u32, (u64, u64)>::new();
        for (_, head) in self.store.actors("", None, usize::MAX).unwrap() {
            head.actor.into_iter().for_each(|actor| counts.entry(actor.version).or_default().0 += 1);
        }
        for invocation in self.pending() {
            if let CallKind::Construct { version, .. } | CallKind::Task { version, .. } = invocation.request.kind {
                counts.entry(version).or_default().1 += 1;
            }
        }
        counts.into_iter().map(|(version, (actors, pending))| VersionUsage { version, actors, pending }).collect()
    }

    /// Whether a name is runnable only because its first call waits in a cycle.
    fn is_told_a_cycle(&self, of: &Name, now: Timestamp) -> bool {
        if !self.store.runnable_tasks(of, None, now, 1).unwrap().is_empty() {
            return false;
        }
        let Some(next) = self.store.next_in_inbox(of, now).unwrap() else { return false };
        let found = next
            .pending_wait()
            .and_then(|waits| self.store.wait_result(&next.reference(), &waits.targets, now).unwrap());
        let fault = found.and_then(|found| found.result.result.err());
        fault.is_some_and(|fault| fault.is_host(HostFault::Deadlock))
    }

    /// When all events and due times have passed, everything ends: nothing waits for ever.
    fn come_to_an_end(&mut self) {
        self.now += 1_000_000;
        while !self.pending().is_empty() {
            let tasks = self.store.runnable_tasks(&name(TASK), None, at(self.now), 99).unwrap();
            for task in &tasks {
                commit(&self.store, bare(accepted(TASK, task.number), 0, self.now)).unwrap();
            }
            let mut ran = !tasks.is_empty();
            for of in self.actors {
                for of_event in ["e", "f"] {
                    let _ = self.store.emit(event(of, of_event, "1", self.now), 50);
                }
                if let Some(next) = self.store.next_in_inbox(&name(of), at(self.now)).unwrap() {
                    let there = self.store.load(&id(of)).unwrap().is_some();
                    let end = if there { End::Step { version: 1, state: None } } else { End::WithoutStep };
                    let turn = accepted(of, next.number);
                    commit(&self.store, Commit { end, ..ends(turn, steps_of(&self.store, of), self.now, b"") })
                        .unwrap();
                    ran = true;
                }
            }
            assert!(ran, "these wait for ever: {:?}", self.pending());
        }
        assert_eq!(self.store.next_due(at(0)).unwrap(), None);
    }
}

fn timer_of(on: ResolvedTarget) -> Option<Timestamp> {
    match on {
        ResolvedTarget::Timer(time) => Some(time),
        _ => None,
    }
}
