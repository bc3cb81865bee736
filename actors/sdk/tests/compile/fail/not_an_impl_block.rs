use vactor_sdk::actor;

#[actor]
struct Tally {
    count: u64,
}

fn main() {}
