//! Waiting for the lock of a name.

use std::thread;
use std::time::{Duration, Instant};

use crate::model::Result;
use crate::store::folder::Folder;

use super::locks::{ByteLock, try_take};
use super::place_of;

/// The pause after the first try; each further one is half as long again.
const FIRST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// The lock is tried again and again: the kernel waits for one for ever or not at all.
pub(super) fn hold(folder: &Folder, name: &str, deadline: Option<Instant>) -> Result<Option<ByteLock>> {
    let place = place_of(name);
    let mut pause = FIRST_PAUSE;
    loop {
        // read before the try, so that the last one comes after the deadline
        let now = Instant::now();
        if let Some(lock) = try_take(folder, place)? {
            return Ok(Some(lock));
        }
        if deadline.is_some_and(|deadline| deadline <= now) {
            return Ok(None);
        }
        thread::sleep(deadline.map_or(pause, |deadline| pause.min(deadline.saturating_duration_since(now))));
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}
