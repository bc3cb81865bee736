//! Each limit, at the limit and one past it.

use std::thread;
use std::time::{Duration, Instant};

use vactor::model::{HostFault, Json, Limit, Limits};
use vactor::sandbox::{Aborted, MethodCall, StopSignal};

use super::{World, assert_fault, compile};
use crate::raw::{self, NULL, RawClass};

/// The component model's table of the imports that need the guest's memory.
const GLUE: u64 = 5 * 8;
const PAGE: u64 = 65536;
const FOR_EVER: &str = "(loop (br 0)) (unreachable)";

fn looping() -> RawClass {
    RawClass::new().mutation("spin", FOR_EVER)
}

fn short() -> World {
    World::limited(|limits| limits.time = Duration::from_millis(20))
}

#[test]
fn endless_method_ends_at_time_limit() {
    let message = "spin computed for longer than 20 ms";
    assert_fault(&short().fault(&looping(), "spin"), HostFault::Limit(Limit::Time), message);
    // in any export
    let raw = RawClass::new().mutation("spin", NULL).export("set-state", FOR_EVER);
    assert_fault(&short().fault(&raw, "spin"), HostFault::Limit(Limit::Time), message);
    let start = "(memory (export \"memory\") 2) (func $spin (loop (br 0))) (start $spin)";
    let raw = RawClass::new().mutation("spin", NULL).fields(start);
    assert_fault(&short().fault(&raw, "spin"), HostFault::Limit(Limit::Time), message);
}

#[test]
fn run_without_time_limit_ends_when_stopped() {
    let world = World::limited(|limits| limits.time = Duration::MAX);
    let (class, stop) = (compile(&looping()), world.stop.clone());
    let aborted = thread::scope(|scope| {
        let running = scope.spawn(|| world.aborted(&class, "spin"));
        stop.stop();
        running.join().unwrap()
    });
    assert_eq!(aborted, Aborted::Stopped);
}

#[test]
fn run_stopped_before_start_does_nothing() {
    let world = World::new();
    world.stop.stop();
    let raw = RawClass::new().mutation("go", &format!("(call $log (i32.const 1) (call $text_null)) {NULL}"));
    let method = MethodCall::Mutate { state: b"", name: "go", arguments: &Json::parse("{}").unwrap() };
    let ran = world.run_all(&compile(&raw), method, &mut |line| panic!("it said {line:?}"), None);
    assert_eq!(ran.err(), Some(Aborted::Stopped));
}

#[test]
fn run_past_deadline_is_aborted() {
    let mut world = World::limited(|limits| limits.time = Duration::MAX);
    for after in [Duration::ZERO, Duration::from_millis(20)] {
        world.deadline = Some(Instant::now() + after);
        assert_eq!(world.aborted(&compile(&looping()), "spin"), Aborted::Deadline);
    }
}

#[test]
fn deadline_is_no_time_limit() {
    let mut world = short();
    world.deadline = Some(Instant::now() + Duration::from_secs(3600));
    let message = "spin computed for longer than 20 ms";
    assert_fault(&world.fault(&looping(), "spin"), HostFault::Limit(Limit::Time), message);
}

#[test]
fn concurrent_runs_keep_their_own_time() {
    // the later deadline is watched first, and the stopped run belongs to neither
    let class = compile(&looping());
    let (long, stopped) = (World::limited(|limits| limits.time = Duration::from_secs(3600)), StopSignal::default());
    let long = World { stop: stopped.clone(), ..long };
    thread::scope(|scope| {
        let waits = scope.spawn(|| long.aborted(&class, "spin"));
        for time in [30, 10, 20] {
            let world = World::limited(|limits| limits.time = Duration::from_millis(time));
            let fault = world.mutate(&class, "spin").outcome.unwrap_err();
            let message = format!("spin computed for longer than {time} ms");
            assert_fault(&fault, HostFault::Limit(Limit::Time), &message);
        }
        assert!(!waits.is_finished());
        stopped.stop();
        assert_eq!(waits.join().unwrap(), Aborted::Stopped);
    });
}

#[test]
fn slow_log_reader_takes_no_time_of_guest() {
    let count =
        "(loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))";
    let body = format!("(call $log (i32.const 1) (call $text_null)) {count} {NULL}");
    let class = compile(&RawClass::new().mutation("go", &body));
    let world = World::limited(|limits| limits.time = Duration::from_millis(200));
    let method = MethodCall::Mutate { state: b"", name: "go", arguments: &Json::parse("{}").unwrap() };
    let ran = world.run_and_see(&class, method, &mut |_| {
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(250) {}
    });
    assert!(ran.outcome.is_ok(), "{:?}", ran.outcome);
}

