//! Ending runs from another thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use crate::model::lock;

/// Ends runs from another thread, as [`Aborted::Stopped`](super::Aborted::Stopped). A signal that
/// was stopped stays so, and ends later runs, too.
#[derive(Clone, Default)]
pub struct StopSignal(Arc<StopState>);

#[derive(Default)]
struct StopState {
    stopped: AtomicBool,
    /// Stopping the parent stops this signal, too.
    parent: Option<StopSignal>,
    /// The threads that wait and are woken by a stop.
    sleepers: Mutex<Vec<Weak<dyn Wake>>>,
}

/// A waiting thread that a stop wakes.
pub trait Wake: Send + Sync {
    /// Wakes it. Does not block.
    fn wake(&self);
}

impl StopSignal {
    /// Stops the runs of this signal. Does not block. Any thread may call it, but no signal
    /// handler.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Release);
        for sleeper in lock(&self.0.sleepers).iter().filter_map(Weak::upgrade) {
            sleeper.wake();
        }
    }

    /// Whether this signal or its parent was stopped.
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire) || self.0.parent.as_ref().is_some_and(StopSignal::is_stopped)
    }

    /// A signal that is stopped with this one, and can be stopped alone.
    pub fn child(&self) -> StopSignal {
        StopSignal(Arc::new(StopState { parent: Some(self.clone()), ..StopState::default() }))
    }

    /// Has a stop wake `sleeper` from now on.
    pub fn wakes(&self, sleeper: &Arc<dyn Wake>) {
        if let Some(parent) = &self.0.parent {
            parent.wakes(sleeper);
        }
        let mut sleepers = lock(&self.0.sleepers);
        let known = sleepers.iter().any(|known| std::ptr::addr_eq(known.as_ptr(), Arc::as_ptr(sleeper)));
        if !known {
            sleepers.retain(|known| known.strong_count() > 0);
            sleepers.push(Arc::downgrade(sleeper));
        }
    }
}
