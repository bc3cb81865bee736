//! Acknowledged facts, and whether a store has them.

use std::collections::BTreeMap;

use serde_json::json;
use vactor::engine::{Options, Reply};
use vactor::model::{Name, NameRecord, Outcome, Status};
use vactor::{Engine, Json, Reference};

/// Counters, an actor whose calls fail, accounts, and transfers from the first account to the
/// second.
const IDS: [&str; 8] = ["c", "d", "e", "h", ACCOUNTS[0], ACCOUNTS[1], "small", "large"];
const COUNTERS: [&str; 3] = ["c", "d", "e"];
pub const ACCOUNTS: [&str; 2] = ["from", "to"];

/// The opening balance of each account.
pub const OPENING: i64 = 100;

/// All that was acknowledged.
#[derive(Clone, Default)]
pub struct Facts {
    accepted: Vec<Reference>,
    /// References with outcomes, and with the step if it was returned.
    ended: Vec<(Reference, Option<u64>, Result<Json, String>)>,
    keys: Vec<Key>,
    /// The last reference of an actor when it was removed.
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

    /// Forgets an actor that is removed.
    pub fn forget(&mut self, id: &str) {
        let last = self.accepted.iter().filter(|reference| reference.name.as_str() == id);
        let last = last.map(|reference| reference.number).max().unwrap_or(0);
        self.removed.insert(id.to_owned(), last);
        self.accepted.retain(|reference| reference.name.as_str() != id);
        self.ended.retain(|(reference, ..)| reference.name.as_str() != id);
        self.keys.retain(|key| key.id != id);
    }

    /// Asserts that the store has all facts and is consistent.
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
        for id in IDS {
            if let Ok(head) = engine.head(id) {
                self.journal(engine, id, &head);
            }
            inbox(engine, &Name::new_unchecked(id));
        }
    }

    /// Asserts that the journal has no gap, that the name record is at the last step, that each
    /// replay gives the step's state, and that every reference exists.
    fn journal(&self, engine: &Engine, id: &str, head: &NameRecord) {
        let actor = head.actor.as_ref().unwrap();
        let steps = engine.steps(id, 1, usize::MAX).unwrap();
        assert!(steps.iter().map(|step| step.number).eq(actor.first_step..=head.counters.steps), "gaps in {id}");
        let mut value = 0;
        for step in &steps {
            // a replay that gives another state than the recorded one is an error
            let state = engine.state_at(id, step.number).unwrap();
            let argument = |name: &str| step.request.arguments.value()[name].as_i64().unwrap();
            if COUNTERS.contains(&id) {
                value += argument(if step.request.method == "new" { "init_val" } else { "val" });
                assert_eq!(state, format!(r#"{{"val":{value}}}"#).into_bytes(), "step {} of {id}", step.number);
            }
            // an invocation that saves leaves steps before its last one
            match engine.invocation(&Reference::new(Name::new_unchecked(id), step.reference)).unwrap().status {
                Status::Ended { step: Some(last), .. } => assert!(last >= step.number, "{id} after its end"),
                Status::Ended { step: None, .. } => panic!("step {} of {id} is of one that left none", step.number),
                Status::Pending => {}
            }
        }
        let last = steps.last().unwrap();
        assert_eq!((last.number, last.state), (head.counters.steps, actor.state), "the head of {id}");
        assert_eq!(engine.show(id).unwrap().head, *head);
        let known = self.removed.get(id).map_or(1, |_| steps[0].reference);
        for number in known..=head.counters.references {
            engine.invocation(&Reference::new(Name::new_unchecked(id), number)).unwrap();
        }
        assert!(self.removed.get(id).is_none_or(|last| head.counters.references > *last || steps[0].reference == 1));
    }

    /// Asserts that nothing is pending, and that accepted calls have ended.
    pub fn have_ended(&self, engine: &Engine) {
        assert_eq!(engine.pending(None, None, 9).unwrap(), []);
        for reference in &self.accepted {
            let status = engine.invocation(reference).unwrap().status;
            assert!(matches!(status, Status::Ended { .. }), "{reference} has not ended");
        }
        let balance = |id| engine.get(id, "balance", json!({})).ok()?.result.read::<i64>().ok();
        if let [Some(from), Some(to)] = ACCOUNTS.map(balance) {
            assert_eq!(from + to, 2 * OPENING, "money was lost or made");
        }
    }

    /// Asserts that repeated keyed calls return their results.
    pub fn keys_answer(&self, engine: &Engine) {
        for Key { id, key, by, result } in &self.keys {
            let options = Options { key: Some(key.clone()), ..Options::default() };
            let reply = engine.call(id, "incr", json!({ "val": by }), &options).unwrap();
            assert_eq!((&reply.result, reply.is_duplicate), (result, true), "key {key} of {id}");
        }
    }
}

/// Asserts that the inbox has as many calls as the name record says, in the order of acceptance,
/// and delayed ones last, by their due times.
fn inbox(engine: &Engine, name: &Name) {
    let pending = engine.pending(Some(name), None, usize::MAX).unwrap();
    if let Ok(head) = engine.head(name.as_str()) {
        assert_eq!(pending.len() as u64, head.queued + head.delayed, "the inbox of {name}");
        let (queued, delayed) = pending.split_at(head.queued as usize);
        let at_once = queued.iter().filter(|open| open.request.due.is_none_or(|due| due <= open.request.accepted));
        assert!(at_once.is_sorted_by_key(|open| open.number), "the inbox of {name}");
        assert!(delayed.is_sorted_by_key(|open| (open.request.due, open.number)), "what is delayed of {name}");
    }
}
