use serde::{Deserialize, Serialize};
use vactor_sdk::actor;

#[derive(Serialize, Deserialize)]
struct Tally {
    count: u64,
}

use vactor_sdk::Context;

#[actor]
impl Tally {
    pub fn new(ctx: Context) -> Self {
        Tally { count: ctx.random_u64() }
    }

    pub fn add(&mut self, ctx: &mut Context) {
        self.count += ctx.random_u64();
    }
}

fn main() {}
