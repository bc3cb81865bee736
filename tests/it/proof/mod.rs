//! The promises under many processes, crashes and wrong clocks: what is played here is random, or adversely timed.

mod clocks;
pub mod flows;
mod held;
mod increments;
mod kills;
mod linear;
mod meddling;
mod model;
mod mortals;
mod power;
#[cfg(target_os = "linux")]
mod shortage;
mod studies;
mod transfers;
mod waiters;

/// What replays a random test: printed first, and taken from the environment.
pub fn seed() -> u64 {
    let seed = std::env::var("VACTOR_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("VACTOR_SEED={seed}");
    seed
}
