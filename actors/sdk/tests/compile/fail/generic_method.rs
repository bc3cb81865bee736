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

    pub fn add<N: Into<u64>>(&mut self, number: N) {
        self.count += number.into();
    }

    pub fn subtract(&mut self, number: impl Into<u64>) {
        self.count -= number.into();
    }
}

fn main() {}
