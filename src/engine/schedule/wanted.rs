//! The invocations that guests of this process started, for the search of helper threads.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use crate::model::{Name, Reference};

/// Invocations by name, and the names in the order of the search. If the first invocation of an actor cannot be claimed, the
/// search leaves out the rest of the actor.
#[derive(Default)]
pub struct Wanted {
    names: VecDeque<Name>,
    of: HashMap<Name, VecDeque<Reference>>,
}

impl Wanted {
    pub fn extend(&mut self, references: impl IntoIterator<Item = Reference>) {
        for reference in references {
            match self.of.entry(reference.name.clone()) {
                Entry::Occupied(entry) => entry.into_mut().push_back(reference),
                Entry::Vacant(entry) => {
                    self.names.push_back(reference.name.clone());
                    entry.insert(VecDeque::from([reference]));
                }
            }
        }
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Removes the next name, and gives its invocations.
    pub fn next(&mut self) -> Option<VecDeque<Reference>> {
        self.of.remove(&self.names.pop_front()?)
    }

    pub fn clear(&mut self) {
        *self = Wanted::default();
    }
}
