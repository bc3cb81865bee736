//! All data of a store that depends neither on chance nor on the time: equal however often
//! processes are killed.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vactor::Engine;
use vactor::model::{Invocation, Name, Outcome, Reference, Status};

/// Facts by their subjects.
pub type Facts = BTreeMap<String, Value>;

/// Asserts that nothing is left to run, that journals have no gap, that replays give the recorded
/// states, that the name record is at the last step, and that every reference has ended with its
/// step.
pub fn facts(engine: &Engine) -> Facts {
    assert_eq!(engine.pending(None, None, 9).unwrap(), [], "accepted and not run");
    let mut facts = Facts::new();
    for name in engine.names(None, usize::MAX).unwrap() {
        invocations(engine, &name, &mut facts);
    }
    for (id, head) in engine.actors("", None, usize::MAX).unwrap() {
        assert_eq!((head.queued, head.delayed), (0, 0), "{id}");
        let invocations = engine.invocations(&Name::from(&id), None, usize::MAX).unwrap();
        assert_eq!(invocations.len() as u64, head.counters.references, "{id}");
        let steps = engine.steps(id.as_str(), 1, usize::MAX).unwrap();
        assert!(steps.iter().map(|step| step.number).eq(1..=head.counters.steps), "gaps in {id}");
        for step in &steps {
            let state = engine.state_at(id.as_str(), step.number).unwrap();
            assert_eq!(step.state, vactor::model::Hash::of(&state), "step {} of {id}", step.number);
            let is_save = step.run.is_some_and(|run| run.is_save);
            let status = engine.invocation(&Reference::new(&id, step.reference)).unwrap().status;
            let Status::Ended { step: Some(last), .. } = status else { panic!("{id}#{} left a step", step.reference) };
            assert_eq!(last == step.number, !is_save, "step {} of {id}", step.number);
            // a process that continues begins at the time of the last call, and logs that the clock
            // went back
            let lines = step.log.lines.iter().map(|line| line.message.as_str());
            let (reference, log) = (step.reference, lines.filter(|line| !line.starts_with("the clock went back by ")));
            let fact = json!({
                "reference": reference, "method": step.request.method, "outcome": told(&step.outcome), "save": is_save,
                "state": without_ids(&String::from_utf8(state).unwrap()), "log": log.collect::<Vec<_>>(),
            });
            facts.insert(format!("step {} of {id}", step.number), fact);
        }
        assert_eq!(head.actor.unwrap().state, steps.last().unwrap().state, "{id}");
        let events = engine.events(id.as_str(), 0, usize::MAX).unwrap();
        assert_eq!(events.len() as u64, head.events, "{id}");
        let left: Vec<_> = events.iter().map(|event| json!([event.name, event.payload.value()])).collect();
        facts.insert(format!("events of {id}"), json!(left));
    }
    facts
}

fn invocations(engine: &Engine, name: &Name, facts: &mut Facts) {
    for invocation in engine.invocations(name, None, usize::MAX).unwrap() {
        facts.insert(invocation.reference().to_string(), about(engine, &invocation));
    }
}

fn about(engine: &Engine, invocation: &Invocation) -> Value {
    let Status::Ended { outcome, step, .. } = &invocation.status else { panic!("{invocation:?} has not ended") };
    let request = &invocation.request;
    let children = engine.children(invocation).unwrap();
    json!({
        "method": request.method, "arguments": request.arguments.value(), "outcome": told(outcome), "step": step,
        "caller": request.caller.as_ref().map(Reference::to_string), "attempts": invocation.attempts, "resumes": request.resumes,
        "resumed by": invocation.resumed_by, "children": children.iter().map(Reference::to_string).collect::<Vec<_>>(),
    })
}

pub fn told(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Succeeded(result) => json!({ "ok": without_ids(result.as_str()) }),
        Outcome::Failed(fault) => json!({ "failed": fault.kind, "message": without_ids(&fault.message) }),
    }
}

/// Opaque ids are random.
fn without_ids(text: &str) -> String {
    let mut masked = String::new();
    for (n, part) in text.split("\"i").enumerate() {
        let is_id = n > 0 && part.len() >= 32 && part.bytes().take(32).all(|byte| byte.is_ascii_hexdigit());
        masked.push_str(if n > 0 { "\"i" } else { "" });
        masked.push_str(if is_id { &part[32..] } else { part });
    }
    masked
}
