//! Reading and writing records: one ordered table, and another for what is long.

use redb::{AccessGuard, ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::boundary::{Trouble, Try, damaged};
use super::key::{Key, Span};
use super::record;

type Bytes = &'static [u8];

/// A record's first byte says where the rest is: here, or in the table of the long ones under the same key.
const RECORDS: TableDefinition<Bytes, Bytes> = TableDefinition::new("records");
const LONG: TableDefinition<Bytes, Bytes> = TableDefinition::new("long");

const HERE: u8 = 0;
const ELSEWHERE: u8 = 1;

/// What is longer stands in the other table, so that it is not copied when its neighbours change.
const SHORT: usize = 1024;

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
            let value = [&[HERE], bytes].concat();
            let before = self.records.insert(key.bytes(), value.as_slice())?;
            let was_long = before.is_some_and(|before| before.value() == [ELSEWHERE]);
            if was_long {
                self.long.remove(key.bytes())?;
            }
        } else {
            self.records.insert(key.bytes(), &[ELSEWHERE][..])?;
            self.long.insert(key.bytes(), bytes)?;
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, key: &Key) -> Try<()> {
        let before = self.records.remove(key.bytes())?;
        let was_long = before.is_some_and(|before| before.value() == [ELSEWHERE]);
        if was_long {
            self.long.remove(key.bytes())?;
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
        self.get_bytes(key, |sealed| record::unseal(key, sealed))
    }

    /// A record that must be there.
    pub(super) fn must<R: DeserializeOwned>(&self, key: &Key) -> Try<R> {
        match self.get(key)? {
            Some(record) => Ok(record),
            None => damaged(format!("{} is missing", key.describe())),
        }
    }

    /// What `put_bytes` wrote.
    pub(super) fn get_bytes<R>(&self, key: &Key, read: impl FnOnce(&[u8]) -> Try<R>) -> Try<Option<R>> {
        match self.records.get(key.bytes())? {
            Some(value) => self.resolve(key, &value, read).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn has(&self, key: &Key) -> Try<bool> {
        Ok(self.records.get(key.bytes())?.is_some())
    }

    fn resolve<R>(&self, key: &Key, value: &AccessGuard<'_, Bytes>, read: impl FnOnce(&[u8]) -> Try<R>) -> Try<R> {
        match value.value() {
            [HERE, bytes @ ..] => read(bytes),
            [ELSEWHERE] => match self.long.get(key.bytes())? {
                Some(value) => read(value.value()),
                None => damaged(format!("{} is missing", key.describe())),
            },
            _ => damaged(format!("{} is not readable", key.describe())),
        }
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
            let record = self.resolve(&key, &value, |sealed| record::unseal(&key, sealed))?;
            Ok((key, record))
        }))
    }

    /// The first key of a span.
    pub(super) fn first(&self, span: Span) -> Try<Option<Key>> {
        self.keys(span)?.next().transpose()
    }
}
