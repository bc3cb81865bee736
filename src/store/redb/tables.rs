//! Reading and writing records: one ordered table, and another for what is long.

use std::borrow::Cow;
use std::ops::Range;

use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::boundary::{Trouble, Try, damaged};
use super::key::{Key, Span};
use super::record;

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

/// No length that a file states is believed further than this before the bytes are there.
const LONGEST_AT_ONCE: u64 = 256 << 20;

/// The records as one committed state has them, or as a write transaction has made them.
pub(super) struct Tables<T> {
    records: T,
    long: T,
}

/// What tables can be read from: a committed state, or a write transaction.
pub(super) trait Source: ReadableTable<Bytes, Bytes> {}
impl<T: ReadableTable<Bytes, Bytes>> Source for T {}

pub(super) type Reading = Tables<redb::ReadOnlyTable<Bytes, Bytes>>;
pub(super) type Writing<'t> = Tables<Table<'t, Bytes, Bytes>>;

impl Reading {
    pub(super) fn open(transaction: &ReadTransaction) -> Try<Reading> {
        Ok(Tables { records: transaction.open_table(RECORDS)?, long: transaction.open_table(LONG)? })
    }
}

impl<'t> Writing<'t> {
    /// Makes the tables where there are none yet.
    pub(super) fn open(transaction: &'t WriteTransaction) -> Try<Writing<'t>> {
        Ok(Tables { records: transaction.open_table(RECORDS)?, long: transaction.open_table(LONG)? })
    }

    /// Writes a record; answers its length.
    pub(super) fn put(&mut self, key: &Key, record: &impl Serialize) -> Try<u64> {
        let sealed = record::seal(key, record)?;
        self.put_bytes(key, &sealed)?;
        Ok(sealed.len() as u64)
    }

    /// Writes bytes that a hash kept elsewhere speaks for.
    pub(super) fn put_bytes(&mut self, key: &Key, bytes: &[u8]) -> Try<()> {
        if bytes.len() <= SHORT {
            let before = self.records.insert(key.bytes(), [&[HERE], bytes].concat().as_slice())?;
            let pieces = before.map_or(0, |before| pieces_of(before.value()));
            return self.delete_pieces(key, 0..pieces);
        }
        let there = [&[ELSEWHERE][..], &(bytes.len() as u64).to_be_bytes()].concat();
        let before = self.records.insert(key.bytes(), there.as_slice())?;
        let pieces = before.map_or(0, |before| pieces_of(before.value()));
        for (number, piece) in (0..).zip(bytes.chunks(PIECE)) {
            self.long.insert(piece_key(key, number).as_slice(), piece)?;
        }
        self.delete_pieces(key, bytes.len().div_ceil(PIECE) as u64..pieces)
    }

    pub(super) fn delete(&mut self, key: &Key) -> Try<()> {
        let before = self.records.remove(key.bytes())?;
        let pieces = before.map_or(0, |before| pieces_of(before.value()));
        self.delete_pieces(key, 0..pieces)
    }

    fn delete_pieces(&mut self, key: &Key, numbers: Range<u64>) -> Try<()> {
        if !numbers.is_empty() {
            let (from, to) = (piece_key(key, numbers.start), piece_key(key, numbers.end));
            self.long.retain_in(from.as_slice()..to.as_slice(), |_, _| false)?;
        }
        Ok(())
    }

    pub(super) fn delete_all(&mut self, (from, to): Span) -> Try<()> {
        self.records.retain_in(from.bytes()..to.bytes(), |_, _| false)?;
        self.long.retain_in(from.bytes()..to.bytes(), |_, _| false)?;
        Ok(())
    }
}

impl<T: Source> Tables<T> {
    /// A record that `put` wrote.
    pub(super) fn get<R: DeserializeOwned>(&self, key: &Key) -> Try<Option<R>> {
        self.get_bytes(key, |sealed| record::unseal(key, &sealed))
    }

    /// A record that must be there.
    pub(super) fn must<R: DeserializeOwned>(&self, key: &Key) -> Try<R> {
        match self.get(key)? {
            Some(record) => Ok(record),
            None => damaged(format!("{} is missing", key.describe())),
        }
    }

    /// What `put_bytes` wrote.
    pub(super) fn get_bytes<R>(&self, key: &Key, read: impl FnOnce(Cow<'_, [u8]>) -> Try<R>) -> Try<Option<R>> {
        match self.records.get(key.bytes())? {
            Some(value) => self.resolve(key, value.value(), read).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn has(&self, key: &Key) -> Try<bool> {
        Ok(self.records.get(key.bytes())?.is_some())
    }

    fn resolve<R>(&self, key: &Key, value: &[u8], read: impl FnOnce(Cow<'_, [u8]>) -> Try<R>) -> Try<R> {
        match value {
            [HERE, bytes @ ..] => read(bytes.into()),
            [ELSEWHERE, length @ ..] => read(self.pieces(key, length)?.into()),
            _ => damaged(format!("{} is not readable", key.describe())),
        }
    }

    fn pieces(&self, key: &Key, length: &[u8]) -> Try<Vec<u8>> {
        let length = length.try_into().map_or(0, u64::from_be_bytes);
        let mut bytes = Vec::new();
        let (from, to) = (piece_key(key, 0), piece_key(key, length.div_ceil(PIECE as u64)));
        for piece in self.long.range(from.as_slice()..to.as_slice())? {
            // all of the room at once, but for no more than is there to begin with
            bytes.reserve_exact(if bytes.is_empty() { length.min(LONGEST_AT_ONCE) as usize } else { PIECE });
            bytes.extend_from_slice(piece?.1.value());
        }
        if bytes.len() as u64 != length || bytes.is_empty() {
            return damaged(format!("{} is not whole", key.describe()));
        }
        Ok(bytes)
    }

    /// Keys of a span, in order.
    pub(super) fn keys(&self, (from, to): Span) -> Try<impl DoubleEndedIterator<Item = Try<Key>>> {
        let range = self.records.range(from.bytes()..to.bytes())?;
        Ok(range.map(|entry| Ok(Key::from_bytes(entry?.0.value()))))
    }

    /// Records of a span with their keys, in order.
    pub(super) fn records<R: DeserializeOwned>(
        &self,
        (from, to): Span,
    ) -> Try<impl DoubleEndedIterator<Item = Try<(Key, R)>>> {
        let range = self.records.range(from.bytes()..to.bytes())?;
        Ok(range.map(|entry| {
            let (key, value) = entry.map_err(Trouble::from)?;
            let key = Key::from_bytes(key.value());
            let record = self.resolve(&key, value.value(), |sealed| record::unseal(&key, &sealed))?;
            Ok((key, record))
        }))
    }

    /// The first key of a span.
    pub(super) fn first(&self, span: Span) -> Try<Option<Key>> {
        self.keys(span)?.next().transpose()
    }
}

/// In how many pieces the rest of a record stands elsewhere.
fn pieces_of(value: &[u8]) -> u64 {
    match value {
        [ELSEWHERE, length @ ..] => length.try_into().map_or(0, u64::from_be_bytes).div_ceil(PIECE as u64),
        _ => 0,
    }
}

fn piece_key(key: &Key, number: u64) -> Vec<u8> {
    [key.bytes(), &number.to_be_bytes()].concat()
}
