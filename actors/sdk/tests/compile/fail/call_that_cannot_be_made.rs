use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vactor_sdk::{Context, Fault, actor};

#[derive(Serialize, Deserialize)]
struct Tally;

#[derive(Deserialize, JsonSchema)]
struct Knob;

#[derive(Serialize, JsonSchema)]
struct Written;

#[actor]
impl Tally {
    pub fn new() -> Self {
        Tally
    }

    pub fn turn(&mut self, knob: Knob) {
        let Knob = knob;
    }

    pub fn written(&mut self) -> Written {
        Written
    }

    pub fn total(&self) -> u64 {
        0
    }

    pub fn shown(&self) -> Written {
        Written
    }

    pub fn all(&mut self, ctx: &Context) -> Result<(), Fault> {
        ctx.start::<Tally>("a").turn(Knob);
        ctx.start::<Tally>("a").written().wait()?;
        ctx.start::<Tally>("a").total();
        ctx.ask::<Tally>("a").shown()?;
        ctx.start::<String>("a");
        Ok(())
    }
}

fn main() {}
