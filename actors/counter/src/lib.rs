use serde::{Deserialize, Serialize};
use vactor_sdk::{Failure, actor};

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
    pub fn incr(&mut self, #[default(1)] val: i64) -> Result<i64, Failure> {
        let too_large = || Failure::new("overflow", format!("{} and {val} are more than can be counted", self.val));
        self.val = self.val.checked_add(val).ok_or_else(too_large)?;
        println!("{}", self.val);
        Ok(self.val)
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
    fn incr_adds_to_the_number() {
        let mut counter = Counter::new(0);
        assert_eq!(counter.incr(10), Ok(10));
        assert_eq!(counter.incr(-3), Ok(7));
        assert_eq!(counter.value(), 7);
    }

    #[test]
    fn incr_refuses_a_number_that_overflows() {
        for (start, val) in [(1, i64::MAX), (-2, i64::MIN)] {
            let mut counter = Counter::new(start);
            assert_eq!(counter.incr(val).expect_err("it is too much").kind, "overflow");
            assert_eq!(counter.value(), start);
        }
    }

    /// Saved and restored as the host does it between two calls.
    #[test]
    fn remembers() {
        let mut counter = Counter::new(41);
        counter.incr(1).expect("42 is no large number");
        let state = serde_json::to_string(&counter).expect("the state is JSON");
        assert_eq!(state, r#"{"val":42}"#);
        let restored: Counter = serde_json::from_str(&state).expect("the state can be read");
        assert_eq!(restored.value(), 42);
    }
}
