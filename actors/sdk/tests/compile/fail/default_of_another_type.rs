use serde::{Deserialize, Serialize};
use vactor_sdk::actor;

#[derive(Serialize, Deserialize)]
struct Tally {
    count: u64,
}

#[actor]
impl Tally {
    pub fn new() -> Self {
        Tally { count: 0 }
    }

    pub fn add(&mut self, #[default("one")] number: u64, #[default(-1.5)] other: u64) {
        self.count += number + other;
    }
}

fn main() {}
