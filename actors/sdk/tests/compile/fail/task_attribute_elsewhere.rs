use serde::{Deserialize, Serialize};
use vactor_sdk::actor;

#[derive(Serialize, Deserialize)]
struct Tally {
    count: u64,
}

#[actor]
impl Tally {
    #[task(retries = 1)]
    pub fn new() -> Self {
        Tally { count: 0 }
    }

    #[task(retries = 1)]
    pub fn add(&mut self, number: u64) {
        self.count += number;
    }

    #[task(retries = 1)]
    pub fn count(&self) -> u64 {
        self.count
    }

    #[task(retries = 1)]
    fn helper() {}

    #[task(retries = 1)]
    fn migrate(_from_version: u32, state: Vec<u8>) -> Vec<u8> {
        state
    }
}

fn main() {}
