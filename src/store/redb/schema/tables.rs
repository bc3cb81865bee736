//! Tables of records: an ordered one, and another for long records.

use std::borrow::Cow;
use std::ops::Range;

use redb::{AccessGuard, ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::key::RecordKey;
use super::key_range::KeyRange;
use super::sealed::{self, Validate};
use crate::store::redb::errors::{TxError, TxResult, damaged};
use crate::store::redb::guard::redb;

type Bytes = &'static [u8];

/// The first byte of a value is `HERE`, and the record follows; or `ELSEWHERE`, its length follows,
/// and the record is in the table of long records, in pieces.
const RECORDS: TableDefinition<Bytes, Bytes> = TableDefinition::new("records");
const LONG: TableDefinition<Bytes, Bytes> = TableDefinition::new("long");

const HERE: u8 = 0;
const ELSEWHERE: u8 = 1;

/// Longer records are in the other table, so that they are not copied when their neighbours change.
const SHORT: usize = 1024;

/// The length of a piece, which fills a page of 64 KiB with its key. A single page for a long
/// record would have the length of the next power of two.
const PIECE: usize = (64 << 10) - 1024;

/// The records of one committed state, or of an open write transaction.
pub struct Tables<T> {
    records: T,
    long: T,
}

/// A table of a committed state, or of a write transaction.
pub trait TableSource: ReadableTable<Bytes, Bytes> {}
impl<T: ReadableTable<Bytes, Bytes>> TableSource for T {}

pub type ReadTables = Tables<redb::ReadOnlyTable<Bytes, Bytes>>;
pub type WriteTables<'t> = Tables<Table<'t, Bytes, Bytes>>;

impl ReadTables {
    pub fn open(transaction: &ReadTransaction) -> TxResult<ReadTables> {
        Ok(Tables { records: redb(|| transaction.open_table(RECORDS))?, long: redb(|| transaction.open_table(LONG))? })
    }
}

impl<'t> WriteTables<'t> {
    /// Makes the tables if there are none yet.
    pub fn open(transaction: &'t WriteTransaction) -> TxResult<WriteTables<'t>> {
        Ok(Tables { records: redb(|| transaction.open_table(RECORDS))?, long: redb(|| transaction.open_table(LONG))? })
    }

    /// Writes a record, and returns its length.
    pub fn put(&mut self, key: &RecordKey, record: &impl Serialize) -> TxResult<u64> {
        let sealed = sealed::seal(key, record)?;
        self.put_bytes(key, &sealed)?;
        Ok(sealed.len() as u64)
    }

    /// Writes bytes whose hash is in another record.
    pub fn put_bytes(&mut self, key: &RecordKey, bytes: &[u8]) -> TxResult<()> {
        if bytes.len() <= SHORT {
            let sealed = [&[HERE], bytes].concat();
            let before = || Ok::<_, TxError>(pieces_before(self.records.insert(key.bytes(), sealed.as_slice())?));
            let pieces = redb(before)?;
            return self.delete_pieces(key, 0..pieces);
        }
        let value = [&[ELSEWHERE][..], &(bytes.len() as u64).to_be_bytes()].concat();
        let pieces = redb(|| Ok::<_, TxError>(pieces_before(self.records.insert(key.bytes(), value.as_slice())?)))?;
        for (number, piece) in (0..).zip(bytes.chunks(PIECE)) {
            redb(|| self.long.insert(piece_key(key, number).as_slice(), piece).map(drop))?;
        }
        self.delete_pieces(key, bytes.len().div_ceil(PIECE) as u64..pieces)
    }

    pub fn delete(&mut self, key: &RecordKey) -> TxResult<()> {
        let pieces = redb(|| Ok::<_, TxError>(pieces_before(self.records.remove(key.bytes())?)))?;
        self.delete_pieces(key, 0..pieces)
    }

    fn delete_pieces(&mut self, key: &RecordKey, numbers: Range<u64>) -> TxResult<()> {
        if !numbers.is_empty() {
            let (from, to) = (piece_key(key, numbers.start), piece_key(key, numbers.end));
            redb(|| self.long.retain_in(from.as_slice()..to.as_slice(), |_, _| false))?;
        }
        Ok(())
    }

    pub fn delete_all(&mut self, (from, to): KeyRange) -> TxResult<()> {
        redb(|| self.records.retain_in(from.bytes()..to.bytes(), |_, _| false))?;
        redb(|| self.long.retain_in(from.bytes()..to.bytes(), |_, _| false))?;
        Ok(())
    }
}

impl<T: TableSource> Tables<T> {
    /// Reads a record of `put`.
    pub fn get<R: DeserializeOwned + Validate>(&self, key: &RecordKey) -> TxResult<Option<R>> {
        self.get_bytes(key, |sealed| sealed::unseal(key, &sealed))
    }

    /// Reads a record that must exist.
    pub fn must<R: DeserializeOwned + Validate>(&self, key: &RecordKey) -> TxResult<R> {
        match self.get(key)? {
            Some(record) => Ok(record),
            None => damaged(format!("{} is missing", key.describe())),
        }
    }

    /// Reads bytes of `put_bytes`.
    pub fn get_bytes<R>(
        &self,
        key: &RecordKey,
        read: impl FnOnce(Cow<'_, [u8]>) -> TxResult<R>,
    ) -> TxResult<Option<R>> {
        #[cfg(test)]
        count::read();
        match redb(|| self.records.get(key.bytes()))? {
            Some(value) => self.resolve(key, redb(|| value.value()), read).map(Some),
            None => Ok(None),
        }
    }

    pub fn has(&self, key: &RecordKey) -> TxResult<bool> {
        Ok(redb(|| self.records.get(key.bytes()))?.is_some())
    }

    fn resolve<R>(
        &self,
        key: &RecordKey,
        value: &[u8],
        read: impl FnOnce(Cow<'_, [u8]>) -> TxResult<R>,
    ) -> TxResult<R> {
        match value {
            [HERE, bytes @ ..] => read(bytes.into()),
            [ELSEWHERE, length @ ..] => read(self.pieces(key, length)?.into()),
            _ => damaged(format!("{} is not readable", key.describe())),
        }
    }

    fn pieces(&self, key: &RecordKey, length: &[u8]) -> TxResult<Vec<u8>> {
        let length = length.try_into().map_or(0, u64::from_be_bytes);
        let mut bytes = Vec::new();
        let (from, to) = (piece_key(key, 0), piece_key(key, length.div_ceil(PIECE as u64)));
        for piece in InOrder::new(&self.long, &from, &to)? {
            let piece = piece?.1;
            if bytes.capacity() - bytes.len() < piece.value().len() {
                // at most twice the memory of the pieces so far, for the length may be wrong
                let left = length.saturating_sub(bytes.len() as u64);
                bytes.reserve_exact(piece.value().len().max(bytes.len().min(usize::try_from(left).unwrap_or(0))));
            }
            bytes.extend_from_slice(piece.value());
        }
        if bytes.len() as u64 != length || bytes.is_empty() {
            return damaged(format!("{} is not whole", key.describe()));
        }
        Ok(bytes)
    }

    /// Keys of a range, in order.
    pub fn keys(&self, (from, to): KeyRange) -> TxResult<impl DoubleEndedIterator<Item = TxResult<RecordKey>>> {
        let range = InOrder::new(&self.records, from.bytes(), to.bytes())?;
        Ok(range.map(|entry| Ok(RecordKey::from_bytes(entry?.0.value()))))
    }

    /// Records of a range with their keys, in order.
    pub fn records<R: DeserializeOwned + Validate>(
        &self,
        (from, to): KeyRange,
    ) -> TxResult<impl DoubleEndedIterator<Item = TxResult<(RecordKey, R)>>> {
        let range = InOrder::new(&self.records, from.bytes(), to.bytes())?;
        Ok(range.map(|entry| {
            let (key, value) = entry?;
            let key = RecordKey::from_bytes(key.value());
            let record = self.resolve(&key, value.value(), |sealed| sealed::unseal(&key, &sealed))?;
            Ok((key, record))
        }))
    }

    /// The first key of a range.
    pub fn first(&self, range: KeyRange) -> TxResult<Option<RecordKey>> {
        self.keys(range)?.next().transpose()
    }
}

/// The entries of a range. Each must have a key of the range, behind the key before it: in a file
/// that another program wrote, the pages of a tree may lead in a circle.
struct InOrder<'t> {
    range: redb::Range<'t, Bytes, Bytes>,
    from: Vec<u8>,
    to: Vec<u8>,
    /// Whether `from` is the key of an entry that was returned.
    began: bool,
}

type RawEntry<'t> = (AccessGuard<'t, Bytes>, AccessGuard<'t, Bytes>);

impl<'t> InOrder<'t> {
    fn new(table: &'t impl TableSource, from: &[u8], to: &[u8]) -> TxResult<InOrder<'t>> {
        Ok(InOrder { range: redb(|| table.range(from..to))?, from: from.to_vec(), to: to.to_vec(), began: false })
    }

    fn check(&self, entry: Result<RawEntry<'t>, redb::StorageError>) -> TxResult<RawEntry<'t>> {
        let entry = entry.map_err(TxError::from)?;
        let key = entry.0.value();
        let behind = if self.began { key > self.from.as_slice() } else { key >= self.from.as_slice() };
        if behind && key < self.to.as_slice() {
            return Ok(entry);
        }
        damaged(format!("{} is in the wrong order", RecordKey::from_bytes(key).describe()))
    }
}

impl<'t> Iterator for InOrder<'t> {
    type Item = TxResult<RawEntry<'t>>;

    fn next(&mut self) -> Option<TxResult<RawEntry<'t>>> {
        #[cfg(test)]
        count::read();
        let next = redb(|| self.range.next())?;
        let entry = self.check(next);
        if let Ok((key, _)) = &entry {
            self.began = true;
            self.from.clear();
            self.from.extend_from_slice(key.value());
        }
        Some(entry)
    }
}

impl DoubleEndedIterator for InOrder<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        #[cfg(test)]
        count::read();
        let next = redb(|| self.range.next_back())?;
        let entry = self.check(next);
        if let Ok((key, _)) = &entry {
            self.to.clear();
            self.to.extend_from_slice(key.value());
        }
        Some(entry)
    }
}

/// The number of pieces of a record that was replaced.
fn pieces_before(before: Option<AccessGuard<'_, Bytes>>) -> u64 {
    before.map_or(0, |before| pieces_of(before.value()))
}

/// The number of pieces of a record.
fn pieces_of(value: &[u8]) -> u64 {
    match value {
        [ELSEWHERE, length @ ..] => length.try_into().map_or(0, u64::from_be_bytes).div_ceil(PIECE as u64),
        _ => 0,
    }
}

fn piece_key(key: &RecordKey, number: u64) -> Vec<u8> {
    [key.bytes(), &number.to_be_bytes()].concat()
}

/// Counts the keys that this thread has read.
#[cfg(test)]
pub(crate) mod count {
    use std::cell::Cell;

    thread_local! {
        static READ: Cell<u64> = const { Cell::new(0) };
    }

    pub fn read() {
        READ.set(READ.get() + 1);
    }

    pub(crate) fn keys_read() -> u64 {
        READ.get()
    }
}
