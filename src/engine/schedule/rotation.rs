//! Where the look for work of all threads goes on, so that each name has its turn before any has another.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::Name;
use crate::store::RunnableCursor;

#[derive(Clone, Default)]
pub(in crate::engine) struct Rotation(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Names of a page that no thread has looked at yet.
    names: VecDeque<Name>,
    /// Where the page behind it begins.
    next: Option<RunnableCursor>,
}

impl Rotation {
    /// A name that was found and that no thread has looked at since. It may have nothing to run any more.
    pub fn name(&self) -> Option<Name> {
        self.lock().names.pop_front()
    }

    pub fn next_page(&self) -> Option<RunnableCursor> {
        self.lock().next.clone()
    }

    /// Keeps the rest of a page for the next looks, and where the one behind it begins.
    pub fn keep(&self, rest: impl IntoIterator<Item = Name>, next: Option<RunnableCursor>) {
        let mut state = self.lock();
        state.names.extend(rest);
        state.next = next;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
