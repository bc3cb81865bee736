//! One stored component of each version of the contract (tests/contracts/README.md): stores keep components for years.

use serde_json::Value;

use crate::support::Vactor;

fn with_class(name: &str, component: &[u8]) -> Vactor {
    let vactor = Vactor::new();
    vactor.write("class.wasm", component);
    vactor.line(&format!("register {name} class.wasm")).ok();
    vactor
}

#[test]
fn component_of_contract_0_1_0_runs() {
    let vactor = with_class("counter", include_bytes!("../contracts/counter-0.1.0.wasm"));
    vactor.line("create counter c 10").ok();
    assert_eq!(vactor.line("call c incr 5").ok(), "15\n");
    assert_eq!(vactor.line("get c value").ok(), "15\n");
}

#[test]
fn component_of_contract_0_1_1_runs() {
    relay(include_bytes!("../contracts/relay-0.1.1.wasm"), None);
}

#[test]
fn component_of_contract_0_2_0_runs() {
    relay(include_bytes!("../contracts/relay-0.2.0.wasm"), Some(false));
}

#[test]
fn describe_shows_the_state_version_and_the_events() {
    let vactor = with_class("relay", include_bytes!("../contracts/relay-0.2.0.wasm"));
    let described: Value = serde_json::from_str(&vactor.line("describe relay --json").ok()).unwrap();
    assert_eq!(described["state"], serde_json::json!({ "version": 2, "schema": null }));
    let word = serde_json::json!([{ "event": "word", "schema": { "type": "string" }, "doc": "" }]);
    assert_eq!(described["events"], word);
    assert!(vactor.line("describe relay").ok().contains("\nword\tevent\tstring\t\t\n"));
    let older = with_class("relay", include_bytes!("../contracts/relay-0.1.1.wasm"));
    let described: Value = serde_json::from_str(&older.line("describe relay --json").ok()).unwrap();
    assert_eq!((&described["state"]["version"], &described["events"]), (&1.into(), &serde_json::json!([])));
}

/// Uses each function of the contract. `retryable` is that of the class's failure.
fn relay(component: &[u8], retryable: Option<bool>) {
    let vactor = with_class("relay", component);
    vactor.line("create relay a").ok();
    assert_eq!(vactor.line("call a pass b hello").ok(), "[\"hello\"]\n");
    assert_eq!(vactor.line("get a seen").ok(), "[\"HELLO\"]\n");
    vactor.line("wait b#3").ok();
    assert_eq!(vactor.line("get b seen").ok(), "[\"hello\",\"sent\"]\n");
    vactor.line(r#"emit a word "hi""#).ok();
    assert_eq!(vactor.line("call a listen").ok(), "\"hi\"\n");
    let failed = vactor.line("call a note bad --json");
    let error: Value = serde_json::from_str(failed.stderr.lines().last().unwrap()).unwrap();
    assert_eq!((failed.code, &error["error"]["details"]), (1, &serde_json::json!({ "text": "bad" })));
    assert_eq!(error["error"].get("retryable"), retryable.map(Value::from).as_ref());
    assert!(vactor.line("log a --json").ok().contains(r#""hello""#));
}
