use vactor_sdk::actor;

struct Tally;

#[actor(name = "tally")]
impl Tally {}

fn main() {}
