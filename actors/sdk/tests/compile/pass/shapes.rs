//! Other parts of a class: helpers, constants, contexts anywhere, hooks, types of its own.

#![deny(warnings)]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vactor_sdk::{Context, actor};

struct Tally {
    count: u64,
    r#type: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Pair<T> {
    left: T,
    right: Option<T>,
}

/// Counts.
#[actor]
impl Tally {
    pub const MOST: u64 = 9;

    pub fn new(ctx: &Context, r#type: String, #[default(Self::MOST)] mut count: u64) -> Self {
        count += ctx.random_range(0..2);
        Tally { count, r#type }
    }

    pub fn r#type(&self) -> &str {
        &self.r#type
    }

    pub fn add(
        &mut self,
        /// The number to add.
        #[default(vec![1, 2])]
        numbers: Vec<u64>,
        ctx: &vactor_sdk::Context,
        note: Option<String>,
        #[default] pairs: Vec<Pair<i128>>,
    ) {
        self.count += Self::sum(&numbers);
        ctx.info(format_args!("{note:?} {}", pairs.len()));
        print!("a");
        println!();
        eprint!("{}", self.count);
        eprintln!("a {note:?}");
        let two = dbg!(1 + 1);
        let (_one, _two) = dbg!(two - 1, two);
        dbg!();
    }

    pub fn pair(self: &Self) -> Pair<u64> {
        Pair { left: self.count, right: None }
    }

    pub fn task(words: Vec<String>, _ctx: &Context) -> String {
        words.join(" ")
    }

    #[cfg(any())]
    pub fn not_there(&self) -> NoSuchType {}

    fn sum<N: Copy + Into<u64>>(numbers: &[N]) -> u64 {
        numbers.iter().map(|&number| number.into()).sum()
    }

    fn get_state(&self) -> Vec<u8> {
        self.count.to_le_bytes().to_vec()
    }

    fn set_state(state: Vec<u8>, _ctx: &Context) -> Result<Self, std::array::TryFromSliceError> {
        let count = u64::from_le_bytes(state.as_slice().try_into()?);
        Ok(Tally { count, r#type: String::new() })
    }

    fn migrate(from_version: u32, state: Vec<u8>) -> Result<Vec<u8>, String> {
        if from_version == 0 { Err("there was no version 0".to_owned()) } else { Ok(state) }
    }
}

macro_rules! class {
    ($name:ident, $ctx:ident, $number:ident, $ty:ty) => {
        #[derive(Serialize, Deserialize)]
        struct $name;

        #[actor]
        impl $name {
            pub fn new() -> Self {
                $name
            }

            pub fn add($ctx: &Context, $number: $ty) -> $ty {
                $number + $ctx.random_u64()
            }
        }
    };
}

mod other {
    use super::*;

    class!(Other, c, n, u64);
}

fn main() {}
