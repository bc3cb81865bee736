//! The store's transactions.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::model::{Error, Result};
use crate::store::lock_wait::LockWait;

use super::backend::handle::RedbHandle;
use super::errors::{TxResult, guard, redb, speak};
use super::open::RedbStore;
use super::schema::tables::{ReadTables, WriteTables};
use super::write::Writer;

impl RedbStore {
    /// Runs a read transaction. It waits for the header's lock alone, which no process holds for long unless it is stopped.
    pub(super) fn read<T>(&self, run: impl FnOnce(&ReadTables) -> TxResult<T>) -> Result<T> {
        self.check_place()?;
        let mut tries = self.waits.start();
        let (opened, transaction) = loop {
            let opened = self.opened(&mut tries, false)?;
            match self.on(&opened, || redb(|| opened.begin_read())) {
                Err(Error::StoreBusy { .. }) => tries.pause()?,
                begun => break (opened, begun?),
            }
        };
        self.on(&opened, move || run(&ReadTables::open(&transaction)?))
    }

    /// Runs a write transaction; commits it if something was written, and wakes the watchers.
    pub(super) fn write<T>(&self, run: impl FnOnce(&mut Writer) -> TxResult<T>) -> Result<T> {
        self.must_write()?;
        self.check_place()?;
        let mut tries = self.waits.start();
        let _turn = self.writers.take(&mut tries)?;
        let (opened, transaction) = loop {
            let opened = self.opened(&mut tries, true)?;
            match self.on(&opened, || redb(|| opened.begin_write())) {
                Err(Error::StoreBusy { .. }) => tries.pause()?,
                begun => break (opened, begun?),
            }
        };
        let written = self.on(&opened, || {
            let mut writer = Writer::new(WriteTables::open(&transaction)?);
            let result = run(&mut writer)?;
            let changed = writer.finish()?;
            drop(writer);
            if changed {
                let _committing = opened.shared.committing();
                redb(|| transaction.commit())?;
                self.coordination.signal();
            } else {
                redb(|| transaction.abort())?;
            }
            Ok(result)
        });
        match written {
            Err(Error::StoreBusy { .. }) => Err(self.waits.busy()),
            written => written,
        }
    }

    /// Runs something on a handle. One that a refused lock or a full disk left unusable is opened again by the next
    /// transaction, as another process would open it. After any other failure the handle stays refused.
    fn on<T>(&self, opened: &Arc<RedbHandle>, run: impl FnOnce() -> TxResult<T>) -> Result<T> {
        let result = speak(guard(run), &self.place, &opened.shared);
        if opened.shared.is_spoiled() || opened.shared.had_no_room() {
            self.forget(opened);
        }
        result
    }

    /// The handle, which may have to be opened first.
    pub(super) fn opened(&self, tries: &mut LockWait<'_>, to_write: bool) -> Result<Arc<RedbHandle>> {
        loop {
            match self.open_once(to_write) {
                Err(Error::StoreBusy { .. }) => tries.pause()?,
                opened => return opened,
            }
        }
    }
}

/// Which thread of this process writes next.
#[derive(Default)]
pub(super) struct WriteQueue {
    writes: Mutex<bool>,
    done: Condvar,
}

/// The right to write, until it is dropped.
pub(super) struct WriteTurn<'w>(&'w WriteQueue);

impl WriteQueue {
    fn take(&self, tries: &mut LockWait<'_>) -> Result<WriteTurn<'_>> {
        let mut writes = self.lock();
        while *writes {
            let pause = tries.next_pause()?;
            writes = self.done.wait_timeout(writes, pause).unwrap_or_else(PoisonError::into_inner).0;
        }
        *writes = true;
        Ok(WriteTurn(self))
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WriteTurn<'_> {
    fn drop(&mut self) {
        *self.0.lock() = false;
        self.0.done.notify_one();
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
