use serde::{Deserialize, Serialize};
use vactor_sdk::actor;

#[derive(Serialize, Deserialize)]
struct Tally {
    count: u64,
}

#[actor]
impl Tally {
    pub fn new(#[default(1)] #[default(2)] count: u64) -> Self {
        Tally { count }
    }

    pub fn add(&mut self, #[default = 1] number: u64) {
        self.count += number;
    }
}

fn main() {}
