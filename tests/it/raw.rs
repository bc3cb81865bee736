//! Classes in WebAssembly text, for behaviour that no SDK allows, and for exact behaviour.

use std::fmt::Write;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const WIT: &str = include_str!("../../wit/0.1/actor.wit");

/// A well-behaved class by default: its state is the bytes that it was given, its constructor `new`
/// leaves the state empty, and it has the methods that a test adds.
///
/// Bodies are instructions in the folded text format. They find:
///
/// - `(call $text_NAME)`: address and length of a text that was given by [`RawClass::text`].
/// - `(call $answer (ptr) (len))`: what `describe` gives back; `(call $ok (ptr) (len))` and `(call $fail (kind) (len) (message) (len) (details or 0) (len))`: what a method gives back.
/// - the functions of `context` by their names, those that give a text or bytes with the address of a pair to write:
///   `(call $actor-id (global.get $pair))`, and `(call $pair)` that gives what was written there.
/// - `$state` and `$state.len`, globals; the locals `$i` and `$n`.
/// - with [`RawClass::operations`], what `context` has of those, such as `$start-actor` and `$handle.cancel`; a handle can be
///   kept by `(call $keep (slot) (handle))` and had by `(call $kept (slot))`; `$wait` gives address and length of its answer,
///   and says each part of a fault to the log and gives `null`; `$wait-kept` gives the index among the first so many slots.
pub struct RawClass {
    methods: Vec<(String, &'static str, String)>,
    exports: Vec<(&'static str, String)>,
    first: Vec<(&'static str, String)>,
    description: Option<String>,
    texts: Vec<(String, Vec<u8>)>,
    fields: String,
    operations: bool,
}

/// The contract's exports, as core functions.
const EXPORTS: [(&str, &str); 6] = [
    ("describe", "(result i32)"),
    ("construct", "(param $arguments i32) (param $arguments.len i32) (result i32)"),
    ("set-state", "(param $new i32) (param $new.len i32) (result i32)"),
    ("get-state", "(result i32)"),
    (
        "invoke",
        "(param $method i32) (param $method.len i32) (param $arguments i32) (param $arguments.len i32) (result i32)",
    ),
    ("migrate", "(param $version i32) (param $old i32) (param $old.len i32) (result i32)"),
];

/// The code of every class. Data is below 64 KiB, memory of the host above.
const COMMON: &str = r#"
  (import "vactor:actor/context@0.1.1" "class-name" (func $class-name (param i32)))
  (import "vactor:actor/context@0.1.1" "version" (func $version (result i32)))
  (import "vactor:actor/context@0.1.1" "actor-id" (func $actor-id (param i32)))
  (import "vactor:actor/context@0.1.1" "invocation" (func $invocation (param i32)))
  (import "vactor:actor/context@0.1.1" "attempt" (func $attempt (result i32)))
  (import "vactor:actor/context@0.1.1" "log" (func $log (param i32 i32 i32)))
  (import "vactor:actor/context@0.1.1" "now" (func $now (result i64)))
  (import "vactor:actor/context@0.1.1" "random" (func $random (param i32 i32)))
  (global $heap (mut i32) (i32.const 65536))
  (global $state (mut i32) (i32.const 0))
  (global $state.len (mut i32) (i32.const 0))
  (global $back i32 (i32.const 16))
  (global $pair i32 (i32.const 64))
  (func $alloc (param $size i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (if (i32.gt_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536)))
      (then (drop (memory.grow (i32.add (i32.const 1) (i32.shr_u (i32.sub (global.get $heap)
        (i32.mul (memory.size) (i32.const 65536))) (i32.const 16)))))))
    (local.get $at))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (call $alloc (local.get 3)))
  (func $pair (result i32 i32) (i32.load (global.get $pair)) (i32.load offset=4 (global.get $pair)))
  (func $answer (param i32 i32) (result i32)
    (i32.store (global.get $back) (local.get 0))
    (i32.store offset=4 (global.get $back) (local.get 1))
    (global.get $back))
  (func $ok (param i32 i32) (result i32)
    (i32.store (global.get $back) (i32.const 0))
    (i32.store offset=4 (global.get $back) (local.get 0))
    (i32.store offset=8 (global.get $back) (local.get 1))
    (global.get $back))
  (func $fail (param i32 i32 i32 i32 i32 i32) (result i32)
    (i32.store (global.get $back) (i32.const 1))
    (i32.store offset=4 (global.get $back) (local.get 0))
    (i32.store offset=8 (global.get $back) (local.get 1))
    (i32.store offset=12 (global.get $back) (local.get 2))
    (i32.store offset=16 (global.get $back) (local.get 3))
    (i32.store offset=20 (global.get $back) (i32.ne (local.get 4) (i32.const 0)))
    (i32.store offset=24 (global.get $back) (local.get 4))
    (i32.store offset=28 (global.get $back) (local.get 5))
    (global.get $back))
  (func $is (param $a i32) (param $a.len i32) (param $b i32) (param $b.len i32) (result i32) (local $i i32)
    (if (i32.ne (local.get $a.len) (local.get $b.len)) (then (return (i32.const 0))))
    (loop $next
      (if (i32.eq (local.get $i) (local.get $a.len)) (then (return (i32.const 1))))
      (if (i32.ne (i32.load8_u (i32.add (local.get $a) (local.get $i)))
                  (i32.load8_u (i32.add (local.get $b) (local.get $i)))) (then (return (i32.const 0))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next))
    (unreachable))
"#;

/// The additional code of a class with operations.
const OPERATIONS: &str = r#"
  (import "vactor:actor/context@0.1.1" "save" (func $save (param i32 i32)))
  (import "vactor:actor/context@0.1.1" "wait-any" (func $wait-any (param i32 i32) (result i32)))
  (import "vactor:actor/context@0.1.1" "start-actor" (func $start-actor (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "vactor:actor/context@0.1.1" "start-or-create"
    (func $start-or-create (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "vactor:actor/context@0.1.1" "start-task" (func $start-task (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "vactor:actor/context@0.1.1" "attach" (func $attach (param i32 i32) (result i32)))
  (import "vactor:actor/context@0.1.1" "send-actor" (func $send-actor (param i32 i32 i32 i32 i32 i32 i64 i32)))
  (import "vactor:actor/context@0.1.1" "send-or-create"
    (func $send-or-create (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64 i32)))
  (import "vactor:actor/context@0.1.1" "send-task" (func $send-task (param i32 i32 i32 i32 i32 i32 i64 i32)))
  (import "vactor:actor/context@0.1.1" "meta" (func $meta (param i32 i32 i32 i32)))
  (import "vactor:actor/context@0.1.1" "ask" (func $ask (param i32 i32 i32 i32 i32 i32 i32)))
  (import "vactor:actor/context@0.1.1" "timer" (func $timer (param i64) (result i32)))
  (import "vactor:actor/context@0.1.1" "event" (func $event (param i32 i32) (result i32)))
  (import "vactor:actor/context@0.1.1" "[method]handle.invocation" (func $handle.invocation (param i32 i32)))
  (import "vactor:actor/context@0.1.1" "[method]handle.wait" (func $handle.wait (param i32 i32)))
  (import "vactor:actor/context@0.1.1" "[method]handle.cancel" (func $handle.cancel (param i32)))
  (import "vactor:actor/context@0.1.1" "[resource-drop]handle" (func $handle.drop (param i32)))
"#;

const WITH_HANDLES: &str = r#"
  (func $keep (param i32 i32) (i32.store offset=512 (i32.mul (local.get 0) (i32.const 4)) (local.get 1)))
  (func $kept (param i32) (result i32) (i32.load offset=512 (i32.mul (local.get 0) (i32.const 4))))
  (func $wait-kept (param i32) (result i32) (call $wait-any (i32.const 512) (local.get 0)))
  (func $wait (param i32) (result i32 i32)
    (call $handle.wait (local.get 0) (i32.const 128))
    (if (i32.load8_u (i32.const 128)) (then
      ;; its kind at the level of its origin
      (call $log (i32.load8_u (i32.const 132)) (i32.load (i32.const 136)) (i32.load (i32.const 140)))
      (call $log (i32.const 1) (i32.load (i32.const 144)) (i32.load (i32.const 148)))
      (if (i32.load8_u (i32.const 152))
        (then (call $log (i32.const 1) (i32.load (i32.const 156)) (i32.load (i32.const 160)))))
      (call $log (i32.const 1) (i32.load (i32.const 164)) (i32.load (i32.const 168)))
      (return (call $text_null))))
    (i32.load (i32.const 132)) (i32.load (i32.const 136)))
"#;

/// The end of a method that returns null.
pub const NULL: &str = "(call $ok (call $text_null))";

impl RawClass {
    pub fn new() -> RawClass {
        let class = RawClass {
            methods: Vec::new(),
            exports: Vec::new(),
            first: Vec::new(),
            description: None,
            texts: Vec::new(),
            fields: "(memory (export \"memory\") 2)".to_owned(),
            operations: false,
        };
        class.text("null", "null")
    }

    pub fn mutation(self, name: &str, body: &str) -> RawClass {
        self.method(name, "mutation", body)
    }

    pub fn query(self, name: &str, body: &str) -> RawClass {
        self.method(name, "query", body)
    }

    pub fn task(self, name: &str, body: &str) -> RawClass {
        self.method(name, "task", body)
    }

    fn method(mut self, name: &str, kind: &'static str, body: &str) -> RawClass {
        self.methods.push((name.to_owned(), kind, body.to_owned()));
        let text = format!("method_{name}");
        self.text(&text, name)
    }

    /// Gives an export another body.
    pub fn export(mut self, name: &'static str, body: &str) -> RawClass {
        self.exports.push((name, body.to_owned()));
        self
    }

    /// Runs other code before an export.
    pub fn first(mut self, name: &'static str, body: &str) -> RawClass {
        self.first.push((name, body.to_owned()));
        self
    }

    /// Replaces the description.
    pub fn description(mut self, text: &str) -> RawClass {
        self.description = Some(text.to_owned());
        self
    }

    pub fn text(mut self, name: &str, text: impl AsRef<[u8]>) -> RawClass {
        self.texts.push((name.to_owned(), text.as_ref().to_vec()));
        self
    }

    /// Replaces the memory of two pages, and adds other fields of a module.
    pub fn fields(mut self, fields: &str) -> RawClass {
        self.fields = fields.to_owned();
        self
    }

    /// Imports the operations of `context` too.
    pub fn operations(mut self) -> RawClass {
        self.operations = true;
        self
    }

    /// The component.
    pub fn build(&self) -> Vec<u8> {
        component(&self.wat(), WIT)
    }

    /// The core module, with its component's type.
    pub fn module(&self) -> Vec<u8> {
        module(&self.wat(), WIT)
    }

    pub fn wat(&self) -> String {
        let (imports, functions) = if self.operations { (OPERATIONS, WITH_HANDLES) } else { ("", "") };
        let mut wat = format!("(module {imports} {COMMON} {functions} {}\n", self.fields);
        let description = self.description.clone().unwrap_or_else(|| self.describe());
        let mut at = 1024;
        for (name, bytes) in self.texts.iter().chain([&("description".to_owned(), description.into_bytes())]) {
            let data: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
            let _ = writeln!(wat, "(data (i32.const {at}) \"{data}\")");
            let _ = writeln!(wat, "(func $text_{name} (result i32 i32) (i32.const {at}) (i32.const {}))", bytes.len());
            at += bytes.len();
        }
        assert!(at < 65536, "the texts of a raw class fit below 64 KiB");
        for (name, signature) in EXPORTS {
            let body = match self.exports.iter().find(|(other, _)| *other == name) {
                Some((_, body)) => body.clone(),
                None => self.usual(name),
            };
            let first: String =
                self.first.iter().filter(|(of, _)| *of == name).map(|(_, body)| body.as_str()).collect();
            let export = format!("vactor:actor/class@0.1.1#{name}");
            let _ =
                writeln!(wat, "(func (export \"{export}\") {signature} (local $i i32) (local $n i32) {first} {body})");
        }
        wat + ")"
    }

    fn usual(&self, export: &str) -> String {
        match export {
            "describe" => "(call $text_description) (call $answer)".to_owned(),
            "construct" => "(call $ok (i32.const 0) (i32.const 0))".to_owned(),
            "set-state" => "(global.set $state (local.get $new)) (global.set $state.len (local.get $new.len))
                (call $ok (i32.const 0) (i32.const 0))"
                .to_owned(),
            "get-state" => "(call $ok (global.get $state) (global.get $state.len))".to_owned(),
            "migrate" => "(call $ok (local.get $old) (local.get $old.len))".to_owned(),
            _ => {
                self.methods.iter().fold(String::new(), |mut all, (name, _, body)| {
                    let _ = writeln!(
                        all,
                        "(if (call $is (local.get $method) (local.get $method.len) (call $text_method_{name}))
                       (then {body} (return)))"
                    );
                    all
                }) + "(unreachable)"
            }
        }
    }

    fn describe(&self) -> String {
        let methods = self.methods.iter().map(|(name, kind, _)| {
            let result = if *kind == "constructor" { "" } else { ",\"result\":{}" };
            format!("{{\"name\":\"{name}\",\"kind\":\"{kind}\"{result}}}")
        });
        let all: Vec<_> = [r#"{"name":"new","kind":"constructor"}"#.to_owned()].into_iter().chain(methods).collect();
        format!("{{\"methods\":[{}]}}", all.join(","))
    }
}

/// A class whose methods misbehave, one in each way. All of them are mutations without parameters.
pub fn hostile() -> RawClass {
    let huge = "(drop (memory.grow (i32.const 1600)))
        (memory.fill (i32.const 65536) (i32.const 49) (i32.const 100000000))
        (call $ok (i32.const 65536) (i32.const 100000000))";
    let fail = "(call $fail (call $text_kind) (call $text_said) (i32.const 0) (i32.const 0))";
    let bloat = "(drop (memory.grow (i32.const 1600))) (global.set $state.len (i32.const 100000000))";
    RawClass::new()
        .text("said", "no, I will not")
        .text("kind", "unwilling")
        .mutation("fail", fail)
        .mutation("panic", "(call $log (i32.const 3) (call $text_said)) (unreachable)")
        .mutation("spin", "(loop (br 0)) (unreachable)")
        .mutation("eat", "(loop (drop (memory.grow (i32.const 100))) (br 0)) (unreachable)")
        .mutation("huge", huge)
        .mutation("bloat", &format!("{bloat} {NULL}"))
        .mutation("chatter", "(loop (call $log (i32.const 1) (call $text_said)) (br 0)) (unreachable)")
        .mutation("nonsense", "(call $ok (call $text_said))")
}

/// A class that refuses the state that it returned.
pub fn refusing() -> RawClass {
    let no = "(call $fail (call $text_null) (call $text_said) (i32.const 0) (i32.const 0))";
    RawClass::new().text("said", "that is no state of mine").export("set-state", no).mutation("go", NULL)
}

/// A component that imports WASI functions.
pub fn with_wasi() -> Vec<u8> {
    let wit = "package a:b; world w { import wasi:cli/environment@0.2.0; }
        package wasi:cli@0.2.0 { interface environment { get: func() -> u32; } }";
    component(r#"(module (import "wasi:cli/environment@0.2.0" "get" (func (result i32))))"#, wit)
}

/// A core module with a component's type; `wit` has one world.
pub fn module(wat: &str, wit: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("test.wit", wit).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let mut module = wat::parse_str(wat).unwrap_or_else(|error| panic!("{error}\n{wat}"));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    module
}

/// The component of a core module.
pub fn component(wat: &str, wit: &str) -> Vec<u8> {
    let mut encoder = ComponentEncoder::default().module(&module(wat, wit)).unwrap();
    encoder.encode().unwrap()
}
