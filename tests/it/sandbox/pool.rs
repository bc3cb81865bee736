//! Pooled instances, and memories without reserved address space: a class behaves there as
//! elsewhere.

use std::sync::Barrier;
use std::time::Duration;

use vactor::model::Hash;
use vactor::sandbox::{Cache, MethodCall, ReadyClass, Sandbox, StopSignal};

use super::{World, compile, none};
use crate::raw::{self, NULL, RawClass};

/// A sandbox with a pool of so many instances, and a cache of its own: only cached classes are
/// pooled.
struct Pooled {
    sandbox: Sandbox,
    #[expect(dead_code, reason = "removed when it is dropped")]
    folder: tempfile::TempDir,
}

impl Pooled {
    fn new(places: usize) -> Pooled {
        let folder = tempfile::tempdir().unwrap();
        Pooled { sandbox: Sandbox::pooled(Cache::at(folder.path().join("cache")), places), folder }
    }

    fn ready(&self, raw: &RawClass) -> ReadyClass {
        let component = raw.build();
        self.sandbox
            .ready(&Hash::of(&component), || Ok(&component), (&StopSignal::default()).into(), &mut || ())
            .unwrap()
    }
}

/// Runs the method twice in a pool, whose first run compiles outside of it, and once without
/// reservations.
#[track_caller]
fn same(world: &World, raw: &RawClass, name: &str) {
    let pooled = Pooled::new(1);
    let component = raw.build();
    let compact = Sandbox::new(Cache::none()).without_reservations();
    let compact =
        compact.ready(&Hash::of(&component), || Ok(&component), (&StopSignal::default()).into(), &mut || ()).unwrap();
    let expected = world.mutate(&compile(raw), name).outcome.map(|success| (success.result, success.state));
    for _ in 0..3 {
        let found = world.mutate(&pooled.ready(raw), name).outcome.map(|success| (success.result, success.state));
        assert_eq!(found, expected, "{name}");
    }
    let found = world.mutate(&compact, name).outcome.map(|success| (success.result, success.state));
    assert_eq!(found, expected, "{name} without reservations");
}

#[test]
fn hostile_class_ends_in_pool_as_outside() {
    let mut world = World::new();
    world.limits.time = Duration::from_millis(20);
    for name in ["fail", "panic", "spin", "huge", "bloat", "nonsense"] {
        let mut world = world.clone();
        if name != "spin" {
            world.limits.time = Duration::from_secs(60);
        }
        same(&world, &raw::hostile(), name);
    }
    same(&World::limited(|limits| limits.memory = 8 << 20), &raw::hostile(), "eat");
}

#[test]
fn tables_and_memories_grow_in_pool_as_outside() {
    let grown = "(local.set $n (table.grow $t (ref.null func) (i32.const COUNT)))
        (i32.store (i32.const 65536) (i32.add (i32.const 48) (i32.eq (local.get $n) (i32.const 1))))
        (call $ok (i32.const 65536) (i32.const 1))";
    for table in ["(table $t 1 funcref)", "(table $t 1 100 funcref)"] {
        for count in ["1", "99", "100", "30000", "40000000", "-1"] {
            let fields = format!("(memory (export \"memory\") 2) {table}");
            let raw = RawClass::new().fields(&fields).mutation("go", &grown.replace("COUNT", count));
            same(&World::new(), &raw, "go");
        }
    }
    let grown =
        grown.replace("table.grow $t (ref.null func)", "memory.grow").replace("(i32.const 1))))", "(i32.const 2))))");
    for memory in ["2", "2 100"] {
        for count in ["1", "98", "99", "4000", "5000", "65534", "65535", "-1"] {
            let fields = format!("(memory (export \"memory\") {memory})");
            let raw = RawClass::new().fields(&fields).mutation("go", &grown.replace("COUNT", count));
            same(&World::new(), &raw, "go");
        }
    }
}

/// The first run fills its memory, its globals and its table, which the next must not see.
#[test]
fn pooled_instance_begins_empty() {
    let body =
        "(if (i32.or (i32.load (i32.const 70000)) (i32.or (global.get $left) (i32.ne (memory.size) (i32.const 2))))
            (then (unreachable)))
        (if (i32.ne (table.size $t) (i32.const 1)) (then (unreachable)))
        (i32.store (i32.const 70000) (i32.const 7)) (global.set $left (i32.const 7))
        (drop (table.grow $t (ref.null func) (i32.const 10)))
        (drop (memory.grow (i32.const 300))) (memory.fill (i32.const 131072) (i32.const 7) (i32.const 19660800))";
    let fields = "(memory (export \"memory\") 2) (table $t 1 funcref) (global $left (mut i32) (i32.const 0))";
    let raw = RawClass::new().fields(fields).mutation("go", &format!("{body} {NULL}"));
    same(&World::new(), &raw, "go");
}

/// A class that is too large for the pool, and more runs than pooled instances.
#[test]
fn run_without_free_place_runs_outside_pool() {
    let tables: String = (0..20).map(|n| format!("(table $t{n} 1 funcref)")).collect();
    let fields = format!("(memory (export \"memory\") 2) {tables}");
    same(&World::new(), &RawClass::new().fields(&fields).mutation("go", NULL), "go");

    let raw = RawClass::new().mutation("go", &format!("(call $log (i32.const 1) (call $text_null)) {NULL}"));
    let pooled = Pooled::new(2);
    drop(pooled.ready(&raw));
    let together = Barrier::new(5);
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                let (world, class) = (World::new(), pooled.ready(&raw));
                let method = MethodCall::Mutate { state: b"", name: "go", arguments: &none() };
                // all runs are in their middle at once
                let ran = world.run_and_see(&class, method, &mut |_| {
                    together.wait();
                });
                assert!(ran.outcome.is_ok(), "{:?}", ran.outcome);
            });
        }
    });
}
