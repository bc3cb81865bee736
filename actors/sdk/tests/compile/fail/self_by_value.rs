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

    pub fn take(self) -> u64 {
        self.count
    }

    pub fn take_box(self: Box<Self>) -> u64 {
        self.count
    }
}

fn main() {}
