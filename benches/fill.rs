//! Fills a store for the benches: `fill STORE COMPONENT ACTORS STEPS` makes a store with so many counters, `a0` and on,
//! and calls the first of them so often.

use std::error::Error;

use serde_json::json;
use vactor::engine::ManyCall;
use vactor::{Engine, Options};

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
    for n in 0..actors {
        engine.create("counter", &format!("a{n}"), json!({"init_val": 0}), &Options::default())?;
        if n % 10_000 == 9_999 {
            eprintln!("{} actors", n + 1);
        }
    }
    let call = |_| ManyCall {
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
