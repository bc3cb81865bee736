use serde::{Deserialize, Serialize};
use vactor_sdk::actor;

#[derive(Serialize, Deserialize)]
struct Tally {
    count: u64,
}

struct Amount(u64);

#[actor]
impl Tally {
    pub fn new() -> Self {
        Tally { count: 0 }
    }

    pub fn count(&self) -> Amount {
        Amount(self.count)
    }
}

fn main() {}
