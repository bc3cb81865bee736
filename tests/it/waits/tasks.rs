//! Tasks: run, retried, recorded once.

use serde_json::json;
use vactor::Options;

use super::{Flow, kind};

fn run(flow: &Flow, task: &str, arguments: serde_json::Value, options: &Options) -> vactor::Result<serde_json::Value> {
    flow.engine.run_task("probe", task, arguments, options).map(|reply| reply.result.value())
}

#[test]
fn task_runs_without_actor() {
    let flow = Flow::new(&[]);
    assert_eq!(run(&flow, "square", json!({"n": 7}), &Options::default()).unwrap(), 49);
    let reply = flow.engine.run_task("probe", "square", json!({"n": 8}), &Options::default()).unwrap();
    assert_eq!((reply.reference.unwrap().to_string().as_str(), reply.step), ("probe/square#2", None));
}

#[test]
fn failed_task_is_retried_as_class_or_caller_says() {
    let flow = Flow::new(&[]);
    let submit = |tries: u32, retries: Option<u32>| {
        let options = Options { retries, ..Options::default() };
        flow.engine.submit_task("probe", "flaky", json!({"tries": tries}), &options).unwrap()
    };
    let work = || {
        for _ in 0..6 {
            flow.work();
            flow.pass(std::time::Duration::from_secs(1));
        }
    };
    let (third, too_many, no_retry) = (submit(3, None), submit(5, None), submit(2, Some(0)));
    work();
    assert_eq!(flow.wait(&third).unwrap(), 3);
    assert_eq!(kind(flow.wait(&too_many)), "flaky");
    assert_eq!(kind(flow.wait(&no_retry)), "flaky");
    let tries: Vec<u32> =
        [&third, &too_many, &no_retry].map(|task| flow.engine.invocation(task).unwrap().attempts).into();
    assert_eq!(tries, [2, 3, 0], "how often each failed and was tried again");
}

#[test]
fn task_with_used_key_runs_once() {
    let flow = Flow::new(&[]);
    let keyed = Options { key: Some("k".to_owned()), ..Options::default() };
    let first = flow.engine.run_task("probe", "square", json!({"n": 7}), &keyed).unwrap();
    let again = flow.engine.run_task("probe", "square", json!({"n": 7}), &keyed).unwrap();
    assert_eq!((again.is_duplicate, again.reference), (true, first.reference));
    assert!(matches!(run(&flow, "square", json!({"n": 8}), &keyed), Err(vactor::Error::KeyTaken { .. })));
}

#[test]
fn run_of_other_kind_is_refused() {
    let flow = Flow::new(&["a"]);
    let refused = |task: &str, arguments| run(&flow, task, arguments, &Options::default()).unwrap_err().to_string();
    assert!(refused("add", json!({})).contains("mutation"));
    assert!(refused("sqare", json!({})).contains("no method"));
    assert!(refused("square", json!({"n": "x"})).contains("do not fit"));
}
