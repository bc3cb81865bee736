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

    fn get_state(&self) -> Vec<u8> {
        self.count.to_le_bytes().to_vec()
    }
}

fn main() {}
