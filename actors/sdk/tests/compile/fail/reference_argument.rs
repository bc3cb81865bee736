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

    pub fn add(&mut self, text: &str) {
        self.count += text.len() as u64;
    }

    pub fn add_all(&mut self, numbers: &[u64]) {
        self.count += numbers.iter().sum::<u64>();
    }
}

fn main() {}
