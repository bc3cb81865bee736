//! Files with valid checksums and wrong content, as a hostile program can write them.

use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed, xxh3_128};

const PAGE: usize = 4096;
const GROUP: usize = 512;

/// The store's table of records, as redb sees it.
const RECORDS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("records");

/// The file as redb sees it. Asserts the checksum of each page.
pub fn without_sums(file: &[u8]) -> Vec<u8> {
    let mut bare = Vec::new();
    for (group, pages) in file.chunks((GROUP + 1) * PAGE).enumerate() {
        let sums = &pages[PAGE..2 * PAGE];
        for (n, page) in pages.chunks(PAGE).enumerate().filter(|(n, _)| *n != 1) {
            let entry = n.saturating_sub(1);
            let number = group * GROUP + entry;
            let sum = xxh3_64_with_seed(page, number as u64).to_be_bytes();
            // unused pages have none
            if number > 0 && sums[entry * 8..][..8] != [0; 8] {
                let right = sums[entry * 8..][..8] == sum;
                assert!(right, "page {number}");
            }
            bare.extend(page);
        }
    }
    bare
}

/// The store's file with these pages of redb and valid checksums of pages, header and commits.
pub fn with_sums(bare: &[u8]) -> Vec<u8> {
    let mut bare = bare.to_vec();
    let tag = [&b"\0vactor\0"[..], &FORMAT.to_be_bytes()].concat();
    for slot in [64, 192] {
        let sum = xxh3_128(&bare[slot..slot + 112]).to_le_bytes();
        bare[slot + 112..slot + 128].copy_from_slice(&sum);
    }
    let sum = xxh3_64(&[&bare[..64], &tag].concat()).to_be_bytes();
    bare[320..330].copy_from_slice(&tag);
    bare[330..338].copy_from_slice(&sum);
    let mut file = Vec::new();
    for (group, pages) in bare.chunks(GROUP * PAGE).enumerate() {
        let sums: Vec<u8> = pages
            .chunks(PAGE)
            .enumerate()
            .flat_map(|(n, page)| xxh3_64_with_seed(page, (group * GROUP + n) as u64).to_be_bytes())
            .collect();
        file.extend(&pages[..PAGE]);
        file.extend(&sums);
        file.resize(file.len() + PAGE - sums.len(), 0);
        file.extend(&pages[PAGE..]);
    }
    file
}

/// The format of these stores.
pub const FORMAT: u16 = 2;

/// The offset of the current commit slot, by a header without checksums.
pub fn newest_slot(bare: &[u8]) -> usize {
    64 + 128 * usize::from(bare[9] & 1)
}

/// Changes the pages of the store in a folder as redb sees them, and corrects the checksums.
pub fn rewrite(folder: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let path = folder.join("store.redb");
    let mut bare = without_sums(&std::fs::read(&path).unwrap());
    change(&mut bare);
    std::fs::write(&path, with_sums(&bare)).unwrap();
}

/// All records of a store's file, with their keys.
pub fn records(file: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (_folder, database) = opened(file);
    let read = database.begin_read().unwrap();
    let records = read.open_table(RECORDS).unwrap();
    let entries = records.iter().unwrap().map(|entry| entry.unwrap());
    entries.map(|(key, value)| (key.value().to_vec(), value.value().to_vec())).collect()
}

/// The store's file with another value under a key, written by redb.
pub fn with_value(file: &[u8], key: &[u8], value: &[u8]) -> Vec<u8> {
    let (folder, database) = opened(file);
    let mut write = database.begin_write().unwrap();
    // as processes of vactor commit
    write.set_two_phase_commit(true);
    write.set_quick_repair(true);
    write.open_table(RECORDS).unwrap().insert(key, value).unwrap();
    write.commit().unwrap();
    drop(database);
    with_sums(&std::fs::read(folder.path().join("bare.redb")).unwrap())
}

/// A record with the checksum that binds it to its key.
pub fn sealed(key: &[u8], record: &[u8]) -> Vec<u8> {
    let sum = blake3::hash(&[&(key.len() as u64).to_be_bytes(), key, record].concat());
    [&[0], &sum.as_bytes()[..8], record].concat()
}

fn opened(file: &[u8]) -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bare.redb");
    std::fs::write(&path, without_sums(file)).unwrap();
    let database = Database::open(&path).unwrap();
    (folder, database)
}
