//! The power fails at any moment, and the disk keeps some of the unsynced writes.

use vactor::store::{Mode, RedbStore, Store};

use super::disk::{Disk, Op};
use super::fixture::*;
use super::workload::{dump, story};

/// Sectors are written atomically.
const SECTOR: usize = 512;

#[test]
fn acknowledged_commits_survive_power_cut() {
    let seed = std::env::var("VACTOR_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("VACTOR_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);

    let disk = Disk::default();
    let mut store = RedbStore::open_on(disk.clone(), Mode::Write).unwrap();
    let mut dumps = vec![read(&disk)];
    disk.acknowledge(0);
    for (n, change) in (1..).zip(story()) {
        // some acts by processes that come and go
        if n % 3 == 0 {
            drop(store);
            store = RedbStore::open_on(disk.clone(), Mode::Write).unwrap();
        }
        change(&store).unwrap();
        disk.acknowledge(n);
        dumps.push(read(&disk));
    }

    let ops = disk.ops();
    let first = ops.iter().position(|op| matches!(op, Op::Acknowledged(0))).unwrap();
    for cut in first + 1..=ops.len() {
        let acknowledged = ops[..cut].iter().rev().find_map(|op| match op {
            Op::Acknowledged(n) => Some(*n),
            _ => None,
        });
        let acknowledged = acknowledged.unwrap();
        let image = after_cut(&[], &ops[..cut], &mut random);
        let read = dump(&RedbStore::open_on(Disk::holding(image.clone()), Mode::Read).unwrap()).unwrap();
        let written = RedbStore::open_on(Disk::holding(image), Mode::Write).unwrap();
        assert!(dump(&written).unwrap() == read, "a reader and a writer see two stores, after {cut} operations");
        let is = |n: usize| dumps.get(n).is_some_and(|dump| *dump == read);
        assert!(
            is(acknowledged) || is(acknowledged + 1),
            "neither {acknowledged} nor one more, after {cut} operations"
        );
        // the store continues from there
        let turns = written.accept(vec![call("none", "x", 70)], 9).unwrap();
        assert!(turns[0].is_ok());
        assert_eq!(written.next_in_inbox(&name("none"), at(70)).unwrap().unwrap().number, 1);
    }
}

/// The answers of a reader if all writes survive. A store that is open for writing could enqueue
/// due calls meanwhile, which is a commit of its own.
fn read(disk: &Disk) -> Vec<String> {
    let mut image = Vec::new();
    for op in disk.ops() {
        match op {
            Op::Write(offset, data) => put(&mut image, offset, &data),
            Op::SetLen(length) => image.resize(length as usize, 0),
            _ => {}
        }
    }
    dump(&RedbStore::open_on(Disk::holding(image), Mode::Read).unwrap()).unwrap()
}

/// The content of the disk after a power cut: all synced writes, and any part of the others.
pub fn after_cut(before: &[u8], ops: &[Op], random: &mut fastrand::Rng) -> Vec<u8> {
    let synced = ops.iter().rposition(|op| matches!(op, Op::Sync)).map_or(0, |sync| sync + 1);
    let mut image = before.to_vec();
    for (n, op) in ops.iter().enumerate() {
        let survives = n < synced || random.u8(..3) > 0;
        match op {
            Op::Write(offset, data) if n < synced => put(&mut image, *offset, data),
            Op::Write(offset, data) if survives => {
                let sectors = data.len().div_ceil(SECTOR);
                let whole = if random.bool() { sectors } else { random.usize(..=sectors) };
                put(&mut image, *offset, &data[..data.len().min(whole * SECTOR)]);
            }
            // the length of a file is metadata, which the file system keeps in order
            Op::SetLen(length) => image.resize(*length as usize, 0),
            _ => {}
        }
    }
    image
}

fn put(image: &mut Vec<u8>, offset: u64, data: &[u8]) {
    let end = offset as usize + data.len();
    if image.len() < end {
        image.resize(end, 0);
    }
    image[offset as usize..end].copy_from_slice(data);
}
