//! What guests of this process started, for helper threads to look at.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use crate::model::{Name, Reference};

/// Invocations by their names, and the names in the order in which they are looked at: of an actor that cannot be run at the
/// moment none of its invocations is looked at.
#[derive(Default)]
pub(in crate::engine) struct Wanted {
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

    /// Takes the next name with what is wanted of it.
    pub fn next(&mut self) -> Option<VecDeque<Reference>> {
        self.of.remove(&self.names.pop_front()?)
    }

    pub fn clear(&mut self) {
        *self = Wanted::default();
    }
}
