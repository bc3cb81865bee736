//! What changes a store, within one write transaction.

mod accept;
mod cancel;
mod classes;
mod clock;
mod commit;
mod events;
mod inbox;
mod progress;
mod remove;
mod step;
mod suspend;
mod usage;

pub use clock::asked_ahead;
pub use commit::HashedCommit;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ClassName, Error, Name, NameRecord};

use crate::store::redb::errors::TxResult;
use crate::store::redb::read::actors;
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::tables::WriteTables;

/// The records in a write transaction, and the heads that it has touched: they are written once, at its end.
pub struct Writer<'t> {
    pub tables: WriteTables<'t>,
    names: BTreeMap<Name, TouchedName>,
    /// Names of commits that were refused. What follows them on their actors was made of a state that never was.
    refused: BTreeSet<Name>,
    /// Written once, at the end.
    counts: BTreeMap<(ClassName, u32), usage::UsageChange>,
    /// Names whose wait was answered because a delayed invocation closed a cycle.
    woken: Vec<Name>,
    changed: bool,
}

/// The head of a name as the transaction has it so far.
#[derive(Default)]
struct TouchedName {
    head: NameRecord,
    /// A state that is not written yet.
    state: Option<Vec<u8>>,
    changed: bool,
    /// Whether something left its inbox.
    left: bool,
}

impl<'t> Writer<'t> {
    pub fn new(tables: WriteTables<'t>) -> Writer<'t> {
        let (names, refused, counts) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Writer { tables, names, refused, counts, woken: Vec::new(), changed: false }
    }

    /// Says that there is something to commit.
    pub fn changed(&mut self) {
        self.changed = true;
    }

    /// Writes what is left to write. Whether there is something to commit.
    pub fn finish(&mut self) -> TxResult<bool> {
        self.note_ready()?;
        self.put_counts()?;
        for (name, touched) in &self.names {
            if touched.changed {
                self.changed = true;
                self.tables.put(&RecordKey::head(name), &touched.head)?;
            }
            if let Some(state) = &touched.state {
                self.tables.put_bytes(&RecordKey::state(name), state)?;
            }
        }
        Ok(self.changed)
    }

    fn touch(&mut self, name: &Name) -> TxResult<&mut TouchedName> {
        Ok(match self.names.entry(name.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let head = actors::head(&self.tables, name)?.unwrap_or_default();
                entry.insert(TouchedName { head, ..TouchedName::default() })
            }
        })
    }

    fn head(&mut self, name: &Name) -> TxResult<&NameRecord> {
        Ok(&self.touch(name)?.head)
    }

    /// The head, to be changed.
    fn head_mut(&mut self, name: &Name) -> TxResult<&mut NameRecord> {
        let touched = self.touch(name)?;
        touched.changed = true;
        Ok(&mut touched.head)
    }
}

fn stale<T>(name: &Name) -> Result<T, Error> {
    Err(Error::Stale { id: name.to_string() })
}
