//! Whether a concurrent history is linearizable: whether there is an order of its operations, each
//! at a moment between its call and its return, in which the sequential object returns each answer.
//!
//! The search of Wing and Gong, with Lowe's memory of visited configurations. The crates for this
//! are unmaintained, or know no operation without a return.

use std::collections::HashSet;
use std::hash::Hash;

/// A sequential object.
pub trait Object {
    type State: Clone + Eq + Hash + Default;
    type Operation;

    /// The state after an operation with its answer. None if the answer is wrong in this state.
    fn apply(state: &Self::State, operation: &Self::Operation) -> Option<Self::State>;
}

/// An operation with its call and return times, as ticks of one clock.
pub struct Event<O> {
    pub operation: O,
    pub called: u64,
    /// None if its return was not seen: it may have happened at any later time, or not at all.
    pub returned: Option<u64>,
}

/// The set of linearized operations.
type Placed = Vec<u64>;

pub fn is_linearizable<S: Object>(history: &[Event<S::Operation>]) -> bool {
    let none: Placed = vec![0; history.len().div_ceil(64)];
    let mut tried = HashSet::from([(none.clone(), S::State::default())]);
    let mut open = vec![(none, S::State::default())];
    while let Some((placed, state)) = open.pop() {
        let is_open = |(n, _): &(usize, &Event<S::Operation>)| placed[n / 64] & (1 << (n % 64)) == 0;
        let first_return = history.iter().enumerate().filter(is_open).filter_map(|(_, event)| event.returned).min();
        // the remaining operations have no return
        let Some(first_return) = first_return else { return true };
        // the next operation was called before the first return of the remaining ones
        let candidates = history.iter().enumerate().filter(is_open).filter(|(_, event)| event.called < first_return);
        for (n, event) in candidates {
            if let Some(state) = S::apply(&state, &event.operation) {
                let mut placed = placed.clone();
                placed[n / 64] |= 1 << (n % 64);
                if tried.insert((placed.clone(), state.clone())) {
                    open.push((placed, state));
                }
            }
        }
    }
    false
}
