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

    pub fn set_state(state: Vec<u8>) -> Self {
        Tally { count: state.len() as u64 }
    }

    fn migrate(_from_version: u32, state: Vec<u8>) -> Vec<u8> {
        state
    }
}

fn main() {}
