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

#[cfg(test)]
mod tests {
    use super::Counter;

    #[test]
    fn counts() {
        let mut counter = Counter::new(0);
        assert_eq!(counter.incr(10), 10);
        assert_eq!(counter.incr(-3), 7);
        assert_eq!(counter.value(), 7);
    }

    /// Saved and restored as the host does it between two calls.
    #[test]
    fn remembers() {
        let mut counter = Counter::new(41);
        counter.incr(1);
        let state = serde_json::to_string(&counter).expect("the state is JSON");
        assert_eq!(state, r#"{"val":42}"#);
        let restored: Counter = serde_json::from_str(&state).expect("the state can be read");
        assert_eq!(restored.value(), 42);
    }
}
