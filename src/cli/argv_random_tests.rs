//! Random command lines, and random lines of a batch: each is parsed or refused with a message. `VACTOR_SEED` replays a
//! run, `VACTOR_CASES` sets the number of lines.

use std::ffi::OsString;

use fastrand::Rng;

use super::*;
use crate::cli::batch;
use crate::cli::commands::TABLE;

const CASES: u64 = 2000;

const VALUES: [&str; 24] = [
    "a",
    "m",
    "a#1",
    "class/task",
    "k=v",
    "k=",
    "=v",
    "@file",
    "@-",
    "-",
    "--",
    "-5",
    "-.5kg",
    "5s",
    "-5s",
    "2MiB",
    "",
    " ",
    "{\"n\":1}",
    "[1,",
    "2026-12-01T09:00Z",
    "\u{202e}x",
    "ä\n",
    "18446744073709551616",
];

fn seeded() -> (Rng, u64) {
    let variable = |name| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    let seed = variable("VACTOR_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("VACTOR_SEED={seed}");
    (Rng::with_seed(seed), variable("VACTOR_CASES").unwrap_or(CASES))
}

/// Names of commands and flags, as the tree has them.
fn vocabulary(command: &Command, found: &mut Vec<String>) {
    found.push(command.get_name().to_owned());
    for argument in command.get_arguments() {
        found.extend(argument.get_long().map(|long| format!("--{long}")));
        found.extend(argument.get_short().map(|short| format!("-{short}")));
    }
    command.get_subcommands().for_each(|command| vocabulary(command, found));
}

fn random_word(random: &mut Rng, vocabulary: &[String]) -> OsString {
    let value = |random: &mut Rng| random.choice(VALUES).unwrap().to_owned();
    let known = |random: &mut Rng| random.choice(vocabulary).unwrap().clone();
    match random.u8(..20) {
        0..9 => known(random).into(),
        9..14 => value(random).into(),
        14..16 => format!("{}={}", known(random), value(random)).into(),
        16 => {
            let (mut word, at) = (known(random), random.char(..));
            word.insert(0, at);
            word.into()
        }
        17 => value(random).repeat(random.usize(..2000)).into(),
        #[cfg(unix)]
        18 => {
            let bytes: Vec<u8> = (0..random.usize(..8)).map(|_| random.u8(1..)).collect();
            std::os::unix::ffi::OsStringExt::from_vec(bytes)
        }
        _ => (0..random.usize(..8)).map(|_| random.char(..)).collect::<String>().into(),
    }
}

#[test]
fn random_command_line_is_parsed_or_refused_with_message() {
    let (mut random, cases) = seeded();
    let mut words = Vec::new();
    vocabulary(&TABLE.tree(), &mut words);
    for _ in 0..cases {
        let mut line = vec![OsString::from("vactor")];
        line.extend((0..random.usize(..9)).map(|_| random_word(&mut random, &words)));
        match parse(&TABLE, &line) {
            Ok(parsed) => assert_eq!(parsed.matches.subcommand_name(), Some(parsed.command.name), "{line:?}"),
            Err(exit) if matches!(exit.error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
                assert!(!exit.error.render().to_string().is_empty(), "{line:?}");
            }
            Err(exit) => {
                let problem = exit.show_on(&Console::new(&Common::default())).expect_err("no help");
                assert!(!problem.message.is_empty(), "{line:?}");
                assert_eq!(problem.code(), Code::of(vactor::Category::BadInput), "{line:?}");
            }
        }
    }
}

#[test]
fn random_batch_line_is_read_or_refused_with_message() {
    const PARTS: [&str; 16] = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\"actor\"",
        "\"args\":{\"n\":1e999}",
        "null",
        "-0.0",
        "\\ud800",
        "\u{feff}",
        "\"meta\":{\"a\":\"b\"}",
        "\"key\":\"k\"",
        " ",
    ];
    let (mut random, cases) = seeded();
    for _ in 0..cases {
        let mut line = br#"{"actor":"a","method":"incr","args":{"val":10},"key":"k","meta":{"why":"x"}}"#.to_vec();
        for _ in 0..random.usize(..6) {
            let at = random.usize(..=line.len());
            match random.u8(..4) {
                0 => line.truncate(at),
                1 => drop(line.splice(at..at, random.choice(PARTS).unwrap().bytes())),
                2 if at < line.len() => line[at] = random.u8(..),
                _ => drop(line.drain(at..(at + random.usize(..9)).min(line.len()))),
            }
        }
        let text = String::from_utf8_lossy(&line);
        match (batch::actor(&line), batch::call(&line)) {
            (Ok(actor), Ok(call)) => assert_eq!(actor, call.id, "{text}"),
            (Err(_), Ok(_)) => panic!("a call without an actor: {text}"),
            (_, Err(problem)) => assert!(!problem.message.is_empty(), "{text}"),
        }
    }
}
