//! Waits of a mutation, and their results.

use std::thread;
use std::time::{Duration, Instant};

use vactor::model::{
    Error, Fault, FaultOrigin, HostFault, Json, Level, Limit, Operation, Timestamp, WaitResult, WaitTarget,
};
use vactor::sandbox::{Aborted, MethodCall};

use super::super::{World, assert_fault, compile, messages, none};
use super::{Asked, Performer, answered, call, child, class, counting, say, text, wait};
use crate::raw::NULL;

#[test]
fn timer_counts_from_guest_clock_and_saturates() {
    let body = format!(
        "(call $keep (i32.const 0) (call $timer (i64.const -1))) (call $wait (call $kept (i32.const 0))) (drop) (drop)
        (call $keep (i32.const 0) (call $timer (i64.const 1))) {} (drop) (drop) {NULL}",
        wait(0)
    );
    let asked = World::new().go(&body, counting()).asked;
    let at = |millis| Operation::Wait(vec![WaitTarget::Timer(Timestamp::from_millis(millis))]);
    assert_eq!(asked, [at(Timestamp::LAST.as_millis()), at(2_000_001)]);
}

#[test]
fn handle_keeps_its_result() {
    let body = [
        call("attach").to_owned(),
        call("event").to_owned(),
        say(&wait(3)),
        say(&wait(3)),
        // an ended call cannot be cancelled
        "(call $handle.cancel (call $kept (i32.const 3))) (call $handle.cancel (call $kept (i32.const 5)))".to_owned(),
        say(&wait(5)),
        NULL.to_owned(),
    ];
    let Asked { ran, asked, .. } = World::new().go(&body.concat(), counting());
    assert_eq!(messages(&ran), ["1", "1", "2"]);
    let (attached, event) = (WaitTarget::Invocation("bob".to_owned()), WaitTarget::Event("so".to_owned()));
    assert_eq!(asked, [Operation::Wait(vec![attached]), Operation::Wait(vec![event])]);
}

#[test]
fn wait_any_returns_first_result() {
    let level = "(call $log (call $wait-kept (i32.const 3)) (call $text_null))";
    let timers =
        "(call $keep (i32.const 0) (call $timer (i64.const 0))) (call $keep (i32.const 1) (call $timer (i64.const 1)))
        (call $keep (i32.const 2) (call $kept (i32.const 1)))";
    let body = [timers, level, level, &say(&wait(1)), &say(&wait(0)), level, NULL].concat();
    let indexes = [2, 0].map(|index| answered(index, Ok(&index.to_string())));
    let mut indexes = indexes.into_iter();
    let Asked { ran, asked, .. } = World::new().go(&body, |_| indexes.next().unwrap());
    // the second wait is answered by slot 1, because slots 1 and 2 have one handle; the third by
    // slot 0
    let said: Vec<_> = ran.log.lines.iter().map(|line| (line.level, line.message.as_str())).collect();
    let info = |text| (Level::Info, text);
    assert_eq!(said, [(Level::Warn, "null"), info("null"), info("2"), info("0"), (Level::Debug, "null")]);
    let at = |millis| WaitTarget::Timer(Timestamp::from_millis(millis));
    let (first, second) = (at(1_234_567), at(1_234_568));
    let all = vec![first.clone(), second.clone(), second];
    assert_eq!(asked, [Operation::Wait(all), Operation::Wait(vec![first])]);
}

