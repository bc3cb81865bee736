//! What changes a store, within one write transaction.

mod accept;
mod cancel;
mod clock;
mod commit;
mod counts;
mod events;
mod inbox;
mod progress;
mod remove;
mod step;
mod suspend;

pub(super) use clock::asked_ahead;
pub(super) use commit::Ready;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ClassName, Error, Name, NameRecord};

use super::actors;
use super::boundary::Try;
use super::key::Key;
use super::tables::Writing;

/// The records in a write transaction, and the heads that it has touched: they are written once, at its end.
pub(super) struct Writer<'t> {
    pub(super) tables: Writing<'t>,
    names: BTreeMap<Name, Touched>,
    /// Names of commits that were refused. What follows them on their actors was made of a state that never was.
    refused: BTreeSet<Name>,
    /// Written once, at the end.
    counts: BTreeMap<(ClassName, u32), counts::Change>,
    /// Names whose wait was answered because a delayed invocation closed a cycle.
    woken: Vec<Name>,
    changed: bool,
}

/// The head of a name as the transaction has it so far.
#[derive(Default)]
struct Touched {
    head: NameRecord,
    /// A state that is not written yet.
    state: Option<Vec<u8>>,
    changed: bool,
    /// Whether something left its inbox.
    left: bool,
}

impl<'t> Writer<'t> {
    pub(super) fn new(tables: Writing<'t>) -> Writer<'t> {
        let (names, refused, counts) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Writer { tables, names, refused, counts, woken: Vec::new(), changed: false }
    }

    /// Says that there is something to commit.
    pub(super) fn changed(&mut self) {
        self.changed = true;
    }

    /// Writes what is left to write. Whether there is something to commit.
    pub(super) fn finish(&mut self) -> Try<bool> {
        self.note_ready()?;
        self.put_counts()?;
        for (name, touched) in &self.names {
            if touched.changed {
                self.changed = true;
                self.tables.put(&Key::head(name), &touched.head)?;
            }
            if let Some(state) = &touched.state {
                self.tables.put_bytes(&Key::state(name), state)?;
            }
        }
        Ok(self.changed)
    }

    fn touch(&mut self, name: &Name) -> Try<&mut Touched> {
        Ok(match self.names.entry(name.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let head = actors::head(&self.tables, name)?.unwrap_or_default();
                entry.insert(Touched { head, ..Touched::default() })
            }
        })
    }

    fn head(&mut self, name: &Name) -> Try<&NameRecord> {
        Ok(&self.touch(name)?.head)
    }

    /// The head, to be changed.
    fn head_mut(&mut self, name: &Name) -> Try<&mut NameRecord> {
        let touched = self.touch(name)?;
        touched.changed = true;
        Ok(&mut touched.head)
    }
}

fn stale<T>(name: &Name) -> Result<T, Error> {
    Err(Error::Stale { id: name.to_string() })
}
