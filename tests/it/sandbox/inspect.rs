//! Files that are classes, and the reasons for which others are refused.

use std::time::Duration;

use vactor::model::{ClassDefect, Error, Hash, Limit, Limits};
use vactor::sandbox::StopSignal;

use super::SANDBOX;
use crate::raw::{self, NULL, RawClass};

/// Why a file is refused.
fn refused(bytes: &[u8]) -> (String, ClassDefect) {
    refused_within(bytes, &Limits::default())
}

fn refused_within(bytes: &[u8], limits: &Limits) -> (String, ClassDefect) {
    match SANDBOX.inspect(bytes, limits, &StopSignal::default(), &mut || (), &mut |_| ()) {
        Err(Error::NotAClass { reason, defect }) => (reason, defect),
        Err(other) => panic!("refused for another reason: {other:?}"),
        Ok(_) => panic!("taken for a class"),
    }
}

fn reason(bytes: &[u8]) -> String {
    refused(bytes).0
}

#[test]
fn core_module_becomes_same_component() {
    let class = RawClass::new().mutation("go", NULL).query("ask", NULL);
    let component = class.build();
    for bytes in [&component, &class.module()] {
        let found =
            SANDBOX.inspect(bytes, &Limits::default(), &StopSignal::default(), &mut || (), &mut |_| ()).unwrap();
        assert_eq!(found.component, component);
        assert_eq!(found.hash, Hash::of(&component));
        let names: Vec<_> = found.class.methods.iter().map(|method| method.name.as_str()).collect();
        assert_eq!(names, ["new", "go", "ask"]);
        assert!(found.description.as_str().starts_with("{\"methods\":[{\"name\":\"new\""));
    }
}

#[test]
fn other_file_is_refused() {
    for (bytes, expected) in [(b"".as_slice(), "it is empty"), (b"#!/bin/sh\n", "it is no WebAssembly")] {
        assert_eq!(refused(bytes), (expected.to_owned(), ClassDefect::NoClass));
    }
}

#[test]
fn truncated_component_is_refused() {
    let component = RawClass::new().build();
    for end in [9, 100, component.len() / 2, component.len() - 1] {
        let reason = reason(&component[..end]);
        assert!(reason.starts_with("it is damaged") || reason.contains("does not export"), "{end}: {reason}");
    }
}

#[test]
fn foreign_imports_are_refused_by_name() {
    let (reason, defect) = refused(&raw::with_wasi());
    assert_eq!(reason, "it imports `wasi:cli/environment@0.2.0`; a class may import `vactor:actor/context` alone");
    assert_eq!(defect, ClassDefect::Imports);

    let wit = "package a:b; world w { import c; import now: func() -> u64; } interface c { f: func(); }";
    let core = r#"(module (import "a:b/c" "f" (func)) (import "$root" "now" (func (result i64))))"#;
    let expected = "it imports `a:b/c`, `now`; a class may import `vactor:actor/context` alone";
    assert_eq!(refused(&raw::component(core, wit)).0, expected);
}

#[test]
fn wasi_module_is_refused_by_import_names() {
    let module = wat::parse_str(r#"(module (import "wasi_snapshot_preview1" "fd_write" (func)))"#).unwrap();
    assert!(reason(&module).starts_with("it imports `wasi_snapshot_preview1`; "));
}

#[test]
fn browser_module_is_refused_by_import_names() {
    let module = r#"(module (import "__wbindgen_placeholder__" "__wbindgen_throw" (func)))"#;
    let (reason, defect) = refused(&wat::parse_str(module).unwrap());
    assert!(reason.starts_with("it imports `__wbindgen_placeholder__`; "), "{reason}");
    assert_eq!(defect, ClassDefect::BrowserImports);
}

#[test]
fn core_module_without_component_type_is_refused() {
    let module = wat::parse_str("(module)").unwrap();
    assert_eq!(reason(&module), "it is a core module that does not carry a component's type");
}

#[test]
fn component_without_class_interface_is_refused() {
    let component = wat::parse_str("(component)").unwrap();
    assert_eq!(reason(&component), "it does not export `vactor:actor/class`");
}

#[test]
fn missing_exports_are_refused_by_name() {
    let wit = r#"package vactor:actor@0.1.0; world actor { export class; }
        interface class { describe: func() -> string; construct: func(arguments: string); invoke: func(); }"#;
    let core = r#"(module (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "vactor:actor/class@0.1.0#describe") (result i32) unreachable)
        (func (export "vactor:actor/class@0.1.0#construct") (param i32 i32))
        (func (export "vactor:actor/class@0.1.0#invoke")))"#;
    let (reason, defect) = refused(&raw::component(core, wit));
    assert_eq!(reason, "its export `vactor:actor/class` lacks `get-state`, `migrate`, `set-state`");
    assert_eq!(defect, ClassDefect::MissingExports);
}

