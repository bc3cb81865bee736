//! One test for each assumption on redb's private layout and behaviour. If redb changes, a test
//! fails by the name of the assumption.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

use redb::backends::InMemoryBackend;
use redb::{BackendError, Builder, ConcurrencyMode, Database, ReadableDatabase, StorageBackend, TableDefinition};

use super::*;

const TABLE: TableDefinition<&[u8], &[u8]> = TableDefinition::new("records");

/// A file in memory, with the calls of redb.
#[derive(Debug, Default)]
struct Recorder {
    file: InMemoryBackend,
    calls: Mutex<Vec<RecordedCall>>,
    /// Whether the writer's lock is refused.
    refuses_writer: Mutex<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum RecordedCall {
    Lock(LockRange, bool),
    Unlock(LockRange),
    Query(LockRange),
    Write { offset: u64, flags: Option<u8> },
    Sync,
}

#[derive(Clone, Debug, Default)]
struct RecordedFile(Arc<Recorder>);

impl RecordedFile {
    fn note(&self, call: RecordedCall) {
        self.0.calls.lock().unwrap().push(call);
    }

    fn take_calls(&self) -> Vec<RecordedCall> {
        std::mem::take(&mut *self.0.calls.lock().unwrap())
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.0.file.len().unwrap() as usize];
        self.0.file.read(0, &mut bytes).unwrap();
        bytes
    }

    fn pages(&self) -> u64 {
        self.0.file.len().unwrap() / PAGE
    }

    fn page(&self, extent: Extent) -> Vec<u8> {
        let range = extent.first * PAGE..(extent.first + extent.count) * PAGE;
        self.bytes()[range.start as usize..range.end as usize].to_vec()
    }

    fn open(&self) -> Database {
        builder().create_with_backend(self.clone()).unwrap()
    }

    fn try_lock(&self, start: Bound<u64>, end: Bound<u64>, shared: bool) -> Result<bool, BackendError> {
        let range = LockRange::of(start, end);
        if range == LockRange::Writer && *self.0.refuses_writer.lock().unwrap() {
            return Ok(false);
        }
        self.note(RecordedCall::Lock(range, shared));
        Ok(true)
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_concurrency_mode(ConcurrencyMode::MultiWriter);
    builder
}

impl StorageBackend for RecordedFile {
    fn len(&self) -> io::Result<u64> {
        self.0.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.note(RecordedCall::Sync);
        self.0.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let flags = (offset == 0 && data.len() == HEADER).then(|| data[FLAGS]);
        assert!(flags.is_some() || offset.is_multiple_of(PAGE) && (data.len() as u64).is_multiple_of(PAGE));
        self.note(RecordedCall::Write { offset, flags });
        self.0.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        Ok(())
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.try_lock(start, end, false)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.try_lock(start, end, true)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.try_lock(start, end, false).map(|taken| assert!(taken))
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.try_lock(start, end, true).map(|taken| assert!(taken))
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.note(RecordedCall::Unlock(LockRange::of(start, end)));
        Ok(())
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.note(RecordedCall::Query(LockRange::of(start, end)));
        Ok(LockRange::of(start, end) == LockRange::Consistent)
    }
}

fn put(database: &Database, keys: RangeInclusive<u16>) {
    let transaction = database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(TABLE).unwrap();
        for key in keys {
            table.insert(key.to_be_bytes().as_slice(), [7; 100].as_slice()).unwrap();
        }
    }
    transaction.commit().unwrap();
}

/// A file with a tree of several pages, and with freed pages.
fn filled() -> (RecordedFile, Database) {
    let file = RecordedFile::default();
    let database = file.open();
    put(&database, 1..=500);
    put(&database, 100..=900);
    (file, database)
}

fn roots_of(file: &RecordedFile) -> [Extent; 2] {
    roots(&file.bytes()[..HEADER], false, file.pages()).unwrap().map(Option::unwrap)
}

/// All leaves of a tree.
fn leaves(file: &RecordedFile, root: Extent) -> Vec<Vec<u8>> {
    let page = file.page(root);
    match TreePage::of(&page).unwrap() {
        TreePage::Leaf => vec![page],
        TreePage::Branch => {
            children(&page, file.pages()).unwrap().into_iter().flat_map(|child| leaves(file, child)).collect()
        }
    }
}

