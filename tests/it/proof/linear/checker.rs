//! Whether a concurrent history is one of a sequential object: whether there is an order of its operations, each at a moment between its
//! call and its return, in which each answer is the one that the object gives.
//!
//! The search of Wing and Gong with Lowe's memory of what was tried. By hand: the crates that do this are no longer kept, or know no
//! operation whose end nobody saw.

use std::collections::HashSet;
use std::hash::Hash;

/// A sequential object.
pub trait Object {
    type State: Clone + Eq + Hash + Default;
    type Operation;

    /// The state after an operation, with the answer that it was given; None where that answer is wrong in this state.
    fn apply(state: &Self::State, operation: &Self::Operation) -> Option<Self::State>;
}

/// An operation, and when it was called and returned: ticks of one clock that all share.
pub struct Event<O> {
    pub operation: O,
    pub called: u64,
    /// None where nobody saw its end: it may have happened at any time since, or not at all.
    pub returned: Option<u64>,
}

/// Which operations have taken their place.
type Placed = Vec<u64>;

pub fn is_linearizable<S: Object>(history: &[Event<S::Operation>]) -> bool {
    let none: Placed = vec![0; history.len().div_ceil(64)];
    let mut tried = HashSet::from([(none.clone(), S::State::default())]);
    let mut open = vec![(none, S::State::default())];
    while let Some((placed, state)) = open.pop() {
        let is_open = |(n, _): &(usize, &Event<S::Operation>)| placed[n / 64] & (1 << (n % 64)) == 0;
        let first_return = history.iter().enumerate().filter(is_open).filter_map(|(_, event)| event.returned).min();
        // what is left, if anything, nobody saw the end of
        let Some(first_return) = first_return else { return true };
        // the next one must have been called before any that is left returned
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
