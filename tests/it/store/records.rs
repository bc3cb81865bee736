//! Records with valid checksums and wrong content: the right answer or an error that names the
//! record, never a panic or a hang.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use vactor::model::*;
use vactor::store::{Mode, RedbStore, Store};

use super::disk::Disk;
use super::fixture::*;
use super::methods::{call_reading_methods, call_writing_methods};
use super::rewrite::{records, sealed, with_value};
use super::workload::story;
use crate::classes::component;
use crate::support::{Ran, Vactor};

/// Changed records; VACTOR_SEED replays a run.
const CHANGES: usize = 300;

/// The number of stores on which commands run.
const STORES: usize = 12;

/// A bound against a hang.
const PATIENCE: Duration = Duration::from_secs(120);

fn store_file() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = RedbStore::create(folder.path()).unwrap();
    for change in story() {
        change(&store).unwrap();
    }
    std::fs::read(folder.path().join("store.redb")).unwrap()
}

/// The ranges of the values of a MessagePack text, those in others after them.
fn values(text: &[u8]) -> Vec<Range<usize>> {
    fn value(text: &[u8], from: usize, found: &mut Vec<Range<usize>>) -> usize {
        let number = |at: usize, bytes: usize| text[at..at + bytes].iter().fold(0, |n, b| n << 8 | usize::from(*b));
        let place = found.len();
        found.push(from..from);
        let (head, bytes, nested) = match text[from] {
            0x80..=0x8f => (1, 0, 2 * usize::from(text[from] & 15)),
            0x90..=0x9f => (1, 0, usize::from(text[from] & 15)),
            0xa0..=0xbf => (1, usize::from(text[from] & 31), 0),
            0xc4 | 0xd9 => (2, number(from + 1, 1), 0),
            0xc5 | 0xda => (3, number(from + 1, 2), 0),
            0xc6 | 0xdb => (5, number(from + 1, 4), 0),
            0xcc | 0xd0 => (2, 0, 0),
            0xcd | 0xd1 => (3, 0, 0),
            0xca | 0xce | 0xd2 => (5, 0, 0),
            0xcb | 0xcf | 0xd3 => (9, 0, 0),
            0xdc => (3, 0, number(from + 1, 2)),
            0xde => (3, 0, 2 * number(from + 1, 2)),
            _ => (1, 0, 0),
        };
        let mut end = from + head + bytes;
        for _ in 0..nested {
            end = value(text, end, found);
        }
        found[place] = from..end;
        end
    }
    let mut found = Vec::new();
    value(text, 0, &mut found);
    found
}

