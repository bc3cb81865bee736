//! What changes a store, within one write transaction.

mod accept;
mod commit;
mod remove;

pub(super) use commit::Ready;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Error, Head, Name, NewInvocation, Timestamp};

use super::actors;
use super::boundary::{Try, damaged};
use super::key::Key;
use super::tables::Writing;

/// The records in a write transaction, and the heads that it has touched: they are written once, at its end.
pub(super) struct Writer<'t> {
    pub(super) tables: Writing<'t>,
    names: BTreeMap<Name, Touched>,
    /// Names of commits that were refused. What follows them on their actors was made of a state that never was.
    refused: BTreeSet<Name>,
    changed: bool,
}

/// The head of a name as the transaction has it so far.
#[derive(Default)]
struct Touched {
    head: Head,
    /// A state that is not written yet.
    state: Option<Vec<u8>>,
    changed: bool,
}

impl<'t> Writer<'t> {
    pub(super) fn new(tables: Writing<'t>) -> Writer<'t> {
        Writer { tables, names: BTreeMap::new(), refused: BTreeSet::new(), changed: false }
    }

    /// Says that there is something to commit.
    pub(super) fn changed(&mut self) {
        self.changed = true;
    }

    /// Writes what is left to write. Whether there is something to commit.
    pub(super) fn finish(&mut self) -> Try<bool> {
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

    fn head(&mut self, name: &Name) -> Try<&Head> {
        Ok(&self.touch(name)?.head)
    }

    /// The head, to be changed.
    fn head_mut(&mut self, name: &Name) -> Try<&mut Head> {
        let touched = self.touch(name)?;
        touched.changed = true;
        Ok(&mut touched.head)
    }

    /// Puts an accepted invocation at the end of the inbox; answers its place.
    fn enter(&mut self, name: &Name, number: u64) -> Try<u64> {
        let head = self.head_mut(name)?;
        head.numbers.turns += 1;
        head.queued += 1;
        let turn = head.numbers.turns;
        self.tables.put(&Key::inbox(name, turn), &number)?;
        Ok(turn)
    }

    fn delay(&mut self, name: &Name, due: Timestamp, number: u64) -> Try<()> {
        self.head_mut(name)?.delayed += 1;
        self.tables.put(&Key::delayed(name, due, number), &())?;
        self.tables.put(&Key::due(due, name, number), &())?;
        Ok(())
    }

    /// Takes an accepted invocation from where it stands.
    fn leave(&mut self, new: &NewInvocation, number: u64, turn: Option<u64>) -> Try<()> {
        let name = &new.name;
        let head = self.head_mut(name)?;
        let count = if turn.is_some() { &mut head.queued } else { &mut head.delayed };
        let Some(fewer) = count.checked_sub(1) else {
            return damaged(format!("the inbox of {name} holds more than its head says"));
        };
        *count = fewer;
        match (turn, new.due) {
            (Some(turn), _) => self.tables.delete(&Key::inbox(name, turn)),
            (None, Some(due)) => {
                self.tables.delete(&Key::delayed(name, due, number))?;
                self.tables.delete(&Key::due(due, name, number))
            }
            (None, None) => damaged(format!("the invocation {name}#{number} stands nowhere")),
        }
    }
}

fn stale<T>(name: &Name) -> Result<T, Error> {
    Err(Error::Stale { id: name.to_string() })
}