#[test]
fn memory_is_granted_at_limit_and_not_past_it() {
    let grow = |pages: u32| {
        let body = format!("(drop (memory.grow (i32.const {pages}))) {NULL}");
        let world = World::limited(|limits| limits.memory = 10 * PAGE + GLUE);
        world.mutate(&compile(&RawClass::new().mutation("eat", &body)), "eat").outcome
    };
    assert!(grow(8).is_ok());
    let message = "eat used more than 655400 bytes of memory";
    assert_fault(&grow(9).unwrap_err(), HostFault::Limit(Limit::Memory), message);

    // an initial memory over the limit; all memories and tables count together
    let world = World::limited(|limits| limits.memory = 10 * PAGE + GLUE);
    for fields in ["(memory (export \"memory\") 11)", "(memory (export \"memory\") 6) (memory 5)"] {
        let fault = world.fault(&RawClass::new().fields(fields).mutation("eat", NULL), "eat");
        assert_fault(&fault, HostFault::Limit(Limit::Memory), message);
    }
}

#[test]
fn tables_count_as_memory() {
    let grow = |elements: u32| {
        let body = format!("(drop (table.grow $t (ref.null func) (i32.const {elements}))) {NULL}");
        let raw = RawClass::new().fields("(memory (export \"memory\") 2) (table $t 0 funcref)").mutation("eat", &body);
        World::limited(|limits| limits.memory = 3 * PAGE + GLUE).mutate(&compile(&raw), "eat").outcome
    };
    assert!(grow(8192).is_ok());
    let message = "eat used more than 196648 bytes of memory";
    assert_fault(&grow(8193).unwrap_err(), HostFault::Limit(Limit::Memory), message);
}

#[test]
fn memory_maximum_of_class_is_no_host_limit() {
    let body = format!("(if (i32.ne (memory.grow (i32.const 60000)) (i32.const -1)) (then (unreachable))) {NULL}");
    let raw = RawClass::new().fields("(memory (export \"memory\") 2 3)").mutation("go", &body);
    assert!(World::new().mutate(&compile(&raw), "go").outcome.is_ok());
}

#[test]
fn state_is_saved_at_limit_and_not_past_it() {
    let save = |bytes: u32| {
        let body = format!("(global.set $state (i32.const 0)) (global.set $state.len (i32.const {bytes})) {NULL}");
        let world = World::limited(|limits| limits.state = 1000);
        world.mutate(&compile(&RawClass::new().mutation("go", &body)), "go").outcome
    };
    assert_eq!(save(1000).unwrap().state.unwrap().len(), 1000);
    let message = "the state of go has 1001 bytes, more than 1000 bytes";
    assert_fault(&save(1001).unwrap_err(), HostFault::Limit(Limit::State), message);
    let world = World::limited(|limits| limits.state = 3);
    let method = MethodCall::Migrate { from_version: 1, state: b"four" };
    let fault = world.run(&compile(&RawClass::new()), method).outcome.unwrap_err();
    assert!(fault.is_host(HostFault::Limit(Limit::State)), "{fault:?}");
}

#[test]
fn result_is_returned_at_limit_and_not_past_it() {
    let world = World::limited(|limits| limits.result = 4);
    let give = |text: &str| {
        let raw = RawClass::new().text("given", text).mutation("go", "(call $ok (call $text_given))");
        world.mutate(&compile(&raw), "go").outcome
    };
    assert_eq!(give("1234").unwrap().result, Json::parse("1234").unwrap());
    let message = "the result of go has 5 bytes, more than 4 bytes";
    assert_fault(&give("12345").unwrap_err(), HostFault::Limit(Limit::Result), message);
    // failures count as results
    let raw = RawClass::new().text("long", "12345");
    let body = "(call $fail (call $text_null) (call $text_long) (i32.const 0) (i32.const 0))";
    let fault = world.fault(&raw.mutation("go", body), "go");
    let message = "the result of go has 9 bytes, more than 4 bytes";
    assert_fault(&fault, HostFault::Limit(Limit::Result), message);
}

