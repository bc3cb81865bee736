use serde::{Deserialize, Serialize};
use vactor_sdk::actor;

#[derive(Serialize, Deserialize)]
struct Tally {
    count: u64,
}

#[actor]
impl Default for Tally {
    fn default() -> Self {
        Tally { count: 0 }
    }
}

fn main() {}
