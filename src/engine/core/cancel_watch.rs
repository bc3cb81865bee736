//! Accepted invocations that this engine runs at the moment, so that a cancel from elsewhere reaches the guest.
//!
//! A cancel ends the invocation in the store, at once and for good: the commit of whoever runs it is then refused. Stopping the
//! guest only saves the time that it would still take.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::model::{Reference, Status};
use crate::sandbox::StopSignal;
use crate::store::Store;

/// The watching thread looks again after so long even if nobody woke it.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Clone, Default)]
pub(in crate::engine) struct CancelWatch(Arc<Mutex<Runs>>);

#[derive(Default)]
struct Runs {
    stops: HashMap<Reference, StopSignal>,
    watched: bool,
}

/// A run that can be stopped from elsewhere until this is dropped.
pub(in crate::engine) struct CancelGuard {
    running: CancelWatch,
    reference: Reference,
}

impl CancelWatch {
    /// Enters a run, which `stop` ends. The first one of a while starts a thread that sees cancels.
    pub fn enter(&self, reference: Reference, stop: StopSignal, store: &Arc<dyn Store>) -> CancelGuard {
        let mut runs = self.lock();
        runs.stops.insert(reference.clone(), stop);
        if !runs.watched {
            let (running, store) = (self.clone(), Arc::clone(store));
            // without the thread a cancelled guest runs to its end, and its commit is refused
            runs.watched =
                thread::Builder::new().name("vactor-cancels".to_owned()).spawn(move || running.watch(&*store)).is_ok();
        }
        drop(runs);
        CancelGuard { running: self.clone(), reference }
    }

    /// Stops the runs whose invocation was ended by somebody else, as long as there are any.
    fn watch(&self, store: &dyn Store) {
        let mut watch = store.watch().ok();
        loop {
            match &mut watch {
                Some(watch) => watch.wait(Instant::now() + LOOK_AGAIN),
                None => thread::sleep(LOOK_AGAIN),
            }
            let runs: Vec<(Reference, StopSignal)> = {
                let mut runs = self.lock();
                if runs.stops.is_empty() {
                    runs.watched = false;
                    return;
                }
                runs.stops.iter().map(|(reference, stop)| (reference.clone(), stop.clone())).collect()
            };
            for (reference, stop) in runs {
                let found = store.invocation(&reference);
                if matches!(found, Ok(Some(invocation)) if matches!(invocation.status, Status::Ended { .. })) {
                    stop.stop();
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Runs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        self.running.lock().stops.remove(&self.reference);
    }
}
