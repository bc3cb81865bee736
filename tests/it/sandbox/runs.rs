//! Outputs of runs, and the inputs that a guest sees.

use vactor::model::{FaultOrigin, HostFault, Json, Level, Seed};
use vactor::sandbox::{MethodCall, StopSignal};

use super::{World, assert_fault, compile, messages, none, outcome};
use crate::raw::{self, NULL, RawClass};

/// A call of each function of `context`.
const CALLS: [(&str, &str); 8] = [
    ("class-name", "(call $class-name (global.get $pair))"),
    ("version", "(drop (call $version))"),
    ("actor-id", "(call $actor-id (global.get $pair))"),
    ("invocation", "(call $invocation (global.get $pair))"),
    ("attempt", "(drop (call $attempt))"),
    ("log", "(call $log (i32.const 1) (call $text_null))"),
    ("now", "(drop (call $now))"),
    ("random", "(call $random (i32.const 8) (global.get $pair))"),
];

#[test]
fn method_kinds_read_and_write_state_as_specified() {
    let class = compile(
        &RawClass::new()
            .text("seven", "7")
            .text("state", "fresh")
            .export(
                "construct",
                "(global.set $state (call $text_state) (global.set $state.len)) (call $ok (i32.const 0) (i32.const 0))",
            )
            .mutation(
                "drop_one",
                "(global.set $state.len (i32.sub (global.get $state.len) (i32.const 1))) (call $ok (call $text_seven))",
            )
            .query("ask", "(global.set $state.len (i32.const 0)) (call $ok (call $text_seven))")
            .task("work", "(call $ok (call $text_seven))"),
    );
    let (world, arguments) = (World::new(), none());
    let run = |method| {
        let success = world.run(&class, method).outcome.unwrap();
        (success.result.to_string(), success.state)
    };
    let (state, arguments) = (b"abc".as_slice(), &arguments);
    assert_eq!(run(MethodCall::Construct { arguments }), ("null".to_owned(), Some(b"fresh".to_vec())));
    assert_eq!(run(MethodCall::Mutate { state, name: "drop_one", arguments }), ("7".to_owned(), Some(b"ab".to_vec())));
    assert_eq!(run(MethodCall::Query { state, name: "ask", arguments }), ("7".to_owned(), None));
    assert_eq!(run(MethodCall::Task { name: "work", arguments }), ("7".to_owned(), None));
    assert_eq!(run(MethodCall::Migrate { from_version: 2, state }), ("null".to_owned(), Some(b"abc".to_vec())));
}

#[test]
fn run_may_call_all_context_functions() {
    for (name, call) in CALLS {
        let mut raw = RawClass::new().mutation("change", NULL).query("ask", NULL).task("work", NULL);
        for export in ["construct", "set-state", "get-state", "invoke", "migrate"] {
            raw = raw.first(export, call);
        }
        let (class, world, arguments) = (compile(&raw), World::new(), &none());
        for method in [
            MethodCall::Construct { arguments },
            MethodCall::Mutate { state: b"", name: "change", arguments },
            MethodCall::Query { state: b"", name: "ask", arguments },
            MethodCall::Task { name: "work", arguments },
            MethodCall::Migrate { from_version: 1, state: b"" },
        ] {
            let ran = world.run(&class, method);
            assert!(ran.outcome.is_ok(), "{name}: {:?}", ran.outcome);
        }
    }
}

