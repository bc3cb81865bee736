//! Stops the runs of this process whose invocations are ended from elsewhere.
//!
//! A cancel ends the invocation in the store, at once and for good; the store refuses the commit of its run. Stopping the
//! guest only saves its computing time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::model::{Reference, Status, lock};
use crate::sandbox::StopSignal;
use crate::store::Store;

/// The watching thread looks again after this time, also if no commit woke it.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A clone is the same watch.
#[derive(Clone, Default)]
pub struct CancelWatch(Arc<Mutex<WatchedRuns>>);

#[derive(Default)]
struct WatchedRuns {
    stops: HashMap<Reference, StopSignal>,
    is_watched: bool,
}

/// A run that a cancel from elsewhere stops until this is dropped.
pub struct CancelGuard {
    watch: CancelWatch,
    reference: Reference,
}

impl CancelWatch {
    /// Watches a run, which `stop` ends. If no run is watched yet, this starts the watching thread.
    pub fn enter(&self, reference: Reference, stop: StopSignal, store: &Arc<dyn Store>) -> CancelGuard {
        let mut runs = lock(&self.0);
        runs.stops.insert(reference.clone(), stop);
        if !runs.is_watched {
            let (watch, store) = (self.clone(), Arc::clone(store));
            let thread = thread::Builder::new().name("vactor-cancels".to_owned());
            // without the thread, a cancelled guest runs to its end, and the store refuses its commit
            runs.is_watched = thread.spawn(move || watch.stop_ended_runs(&*store)).is_ok();
        }
        drop(runs);
        CancelGuard { watch: self.clone(), reference }
    }

    fn stop_ended_runs(&self, store: &dyn Store) {
        let mut watch = store.watch().ok();
        loop {
            match &mut watch {
                Some(watch) => watch.wait(Instant::now() + CHECK_INTERVAL),
                None => thread::sleep(CHECK_INTERVAL),
            }
            let runs: Vec<(Reference, StopSignal)> = {
                let mut runs = lock(&self.0);
                if runs.stops.is_empty() {
                    runs.is_watched = false;
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
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        lock(&self.watch.0).stops.remove(&self.reference);
    }
}
