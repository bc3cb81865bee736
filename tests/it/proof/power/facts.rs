//! What was told to those who asked, and whether a store knows of it still.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use vactor::engine::{Options, Reply};
use vactor::model::{Hash, Head, Name, Outcome, Status, Step};
use vactor::{Engine, Json, Reference};

const IDS: [&str; 4] = ["c", "d", "e", "h"];

/// Steps of a group.
pub const GROUP: usize = 5;

/// All that was acknowledged.
#[derive(Clone, Default)]
pub struct Facts {
    accepted: Vec<Reference>,
    /// With the step, where the one who was told was told it.
    ended: Vec<(Reference, Option<u64>, Result<Json, String>)>,
    keys: Vec<Key>,
    /// Of [`GROUP`] steps each, which were committed together.
    groups: BTreeSet<u64>,
    /// Groups some of whose steps went with their actor.
    broken: BTreeSet<u64>,
    /// The last reference that an actor had when it was removed.
    removed: BTreeMap<String, u64>,
}

#[derive(Clone)]
struct Key {
    id: String,
    key: String,
    by: i64,
    result: Json,
}

impl Facts {
    pub fn accepted(&mut self, reference: Reference) {
        self.accepted.push(reference);
    }

    pub fn replied(&mut self, id: &str, reply: &Reply) {
        let reference = reply.reference.clone().unwrap();
        assert_eq!(reference.name.as_str(), id);
        self.accepted.push(reference.clone());
        self.ended.push((reference, reply.step, Ok(reply.result.clone())));
    }

    pub fn failed(&mut self, reference: Reference, kind: &str) {
        self.ended.push((reference, None, Err(kind.to_owned())));
    }

    pub fn key(&mut self, id: &str, key: &str, by: i64, reply: &Reply) {
        self.keys.push(Key { id: id.to_owned(), key: key.to_owned(), by, result: reply.result.clone() });
    }

    pub fn group(&mut self, group: u64) {
        self.groups.insert(group);
    }

    /// An actor is gone, or is about to go.
    pub fn forget(&mut self, id: &str) {
        let last = self.accepted.iter().filter(|reference| reference.name.as_str() == id);
        let last = last.map(|reference| reference.number).max().unwrap_or(0);
        self.removed.insert(id.to_owned(), last);
        self.accepted.retain(|reference| reference.name.as_str() != id);
        self.ended.retain(|(reference, ..)| reference.name.as_str() != id);
        self.keys.retain(|key| key.id != id);
        self.broken.extend(std::mem::take(&mut self.groups));
    }

    /// Whether the store knows all of it, and makes sense.
    pub fn check(&self, engine: &Engine) {
        for reference in &self.accepted {
            engine.invocation(reference).unwrap();
        }
        for (reference, told_step, told) in &self.ended {
            let status = engine.invocation(reference).unwrap().status;
            let Status::Ended { outcome, step, .. } = status else { panic!("{reference} had ended") };
            let outcome = match outcome {
                Outcome::Succeeded(result) => Ok(result),
                Outcome::Failed(fault) => Err(fault.kind),
            };
            assert_eq!(outcome, *told, "{reference}");
            assert!(told_step.is_none() || step == *told_step, "{reference}");
        }
        let mut groups: BTreeMap<u64, usize> = BTreeMap::new();
        for id in IDS {
            let name = Name::from_stored(id);
            let steps = match engine.head(id) {
                Ok(head) => self.journal(engine, id, &head),
                Err(_) => vec![],
            };
            inbox(engine, &name);
            for (_, group) in steps.iter().flat_map(|step| &step.meta) {
                *groups.entry(group.parse().unwrap()).or_default() += 1;
            }
        }
        assert!(self.groups.iter().all(|group| groups.contains_key(group)), "{groups:?} of {:?}", self.groups);
        groups.retain(|group, _| !self.broken.contains(group));
        assert!(groups.values().all(|steps| *steps == GROUP), "one is not there as a whole: {groups:?}");
    }

    /// No gap, the head is at the last step, each step's state is what a replay gives, every reference is known.
    fn journal(&self, engine: &Engine, id: &str, head: &Head) -> Vec<Step> {
        let actor = head.actor.as_ref().unwrap();
        let steps = engine.steps(id, 1, usize::MAX).unwrap();
        assert!(steps.iter().map(|step| step.number).eq(actor.first_step..=head.numbers.steps), "gaps in {id}");
        let mut value = 0;
        for step in &steps {
            let argument = |name: &str| step.arguments.value()[name].as_i64().unwrap();
            let state = match step.method.as_str() {
                _ if id == "h" => vec![],
                "new" => counter(&mut value, argument("init_val")),
                _ => counter(&mut value, argument("val")),
            };
            assert_eq!(engine.state_at(id, step.number).unwrap(), state, "step {} of {id}", step.number);
            assert_eq!(step.state, Hash::of(&state), "step {} of {id}", step.number);
            let ended = engine.invocation(&Reference::new(Name::from_stored(id), step.reference)).unwrap().status;
            assert!(matches!(ended, Status::Ended { step: Some(number), .. } if number == step.number));
        }
        let last = steps.last().unwrap();
        assert_eq!((last.number, last.state), (head.numbers.steps, actor.state), "the head of {id}");
        assert_eq!(engine.show(id).unwrap().head, *head);
        let known = self.removed.get(id).map_or(1, |_| steps[0].reference);
        for number in known..=head.numbers.references {
            engine.invocation(&Reference::new(Name::from_stored(id), number)).unwrap();
        }
        assert!(self.removed.get(id).is_none_or(|last| head.numbers.references > *last || steps[0].reference == 1));
        steps
    }

    /// Nothing is left to run; what was accepted has an end.
    pub fn have_ended(&self, engine: &Engine) {
        assert_eq!(engine.pending(None, None, 9).unwrap(), []);
        for reference in &self.accepted {
            let status = engine.invocation(reference).unwrap().status;
            assert!(matches!(status, Status::Ended { .. }), "{reference} has not ended");
        }
    }

    /// A call made again with its key gives what it gave.
    pub fn keys_answer(&self, engine: &Engine) {
        for Key { id, key, by, result } in &self.keys {
            let options = Options { key: Some(key.clone()), ..Options::default() };
            let reply = engine.call(id, "incr", json!({ "val": by }), &options).unwrap();
            assert_eq!((&reply.result, reply.recorded), (result, true), "key {key} of {id}");
        }
    }
}

fn counter(value: &mut i64, by: i64) -> Vec<u8> {
    *value += by;
    format!(r#"{{"val":{value}}}"#).into_bytes()
}

/// As many as the head says; in the order in which they were accepted, the delayed last, by their due times.
fn inbox(engine: &Engine, name: &Name) {
    let pending = engine.pending(Some(name), None, usize::MAX).unwrap();
    if let Ok(head) = engine.head(name.as_str()) {
        assert_eq!(pending.len() as u64, head.queued + head.delayed, "the inbox of {name}");
        let (queued, delayed) = pending.split_at(head.queued as usize);
        let at_once = queued.iter().filter(|open| open.new.due.is_none_or(|due| due <= open.new.accepted));
        assert!(at_once.is_sorted_by_key(|open| open.number), "the inbox of {name}");
        assert!(delayed.is_sorted_by_key(|open| (open.new.due, open.number)), "what is delayed of {name}");
    }
}
