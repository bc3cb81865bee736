use serde::{Deserialize, Serialize};
use vactor_sdk::actor;

#[derive(Serialize, Deserialize)]
struct Tally {
    count: u64,
}

struct Refusal;

#[actor]
impl Tally {
    pub fn new() -> Self {
        Tally { count: 0 }
    }

    pub fn add(&mut self) -> Result<u64, Refusal> {
        Err(Refusal)
    }
}

fn main() {}