#[test]
fn class_of_first_contract_runs() {
    let component = include_bytes!("../../contracts/counter-0.1.0.wasm");
    let limits = World::new().limits;
    let hash =
        super::SANDBOX.inspect(component, &limits, &StopSignal::default(), &mut || (), &mut |_| ()).unwrap().hash;
    let class = super::SANDBOX.class(&hash, || Ok(component), (&StopSignal::default()).into(), &mut || ()).unwrap();
    let (ten, none) = (Json::parse(r#"{"init_val":10}"#).unwrap(), none());
    let state = World::new().run(&class, MethodCall::Construct { arguments: &ten }).outcome.unwrap().state.unwrap();
    let query = MethodCall::Query { state: &state, name: "value", arguments: &none };
    assert_eq!(World::new().run(&class, query).outcome.unwrap().result.as_str(), "10");
}

#[test]
fn describe_may_call_log_only() {
    for (name, call) in CALLS {
        let raw = RawClass::new().first("describe", call);
        let mut lines = 0;
        let inspected =
            super::SANDBOX
                .inspect(&raw.build(), &World::new().limits, &StopSignal::default(), &mut || (), &mut |_| lines += 1);
        match inspected {
            Ok(_) => assert_eq!((name, lines), ("log", 1)),
            Err(error) => {
                let name = name.replace('-', "_");
                let expected = format!("`describe` called `ctx.{name}`, and may call `ctx.log` alone");
                assert_eq!(error.to_string(), format!("this is no actor class: {expected}"));
            }
        }
    }
}

#[test]
fn guest_gets_its_identity_and_time() {
    let say = "(call $log (i32.const 1) (call $pair))";
    let pairs = ["class-name", "actor-id", "invocation"].map(|of| format!("(call ${of} (global.get $pair)) {say}"));
    let numbers = "(call $log (call $version) (call $text_null)) (call $log (call $attempt) (call $text_null))
        (if (i64.ne (call $now) (i64.const 1234567)) (then (unreachable)))";
    let body = format!("{}{numbers}{NULL}", pairs.concat());
    let class = compile(&RawClass::new().mutation("go", &body).task("work", &body));
    let ran = World::new().mutate(&class, "go");
    assert_eq!(messages(&ran), ["counter", "my_counter", "abc", "null", "null"]);
    // version 3 and attempt 2, as log levels
    let levels: Vec<_> = ran.log.lines.iter().map(|line| line.level).collect();
    assert_eq!(levels, [Level::Info, Level::Info, Level::Info, Level::Error, Level::Warn]);
    let ran = World::new().run(&class, MethodCall::Task { name: "work", arguments: &none() });
    assert_eq!(messages(&ran), ["counter", "", "abc", "null", "null"]);
}

#[test]
fn log_is_seen_at_once_and_kept_when_run_fails() {
    let class = compile(&RawClass::new().mutation("go", "(call $log (i32.const 0) (call $text_null)) (unreachable)"));
    let (mut seen, world) = (Vec::new(), World::new());
    let method = MethodCall::Mutate { state: b"", name: "go", arguments: &none() };
    let ran = world.run_and_see(&class, method, &mut |line| seen.push(line.clone()));
    assert!(ran.outcome.is_err());
    assert_eq!(seen, ran.log.lines);
    assert_eq!((seen[0].level, seen[0].message.as_str()), (Level::Debug, "null"));
}

#[test]
fn same_run_gives_same_bytes() {
    let random = "(call $random (i32.const 16) (global.get $pair))";
    let keep = "(global.set $state (call $pair) (global.set $state.len))";
    let class = compile(
        &RawClass::new()
            .mutation("once", &format!("{random} {keep} {NULL}"))
            .mutation("on", &format!("{random} {random} {keep} {NULL}"))
            .mutation("both", &format!("(call $random (i32.const 32) (global.get $pair)) {keep} {NULL}")),
    );
    let bytes = |world: &World, name| world.mutate(&class, name).outcome.unwrap().state.unwrap();
    let (world, mut other) = (World::new(), World::new());
    other.seed = Seed([8; 32]);
    assert_eq!(bytes(&world, "once"), bytes(&world, "once"));
    assert_ne!(bytes(&world, "once"), bytes(&other, "once"));
    assert_eq!([bytes(&world, "once"), bytes(&world, "on")].concat(), bytes(&world, "both"));
    // these bytes are recorded in journals, so they never change
    assert_eq!(bytes(&world, "once"), EVER);
}

const EVER: [u8; 16] = [183, 65, 244, 84, 35, 222, 246, 178, 6, 248, 11, 116, 84, 102, 210, 160];

#[test]
fn floating_point_is_deterministic() {
    // 0/0 is a negative NaN on x86 and a positive one on ARM
    let nan = "(i64.reinterpret_f64 (f64.div (f64.const 0) (f64.const 0)))";
    let payload = "(i64.reinterpret_f64 (f64.add (f64.const nan:0x123) (f64.const 1)))";
    for bits in [nan, payload] {
        let canonical = format!("(if (i64.ne {bits} (i64.const 0x7ff8000000000000)) (then (unreachable))) {NULL}");
        assert_eq!(outcome(&canonical).unwrap(), "null");
    }
    // an index out of range gives zero if deterministic, lane 0 by x86's own instruction
    let lane =
        "(i8x16.extract_lane_u 0 (i8x16.relaxed_swizzle (i8x16.splat (i32.const 5)) (i8x16.splat (i32.const 16))))";
    assert_eq!(outcome(&format!("(if {lane} (then (unreachable))) {NULL}")).unwrap(), "null");
}

#[test]
fn instance_serves_one_run() {
    let once = "(if (i32.load (i32.const 512)) (then (unreachable))) (i32.store (i32.const 512) (i32.const 1))";
    let class = compile(&RawClass::new().mutation("go", &format!("{once} {NULL}")));
    for _ in 0..2 {
        assert!(World::new().mutate(&class, "go").outcome.is_ok());
    }
}

#[test]
fn class_failure_is_returned_unchanged() {
    let fail = |kind: &str, message: &str, details: &str| {
        let raw = RawClass::new().text("kind", kind).text("message", message).text("details", details);
        let given = if details.is_empty() { "(i32.const 0) (i32.const 0)" } else { "(call $text_details)" };
        let body = format!("(call $fail (call $text_kind) (call $text_message) {given})");
        World::new().fault(&raw.mutation("withdraw", &body), "withdraw")
    };
    let fault = fail("insufficient-funds", "there are only 5", r#"{"left": 5}"#);
    assert_eq!((fault.origin, fault.kind.as_str()), (FaultOrigin::Class, "insufficient-funds"));
    assert_eq!((fault.message.as_str(), fault.details.unwrap().as_str()), ("there are only 5", r#"{"left":5}"#));

    let fault = fail("", "", "");
    assert_eq!((fault.kind.as_str(), fault.message.as_str()), ("failure", "withdraw failed: failure"));
    assert_eq!(fault.details, None);
    assert_eq!(fail(&"k".repeat(256), "m", "").kind, "failure");
    assert_eq!(fail("two\nlines", "m", "").kind, "failure");
    assert_eq!(fail("k", "m", "no JSON").details.unwrap().as_str(), r#""no JSON""#);
    // three kinds of the host are reserved; others may be used by classes
    assert_eq!(fail("trap", "m", "").origin, FaultOrigin::Class);
    for fault in [HostFault::BadArguments, HostFault::BadResult, HostFault::BadState] {
        assert_fault(&fail(fault.kind(), "n is no number", ""), fault, "n is no number");
    }
}

#[test]
fn result_of_invalid_json_is_refused() {
    for (text, why) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{", "EOF while parsing an object at line 1 column 1"),
        ("1 2", "trailing characters at line 1 column 3"),
        ("NaN", "expected value at line 1 column 1"),
    ] {
        let raw = RawClass::new().text("bad", text).mutation("go", "(call $ok (call $text_bad))");
        let message = format!("the result of go is not JSON: {why}");
        assert_fault(&World::new().fault(&raw, "go"), HostFault::BadResult, &message);
    }
    let raw = RawClass::new().text("bad", b"\"\xff\"").mutation("go", "(call $ok (call $text_bad))");
    let fault = World::new().fault(&raw, "go");
    assert!(
        fault.is_host(HostFault::Trap) && fault.message.starts_with("go broke the contract: invalid utf-8"),
        "{fault:?}"
    );
}

#[test]
fn refused_state_is_own_kind_of_fault() {
    let no = "(call $fail (call $text_null) (call $text_why) (i32.const 0) (i32.const 0))";
    let raw = || RawClass::new().text("why", "that is no state").mutation("go", NULL);
    let fault = World::new().fault(&raw::refusing(), "go");
    assert_fault(&fault, HostFault::BadState, "the class cannot read the saved state: that is no state of mine");
    let fault = World::new().fault(&raw().export("get-state", no), "go");
    assert_fault(&fault, HostFault::BadState, "the state cannot be saved: that is no state");
    let class = compile(&raw().export("migrate", no));
    let fault = World::new().run(&class, MethodCall::Migrate { from_version: 1, state: b"" }).outcome.unwrap_err();
    assert_eq!((fault.origin, fault.message.as_str()), (FaultOrigin::Class, "that is no state"));
}

#[test]
fn trap_is_one_sentence() {
    let trap = |body: &str| {
        let fault = outcome(body).unwrap_err();
        assert!(fault.is_host(HostFault::Trap), "{fault:?}");
        fault.message
    };
    assert_eq!(trap("(unreachable)"), "go panicked or aborted; its log may say why");
    assert_eq!(trap("(i32.load (i32.const -4))"), "go trapped: out of bounds memory access");
    assert_eq!(trap("(i32.div_u (i32.const 1) (local.get $i))"), "go trapped: integer divide by zero");
    assert_eq!(
        trap("(call $ok (i32.const -9) (i32.const 4))"),
        "go broke the contract: string pointer/length out of bounds of memory"
    );

    let raw = RawClass::new().fields("(memory (export \"memory\") 2) (func $deep (call $deep) (call $deep))");
    let fault = World::new().fault(&raw.mutation("go", "(call $deep) (unreachable)"), "go");
    assert_fault(&fault, HostFault::Trap, "go ran out of stack: its calls were nested too deep");

    let fault = World::new().fault(&RawClass::new().mutation("go", NULL).export("set-state", "(unreachable)"), "go");
    assert_fault(&fault, HostFault::Trap, "reading the saved state panicked or aborted; its log may say why");
    let raw = RawClass::new().fields("(memory (export \"memory\") 2) (func $no (unreachable)) (start $no)");
    let fault = World::new().fault(&raw.mutation("go", NULL), "go");
    assert_fault(&fault, HostFault::Trap, "the start of the class panicked or aborted; its log may say why");
}
