use vactor_sdk::{Failure, actor};

/// The state of one actor, which is saved after each method that changes it.
#[derive(serde::Serialize, serde::Deserialize)]
pub struct {{type}} {
    count: i64,
}

/// Counts.
#[actor]
impl {{type}} {
    /// The constructor makes the first state of an actor.
    pub fn new(#[default(0)] start: i64) -> Self {
        {{type}} { count: start }
    }

    /// A method with `&mut self` is a mutation: it may change the state, and its result is printed. A failure changes
    /// nothing; it has a kind, by which callers tell it from others.
    pub fn add(&mut self, #[default(1)] n: i64) -> Result<i64, Failure> {
        let too_large = || Failure::new("overflow", format!("{} and {n} are more than can be counted", self.count));
        self.count = self.count.checked_add(n).ok_or_else(too_large)?;
        println!("now {}", self.count);
        Ok(self.count)
    }

    /// A method with `&self` is a query: it reads, and never waits.
    pub fn count(&self) -> i64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts() {
        let mut it = {{type}}::new(1);
        assert_eq!(it.add(2), Ok(3));
        assert_eq!(it.add(i64::MAX).unwrap_err().kind, "overflow");
        assert_eq!(it.count(), 3);
    }
}
