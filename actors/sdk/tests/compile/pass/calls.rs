//! Calls of classes by their types, from a class whose own types and names do not collide.

#![deny(warnings)]

use std::borrow::Cow;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vactor_sdk::{Context, Failure, Fault, actor};

#[derive(Serialize, Deserialize)]
struct Study {
    best: Option<Figure>,
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Figure(f64);

/// Only read: a caller of `tune` would have to write one, and there is none.
#[derive(Deserialize, JsonSchema)]
struct Knob {
    turn: u8,
}

/// Only written: who wants to wait for it reads it as something else.
#[derive(Serialize, JsonSchema)]
struct Report<'a> {
    text: Cow<'a, str>,
}

type Outcome<T> = Result<T, Failure>;

#[actor]
impl Study {
    pub fn new(#[default] best: Option<Figure>) -> Self {
        Study { best }
    }

    pub fn run(&mut self, rates: Vec<f64>, ctx: &Context) -> Outcome<usize> {
        let fits: Vec<_> = rates.into_iter().map(|rate| ctx.task::<Self>().fit(rate, None)).collect();
        let first = ctx.wait_any(&fits);
        self.best = Some(fits[first].wait()?);
        ctx.save(self)?;
        for fit in &fits {
            fit.cancel();
        }
        let told = ctx.join(fits).into_iter().filter(Result::is_ok).count();
        ctx.send::<Study>(ctx.actor_id()).note("done".to_owned());
        ctx.send_after::<Study>(Duration::from_secs(1), "other").or_create(self.best.clone()).note(String::new());
        Ok(told)
    }

    pub fn again(&mut self, ctx: &Context) -> Result<u64, Fault> {
        ctx.start::<Study>("other").run(vec![1.0]).cast::<u64>().wait()
    }

    pub fn both(&mut self, ctx: &Context) -> Result<(), Box<dyn std::error::Error>> {
        let text = ctx.start::<Study>("other").report().cast::<serde_json::Value>();
        let tick = ctx.timer(Duration::from_millis(1));
        if ctx.wait_any((&text, &tick)) == 0 {
            println!("{}", text.wait()?);
        }
        Ok(())
    }

    pub fn note(&mut self, __text: String) {
        println!("{__text}");
    }

    pub fn tune(&mut self, knob: Knob) -> u8 {
        knob.turn
    }

    pub fn report(&mut self) -> Report<'_> {
        Report { text: "".into() }
    }

    #[task(retries = 2, backoff = "1m")]
    pub fn fit(rate: f64, #[default] r#type: Option<Cow<'static, str>>) -> Result<Figure, String> {
        r#type.map(|_| Figure(rate)).ok_or("no type".to_owned())
    }

    pub fn text(&self) -> Report<'_> {
        Report { text: "".into() }
    }

    pub fn best(&self, #[default] r#type: Option<u8>) -> Result<Option<&Figure>, Failure> {
        Ok(self.best.as_ref().filter(|_| r#type.is_none()))
    }

    pub fn ask(&mut self, ctx: &Context) -> Result<Option<Figure>, Fault> {
        ctx.actor("other").ask::<serde_json::Value>("text", ())?;
        ctx.start::<Self>("other").meta("by", ctx.actor_id()).note(String::new());
        ctx.ask::<Study>("other").best(None)
    }

    #[cfg(any())]
    pub fn not_there_to_ask(&self) -> NoSuchType {}

    #[cfg(any())]
    pub fn not_there(&mut self) -> NoSuchType {}
}

fn main() {}
