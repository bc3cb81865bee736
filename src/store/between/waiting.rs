//! Waiting for a lock, with or without a deadline, without looking again and again.

use std::io;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use super::locks::{Lock, take, try_take};
use super::place_of;

pub(super) fn hold(file: &Path, name: &str, deadline: Option<Instant>) -> io::Result<Option<Lock>> {
    let place = place_of(name);
    if let Some(lock) = try_take(file, place)? {
        return Ok(Some(lock));
    }
    match deadline {
        None => take(file, place).map(Some),
        Some(deadline) => take_until(file, place, deadline),
    }
}

/// The kernel waits for a lock for ever or not at all. So a thread waits there, and hands the lock over; after the
/// deadline nobody takes it, and it is free again as soon as the thread gets it.
fn take_until(file: &Path, place: u64, deadline: Instant) -> io::Result<Option<Lock>> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Ok(None);
    }
    let (give, given) = mpsc::channel();
    let file = file.to_owned();
    thread::Builder::new().name("waits for a lock".to_owned()).spawn(move || give.send(take(&file, place)))?;
    match given.recv_timeout(left) {
        Ok(taken) => taken.map(Some),
        Err(_) => Ok(None),
    }
}
