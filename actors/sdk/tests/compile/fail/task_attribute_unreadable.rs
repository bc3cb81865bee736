use serde::{Deserialize, Serialize};
use vactor_sdk::actor;

#[derive(Serialize, Deserialize)]
struct Tally;

#[actor]
impl Tally {
    pub fn new() -> Self {
        Tally
    }

    #[task]
    pub fn bare() {}

    #[task = "twice"]
    pub fn value() {}

    #[task(backoff = "1s")]
    pub fn backoff_alone() {}

    #[task(retries = 1, backoff = "1h")]
    pub fn unit() {}

    #[task(retries = 1, backoff = 5)]
    pub fn number() {}

    #[task(retries = "3")]
    pub fn text() {}

    #[task(retries = 4294967296)]
    pub fn many() {}

    #[task(retries = 1, timeout = "1s")]
    pub fn unknown() {}

    #[task(retries = 1)]
    #[task(retries = 2)]
    pub fn twice() {}
}

fn main() {}
