//! Random sequences of acts, played on an engine and on a plain model: both give the same answers,
//! and after each act the same numbers, inboxes, states and outcomes. The store is a file or
//! memory.
//!
//! `VACTOR_SEED` replays a run, `VACTOR_CASES` sets the number of sequences. A failing sequence is
//! shrunk before it is printed.

mod actions;
mod plain;
mod real;

use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;

use super::seed;
use actions::Act;
use plain::Plain;
use real::Played;

const LENGTH: usize = 60;

#[test]
fn engine_on_file_agrees_with_model() {
    play(Played::in_a_file);
}

#[test]
fn engine_in_memory_agrees_with_model() {
    play(Played::in_memory);
}

fn play(start: fn() -> Played) {
    crate::classes::component("account");
    let cases = std::env::var("VACTOR_CASES").map_or(30, |cases| cases.parse().unwrap());
    let mut random = Rng::with_seed(seed());
    for case in 0..cases {
        let acts: Vec<Act> = (0..LENGTH).map(|_| Act::random(&mut random)).collect();
        if let Err(first) = compare(start, &acts) {
            let acts = shorter(start, acts);
            let last = compare(start, &acts).err().unwrap_or("not every time".to_owned());
            panic!("sequence {case}: {first}\nmade shorter: {acts:#?}\n{last}");
        }
    }
}

/// Plays a sequence on both.
fn compare(start: fn() -> Played, acts: &[Act]) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| {
        let (mut played, mut plain) = (start(), Plain::default());
        for (n, act) in acts.iter().enumerate() {
            if plain.depends_on_the_clock(act) {
                continue;
            }
            let (found, expected) = (played.act(act, &plain), plain.act(act));
            if found != expected {
                return Err(format!("{n}: {act:?} answered {found:?}, and not {expected:?}"));
            }
            played.agrees(&plain).map_err(|what| format!("{n}: after {act:?} {what}"))?;
        }
        played.remembers(&plain)
    }))
    .unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(format!("a panic: {}", said.unwrap_or("it said nothing")))
    })
}

/// Removes the acts that the failure does not need.
fn shorter(start: fn() -> Played, mut acts: Vec<Act>) -> Vec<Act> {
    let mut length = acts.len() / 2;
    while length > 0 {
        let mut at = 0;
        while at < acts.len() {
            let mut fewer = acts.clone();
            fewer.drain(at..(at + length).min(acts.len()));
            match compare(start, &fewer) {
                Err(_) => acts = fewer,
                Ok(()) => at += length,
            }
        }
        length /= 2;
    }
    acts
}

/// A wrong model is found, with a minimal sequence.
#[test]
fn wrong_model_is_found_and_failure_is_shrunk() {
    let mut random = Rng::with_seed(1);
    let mut acts: Vec<Act> = (0..LENGTH).map(|_| Act::random(&mut random)).collect();
    acts.insert(LENGTH / 2, Act::Wrong);
    let short = shorter(Played::in_memory, acts);
    assert!(matches!(short[..], [Act::Wrong]), "{short:?}");
}
