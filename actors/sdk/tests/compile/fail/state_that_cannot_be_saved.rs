use vactor_sdk::actor;

struct Tally {
    count: u64,
}

#[actor]
impl Tally {
    pub fn new() -> Self {
        Tally { count: 0 }
    }

    pub fn count(&self) -> u64 {
        self.count
    }
}

fn main() {}
