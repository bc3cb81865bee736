//! Damaged files: the right answer or an error about the damage, never a wrong answer, a panic or a
//! hang.

use std::panic::{AssertUnwindSafe, catch_unwind};

use vactor::model::{Category, Error, Result};
use vactor::store::{Mode, RedbStore, Store};

use super::disk::Disk;
use super::fixture::*;
use super::workload::{dump, story};

/// Flipped bits at random places; VACTOR_SEED replays a run.
const FLIPS: usize = 1000;

fn store_file() -> (Vec<u8>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = RedbStore::create(folder.path()).unwrap();
    for change in story() {
        change(&store).unwrap();
    }
    let truth = dump(&store).unwrap();
    (std::fs::read(folder.path().join("store.redb")).unwrap(), truth)
}

/// The answers of a store with these bytes, which is read and then written to.
fn ask(bytes: &[u8], mode: Mode) -> Result<Vec<String>> {
    let store = RedbStore::open_on(Disk::holding(bytes.to_vec()), mode)?;
    let answers = dump(&store)?;
    if mode == Mode::Write {
        let steps = store.name_record(&name("a"))?.unwrap().counters.steps;
        commit_all(&store, vec![ends(fresh(call("a", "incr", 60)), steps, 61, b"after")])?.remove(0)?;
        assert_eq!(store.load(&id("a"))?.unwrap().state, b"after");
    }
    Ok(answers)
}

fn judge(bytes: &[u8], truth: &[String], what: &str) -> bool {
    let mut found = false;
    for mode in [Mode::Read, Mode::Write] {
        match catch_unwind(AssertUnwindSafe(|| ask(bytes, mode))) {
            Ok(Ok(answers)) => assert!(answers == truth, "{what}: a wrong answer"),
            Ok(Err(error)) => {
                assert_eq!(error.category(), Category::Store, "{what}: {error}");
                found = true;
            }
            Err(_) => panic!("{what}, {mode:?}: a panic"),
        }
    }
    found
}

#[test]
fn flipped_bit_gives_no_wrong_answer() {
    let seed = std::env::var("VACTOR_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("VACTOR_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (bytes, truth) = store_file();
    let mut found = 0;
    for _ in 0..FLIPS {
        let (at, bit) = (random.usize(..bytes.len()), random.u8(..8));
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << bit;
        found += usize::from(judge(&flipped, &truth, &format!("bit {bit} of byte {at}")));
    }
    assert!(found > FLIPS / 10, "{found} of {FLIPS} were found: the store must hold more");
}

#[test]
fn flipped_header_bit_is_refused() {
    let (bytes, truth) = store_file();
    for at in (0..64).chain(320..338) {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            assert!(judge(&flipped, &truth, &format!("bit {bit} of byte {at}")), "bit {bit} of byte {at} is not seen");
        }
    }
    for at in 64..320 {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        judge(&flipped, &truth, &format!("byte {at}"));
    }
}

#[test]
fn truncated_file_gives_no_wrong_answer() {
    let (bytes, truth) = store_file();
    for length in (0..bytes.len()).step_by(1999).chain([1, 337, 338, 4096, 8192, bytes.len() - 1]) {
        // an empty backend makes a new store; an empty file in a folder is refused
        if length > 0 {
            judge(&bytes[..length], &truth, &format!("{length} bytes of {}", bytes.len()));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("store.redb"), b"").unwrap();
    for mode in [Mode::Read, Mode::Write] {
        assert!(matches!(RedbStore::open(folder.path(), mode), Err(Error::Damaged { .. })));
    }
}

#[test]
fn swapped_pages_are_damage() {
    let (bytes, truth) = store_file();
    let pages = bytes.len() / 4096;
    for one in 2..pages {
        let other = if one + 1 < pages { one + 1 } else { 2 };
        let mut swapped = bytes.clone();
        swapped[one * 4096..][..4096].copy_from_slice(&bytes[other * 4096..][..4096]);
        judge(&swapped, &truth, &format!("page {other} in the place of page {one}"));
    }
}

#[test]
fn other_format_is_refused_with_number() {
    let (mut bytes, _) = store_file();
    bytes[329] += 1;
    let error = RedbStore::open_on(Disk::holding(bytes.clone()), Mode::Read).unwrap_err();
    assert_eq!(error, Error::NewerFormat { found: 3, known: 2 });
    bytes[329] -= 2;
    let error = RedbStore::open_on(Disk::holding(bytes), Mode::Read).unwrap_err();
    assert_eq!(error, Error::OlderFormat { found: 1, known: 2 });
    let error = RedbStore::open_on(Disk::holding(vec![7; 100_000]), Mode::Read).unwrap_err();
    assert_eq!(error.category(), Category::Store);
}
