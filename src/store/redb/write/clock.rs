//! Correction of delays that were requested by a clock which was ahead.

use std::time::Duration;

use crate::model::{CallRequest, Reference, ResolvedTarget, Timestamp};
use crate::store::MAX_CLOCK_SKEW;
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::invocations;
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::key_range::KeyRange;
use crate::store::redb::schema::records::Pending;

use super::writer::Writer;

/// The largest number of delays that one transaction corrects.
const BATCH: usize = 1000;

/// The times of requests that are too far ahead.
pub fn requested_ahead(now: Timestamp) -> KeyRange {
    RecordKey::requested_after(now.after(MAX_CLOCK_SKEW))
}

impl Writer<'_> {
    /// Delays that were requested by a clock which was ahead by more than `MAX_CLOCK_SKEW` begin
    /// now. Otherwise they would come due too late by as much.
    pub fn restart_delays(&mut self, now: Timestamp) -> TxResult<()> {
        let ahead: Vec<RecordKey> = self.tables.keys(requested_ahead(now))?.take(BATCH).collect::<TxResult<_>>()?;
        for key in ahead {
            self.changed();
            self.tables.delete(&key)?;
            let reference = Reference { name: key.required_name()?, number: key.required_number()? };
            match invocations::pending(&self.tables, &reference)? {
                Some(pending) if pending.position.is_none() => {
                    self.restart_delay(pending, reference.number, now)?;
                }
                Some(pending) => self.restart_timers(pending, reference.number, now)?,
                None => {}
            }
        }
        Ok(())
    }

    fn restart_delay(&mut self, pending: Pending, number: u64, now: Timestamp) -> TxResult<()> {
        let Some(delay) = pending.request.delay_ms else { return Ok(()) };
        self.dequeue(&pending.request, number, None)?;
        let due = now.after(Duration::from_millis(delay));
        let request = CallRequest { due: Some(due), ..pending.request };
        self.delay(&request, due, number)?;
        self.put_pending(number, Pending { request, ..pending })
    }

    fn restart_timers(&mut self, mut pending: Pending, number: u64, now: Timestamp) -> TxResult<()> {
        let name = pending.request.name.clone();
        let wait = pending.resume_point.as_mut().and_then(|point| point.wait.as_mut());
        let Some(wait) = wait else { return Ok(()) };
        self.delete_timer(&name, number, wait)?;
        for target in &mut wait.targets {
            if let ResolvedTarget::Timer(time) = target {
                *time = now.after(time.since(wait.since));
            }
        }
        wait.since = now;
        self.put_timer(&name, number, wait)?;
        self.put_pending(number, pending)
    }
}
