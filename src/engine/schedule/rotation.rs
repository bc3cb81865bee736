//! The position at which the next search among all runnable names begins, so that each name has its turn before any has
//! another.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::model::{Name, lock};
use crate::store::RunnableCursor;

/// A clone is the same rotation.
#[derive(Clone, Default)]
pub struct Rotation(Arc<Mutex<RotationState>>);

#[derive(Default)]
struct RotationState {
    /// The names of the last page that no thread has looked at.
    names: VecDeque<Name>,
    /// The beginning of the page after it.
    next: Option<RunnableCursor>,
}

impl Rotation {
    /// Removes the next name of the last page. It may have nothing to run any more.
    pub fn next_name(&self) -> Option<Name> {
        lock(&self.0).names.pop_front()
    }

    pub fn next_page(&self) -> Option<RunnableCursor> {
        lock(&self.0).next.clone()
    }

    /// Keeps the rest of a page for the next searches, and the beginning of the page after it.
    pub fn keep(&self, rest: impl IntoIterator<Item = Name>, next: Option<RunnableCursor>) {
        let mut state = lock(&self.0);
        state.names.extend(rest);
        state.next = next;
    }
}