#[test]
fn exports_of_other_types_are_refused() {
    let wit =
        include_str!("../../../wit/0.1/actor.wit").replace("describe: func() -> json;", "describe: func() -> u32;");
    let core = RawClass::new().export("describe", "(i32.const 0)").wat();
    assert_eq!(
        reason(&raw::component(&core, &wit)),
        "it does not have the contract's types: expected `string` found `u32`"
    );
}

#[test]
fn other_contract_version_is_refused() {
    for (version, fits) in [("0.1.2", false), ("0.2.1", false), ("1.0.0", false), ("0.1.1", true), ("0.1.0", true)] {
        let wit = include_str!("../../../wit/0.1/actor.wit").replace("actor@0.1.1", &format!("actor@{version}"));
        let component = raw::component(&RawClass::new().wat().replace("@0.1.1", &format!("@{version}")), &wit);
        let found = SANDBOX.inspect(&component, &Limits::default(), &StopSignal::default(), &mut || (), &mut |_| ());
        match found {
            Ok(_) => assert!(fits),
            Err(error) => {
                let expected =
                    format!("it is built for version {version} of the contract, this vactor knows 0.1.1 and 0.2.0");
                assert_eq!((error.to_string(), fits), (format!("this is no actor class: {expected}"), false));
            }
        }
    }
}

#[test]
fn unknown_host_functions_are_refused_by_name() {
    let wit =
        include_str!("../../../wit/0.1/actor.wit").replace("now: func() -> u64;", "now: func() -> u64; sing: func();");
    let fields = r#"(import "vactor:actor/context@0.1.1" "sing" (func $sing)) (memory (export "memory") 2)"#;
    let core = RawClass::new().fields("").wat().replacen("(global $heap", &format!("{fields} (global $heap"), 1);
    let core = core.replace("(call $text_description)", "(call $sing) (call $text_description)");
    let expected = "it asks `vactor:actor/context@0.1.1` for `sing`, which this vactor does not have";
    assert_eq!(reason(&raw::component(&core, &wit)), expected);
}

#[test]
fn shared_memory_is_refused() {
    let raw = RawClass::new().fields("(memory (export \"memory\") 2) (memory 1 1 shared)");
    let module = raw::module(&raw.wat(), include_str!("../../../wit/0.1/actor.wit"));
    let (reason, defect) = refused(&module);
    assert!(reason.contains("threads must be enabled"), "{reason}");
    assert_eq!(defect, ClassDefect::Invalid);
}

#[test]
fn trapping_describe_is_refused_with_its_log() {
    let raw = RawClass::new()
        .first("describe", "(call $log (i32.const 3) (call $text_why)) (unreachable)")
        .text("why", "oh no");
    let (reason, defect) = refused(&raw.build());
    assert_eq!(reason, "describe panicked or aborted; its log may say why");
    assert_eq!(defect, ClassDefect::Description { limit: None, last_message: Some("oh no".to_owned()) });
    let looping = RawClass::new().first("describe", "(loop (br 0))");
    let limits = Limits { time: Duration::from_millis(20), ..Limits::default() };
    let (reason, defect) = refused_within(&looping.build(), &limits);
    assert_eq!(reason, "describe computed for longer than 20 ms");
    assert_eq!(defect, ClassDefect::Description { limit: Some(Limit::Time), last_message: None });
}

#[test]
fn invalid_description_is_refused() {
    for (said, expected) in [
        ("hello", "the result of describe is not JSON: expected value at line 1 column 1"),
        ("[]", "the result of `describe` breaks a rule: it does not have the contract's shape: "),
        (
            r#"{"methods":[]}"#,
            "the result of `describe` breaks a rule: a class has exactly one constructor, this one has 0",
        ),
    ] {
        let reason = reason_of(&RawClass::new().description(said));
        assert!(reason.starts_with(expected), "{reason}");
    }
}

fn reason_of(raw: &RawClass) -> String {
    reason(&raw.build())
}
