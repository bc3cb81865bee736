//! The state of a write transaction.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ClassName, Error, Name, NameRecord};
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::actors;
use crate::store::redb::schema::tables::WriteTables;

/// The tables of a write transaction, with the records of names and the usage that it has changed,
/// which are written once, at its end.
pub struct Writer<'t> {
    pub tables: WriteTables<'t>,
    pub(super) names: BTreeMap<Name, TouchedName>,
    /// Names with a refused commit. Later commits of these names are stale.
    pub(super) refused: BTreeSet<Name>,
    pub(super) usage: BTreeMap<(ClassName, u32), UsageChange>,
    /// Names whose wait was found in a cycle that the enqueuing of a delayed invocation closed.
    pub(super) woken: Vec<Name>,
    pub(super) changed: bool,
}

/// The record of a name, as the transaction has changed it so far.
#[derive(Default)]
pub struct TouchedName {
    pub record: NameRecord,
    /// A state that is not written yet.
    pub state: Option<Vec<u8>>,
    pub changed: bool,
    /// Whether an invocation was dequeued from its inbox.
    pub dequeued: bool,
}

/// The change of a class version's usage.
#[derive(Default)]
pub struct UsageChange {
    pub actors: i64,
    pub pending: i64,
}

impl<'t> Writer<'t> {
    pub fn new(tables: WriteTables<'t>) -> Writer<'t> {
        let (names, refused, usage) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Writer { tables, names, refused, usage, woken: Vec::new(), changed: false }
    }

    /// Has the transaction committed.
    pub fn changed(&mut self) {
        self.changed = true;
    }

    pub(super) fn touch(&mut self, name: &Name) -> TxResult<&mut TouchedName> {
        Ok(match self.names.entry(name.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let record = actors::name_record(&self.tables, name)?.unwrap_or_default();
                entry.insert(TouchedName { record, ..TouchedName::default() })
            }
        })
    }

    pub(super) fn name_record(&mut self, name: &Name) -> TxResult<&NameRecord> {
        Ok(&self.touch(name)?.record)
    }

    /// The record of a name, to be changed.
    pub(super) fn name_record_mut(&mut self, name: &Name) -> TxResult<&mut NameRecord> {
        let touched = self.touch(name)?;
        touched.changed = true;
        Ok(&mut touched.record)
    }
}

pub fn stale<T>(name: &Name) -> Result<T, Error> {
    Err(Error::Stale { id: name.to_string() })
}
