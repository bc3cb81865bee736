use serde::{Deserialize, Serialize};
use vactor_sdk::actor;

#[derive(Serialize, Deserialize)]
struct Tally;

#[actor(name = "2nd tally")]
impl Tally {
    pub fn new() -> Self {
        Tally
    }
}

#[derive(Serialize, Deserialize)]
struct Zähler;

#[actor]
impl Zähler {
    pub fn new() -> Self {
        Zähler
    }
}

fn main() {}
