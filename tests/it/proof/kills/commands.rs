//! Commands of the processes: each kind is a line of [`MIX`] and an arm of each function here.

use fastrand::Rng;
use serde_json::{Value, json};
use vactor::Reference;

use super::super::killed::Ended;
use super::{COUNTERS, Driver, Log, Op, Told};

/// A command, ready to run.
pub enum Command {
    /// An increment by one, blocking or queued.
    Call {
        op: usize,
        actor: String,
        key: Option<String>,
        waits: bool,
    },
    /// A delayed increment.
    Later {
        op: usize,
        actor: String,
    },
    Cancel {
        reference: Reference,
    },
    Get {
        actor: &'static str,
        least: i64,
    },
    Wait {
        references: Vec<Reference>,
    },
    Create {
        op: usize,
        actor: String,
        key: String,
        waits: bool,
    },
    CreateIfAbsent {
        op: usize,
        actor: String,
    },
    /// Increments, each a line; some with keys.
    Batch {
        ops: Vec<usize>,
        lines: String,
    },
    WorkUntilIdle,
    /// Never ends by itself.
    Work,
}

type Make = fn(&mut Rng, &mut Log) -> Command;

/// The kinds of commands with their weights.
const MIX: [(u32, Make); 13] = [
    (6, |random, log| call(log, counter(random), None, true)),
    (4, |random, log| call(log, counter(random), None, false)),
    (3, |random, log| {
        let (actor, key) = keyed(random, log);
        call(log, actor, Some(key), true)
    }),
    (3, |random, log| {
        let (actor, key) = keyed(random, log);
        call(log, actor, Some(key), false)
    }),
    (3, |random, log| {
        let actor = counter(random);
        Command::Get { actor, least: log.results(actor) }
    }),
    (4, wait),
    (2, |random, log| {
        let actor = counter(random);
        Command::Later { op: log.op(actor, None), actor: actor.to_owned() }
    }),
    (3, cancel),
    (1, |random, log| create(random, log, true)),
    (1, |random, log| create(random, log, false)),
    (1, |random, log| {
        let actor = format!("shared{}", random.usize(..=log.ops.len() / 30));
        Command::CreateIfAbsent { op: log.op(&actor, None), actor }
    }),
    (3, batch),
    (3, |random, _| if random.bool() { Command::Work } else { Command::WorkUntilIdle }),
];

fn counter(random: &mut Rng) -> &'static str {
    COUNTERS[random.usize(..COUNTERS.len())]
}

/// A new key or a recent one of the same actor, so that a call is made again: concurrently, after
/// the first one, or after its process was processes.
fn keyed(random: &mut Rng, log: &Log) -> (&'static str, String) {
    let number = log.ops.len() / 10 + random.usize(..5);
    (COUNTERS[number % COUNTERS.len()], format!("k{number}"))
}

fn call(log: &mut Log, actor: &str, key: Option<String>, waits: bool) -> Command {
    Command::Call { op: log.op(actor, key.clone()), actor: actor.to_owned(), key, waits }
}

fn create(random: &mut Rng, log: &mut Log, waits: bool) -> Command {
    let actor = format!("made{}", log.ops.len() / 30 + random.usize(..3));
    let key = format!("key of {actor}");
    Command::Create { op: log.op(&actor, Some(key.clone())), actor, key, waits }
}

fn wait(random: &mut Rng, log: &mut Log) -> Command {
    let count = random.usize(1..4).min(log.open.len());
    if count == 0 {
        return Command::WorkUntilIdle;
    }
    let references = (0..count).map(|_| log.open.swap_remove(random.usize(..log.open.len()))).collect();
    Command::Wait { references }
}

fn batch(random: &mut Rng, log: &mut Log) -> Command {
    let (mut ops, mut lines) = (Vec::new(), String::new());
    for _ in 0..random.usize(1..30) {
        let (actor, key) = match random.u8(..4) {
            0 => {
                let (actor, key) = keyed(random, log);
                (actor, Some(key))
            }
            _ => (counter(random), None),
        };
        let op = log.op(actor, key.clone());
        let mut line = json!({"actor": actor, "method": "incr", "args": {"val": 1}, "meta": {"op": op.to_string()}});
        if let Some(key) = key {
            line["key"] = key.into();
        }
        ops.push(op);
        lines.push_str(&format!("{line}\n"));
    }
    Command::Batch { ops, lines }
}

/// One of the last accepted calls, which may have ended.
fn cancel(random: &mut Rng, log: &mut Log) -> Command {
    let last = log.cancellable.len().saturating_sub(3);
    if log.cancellable.is_empty() {
        return Command::WorkUntilIdle;
    }
    let reference = log.cancellable[random.usize(last..log.cancellable.len())].clone();
    log.cancels.entry(reference.clone()).or_insert(false);
    Command::Cancel { reference }
}

impl Command {
    pub fn pick(random: &mut Rng, driver: &Driver) -> Command {
        let all: u32 = MIX.iter().map(|(weight, _)| weight).sum();
        let mut at = random.u32(..all);
        let mut log = driver.log();
        for (weight, make) in MIX {
            match at.checked_sub(weight) {
                Some(left) => at = left,
                None => return make(random, &mut log),
            }
        }
        unreachable!("the weights add up")
    }