#[test]
fn hostile_class_causes_its_own_fault() {
    let class = compile(&raw::hostile());
    for (method, kind, message) in [
        ("fail", None, "no, I will not"),
        ("panic", Some(HostFault::Trap), "panic panicked or aborted; its log may say why"),
        ("spin", Some(HostFault::Limit(Limit::Time)), "spin computed for longer than 20 ms"),
        ("eat", Some(HostFault::Limit(Limit::Memory)), "eat used more than 256 MiB of memory"),
        ("huge", Some(HostFault::Limit(Limit::Result)), "the result of huge has 100000000 bytes, more than 8 MiB"),
        ("bloat", Some(HostFault::Limit(Limit::State)), "the state of bloat has 100000000 bytes, more than 64 MiB"),
        ("chatter", Some(HostFault::Limit(Limit::Time)), "chatter computed for longer than 20 ms"),
        (
            "nonsense",
            Some(HostFault::BadResult),
            "the result of nonsense is not JSON: expected ident at line 1 column 2",
        ),
    ] {
        let endless = ["spin", "chatter"].contains(&method);
        let world = if endless { short() } else { World::new() };
        let fault = world.mutate(&class, method).outcome.unwrap_err();
        assert_eq!(fault.message, message);
        assert_eq!(fault.kind, kind.map_or("unwilling", HostFault::kind));
    }
}

#[test]
fn host_copies_at_most_memory_limit_from_guest() {
    // three texts of half the memory each
    let half = "(i32.const 65536) (i32.const 65000)";
    let body = format!("(call $fail {half} {half} {half})");
    let world = World::limited(|limits| limits.memory = 2 * PAGE + GLUE);
    let fault = world.fault(&RawClass::new().mutation("go", &body), "go");
    assert_fault(&fault, HostFault::Limit(Limit::Memory), "go used more than 131112 bytes of memory");
}

#[test]
fn endless_log_is_truncated() {
    let chatter =
        RawClass::new().mutation("go", "(loop (call $log (i32.const 1) (call $text_null)) (br 0)) (unreachable)");
    let (class, world) = (compile(&chatter), World::limited(|limits| limits.log = 12));
    let method = MethodCall::Mutate { state: b"", name: "go", arguments: &Json::parse("{}").unwrap() };
    let mut said = Vec::new();
    let ran = world.run_all(
        &class,
        method,
        &mut |line| {
            said.push(line.message.clone());
            if line.message == "nu" {
                world.stop.stop();
            }
        },
        None,
    );
    assert_eq!(ran.err(), Some(Aborted::Stopped));
    // four letters and the newline, twice; then the rest, and the note of truncation
    assert_eq!(said[..3], ["null", "null", "nu"]);
    assert_eq!(said.len(), 4);
}

#[test]
fn log_is_truncated_at_limit() {
    let log = |text: &str, limit: u64| {
        let body = format!("(call $log (i32.const 1) (call $text_said)) {NULL}");
        let raw = RawClass::new().text("said", text).mutation("go", &body);
        let ran = World::limited(|limits: &mut Limits| limits.log = limit).mutate(&compile(&raw), "go");
        (ran.log.lines.first().map(|line| line.message.clone()), ran.log.truncated)
    };
    assert_eq!(log("héé", 5), (Some("héé".to_owned()), false));
    assert_eq!(log("héé", 4), (Some("hé".to_owned()), true));
    assert_eq!(log("héé", 0), (None, true));
    // empty lines count too
    let raw = RawClass::new().text("none", "");
    let body = format!(
        "(loop $l (call $log (i32.const 1) (call $text_none)) (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100)))) {NULL}"
    );
    let ran = World::limited(|limits| limits.log = 10).mutate(&compile(&raw.mutation("go", &body)), "go");
    assert_eq!((ran.log.lines.len(), ran.log.truncated), (11, true));
}

#[test]
fn random_gives_at_most_one_mebibyte() {
    let random = |bytes: u32| {
        let body = format!("(call $random (i32.const {bytes}) (global.get $pair)) {NULL}");
        World::new().mutate(&compile(&RawClass::new().mutation("go", &body)), "go").outcome
    };
    assert!(random(1 << 20).is_ok());
    let message = "go trapped: `ctx.random` was asked for 1048577 bytes at once; the host gives 1 MiB";
    assert_fault(&random((1 << 20) + 1).unwrap_err(), HostFault::Trap, message);
}

#[test]
fn large_arguments_and_states_arrive_whole() {
    let arguments = Json::parse(&format!("{{\"text\":\"{}\"}}", "x".repeat(8 << 20))).unwrap();
    let state = vec![5; 64 << 20];
    let raw = RawClass::new().mutation("go", NULL);
    let method = MethodCall::Mutate { state: &state, name: "go", arguments: &arguments };
    assert_eq!(World::new().run(&compile(&raw), method).outcome.unwrap().state.unwrap().len(), state.len());
}
