use vactor_sdk::actor;

struct Pile<T>(Vec<T>);

#[actor]
impl<T> Pile<T> {
    pub fn new() -> Self {
        Pile(Vec::new())
    }
}

fn main() {}