/// A wrong value.
fn wrong(random: &mut fastrand::Rng) -> Vec<u8> {
    fn text(text: &str) -> Vec<u8> {
        [&[0xda][..], &(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
    }
    let number = |number: u64| [&[0xcf][..], &number.to_be_bytes()].concat();
    match random.u8(..20) {
        0 => vec![0xc0],
        1 => vec![0xc3],
        2 => number(0),
        3 => number(1),
        4 => number(u64::MAX),
        5 => number(u64::MAX >> 1),
        6 => number(random.u64(..)),
        7 => number(u64::from(u32::MAX)),
        8 => vec![0xff],
        9 => text(""),
        10 => text(".."),
        11 => text("not json"),
        12 => text(&"[".repeat(20_000)),
        13 => text("a\0b"),
        14 => text("{\"a\":1}"),
        15 => vec![0x90],
        16 => vec![0x91; 5000],
        17 => [&[0xc4, 32][..], &[7; 32]].concat(),
        // lengths of missing data
        18 => vec![0xdd, 0xff, 0xff, 0xff, 0xff],
        _ => vec![0xc6, 0xff, 0xff, 0xff, 0xf0, 1],
    }
}

/// Calls all methods on a thread of its own, so that a hang is found.
pub fn asked(bytes: Vec<u8>, what: String) -> Vec<Error> {
    let (send, answer) = mpsc::channel();
    let said = what.clone();
    thread::spawn(move || {
        let asked = catch_unwind(AssertUnwindSafe(|| {
            let mut errors = Vec::new();
            for mode in [Mode::Read, Mode::Write] {
                match RedbStore::open_on(Disk::holding(bytes.clone()), mode) {
                    Ok(store) => {
                        errors.extend(call_reading_methods(&store));
                        if mode == Mode::Write {
                            errors.extend(call_writing_methods(&store));
                        }
                    }
                    Err(error) => errors.push(error),
                }
            }
            errors
        }));
        let _ = send.send(asked.unwrap_or_else(|_| panic!("{said}: a panic")));
    });
    answer.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{what}: {error}"))
}

#[test]
fn wrong_record_is_error_that_names_it() {
    let seed = std::env::var("VACTOR_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("VACTOR_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let file = store_file();
    let errors = asked(file.clone(), "the store as it was".to_owned());
    assert_eq!(errors.iter().find(is_damage), None);
    let records = records(&file);
    let mut found = 0;
    for _ in 0..CHANGES {
        let (key, value) = random.choice(&records).unwrap();
        let Some((changed, what)) = with_wrong_value(&mut random, key, value) else { continue };
        let errors = asked(with_value(&file, key, &changed), what.clone());
        let damaged: Vec<&Error> = errors.iter().filter(is_damage).collect();
        let bare = |error: &&&Error| error.to_string().contains("redb panicked on its file");
        assert_eq!(damaged.iter().find(bare), None, "{what}");
        found += usize::from(!damaged.is_empty());
    }
    assert!(found > CHANGES / 10, "{found} of {CHANGES} were found");
}

fn is_damage(error: &&Error) -> bool {
    matches!(error, Error::Damaged { .. })
}

/// The record under a key with one value changed; None for a value that is no record.
fn with_wrong_value(random: &mut fastrand::Rng, key: &[u8], value: &[u8]) -> Option<(Vec<u8>, String)> {
    // the hash of bare bytes is in another record, and large data is in pieces
    if value.len() < 10 || value[0] != 0 || *value != sealed(key, &value[9..]) {
        return None;
    }
    let record = &value[9..];
    let place = random.choice(values(record)).unwrap();
    let changed = [&record[..place.start], &wrong(random), &record[place.end..]].concat();
    let what = format!("{}, at {place:?}: {changed:02x?}", key.escape_ascii());
    Some((sealed(key, &changed), what))
}

/// A store of the class `probe` with data of every kind.
fn probes() -> Vactor {
    let vactor = Vactor::new();
    let component = component("probe");
    vactor.run(["register", "probe", component.to_str().unwrap()]).ok();
    for line in [
        "create probe a",
        "create probe b",
        "call a count 3",
        "call a add_to b 2",
        "call b add --key k",
        "run probe square 3",
        "call b add --after 1h",
        "emit b go 1",
        "call b fail broken --async",
        "worker --until-idle",
        "call a take other --async",
        "call a add --async",
        "run probe square 4 --async",
    ] {
        let ran = Ran::from(vactor.command().args(line.split(' ')).env("VACTOR_WORKER", "off").output().unwrap());
        assert!(ran.code == 0 || line == "worker --until-idle", "{line}: {ran:?}");
    }
    vactor
}

#[test]
fn command_on_wrong_record_does_not_panic() {
    let seed = std::env::var("VACTOR_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("VACTOR_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let vactor = probes();
    let path = vactor.path(".vactor/store.redb");
    let file = std::fs::read(&path).unwrap();
    let records = records(&file);
    let (mut stores, mut found) = (0, 0);
    // the test goes on until enough errors were found, within a bound
    while stores < STORES || found <= STORES && stores < 20 * STORES {
        let (key, value) = random.choice(&records).unwrap();
        let Some((changed, what)) = with_wrong_value(&mut random, key, value) else { continue };
        stores += 1;
        std::fs::write(&path, with_value(&file, key, &changed)).unwrap();
        for line in [
            "ls --json",
            "show a --json",
            "log a --json",
            "log b",
            "ps --json",
            "ps --tree",
            "ps --actor a",
            "ps --status failed",
            "classes",
            "describe probe",
            "get a value",
            "get b value --at 1",
            "get a value --at 5",
            "call b add --key k --timeout 2s",
            "call a add --timeout 1s",
            "create probe c",
            "wait b#1 a#3 --timeout 1s",
            "resume b#3",
            "emit a other 1",
            "run probe square 5 --timeout 2s",
            "cancel a#4",
            "worker --until-idle",
            "rm b --yes --force",
            "rm --class probe --yes --force",
        ] {
            let mut command = std::process::Command::new("timeout");
            command.arg(PATIENCE.as_secs().to_string()).arg(env!("CARGO_BIN_EXE_vactor")).args(line.split(' '));
            command.envs(vactor.environment()).env("VACTOR_WORKER", "off").current_dir(vactor.path("."));
            let ran = Ran::from(command.stdin(std::process::Stdio::null()).output().unwrap());
            assert!(!ran.stderr.contains("panicked at"), "{what}: {line}: {ran:?}");
            assert!((0..=6).contains(&ran.code), "{what}: {line}: {ran:?}");
            found += usize::from(ran.code == 6);
        }
    }
    assert!(found > STORES, "{found} were found");
}

#[test]
fn record_of_wrong_json_is_error_that_names_it() {
    let file = store_file();
    let key = [&b"ad\0\x05"[..], &2_u64.to_be_bytes()].concat();
    let value = records(&file).into_iter().find(|(at, _)| *at == key).unwrap().1;
    let arguments = br#"{"n":1}"#;
    let at = value.windows(arguments.len()).position(|window| window == arguments).unwrap();
    let record = [&value[9..at], b"not one", &value[at + arguments.len()..]].concat();
    let bytes = with_value(&file, &key, &sealed(&key, &record));
    let store = RedbStore::open_on(Disk::holding(bytes), Mode::Read).unwrap();
    let error = store.steps(&id("d"), 1, 100).unwrap_err();
    assert_eq!(error.category(), Category::Store);
    assert!(error.to_string().contains("step 2 of d is not readable: expected "), "{error}");
}

#[test]
fn value_is_found_by_its_bytes() {
    let text = rmp_serde::to_vec(&(1, "ab", vec![(true, 300_u64), (false, 1)], None::<u8>)).unwrap();
    let found = values(&text);
    assert_eq!(found.len(), 11);
    assert_eq!(found[0], 0..text.len());
    assert_eq!(&text[found[2].clone()], b"\xa2ab");
    assert_eq!(&text[found[6].clone()], &[0xcd, 1, 44]);
}
