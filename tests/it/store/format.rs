//! docs/store-format.md as a test: the file is read by the page alone.

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use vactor::model::Hash;
use vactor::store::RedbStore;
use xxhash_rust::xxh3::xxh3_64;

use super::fixture::*;
use super::rewrite::without_sums;
use super::workload::story;

#[test]
fn file_matches_store_format_page() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = RedbStore::create(folder.path()).unwrap();
    for change in story() {
        change(&store).unwrap();
    }
    // more than one group of pages, and a state in pieces
    let state = vec![5; 3_000_000];
    make(&store, "big", &state);
    let file = std::fs::read(folder.path().join("store.redb")).unwrap();

    assert_eq!(&file[320..330], b"\0vactor\0\0\x02");
    assert_eq!(&file[330..338], xxh3_64(&[&file[..64], &file[320..330]].concat()).to_be_bytes());

    let bare = without_sums(&file);
    let path = folder.path().join("bare.redb");
    std::fs::write(&path, bare).unwrap();
    let database = Database::open(&path).unwrap();
    let tables = database.begin_read().unwrap();
    let table = |name| tables.open_table(TableDefinition::<&[u8], &[u8]>::new(name)).unwrap();
    let (records, long) = (table("records"), table("long"));

    let key = b"aa\0\x06";
    let value = records.get(&key[..]).unwrap().unwrap();
    let (sum, head) = value.value()[1..].split_at(8);
    let sealed = blake3::hash(&[&(key.len() as u64).to_be_bytes(), &key[..], head].concat());
    assert_eq!((value.value()[0], sum), (0, &sealed.as_bytes()[..8]));

    let value = records.get(&b"abig\0\x07"[..]).unwrap().unwrap();
    assert_eq!(value.value(), [&[1][..], &3_000_000u64.to_be_bytes()].concat());
    let pieces = long.range(&b"abig\0\x07"[..]..&b"abig\0\x08"[..]).unwrap();
    let pieces: Vec<Vec<u8>> = pieces.map(|piece| piece.unwrap().1.value().to_vec()).collect();
    assert!(pieces[..pieces.len() - 1].iter().all(|piece| piece.len() == 64_512));
    assert!(pieces.concat() == state);

    let component = [b"m", &Hash::of(b"first").as_bytes()[..]].concat();
    assert_eq!(records.get(component.as_slice()).unwrap().unwrap().value(), b"\0first");
}

#[test]
fn call_without_operations_leaves_only_step() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = RedbStore::create(folder.path()).unwrap();
    make(&store, "a", b"0");
    step(&store, "a", b"1");
    let number = |n: u64| n.to_be_bytes();
    let steps = [1, 2].map(|n| [b"aa\0\x05", &number(n)[..]].concat());
    let counts = [b"dcounter\0", &number(1)[..]].concat();
    let expected = [&steps[0][..], &steps[1], b"aa\0\x06", b"aa\0\x07", &counts].map(<[u8]>::to_vec);
    assert_eq!(keys(folder.path()), expected);
}

/// Keys of all records.
fn keys(folder: &std::path::Path) -> Vec<Vec<u8>> {
    let bare = without_sums(&std::fs::read(folder.join("store.redb")).unwrap());
    let path = folder.join("bare.redb");
    std::fs::write(&path, bare).unwrap();
    let database = Database::open(&path).unwrap();
    let tables = database.begin_read().unwrap();
    let records = tables.open_table(TableDefinition::<&[u8], &[u8]>::new("records")).unwrap();
    records.iter().unwrap().map(|entry| entry.unwrap().0.value().to_vec()).collect()
}
