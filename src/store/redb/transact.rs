//! Transactions of a store.

use std::sync::Arc;
use std::time::Instant;

use crate::model::{Error, Result};

use super::backend::handle::RedbHandle;
use super::errors::{TxResult, explained};
use super::guard::{guard, redb};
use super::redb_store::RedbStore;
use super::schema::tables::{ReadTables, WriteTables};
use super::write::writer::Writer;

impl RedbStore {
    /// Runs a read transaction. It waits for the header's lock only, which a process has for a
    /// moment, unless it is stopped.
    pub(super) fn read<T>(&self, run: impl FnOnce(&ReadTables) -> TxResult<T>) -> Result<T> {
        self.check_place()?;
        let mut wait = self.lock_waits.start();
        let (handle, transaction) = loop {
            let handle = self.handle(&mut wait, false)?;
            match self.guarded(&handle, || redb(|| handle.begin_read())) {
                Err(Error::StoreBusy { .. }) => wait.pause()?,
                begun => break (handle, begun?),
            }
        };
        self.guarded(&handle, move || run(&ReadTables::open(&transaction)?))
    }

    /// Runs a write transaction. If it changed something, it is committed, and the watches are
    /// woken.
    pub(super) fn write<T>(&self, run: impl FnOnce(&mut Writer) -> TxResult<T>) -> Result<T> {
        self.check_mode()?;
        self.check_place()?;
        let began = Instant::now();
        let mut wait = self.lock_waits.start();
        let _turn = self.write_queue.take(&mut wait)?;
        let (handle, transaction) = loop {
            let handle = self.handle(&mut wait, true)?;
            match self.guarded(&handle, || redb(|| handle.begin_write())) {
                Err(Error::StoreBusy { .. }) => wait.pause()?,
                begun => break (handle, begun?),
            }
        };
        let written = self.guarded(&handle, || {
            let mut writer = Writer::new(WriteTables::open(&transaction)?);
            let result = run(&mut writer)?;
            let changed = writer.finish()?;
            drop(writer);
            if changed {
                let _commit = handle.status.start_commit();
                redb(|| transaction.commit())?;
                self.coordination.signal();
                tracing::debug!(duration = ?began.elapsed(), "committed");
            } else {
                redb(|| transaction.abort())?;
            }
            Ok(result)
        });
        match written {
            Err(Error::StoreBusy { .. }) => Err(self.lock_waits.busy()),
            written => written,
        }
    }

    /// Uses a handle. If a refused lock or a full disk made it unusable, the next transaction opens
    /// a new one, as another process would. After any other failure the handle stays, and refuses.
    fn guarded<T>(&self, handle: &Arc<RedbHandle>, run: impl FnOnce() -> TxResult<T>) -> Result<T> {
        let result = explained(guard(run), &self.place, &handle.status);
        if handle.status.is_spoiled() || handle.status.had_no_room() {
            self.forget(handle);
        }
        result
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