/// Names and roots of the tables in a tree of definitions.
fn tables(file: &RecordedFile, definitions: Extent) -> HashMap<String, Option<Extent>> {
    let mut tables = HashMap::new();
    for leaf in leaves(file, definitions) {
        for entry in LeafPage::new(&leaf, None).unwrap().entries() {
            let (name, definition) = entry.unwrap();
            tables.insert(str::from_utf8(name).unwrap().to_owned(), table_root(definition, file.pages()).unwrap());
        }
    }
    tables
}

#[test]
fn page_number_names_pages_of_the_file_or_is_refused() {
    let named = |number, pages| Extent::of(number, pages).ok().map(|extent| (extent.first, extent.count));
    assert_eq!(named(0, 2), Some((1, 1)));
    assert_eq!(named(0, 1), None);
    assert_eq!(named(3 | 2 << 59, 17), Some((13, 4)));
    assert_eq!(named(3 | 2 << 59, 16), None);
    assert_eq!(named(1 << 20 | 5, REGION + 7), Some((REGION + 6, 1)));
    for order in 0..32 {
        assert_eq!(named(u64::MAX >> 5 | order << 59, 1000), None, "{order}");
        assert_eq!(named(order << 59, 1000).is_some(), order < 10, "{order}");
    }
}

#[test]
fn page_of_redb_has_4096_bytes_and_writes_are_whole_pages_or_the_header() {
    // `write` of the backend asserts it
    let (file, _database) = filled();
    assert!(file.bytes().len() as u64 > 4 * PAGE && file.pages() * PAGE == file.bytes().len() as u64);
}

#[test]
fn header_has_regions_of_one_length_and_a_commit_in_two_phases() {
    let (file, _database) = filled();
    let header = file.bytes();
    assert_eq!(number_at::<4>(&header, REGION_HEADER_PAGES).unwrap(), 0);
    assert_eq!(number_at::<4>(&header, REGION_PAGES).unwrap(), REGION);
    assert_ne!(header[FLAGS] & TWO_PHASES, 0);
}

#[test]
fn header_names_the_primary_slot_by_a_flag_and_each_slot_has_a_sum() {
    let (file, database) = filled();
    let before = file.bytes()[FLAGS] & SECOND_SLOT;
    put(&database, 1..=1);
    let header = file.bytes();
    assert_ne!(header[FLAGS] & SECOND_SLOT, before, "each commit changes the primary slot");
    for number in 0..2 {
        assert!(slot(&header, number, file.pages()).is_ok(), "slot {number}");
        for at in [0, SLOT_SUM - 1, SLOT_SUM, SLOT - 1] {
            let mut wrong = header.clone();
            wrong[SLOTS + number * SLOT + at] ^= 1;
            assert!(slot(&wrong, number, file.pages()).is_err(), "slot {number}, byte {at}");
        }
    }
}

#[test]
fn commit_writes_a_flagged_header_syncs_and_removes_the_flag() {
    let (file, database) = filled();
    file.take_calls();
    put(&database, 1..=1);
    let calls = file.take_calls();
    let flags: Vec<bool> = calls
        .iter()
        .filter_map(|call| match call {
            RecordedCall::Write { flags: Some(flags), .. } => Some(flags & UNFLUSHED != 0),
            _ => None,
        })
        .collect();
    assert!(flags.ends_with(&[true, false]), "{calls:?}");
    let is_flagged =
        |call: &RecordedCall| matches!(call, RecordedCall::Write { flags: Some(flags), .. } if flags & UNFLUSHED != 0);
    let flagged = calls.iter().position(is_flagged).unwrap();
    assert!(calls[..flagged].contains(&RecordedCall::Sync), "pages are synced before the header: {calls:?}");
    assert!(calls[flagged..].contains(&RecordedCall::Sync), "the flagged header is synced: {calls:?}");
}

#[test]
fn roots_are_those_of_the_tables_and_of_redb_s_own_tables() {
    let (file, _database) = filled();
    let [user, own] = roots_of(&file).map(|root| tables(&file, root));
    assert_eq!(user.keys().collect::<Vec<_>>(), ["records"]);
    // a table without a root is empty
    for (name, _) in own.iter().filter(|(_, root)| root.is_some()) {
        assert!(SystemTables::key_length(name.as_bytes()).is_some(), "redb has a table {name}");
    }
    assert!(own.contains_key("allocator_state"), "{own:?}");
}