#[test]
fn awaited_fault_is_readable_by_guest() {
    let body = [call("start-actor"), call("event"), &say(&wait(0)), &say(&wait(5)), NULL].concat();
    let details = Some(Json::parse(r#"{"left":1}"#).unwrap());
    let (kind, message) = ("no-money".to_owned(), "there is none".to_owned());
    let origin = FaultOrigin::Class;
    let class = Fault { origin, kind, message, details, permanent: false, resumable: true };
    let host = Fault::host(HostFault::Deadlock, "it would wait for itself");
    let mut faults = [class, host].into_iter();
    let ran = World::new().go(&body, |operation| match operation {
        Operation::Wait(_) => answered(0, Err(faults.next().unwrap())),
        _ => Ok(None),
    });
    let said: Vec<_> = ran.ran.log.lines.iter().map(|line| (line.level, line.message.as_str())).collect();
    let (id, info) = (child(1), |text| (Level::Info, text));
    let class = [(Level::Debug, "no-money"), info("there is none"), info(r#"{"left":1}"#), info(&id), info("null")];
    let host = [info("deadlock"), info("it would wait for itself"), info(""), info("null")];
    assert_eq!(said, [class.as_slice(), &host].concat());
}

#[test]
fn guest_clock_is_that_of_last_result() {
    let is = |millis: u64| format!("(if (i64.ne (call $now) (i64.const {millis})) (then (unreachable)))");
    let event = say(&format!("(call $wait (call $event {}))", text("said")));
    let body = [is(1_234_567), event.clone(), is(2_000_000), event.clone(), is(2_000_000), event, is(2_000_001)];
    let mut times = [2_000_000, 5, 2_000_001].into_iter();
    let asked = World::new().go(&(body.concat() + NULL), |_| {
        let at = Timestamp::from_millis(times.next().unwrap());
        Ok(Some(WaitResult { index: 0, result: Ok(Json::null()), at }))
    });
    assert!(asked.ran.outcome.is_ok(), "{:?}", asked.ran.outcome);
}

#[test]
fn wait_for_nothing_traps() {
    let Asked { ran, asked, .. } = World::new().go("(drop (call $wait-kept (i32.const 0))) (unreachable)", counting());
    let message = "go trapped: `ctx.wait_any` was called without a handle, and such a wait never ends";
    assert_fault(&ran.outcome.unwrap_err(), HostFault::Trap, message);
    assert_eq!(asked, []);
}

#[test]
fn dropped_handle_is_unusable() {
    let body = format!("{} (call $handle.drop (call $kept (i32.const 4))) {} (unreachable)", call("timer"), wait(4));
    let fault = World::new().go(&body, counting()).ran.outcome.unwrap_err();
    assert!(fault.is_host(HostFault::Trap) && fault.message.contains("unknown handle index"), "{fault:?}");
}

#[test]
fn handles_and_results_count_as_memory() {
    let within = |body: &str, memory: u64| {
        let mut world = World::new();
        world.limits.memory = (2 << 16) + 1000 + memory;
        world.go(body, |_| answered(0, Ok(&format!("\"{}\"", "x".repeat(5000))))).ran.outcome
    };
    let again = |body: &str| {
        format!(
            "(loop $again {body} (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100)))) {NULL}"
        )
    };
    let full = |outcome: Result<_, Fault>| outcome.is_err_and(|fault| fault.is_host(HostFault::Limit(Limit::Memory)));
    let kept = again("(drop (call $timer (i64.const 1)))");
    assert!(within(&kept, 25_600).is_ok());
    assert!(full(within(&kept, 20_000)));
    // a dropped handle frees its memory
    assert!(within(&again("(call $handle.drop (call $timer (i64.const 1)))"), 1000).is_ok());
    // texts and results count too
    let named = format!("(drop (call $event (i32.const 0) (i32.const 60000))) {NULL}");
    assert!(within(&named, 60_256).is_ok());
    assert!(full(within(&named, 55_000)));
    let answer = format!("{} {} (drop) (drop) {NULL}", call("timer"), wait(4));
    assert!(within(&answer, 5_500).is_ok());
    assert!(full(within(&answer, 2_000)));
    // one handle, a thousand times in a list
    let list = "(loop $l (i32.store (i32.add (i32.const 65536) (i32.mul (i32.const 4) (local.get $n))) (call $kept (i32.const 4)))
        (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1000))))
        (drop (call $wait-any (i32.const 65536) (i32.const 1000)))";
    let list = [call("timer"), list, NULL].concat();
    assert!(within(&list, 300_000).is_ok());
    assert!(full(within(&list, 200_000)));
}

#[test]
fn wait_takes_no_time_of_guest_and_renews_it() {
    let computes =
        "(loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3000))))";
    let body = [call("event"), computes, &wait(5), "(drop) (drop) (local.set $i (i32.const 0))", computes].concat();
    let mut world = World::new();
    world.limits.time = Duration::from_millis(200);
    let slowly = |waited: &mut Duration| {
        let began = Instant::now();
        thread::sleep(Duration::from_millis(250));
        *waited += began.elapsed();
        answered(0, Ok("1"))
    };
    let mut waited = Duration::ZERO;
    let class = compile(&class(&(body.clone() + NULL)));
    let began = Instant::now();
    let method = MethodCall::Mutate { state: b"", name: "go", arguments: &none() };
    let ran = world.ask(&class, method, |_| slowly(&mut waited)).ran;
    let own = began.elapsed() - waited;
    assert!(ran.outcome.is_ok(), "{:?} after {own:?}", ran.outcome);
    assert!(ran.computed <= own, "{:?} of {own:?}", ran.computed);
    let ran = world.go(&(body + "(loop (br 0)) (unreachable)"), |_| slowly(&mut waited)).ran;
    let message = "go computed for longer than 200 ms";
    assert_fault(&ran.outcome.unwrap_err(), HostFault::Limit(Limit::Time), message);
}

#[test]
fn run_stopped_during_wait_computes_no_more() {
    let world = World::new();
    let body = [call("event"), &wait(5), "(drop) (drop)", &say("(call $text_said)"), NULL].concat();
    let method = MethodCall::Mutate { state: b"", name: "go", arguments: &none() };
    let mut said = Vec::new();
    let mut perform = |_: &Operation| {
        world.stop.stop();
        answered(0, Ok("1"))
    };
    let mut performer = Performer { perform: &mut perform, asked: Vec::new(), logs: Vec::new() };
    let class = compile(&class(&body));
    let ran = world.run_all(&class, method, &mut |line| said.push(line.clone()), Some(&mut performer));
    assert_eq!(ran.err(), Some(Aborted::Stopped));
    assert_eq!(said, []);
}

#[test]
fn wait_result_of_no_awaited_handle_is_an_internal_error() {
    let class = compile(&class(&[call("timer"), &wait(4), "(unreachable)"].concat()));
    let method = MethodCall::Mutate { state: b"", name: "go", arguments: &none() };
    for (performed, what) in [(answered(1, Ok("1")), "the index 1"), (Ok(None), "no result")] {
        let mut perform = |_: &Operation| performed.clone();
        let mut performer = Performer { perform: &mut perform, asked: Vec::new(), logs: Vec::new() };
        let ran = World::new().run_all(&class, method, &mut |_| (), Some(&mut performer));
        let error = Error::internal(format!("a wait for 1 handle(s) has {what}"));
        assert_eq!(ran.err(), Some(Aborted::Failed(error)));
    }
}

#[test]
fn class_runs_on_thread_of_waiting_class() {
    let inner = compile(&class(&[call("timer"), &say(&wait(4)), NULL].concat()));
    let body = [call("event"), &say(&wait(5)), NULL].concat();
    let method = MethodCall::Mutate { state: b"", name: "go", arguments: &none() };
    let Asked { ran, asked, .. } = World::new().go(&body, |_| {
        let within = World::new().ask(&inner, method, counting());
        assert_eq!((messages(&within.ran), within.asked.len()), (vec!["1"], 1));
        let alone = World::new().run(&inner, method).outcome.unwrap_err();
        assert_fault(&alone, HostFault::Trap, "`ctx.timer` was called in a run that performs no operations");
        answered(0, Ok("7"))
    });
    assert_eq!((messages(&ran), asked.len()), (vec!["7"], 1));
}
