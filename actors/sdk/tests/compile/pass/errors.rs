//! The three ways to fail, and the alias of a `Result`.

use std::num::ParseIntError;

use serde::{Deserialize, Serialize};
use vactor_sdk::{Failure, IntoFailure, actor};

#[derive(Serialize, Deserialize)]
struct Tally {
    count: u64,
}

enum Refusal {
    TooMuch { most: u64 },
}

impl IntoFailure for Refusal {
    fn into_failure(self) -> Failure {
        let Refusal::TooMuch { most } = self;
        Failure::new("too-much", format!("at most {most}")).with_details(most)
    }
}

type Outcome<T> = Result<T, Refusal>;

#[actor]
impl Tally {
    pub fn new() -> Result<Self, String> {
        Ok(Tally { count: 0 })
    }

    pub fn own(&mut self, number: u64) -> Result<u64, Refusal> {
        self.aliased(number)
    }

    pub fn aliased(&mut self, number: u64) -> Outcome<u64> {
        if number > 9 { Err(Refusal::TooMuch { most: 9 }) } else { Ok(self.count + number) }
    }

    pub fn standard(&mut self, number: String) -> Result<u64, ParseIntError> {
        self.count += number.parse::<u64>()?;
        Ok(self.count)
    }

    pub fn text(&self) -> Result<(), String> {
        Err("no".to_owned())
    }

    pub fn borrowed(&self) -> Result<&u64, &'static str> {
        Err("no")
    }

    pub fn boxed(&self) -> Result<u64, Box<dyn std::error::Error>> {
        Ok("1".parse()?)
    }
}

fn main() {}