#[test]
fn leaf_and_branch_pages_contain_all_entries_in_order() {
    let (file, _database) = filled();
    let root = tables(&file, roots_of(&file)[0])["records"].unwrap();
    assert!(matches!(TreePage::of(&file.page(root)).unwrap(), TreePage::Branch));
    let mut keys = Vec::new();
    for leaf in leaves(&file, root) {
        for entry in LeafPage::new(&leaf, None).unwrap().entries() {
            let (key, value) = entry.unwrap();
            assert_eq!(value, [7; 100]);
            keys.push(u16::from_be_bytes(key.try_into().unwrap()));
        }
    }
    assert_eq!(keys, (1..=900).collect::<Vec<_>>());
}

#[test]
fn own_tables_have_keys_of_their_lengths_and_consistent_maps_of_free_pages() {
    let (file, database) = filled();
    // a reader keeps the pages of its commit from being freed, so the tables of freed pages have
    // entries
    let reader = database.begin_read().unwrap();
    for n in 0..5 {
        put(&database, n * 100 + 1..=n * 100 + 50);
    }
    let mut seen = Vec::new();
    let (mut own, mut named) = (SystemTables::default(), HashSet::new());
    for (name, root) in tables(&file, roots_of(&file)[1]) {
        let Some(root) = root else { continue };
        let length = SystemTables::key_length(name.as_bytes());
        for leaf in leaves(&file, root) {
            own.read(name.as_bytes(), &LeafPage::new(&leaf, length).unwrap(), file.pages(), &mut named).unwrap();
        }
        seen.push(name);
    }
    drop(reader);
    assert!(seen.contains(&"allocator_state".to_owned()) && !own.regions.is_empty(), "{seen:?}");
    assert!(seen.iter().any(|name| FREED.contains(&name.as_bytes())) && !named.is_empty(), "{seen:?}");
    own.check(&named).unwrap();
    assert!((1..file.pages()).any(|page| own.regions[0].has(page - 1)), "no page is free");
}

#[test]
fn write_transaction_locks_the_writer_byte_until_its_end() {
    let (file, database) = filled();
    file.take_calls();
    let transaction = database.begin_write().unwrap();
    assert!(file.take_calls().contains(&RecordedCall::Lock(LockRange::Writer, false)));
    transaction.abort().unwrap();
    assert!(file.take_calls().contains(&RecordedCall::Unlock(LockRange::Writer)));
}

#[test]
fn header_is_locked_shared_by_a_reader_and_exclusively_by_a_commit() {
    let (file, database) = filled();
    file.take_calls();
    drop(database.begin_read().unwrap());
    let calls = file.take_calls();
    assert!(calls.contains(&RecordedCall::Lock(LockRange::Header, true)), "{calls:?}");
    put(&database, 1..=1);
    let calls = file.take_calls();
    let locked = calls.iter().position(|call| *call == RecordedCall::Lock(LockRange::Header, false));
    let written = calls.iter().position(|call| matches!(call, RecordedCall::Write { offset: 0, .. }));
    assert!(locked.is_some() && locked < written, "{calls:?}");
}

#[test]
fn opening_for_reading_queries_the_byte_of_a_consistent_file() {
    let (file, database) = filled();
    drop(database);
    file.take_calls();
    let database = builder().open_read_only_with_backend(file.clone()).unwrap();
    assert!(file.take_calls().contains(&RecordedCall::Query(LockRange::Consistent)));
    drop(database);
}

#[test]
fn closing_asks_for_the_writer_lock_and_writes_nothing_without_it() {
    let (file, database) = filled();
    file.take_calls();
    *file.0.refuses_writer.lock().unwrap() = true;
    drop(database);
    let writes = |calls: &[RecordedCall]| {
        calls.iter().any(|call| matches!(call, RecordedCall::Write { .. } | RecordedCall::Sync))
    };
    assert!(!writes(&file.take_calls()));
    *file.0.refuses_writer.lock().unwrap() = false;
    let database = file.open();
    file.take_calls();
    drop(database);
    let calls = file.take_calls();
    assert!(calls.contains(&RecordedCall::Lock(LockRange::Writer, false)) && writes(&calls), "{calls:?}");
}
