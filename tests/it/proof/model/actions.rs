//! Acts on an engine, as plain data.

use fastrand::Rng;

pub const IDS: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Debug)]
pub enum Act {
    Call(Call),
    CreateIfAbsent {
        id: usize,
        opening: i64,
    },
    Submit {
        call: Call,
        after: Option<u64>,
    },
    Get {
        id: usize,
    },
    Many(Vec<Call>),
    Wait(Pick),
    Cancel(Pick),
    Resume(Pick),
    Remove {
        id: usize,
        force: bool,
    },
    Work {
        jobs: usize,
    },
    /// The clock advances by so many milliseconds.
    Pass(u64),
    /// Another process continues.
    Reopen,
    /// The model is wrong about it on purpose.
    Wrong,
}

/// A call of an account, or its construction.
#[derive(Clone, Debug)]
pub struct Call {
    pub id: usize,
    pub what: What,
    pub key: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What {
    /// Fails below zero.
    Open(i64),
    Deposit(i64),
    /// Fails if the balance is too small.
    Withdraw(i64),
}

/// A reference of an actor that was returned, or the one after the last.
#[derive(Clone, Copy, Debug)]
pub struct Pick {
    pub id: usize,
    pub number: u64,
}

impl Act {
    pub fn random(random: &mut Rng) -> Act {
        match random.u8(..24) {
            0..6 => Act::Call(Call::random(random)),
            6 => Act::CreateIfAbsent { id: id(random), opening: random.i64(-1..20) },
            7..12 => {
                let after = random.bool().then(|| random.u64(..2000));
                Act::Submit { call: Call::random(random), after }
            }
            12 => Act::Get { id: id(random) },
            13..15 => Act::Many((0..random.usize(1..8)).map(|_| Call::random(random)).collect()),
            15..17 => Act::Wait(pick(random)),
            17 => Act::Cancel(pick(random)),
            18 => Act::Resume(pick(random)),
            19 => Act::Remove { id: id(random), force: random.bool() },
            20 => Act::Work { jobs: random.usize(1..3) },
            21..23 => Act::Pass(random.u64(..1500)),
            _ => Act::Reopen,
        }
    }
}

impl Call {
    fn random(random: &mut Rng) -> Call {
        let what = match random.u8(..8) {
            0 | 1 => What::Open(random.i64(-1..20)),
            2..5 => What::Deposit(random.i64(0..10)),
            _ => What::Withdraw(random.i64(1..15)),
        };
        Call { id: id(random), what, key: (random.u8(..3) == 0).then(|| random.u8(..4)) }
    }
}

fn id(random: &mut Rng) -> usize {
    random.usize(..IDS.len())
}

fn pick(random: &mut Rng) -> Pick {
    Pick { id: id(random), number: random.u64(..1000) }
}
