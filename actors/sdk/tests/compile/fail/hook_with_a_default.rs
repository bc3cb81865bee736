use vactor_sdk::actor;

struct Tally {
    count: u64,
}

#[actor]
impl Tally {
    pub fn new() -> Self {
        Tally { count: 0 }
    }

    unsafe fn get_state(&self) -> Vec<u8> {
        Vec::new()
    }

    fn set_state(#[default(Vec::new())] state: Vec<u8>) -> Self {
        Tally { count: state.len() as u64 }
    }
}

fn main() {}
