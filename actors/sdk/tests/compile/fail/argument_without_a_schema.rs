use serde::{Deserialize, Serialize};
use vactor_sdk::actor;

#[derive(Serialize, Deserialize)]
struct Tally {
    count: u64,
}

#[derive(Deserialize)]
struct Amount(u64);

#[actor]
impl Tally {
    pub fn new() -> Self {
        Tally { count: 0 }
    }

    pub fn add(&mut self, amount: Amount) {
        self.count += amount.0;
    }
}

fn main() {}