    pub fn is_killed(&self, random: &mut Rng) -> bool {
        matches!(self, Command::Work) || random.u8(..3) > 0
    }

    pub fn args(&self) -> Vec<String> {
        let words = match self {
            Command::Call { actor, .. } => vec!["call", actor, "incr", "1"],
            Command::Later { actor, .. } => vec!["call", actor, "incr", "1", "--after", "30ms"],
            Command::Cancel { .. } => vec!["cancel"],
            Command::Get { actor, .. } => vec!["get", actor, "value"],
            Command::Wait { .. } => vec!["wait"],
            Command::Create { actor, .. } => vec!["create", "counter", actor, "7"],
            Command::CreateIfAbsent { actor, .. } => vec!["create", "counter", actor, "7", "--if-absent"],
            Command::WorkUntilIdle => vec!["worker", "--until-idle"],
            Command::Work => vec!["worker"],
            Command::Batch { .. } => vec!["batch"],
        };
        let mut args: Vec<String> = words.into_iter().map(str::to_owned).collect();
        if let Command::Wait { references } = self {
            args.extend(references.iter().map(Reference::to_string));
        }
        if let Command::Cancel { reference } = self {
            args.push(reference.to_string());
        }
        if let Command::Call { op, .. }
        | Command::Later { op, .. }
        | Command::Create { op, .. }
        | Command::CreateIfAbsent { op, .. } = self
        {
            args.extend(["--meta".to_owned(), format!("op={op}")]);
        }
        if let Command::Call { key: Some(key), .. } | Command::Create { key, .. } = self {
            args.extend(["--key".to_owned(), key.clone()]);
        }
        if let Command::Call { waits: false, .. } | Command::Create { waits: false, .. } = self {
            args.push("--async".to_owned());
        }
        args
    }

    pub fn stdin(&self) -> &str {
        if let Command::Batch { lines, .. } = self { lines } else { "" }
    }

    /// Exit codes of a process that was not processes. A cancelled call is a conflict.
    fn codes(&self) -> &[i32] {
        match self {
            Command::Cancel { .. } | Command::Wait { .. } => &[0, 4],
            _ => &[0],
        }
    }

    /// Records the output of a process, however it ended.
    pub fn hear(&self, driver: &Driver, ended: &Ended) {
        let lines: Vec<&str> = ended.lines(self.codes()).collect();
        let mut log = driver.log();
        match self {
            Command::Call { op, waits: true, .. } => {
                if let Some(line) = lines.first() {
                    log.ops[*op].told = Told::Result(line.parse().unwrap());
                }
            }
            Command::Call { op, waits: false, .. }
            | Command::Create { op, waits: false, .. }
            | Command::Later { op, .. } => {
                if let Some(line) = lines.first() {
                    let reference: Reference = line.parse().unwrap();
                    log.ops[*op].told = Told::Reference(reference.clone());
                    if log.ops[*op].key.is_none() {
                        log.cancellable.push(reference.clone());
                    }
                    log.open.push(reference);
                }
            }
            Command::Cancel { reference } => {
                if ended.code == Some(0) {
                    log.cancels.insert(reference.clone(), true);
                }
            }
            Command::Get { actor, least } => {
                if let Some(line) = lines.first() {
                    let (value, most) = (line.parse::<i64>().unwrap(), log.most(actor));
                    assert!((*least..=most).contains(&value), "{actor} is {value}, not of {least} to {most}");
                }
            }
            Command::Wait { references } => {
                let waited = references.iter().zip(&lines);
                log.waited.extend(waited.map(|(reference, line)| (reference.clone(), line.parse().ok())));
                log.open.extend(references.iter().skip(lines.len()).cloned());
            }
            Command::Create { waits: true, actor, .. } | Command::CreateIfAbsent { actor, .. } => {
                if !ended.killed {
                    log.made.push(actor.clone());
                }
            }
            Command::Batch { ops, .. } => {
                for (op, line) in ops.iter().zip(lines) {
                    let answer: Value = serde_json::from_str(line).unwrap();
                    log.ops[*op].told = Told::Result(answer["result"].as_i64().unwrap());
                }
            }
            Command::WorkUntilIdle | Command::Work => {}
        }
    }
}

impl Log {
    /// A new operation without an answer.
    fn op(&mut self, actor: &str, key: Option<String>) -> usize {
        self.ops.push(Op { actor: actor.to_owned(), key, told: Told::Nothing });
        self.ops.len() - 1
    }

    /// The least value of a counter: the highest returned result.
    fn results(&self, actor: &str) -> i64 {
        let of = self.ops.iter().filter(|op| op.actor == actor);
        let told = of.filter_map(|op| if let Told::Result(result) = op.told { Some(result) } else { None });
        told.max().unwrap_or(0)
    }

    /// The greatest possible value: all increments that were begun.
    fn most(&self, actor: &str) -> i64 {
        self.ops.iter().filter(|op| op.actor == actor).count() as i64
    }
}
