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

    fn get_state(&self) -> String {
        String::new()
    }

    fn set_state(state: String) -> Self {
        Tally { count: state.len() as u64 }
    }
}

fn main() {}
