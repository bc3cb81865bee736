//! The order of the threads of this process that write to one store.

use std::sync::{Condvar, Mutex};

use crate::model::{Result, lock, wait_timeout};
use crate::store::lock_wait::LockWait;

#[derive(Default)]
pub struct WriteQueue {
    writes: Mutex<bool>,
    done: Condvar,
}

/// The right to write, until this is dropped.
pub struct WriteTurn<'w>(&'w WriteQueue);

impl WriteQueue {
    pub fn take(&self, wait: &mut LockWait<'_>) -> Result<WriteTurn<'_>> {
        let mut writes = lock(&self.writes);
        while *writes {
            writes = wait_timeout(&self.done, writes, wait.next_pause()?);
        }
        *writes = true;
        Ok(WriteTurn(self))
    }
}

impl Drop for WriteTurn<'_> {
    fn drop(&mut self) {
        *lock(&self.0.writes) = false;
        self.0.done.notify_one();
    }
}
