//! Queries of methods: recorded, replayed, and interrupted with the method.

use std::time::{Duration, Instant};

use serde_json::json;
use vactor::engine::{Options, Phase};
use vactor::model::{OperationResult, Outcome, Status};
use vactor::{Error, Reference};

use super::{Flow, kind};

/// An endless computation.
const FOR_EVER: u64 = 1 << 60;

#[test]
fn query_result_is_replayed_and_not_run_again() {
    let flow = Flow::new(&["a", "b"]);
    let asks = flow.submit("a", "ask_twice", json!({"other": "b"}));
    flow.work();
    assert_eq!(flow.phase(&asks), Phase::Waiting);
    flow.call("b", "add", json!({"n": 5})).unwrap();
    flow.emit("a", "go", json!(null));
    assert_eq!(flow.wait(&asks).unwrap(), json!([0, 5]));
    // the queried actor is gone
    flow.engine.remove("b", false).unwrap();
    flow.replays("a");
    let record: Vec<OperationResult> = {
        let step = flow.engine.steps("a", 2, 1).unwrap().remove(0);
        flow.engine.operations("a", &step).unwrap().into_iter().map(|recorded| recorded.result).collect()
    };
    let answers = record.iter().map(|answer| match answer {
        OperationResult::Waited(answered) => answered.result.as_ref().unwrap().as_str(),
        other => panic!("{other:?}"),
    });
    assert_eq!(answers.collect::<Vec<_>>(), ["0", "null", "5"]);
}

#[test]
fn query_fault_is_recorded_with_failed_method() {
    let flow = Flow::new(&["a"]);
    assert_eq!(kind(flow.call("a", "ask_often", json!({"other": "missing", "times": 1, "length": 1}))), "not-found");
    let step = flow.engine.steps("a", 2, 1).unwrap().remove(0);
    let operations = flow.engine.operations("a", &step).unwrap();
    assert_eq!(operations[0].fingerprint.summary, r#"ask missing.long {"length":1}"#);
    flow.replays("a");
}

#[test]
fn query_is_interrupted_with_calling_method() {
    let flow = Flow::new(&["a", "b"]);
    let arguments = json!({"other": "b", "query": "computes", "arguments": {"rounds": FOR_EVER}});
    let soon = || Some(Instant::now() + Duration::from_millis(300));
    let options = Options { deadline: soon(), ..Options::default() };
    let error = flow.engine.call("a", "ask", arguments.clone(), &options).unwrap_err();
    assert!(matches!(error, Error::NotAccepted { .. }), "{error}");
    assert_eq!(flow.engine.head("a").unwrap().counters.steps, 1, "nothing is recorded");
    // a queued call ends when it is cancelled
    let asks: Reference = flow.submit("a", "ask", arguments);
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| flow.work());
        while flow.phase(&asks) != Phase::Running {
            std::thread::yield_now();
        }
        flow.engine.cancel(&asks).unwrap();
        worker.join().unwrap();
    });
    let Status::Ended { outcome: Outcome::Failed(fault), .. } = flow.engine.invocation(&asks).unwrap().status else {
        panic!("it did not fail");
    };
    assert_eq!(fault.kind, "cancelled");
    assert_eq!(flow.call("a", "add", json!({})).unwrap(), 1);
}

#[test]
fn queries_on_one_permit_answer_each_other() {
    let flow = Flow::new(&["a", "b"]);
    let asks: Vec<Reference> = [("a", "b"), ("b", "a")]
        .map(|(one, other)| flow.submit(one, "ask", json!({"other": other, "query": "value"})))
        .into();
    // one guest computes at a time, and a query runs on the permit of its caller
    flow.another().work(1, super::IDLE).unwrap();
    let mut answers: Vec<_> = asks.iter().map(|one| flow.wait(one).unwrap().as_i64().unwrap()).collect();
    answers.sort();
    assert_eq!(answers, [0, 1], "the second one sees what the first one committed");
}
