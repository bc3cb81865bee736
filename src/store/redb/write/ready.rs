//! The ready index. `read::runnable` says which names are in it.

use crate::model::{Name, Reference};
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::waits::wait_of;
use crate::store::redb::read::{inbox, invocations};
use crate::store::redb::schema::key::{QueueKind, RecordKey};

use super::writer::Writer;

impl Writer<'_> {
    /// Adds a name to the ready index.
    pub(super) fn wake(&mut self, name: &Name) -> TxResult<()> {
        if !self.tables.has(&RecordKey::ready(name))? {
            self.changed();
            self.tables.put(&RecordKey::ready(name), &())?;
        }
        Ok(())
    }

    /// Removes a name whose first invocation waits from the ready index, unless it has a queued
    /// task.
    pub(super) fn sleep(&mut self, name: &Name) -> TxResult<()> {
        if self.tables.first(RecordKey::inbox_queue(name, QueueKind::Task))?.is_none() {
            self.tables.delete(&RecordKey::ready(name))?;
        }
        Ok(())
    }

    /// Updates the index for the names with a dequeued invocation. If the first invocation of one
    /// waits, the commit that ends the wait adds the name.
    pub(super) fn update_ready_index(&mut self) -> TxResult<()> {
        let dequeued = self.names.iter().filter(|(_, touched)| touched.dequeued);
        let dequeued: Vec<(Name, u64)> =
            dequeued.map(|(name, touched)| (name.clone(), touched.record.queued)).collect();
        for (name, queued) in dequeued {
            if queued == 0 {
                self.tables.delete(&RecordKey::ready(&name))?;
            } else if !self.first_waits(&name)? {
                self.wake(&name)?;
            }
        }
        Ok(())
    }

    fn first_waits(&self, name: &Name) -> TxResult<bool> {
        let Some((_, number)) = inbox::first(&self.tables, name)? else { return Ok(false) };
        let first = invocations::pending(&self.tables, &Reference { name: name.clone(), number })?;
        Ok(first.as_ref().and_then(wait_of).is_some())
    }
}
