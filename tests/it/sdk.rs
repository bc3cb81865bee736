//! States and values that the Rust SDK does not commit, as callers see it.

use serde_json::Value;

use crate::classes;
use crate::support::{Ran, Vactor};

/// A folder with a store that has this class, built from its source.
fn with_class(name: &str, source: &str) -> Vactor {
    let vactor = Vactor::new();
    vactor.run(["new", name]).ok();
    vactor.write(&format!("{name}/src/lib.rs"), source);
    let mut build = classes::builder();
    build.current_dir(vactor.path("")).args(["build", name]);
    Ran::from(build.output().unwrap()).ok();
    vactor.line(&format!("register {name} {name}.wasm")).ok();
    vactor
}

const FLOATS: &str = r#"
use std::collections::BTreeMap;
use vactor_sdk::{Context, Failure, actor};

#[derive(serde::Serialize, serde::Deserialize, Default)]
pub struct Floats {
    mean: Option<f64>,
    small: BTreeMap<String, (u8, Option<f32>)>,
}

#[actor]
impl Floats {
    pub fn new(#[default(1.0)] sum: f64, #[default(1.0)] count: f64) -> Self {
        Floats { mean: Some(sum / count), ..Self::default() }
    }

    pub fn set(&mut self, sum: f64, count: f64) -> f64 {
        let mean = sum / count;
        self.mean = Some(mean);
        mean
    }

    pub fn keep(&mut self, sum: f32, count: f32) {
        self.small.insert("a".to_owned(), (1, Some(sum / count)));
    }

    pub fn save(&mut self, sum: f64, count: f64, ctx: &Context) -> Result<(), Failure> {
        self.mean = Some(sum / count);
        ctx.save(self)
    }

    pub fn refuse(&mut self, sum: f64, count: f64) -> Result<(), Failure> {
        Err(Failure::new("refused", "no").with_details(Some(sum / count)))
    }

    pub fn send(&mut self, sum: f64, count: f64, ctx: &Context) {
        ctx.send::<Floats>("other").set(sum / count, 1.0);
    }

    pub fn known(&self) -> bool {
        self.mean.is_some()
    }

    pub fn ratio(&self, sum: f64, count: f64) -> Vec<Option<f64>> {
        vec![Some(sum / count)]
    }

    #[task(retries = 0)]
    pub fn divide(sum: f64, count: f64) -> f64 {
        sum / count
    }
}
"#;

#[test]
fn nonfinite_float_changes_nothing() {
    let vactor = with_class("floats", FLOATS);
    vactor.line("create floats f").ok();
    let kind = |ran: Ran| -> String {
        assert_eq!((ran.code, ran.stdout.as_str()), (5, ""), "{ran:?}");
        let line: Value = serde_json::from_str(ran.stderr.lines().last().unwrap()).unwrap();
        line["error"]["cause"].as_str().or(line["error"]["kind"].as_str()).unwrap().to_owned()
    };
    for (method, expected) in [
        ("set", "bad-result"),
        ("refuse", "bad-result"),
        ("keep", "bad-state"),
        ("save", "bad-state"),
        ("send", "trap"),
    ] {
        let state = || -> Value { serde_json::from_str(&vactor.line("show f --json").ok()).unwrap() };
        let before = state();
        assert_eq!(kind(vactor.line(&format!("call f {method} 0 0 --json"))), expected, "{method}");
        let after = state();
        assert_eq!(before["state_hash"], after["state_hash"], "{method}");
    }
    assert_eq!(kind(vactor.line("call f set 1 0 --json")), "bad-result", "an infinity");
    assert_eq!(kind(vactor.line("get f ratio 0 0 --json")), "bad-result");
    assert_eq!(kind(vactor.line("run floats divide 0 0 --json")), "bad-result");
    assert_eq!(kind(vactor.line("create floats g 0 0 --json")), "bad-state");
    vactor.line("show g").refuses(3, "there is no actor g", "");
    vactor.line("call f set 0 0").refuses(5, "NaN and infinities are no JSON numbers", "nothing was changed");
    assert_eq!(vactor.line("get f known").ok(), "true\n");
    assert_eq!(vactor.line("call f set 1 4").ok(), "0.25\n");
}

const OWN: &str = r#"
use vactor_sdk::actor;

pub struct Own(Vec<u8>);

#[actor]
impl Own {
    pub fn new(length: usize) -> Self {
        Own(vec![b'x'; length])
    }

    pub fn set(&mut self, length: usize) {
        self.0 = vec![b'x'; length];
    }

    pub fn length(&self) -> usize {
        self.0.len()
    }

    fn get_state(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn set_state(state: Vec<u8>) -> Result<Self, String> {
        if state.is_empty() { Err("no bytes".to_owned()) } else { Ok(Own(state)) }
    }
}
"#;

#[test]
fn unreadable_custom_state_is_not_committed() {
    let vactor = with_class("own", OWN);
    vactor.line("create own a 0").refuses(5, "the state could not be read again after it was written: no bytes", "");
    vactor.line("show a").refuses(3, "there is no actor a", "");
    vactor.line("create own a 3").ok();
    vactor.line("call a set 0").refuses(5, "no bytes", "is unchanged");
    assert_eq!(vactor.line("get a length").ok(), "3\n");
    vactor.line("call a set 2").ok();
    assert_eq!(vactor.line("get a length").ok(), "2\n");
}

#[test]
fn build_refuses_single_state_function() {
    let vactor = Vactor::new();
    vactor.run(["new", "half"]).ok();
    let (start, end) = OWN.split_once("    fn set_state").unwrap();
    let rest = end.split_once("    }\n").unwrap().1;
    vactor.write("half/src/lib.rs", format!("{start}{rest}"));
    let mut build = classes::builder();
    build.current_dir(vactor.path("")).args(["build", "half"]);
    let said = Ran::from(build.output().unwrap()).fails(2);
    assert!(said.contains("`get_state` needs `set_state`"), "{said}");
}
