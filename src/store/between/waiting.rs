//! Waiting for a lock, with or without a deadline, without looking again and again.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use crate::model::Result;
use crate::store::folder::Folder;

use super::locks::{Lock, take, try_take};
use super::{lock_error, place_of};

pub(super) fn hold(folder: &Arc<Folder>, name: &str, deadline: Option<Instant>) -> Result<Option<Lock>> {
    let place = place_of(name);
    if let Some(lock) = try_take(folder, place)? {
        return Ok(Some(lock));
    }
    match deadline {
        None => take(folder, place).map(Some),
        Some(deadline) => take_until(folder, place, deadline),
    }
}

/// The kernel waits for a lock for ever or not at all. So a thread waits there, and hands the lock over; after the
/// deadline nobody takes it, and it is free again as soon as the thread gets it.
fn take_until(folder: &Arc<Folder>, place: u64, deadline: Instant) -> Result<Option<Lock>> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Ok(None);
    }
    let (give, given) = mpsc::channel();
    let shared = folder.clone();
    let waiter = thread::Builder::new().name("waits for a lock".to_owned());
    waiter.spawn(move || give.send(take(&shared, place))).map_err(|error| lock_error(folder, error))?;
    match given.recv_timeout(left) {
        Ok(taken) => taken.map(Some),
        Err(_) => Ok(None),
    }
}
