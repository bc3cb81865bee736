use vactor_sdk::actor;

struct Tally;

#[actor(version = 2)]
impl Tally {}

#[actor(state = 0)]
impl Tally {}

#[actor(events("a b": String))]
impl Tally {}

#[actor(events(paid: String, "paid": u64))]
impl Tally {}

fn main() {}
