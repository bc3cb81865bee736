//! Reading and writing records: one ordered table, and another for what is long.

use std::borrow::Cow;
use std::ops::Range;

use redb::{AccessGuard, ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::key::RecordKey;
use super::key_range::Span;
use super::record;
use super::validate::Validate;
use crate::store::redb::errors::{TxError, TxResult, damaged, redb};

type Bytes = &'static [u8];

/// A record's first byte says where the rest is: here, or in pieces in the table of the long ones. Then its length
/// follows.
const RECORDS: TableDefinition<Bytes, Bytes> = TableDefinition::new("records");
const LONG: TableDefinition<Bytes, Bytes> = TableDefinition::new("long");

const HERE: u8 = 0;
const ELSEWHERE: u8 = 1;

/// What is longer stands in the other table, so that it is not copied when its neighbours change.
const SHORT: usize = 1024;

/// How long a piece is: with its key it fills a page of 64 KiB. One page for the whole would be of the next power of two.
const PIECE: usize = (64 << 10) - 1024;

/// The records as one committed state has them, or as a write transaction has made them.
pub struct Tables<T> {
    records: T,
    long: T,
}

/// What tables can be read from: a committed state, or a write transaction.
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
    /// Makes the tables where there are none yet.
    pub fn open(transaction: &'t WriteTransaction) -> TxResult<WriteTables<'t>> {
        Ok(Tables { records: redb(|| transaction.open_table(RECORDS))?, long: redb(|| transaction.open_table(LONG))? })
    }

    /// Writes a record; answers its length.
    pub fn put(&mut self, key: &RecordKey, record: &impl Serialize) -> TxResult<u64> {
        let sealed = record::seal(key, record)?;
        self.put_bytes(key, &sealed)?;
        Ok(sealed.len() as u64)
    }

    /// Writes bytes that a hash kept elsewhere speaks for.
    pub fn put_bytes(&mut self, key: &RecordKey, bytes: &[u8]) -> TxResult<()> {
        if bytes.len() <= SHORT {
            let sealed = [&[HERE], bytes].concat();
            let before = || Ok::<_, TxError>(pieces_before(self.records.insert(key.bytes(), sealed.as_slice())?));
            let pieces = redb(before)?;
            return self.delete_pieces(key, 0..pieces);
        }
        let there = [&[ELSEWHERE][..], &(bytes.len() as u64).to_be_bytes()].concat();
        let pieces = redb(|| Ok::<_, TxError>(pieces_before(self.records.insert(key.bytes(), there.as_slice())?)))?;
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

    pub fn delete_all(&mut self, (from, to): Span) -> TxResult<()> {
        redb(|| self.records.retain_in(from.bytes()..to.bytes(), |_, _| false))?;
        redb(|| self.long.retain_in(from.bytes()..to.bytes(), |_, _| false))?;
        Ok(())
    }
}

impl<T: TableSource> Tables<T> {
    /// A record that `put` wrote.
    pub fn get<R: DeserializeOwned + Validate>(&self, key: &RecordKey) -> TxResult<Option<R>> {
        self.get_bytes(key, |sealed| record::unseal(key, &sealed))
    }

    /// A record that must be there.
    pub fn must<R: DeserializeOwned + Validate>(&self, key: &RecordKey) -> TxResult<R> {
        match self.get(key)? {
            Some(record) => Ok(record),
            None => damaged(format!("{} is missing", key.describe())),
        }
    }

    /// What `put_bytes` wrote.
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
                // no more room than is filled already: the length may be a wrong one
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

    /// Keys of a span, in order.
    pub fn keys(&self, (from, to): Span) -> TxResult<impl DoubleEndedIterator<Item = TxResult<RecordKey>>> {
        let range = InOrder::new(&self.records, from.bytes(), to.bytes())?;
        Ok(range.map(|entry| Ok(RecordKey::from_bytes(entry?.0.value()))))
    }

    /// Records of a span with their keys, in order.
    pub fn records<R: DeserializeOwned + Validate>(
        &self,
        (from, to): Span,
    ) -> TxResult<impl DoubleEndedIterator<Item = TxResult<(RecordKey, R)>>> {
        let range = InOrder::new(&self.records, from.bytes(), to.bytes())?;
        Ok(range.map(|entry| {
            let (key, value) = entry?;
            let key = RecordKey::from_bytes(key.value());
            let record = self.resolve(&key, value.value(), |sealed| record::unseal(&key, &sealed))?;
            Ok((key, record))
        }))
    }

    /// The first key of a span.
    pub fn first(&self, span: Span) -> TxResult<Option<RecordKey>> {
        self.keys(span)?.next().transpose()
    }
}

/// The entries of a span. Each must have a key of the span, behind the one before it: in a file that another program wrote
/// the pages of a tree may lead to each other again and again.
struct InOrder<'t> {
    range: redb::Range<'t, Bytes, Bytes>,
    from: Vec<u8>,
    to: Vec<u8>,
    /// Whether `from` is the key of an entry that was given out.
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
        damaged(format!("{} does not stand in its place", RecordKey::from_bytes(key).describe()))
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

/// In how many pieces the rest of a record was that another one replaced.
fn pieces_before(before: Option<AccessGuard<'_, Bytes>>) -> u64 {
    before.map_or(0, |before| pieces_of(before.value()))
}

/// In how many pieces the rest of a record stands elsewhere.
fn pieces_of(value: &[u8]) -> u64 {
    match value {
        [ELSEWHERE, length @ ..] => length.try_into().map_or(0, u64::from_be_bytes).div_ceil(PIECE as u64),
        _ => 0,
    }
}

fn piece_key(key: &RecordKey, number: u64) -> Vec<u8> {
    [key.bytes(), &number.to_be_bytes()].concat()
}

/// Counts the keys that a thread reads.
#[cfg(test)]
pub(in crate::store) mod count {
    use std::cell::Cell;

    thread_local! {
        static READ: Cell<u64> = const { Cell::new(0) };
    }

    pub fn read() {
        READ.set(READ.get() + 1);
    }

    pub(in crate::store) fn keys_read() -> u64 {
        READ.get()
    }
}
