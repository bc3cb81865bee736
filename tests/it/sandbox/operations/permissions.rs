//! The runs that may perform operations.

use vactor::model::HostFault;
use vactor::sandbox::{MethodCall, StopSignal};

use super::super::{SANDBOX, World, assert_fault, compile, none};
use super::{CALLS, call, class, counting, of_sdk};
use crate::raw::NULL;

#[test]
fn operations_are_allowed_in_mutation_and_constructor_only() {
    // `version` selects the function, `attempt` the export that calls it
    let calls = CALLS
        .iter()
        .enumerate()
        .map(|(n, (_, call))| format!("(if (i32.eq (call $version) (i32.const {n})) (then {}))", call));
    let ask = format!("(func $each {})", calls.collect::<String>());
    let started = "(func $start (if (i32.eq (call $attempt) (i32.const 1)) (then (call $each)))) (start $start)";
    let at = |place: u32| format!("(if (i32.eq (call $attempt) (i32.const {place})) (then (call $each)))");
    let class = compile(
        &class(&format!("{} {NULL}", at(9)))
            .fields(&format!("(memory (export \"memory\") 2) {ask} {started}"))
            .first("set-state", &at(2))
            .first("get-state", &at(3))
            .first("construct", &at(9))
            .first("migrate", &at(9))
            .query("ask", &format!("(call $each) {NULL}"))
            .task("work", &format!("(call $each) {NULL}")),
    );
    let (arguments, state) = (&none(), b"".as_slice());
    let construct = MethodCall::Construct { arguments };
    let mutate = MethodCall::Mutate { state, name: "go", arguments };
    let query = MethodCall::Query { state, name: "ask", arguments };
    let task = MethodCall::Task { name: "work", arguments };
    let migrate = MethodCall::Migrate { from_version: 1, state };
    for (number, (name, _)) in CALLS.iter().enumerate() {
        // these two functions need a handle
        let needs_handle = ["wait-any", "handle.cancel"].contains(name);
        for (attempt, method, who) in [
            (1, mutate, "the start of a class"),
            (2, mutate, "`set_state`"),
            (3, mutate, "`get_state`"),
            (3, construct, "`get_state`"),
            (2, query, "`set_state`"),
            (0, query, "a query"),
            (0, task, "a task"),
            (9, migrate, "`migrate`"),
        ] {
            let world = World { version: number as u32, attempt, ..World::new() };
            let asked = world.ask(&class, method, counting());
            let fault = asked.ran.outcome.unwrap_err();
            // functions that need the memory are not linked while a module starts
            let is_linked = attempt != 1 || *name == "timer";
            if is_linked && !needs_handle {
                let message = format!("{who} may not call `{}`; a mutation and a constructor may", of_sdk(name));
                assert_fault(&fault, HostFault::Trap, &message);
            }
            assert_eq!(asked.asked, []);
        }
        let world = World { version: number as u32, attempt: 9, ..World::new() };
        for method in [construct, mutate] {
            let ran = world.ask(&class, method, counting()).ran;
            assert!(ran.outcome.is_ok() != needs_handle, "{name}: {:?}", ran.outcome);
            let fault = world.run(&class, method).outcome.unwrap_err();
            if !needs_handle {
                let message = format!("`{}` was called in a run that performs no operations", of_sdk(name));
                assert_fault(&fault, HostFault::Trap, &message);
            }
        }
    }
}

#[test]
fn handle_after_mutation_can_only_be_dropped() {
    for (name, late) in [
        ("wait-any", "(drop (call $wait-kept (i32.const 1)))"),
        ("handle.wait", "(call $handle.wait (call $kept (i32.const 0)) (global.get $pair))"),
        ("handle.invocation", "(call $handle.invocation (call $kept (i32.const 0)) (global.get $pair))"),
        ("handle.cancel", call("handle.cancel")),
        ("", "(call $handle.drop (call $kept (i32.const 0)))"),
    ] {
        let class = compile(&class(&format!("{} {NULL}", call("start-actor"))).first("get-state", late));
        let method = MethodCall::Mutate { state: b"", name: "go", arguments: &none() };
        let ran = World::new().ask(&class, method, counting()).ran;
        match ran.outcome {
            Ok(_) => assert_eq!(name, ""),
            Err(fault) => {
                let message = format!("`get_state` may not call `{}`; a mutation and a constructor may", of_sdk(name));
                assert_fault(&fault, HostFault::Trap, &message);
            }
        }
    }
}

#[test]
fn describe_may_call_no_operation() {
    for name in ["save", "start-actor", "event"] {
        let raw = class(NULL).first("describe", call(name));
        let error = SANDBOX
            .inspect(&raw.build(), &World::new().limits, &StopSignal::default(), &mut || (), &mut |_| ())
            .unwrap_err();
        let message = format!("`describe` called `{}`, and may call `ctx.log` alone", of_sdk(name));
        assert_eq!(error.to_string(), format!("this is no actor class: {message}"));
    }
}
