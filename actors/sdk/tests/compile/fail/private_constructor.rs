use serde::{Deserialize, Serialize};
use vactor_sdk::actor;

#[derive(Serialize, Deserialize)]
struct Tally {
    count: u64,
}

#[actor]
impl Tally {
    fn new() -> Self {
        Tally { count: 0 }
    }
}

fn main() {}
