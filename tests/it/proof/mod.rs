//! The promises under many processes, crashes and wrong clocks: what is played here is random, or adversely timed.

mod clocks;
mod concurrent_admin;
pub mod flows;
mod increments;
mod killed;
mod kills;
mod linear;
mod model;
mod paused;
mod power;
#[cfg(target_os = "linux")]
mod shortage;
mod training;
mod transfers;
mod waits;

/// What replays a random test: printed first, and taken from the environment.
pub fn seed() -> u64 {
    let seed = std::env::var("VACTOR_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("VACTOR_SEED={seed}");
    seed
}
