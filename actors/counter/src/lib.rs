use serde::{Deserialize, Serialize};
use vactor_sdk::actor;

#[derive(Serialize, Deserialize)]
pub struct Counter {
    val: i64,
}

/// A number that remembers.
#[actor]
impl Counter {
    /// A counter that starts at a number.
    pub fn new(init_val: i64) -> Self {
        Counter { val: init_val }
    }

    /// Adds to the number, prints it and returns it.
    pub fn incr(&mut self, #[default(1)] val: i64) -> i64 {
        self.val += val;
        println!("{}", self.val);
        self.val
    }

    /// The number.
    pub fn value(&self) -> i64 {
        self.val
    }
}
