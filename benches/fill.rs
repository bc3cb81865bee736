//! Fills a store for the benches: `fill STORE COMPONENT ACTORS STEPS` creates ACTORS counters, `a0`
//! and on, and calls the first of them STEPS times.

use std::error::Error;
use std::path::Path;

use serde_json::json;
use vactor::engine::{ActorInfo, GroupCall};
use vactor::model::{CallKind, CallRequest, Log, Name, Outcome, Seed};
use vactor::store::{Commit, CommitSource, End, Mode, RedbStore, Store};
use vactor::{ActorId, Engine, Json, Options};

/// Calls that are committed together.
const GROUP: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [store, component, actors, steps] = args.as_slice() else {
        return Err("usage: fill STORE COMPONENT ACTORS STEPS".into());
    };
    let (actors, steps): (usize, usize) = (actors.parse()?, steps.parse()?);
    let engine = Engine::open(store)?;
    engine.register("counter", &std::fs::read(component)?)?;
    engine.create("counter", "a0", json!({"init_val": 0}), &Options::default())?;
    make_alike(Path::new(store), &engine.show("a0")?, actors)?;
    let call = |_| GroupCall {
        id: "a0".to_owned(),
        method: "incr".to_owned(),
        arguments: json!({}),
        options: Options::default(),
    };
    for first in (0..steps).step_by(GROUP) {
        let calls = (first..steps.min(first + GROUP)).map(call).collect();
        engine.call_many(calls).into_iter().collect::<vactor::Result<Vec<_>>>()?;
    }
    assert_eq!(engine.get("a0", "value", json!({}))?.result.as_str(), steps.to_string());
    Ok(())
}

/// Creates the actors `a1` and on as copies of `a0`, many in a transaction, because single creates
/// would take minutes.
fn make_alike(folder: &Path, like: &ActorInfo, actors: usize) -> vactor::Result<()> {
    let store = RedbStore::open(folder, Mode::Write)?;
    let (class, version, at) = (&like.actor.class, like.actor.version, like.actor.created);
    let made = |n: usize| {
        let id = ActorId::new(&format!("a{n}"))?;
        let call = CallKind::Construct { class: class.clone(), version };
        let arguments = Json::from(json!({"init_val": 0}));
        let request = CallRequest::new(Name::from(&id), call, "new", arguments, Seed([0; 32]), at);
        Ok(Commit {
            source: CommitSource::Fresh(Box::new(request)),
            expected_steps: 0,
            began: Some(at),
            now: at,
            outcome: Outcome::Succeeded(Json::null()),
            log: Log::default(),
            micros: 0,
            end: End::Created { class: class.clone(), version, state: like.state.clone() },
            progress: None,
            id_exposed: false,
        })
    };
    for first in (1..actors).step_by(GROUP) {
        let commits = (first..actors.min(first + GROUP)).map(made).collect::<vactor::Result<_>>()?;
        store.commit(commits, at)?.into_iter().collect::<vactor::Result<Vec<_>>>()?;
    }
    Ok(())
}
