//! The journals of the store, compared with the output of the processes.

use std::collections::{BTreeMap, HashMap, HashSet};

use vactor::model::{Hash, Name, Outcome, Status, Step};
use vactor::{ActorId, Engine, Json, Reference};

use super::{Log, Told};

/// The journals of all actors, up to the last read.
#[derive(Default)]
pub struct Journals {
    actors: BTreeMap<ActorId, Journal>,
    /// The step of an operation, by the operation's number.
    ops: HashMap<usize, Found>,
    results: HashMap<Reference, i64>,
    cancelled: HashSet<Reference>,
}

#[derive(Default)]
struct Journal {
    steps: u64,
    references: u64,
    value: i64,
}

#[derive(Clone, Debug, PartialEq)]
struct Found {
    reference: Reference,
    result: i64,
}

impl Journals {
    /// Reads new steps. Asserts that nothing waits, that journals have no gap, that states have
    /// their hashes, and that every reference has ended.
    pub fn read(&mut self, engine: &Engine) {
        assert_eq!(engine.pending(None, None, 9).unwrap(), [], "accepted and not run");
        for (id, head) in engine.actors("", None, usize::MAX).unwrap() {
            let journal = self.actors.entry(id.clone()).or_default();
            assert_eq!((head.queued, head.delayed), (0, 0), "{id}");
            for step in engine.steps(id.as_str(), journal.steps + 1, usize::MAX).unwrap() {
                let Some(result) = journal.add(engine, &id, &step) else { continue };
                let reference = Reference::new(&id, step.reference);
                self.results.insert(reference.clone(), result);
                let op = step.request.meta.iter().find(|(name, _)| name == "op").map(|(_, op)| op.parse().unwrap());
                if let Some(op) = op {
                    let before = self.ops.insert(op, Found { reference, result });
                    assert_eq!(before, None, "op {op} is there twice, again as step {} of {id}", step.number);
                }
            }
            let shown = engine.show(id.as_str()).unwrap();
            assert_eq!((shown.head.counters.steps, shown.state), (journal.steps, state(journal.value)), "{id}");
            for number in journal.references + 1..=head.counters.references {
                let reference = Reference { name: Name::from(&id), number };
                match engine.invocation(&reference).unwrap().status {
                    Status::Ended { outcome: Outcome::Failed(fault), .. } if fault.kind == "cancelled" => {
                        self.cancelled.insert(reference);
                    }
                    // of two concurrent constructions the later one fails with `exists`
                    Status::Ended { outcome: Outcome::Failed(fault), .. } if fault.kind == "exists" => {}
                    Status::Ended { outcome: Outcome::Succeeded(_), .. } => {}
                    other => panic!("{reference} is {other:?}"),
                }
            }
            journal.references = head.counters.references;
        }
    }

    /// Asserts that the output of all processes agrees with the journals.
    pub fn hold(&self, log: &Log) {
        let mut by_key: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
        for (number, op) in log.ops.iter().enumerate() {
            match &op.key {
                Some(key) => by_key.entry((&op.actor, key)).or_default().push(number),
                None => self.holds(log, &[number]),
            }
        }
        for ops in by_key.values() {
            self.holds(log, ops);
        }
        for (reference, result) in &log.waited {
            match result {
                Some(result) => assert_eq!(self.results.get(reference), Some(result), "{reference}"),
                // constructors and cancelled calls have no result
                None => assert!(reference.number == 1 || self.cancelled.contains(reference), "{reference}"),
            }
        }
        for reference in &self.cancelled {
            assert!(log.cancels.contains_key(reference), "no process cancelled {reference}");
        }
        for (reference, _) in log.cancels.iter().filter(|(_, told)| **told) {
            assert!(self.cancelled.contains(reference), "{reference} was cancelled");
        }
        for actor in &log.made {
            assert!(self.actors.keys().any(|id| id.as_str() == actor), "{actor} is not there");
        }
    }

    /// One call, possibly repeated with its key: it left at most one step, and each process got its
    /// result.
    fn holds(&self, log: &Log, ops: &[usize]) {
        let found: Vec<&Found> = ops.iter().filter_map(|op| self.ops.get(op)).collect();
        assert!(found.len() <= 1, "ops {ops:?} are one call, and left {found:?}");
        for told in ops.iter().map(|op| &log.ops[*op].told) {
            match (told, found.first()) {
                (Told::Nothing, _) => {}
                (Told::Reference(reference), None) if self.cancelled.contains(reference) => {}
                (_, None) => panic!("ops {ops:?} left nothing, and {told:?} was told"),
                (Told::Result(result), Some(found)) => assert_eq!(*result, found.result, "ops {ops:?}"),
                (Told::Reference(reference), Some(found)) => assert_eq!(*reference, found.reference, "ops {ops:?}"),
            }
        }
    }

    pub fn steps(&self) -> u64 {
        self.actors.values().map(|journal| journal.steps).sum()
    }
}

impl Journal {
    /// Adds the next step of a counter. Its result, if it was not cancelled.
    fn add(&mut self, engine: &Engine, id: &ActorId, step: &Step) -> Option<i64> {
        assert_eq!(step.number, self.steps + 1, "a gap in {id}");
        self.steps = step.number;
        let argument = |name: &str| step.request.arguments.value()[name].as_i64().unwrap();
        let cancelled = matches!(&step.outcome, Outcome::Failed(fault) if fault.kind == "cancelled");
        if !cancelled {
            let (by, result) = match step.request.method.as_str() {
                "new" => (argument("init_val"), Json::null()),
                _ => (argument("val"), Json::of(&(self.value + argument("val"))).unwrap()),
            };
            self.value += by;
            assert_eq!(step.outcome, Outcome::Succeeded(result), "step {} of {id}", step.number);
        }
        assert_eq!(step.state, Hash::of(&state(self.value)), "step {} of {id}", step.number);
        assert_eq!(engine.state_at(id.as_str(), step.number).unwrap(), state(self.value));
        let reference = Reference::new(id, step.reference);
        let Status::Ended { step: ended, .. } = engine.invocation(&reference).unwrap().status else {
            panic!("{reference} has a step and has not ended");
        };
        assert_eq!(ended, Some(step.number), "{reference}");
        (!cancelled).then_some(self.value)
    }
}

fn state(value: i64) -> Vec<u8> {
    format!(r#"{{"val":{value}}}"#).into_bytes()
}
