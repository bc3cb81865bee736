//! The names whose invocations cannot be run, because their class or their record cannot be used.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::engine::core::Core;
use crate::model::{Error, Name, lock};

/// A clone is the same.
#[derive(Clone, Default)]
pub struct FailedNames(Arc<Mutex<HashMap<Name, NameFailure>>>);

struct NameFailure {
    error: Error,
    /// The number of the first pending invocation at that time. If another one is first, the name is tried again: the
    /// actor may have been removed, and another made under its id.
    first: Option<u64>,
}

impl FailedNames {
    /// From now on the inbox of a name is not run, as long as the same invocation is first in it.
    pub fn insert(&self, core: &Core, name: &Name, error: &Error) {
        let first = first_pending(core, name);
        lock(&self.0).insert(name.clone(), NameFailure { error: error.clone(), first });
    }

    pub fn contains(&self, core: &Core, name: &Name) -> bool {
        let Some(first) = lock(&self.0).get(name).map(|failure| failure.first) else { return false };
        if first_pending(core, name) == first {
            return true;
        }
        lock(&self.0).remove(name);
        false
    }

    /// The error of a name, for a caller that waits for it. The name is tried again after that.
    pub fn take(&self, name: &Name) -> Option<Error> {
        let mut failures = lock(&self.0);
        if failures.is_empty() { None } else { failures.remove(name).map(|failure| failure.error) }
    }

    pub fn clear(&self) {
        lock(&self.0).clear();
    }
}

/// None also if it cannot be read.
fn first_pending(core: &Core, name: &Name) -> Option<u64> {
    let pending = core.store.pending(Some(name), None, 1).ok()?;
    pending.first().map(|first| first.number)
}
