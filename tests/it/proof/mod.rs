//! Random and adversely timed tests of the guarantees in docs/concepts.md: many processes, kills,
//! power cuts and wrong clocks.

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

/// The seed of a random test: printed first, and taken from the environment.
pub fn seed() -> u64 {
    let seed = std::env::var("VACTOR_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("VACTOR_SEED={seed}");
    seed
}
