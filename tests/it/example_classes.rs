//! The example classes counter, account and inventory, through the command line.

use crate::classes;
use crate::support::Vactor;

#[test]
fn counter_counts() {
    let vactor = Vactor::new();
    let component = classes::component("counter");
    let ran = vactor.run(["register", "counter", component.to_str().unwrap()]);
    assert!(ran.stderr.contains("made a store at ") && ran.stderr.contains("registered counter, version 1"), "{ran:?}");
    assert_eq!(vactor.line("create counter my_counter 0").ok(), "");
    let ran = vactor.line("call my_counter incr 10");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str(), ran.code), ("10\n", "my_counter: 10\n", 0));
    assert_eq!(vactor.line("get my_counter value").ok(), "10\n");
    assert_eq!(vactor.line("call my_counter incr").ok(), "11\n");
    assert_eq!(vactor.line("call my_counter incr val=-1").ok(), "10\n");
    vactor.line("get my_counter incr").refuses(2, "incr is a mutation", "`vactor call`");
    assert_eq!(vactor.line("log my_counter").ok().lines().count(), 5);
}

#[test]
fn account_refuses_overdraft() {
    let vactor = Vactor::new();
    let component = classes::component("account");
    vactor.run(["register", "account", component.to_str().unwrap()]).ok();
    vactor.line("create account alice Alice").ok();
    let ran = vactor.line("call alice withdraw 5");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("cause: insufficient-funds {"), "{ran:?}");
}

#[test]
fn inventory_is_queried_and_picked() {
    let vactor = Vactor::new();
    let component = classes::component("inventory");
    vactor.run(["register", "inventory", component.to_str().unwrap()]).ok();
    vactor.line("create inventory shop with_parts_list=true").ok();
    // optional and list arguments, and a filter
    let found = vactor.run(["get", "shop", "find", "yageo", r#"tags=["through-hole"]"#, "max_cents=10"]).ok();
    assert!(found.starts_with(r#"[{"sku":"R-CFR25-"#), "{found}");
    assert_eq!(vactor.line("get shop find nothing-like-it").ok(), "[]\n");
    let worth = vactor.line("get shop worth").ok();
    // nested arguments: an order is picked whole or not at all
    let order = |lines: &str| vactor.run(["call", "shop", "pick", &format!("lines={lines}"), "order=A-1"]);
    let refused = order(r#"[{"sku":"R-CFR25-1K","quantity":1},{"sku":"R-CFR25-10K","quantity":4000000}]"#);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert_eq!(vactor.line("get shop worth").ok(), worth);
    let picked = order(r#"[{"sku":"R-CFR25-1K","quantity":2}]"#);
    assert_eq!((picked.code, picked.stdout.as_str()), (0, "{\"total\":20,\"reorder\":[]}\n"), "{picked:?}");
    assert_eq!(picked.stderr, "shop: picked A-1 for 20 cents\n");
}
