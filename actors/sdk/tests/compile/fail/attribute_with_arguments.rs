use vactor_sdk::actor;

struct Tally;

#[actor(version = 2)]
impl Tally {}

fn main() {}
