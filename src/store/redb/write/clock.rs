//! A clock that was ahead once: what was delayed by it, and would come due too late by years.

use std::time::Duration;

use crate::model::{CallRequest, ResolvedTarget, Timestamp};
use crate::store::MAX_CLOCK_SKEW;
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::invocations;
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::key_range::Span;
use crate::store::redb::schema::record::Pending;

use super::Writer;

/// How many are counted anew in one transaction.
const AT_ONCE: usize = 1000;

/// What was delayed at a time that is this far ahead.
pub fn asked_ahead(now: Timestamp) -> Span {
    RecordKey::asked_after(now.after(MAX_CLOCK_SKEW))
}

impl Writer<'_> {
    /// Delays that were asked for by a clock which was ahead by more than a day begin now: their time would come too late by
    /// as much.
    pub fn count_anew(&mut self, now: Timestamp) -> TxResult<()> {
        let ahead: Vec<RecordKey> = self.tables.keys(asked_ahead(now))?.take(AT_ONCE).collect::<TxResult<_>>()?;
        for key in ahead {
            self.changed();
            self.tables.delete(&key)?;
            let (name, number) = (invocations::name_of(&key)?, invocations::number_of(&key)?);
            match invocations::open(&self.tables, &name, number)? {
                Some(open) if open.turn.is_none() => self.delay_anew(open, number, now)?,
                Some(open) => self.wait_anew(open, number, now)?,
                None => {}
            }
        }
        Ok(())
    }

    fn delay_anew(&mut self, open: Pending, number: u64, now: Timestamp) -> TxResult<()> {
        let Some(delay) = open.request.delay_ms else { return Ok(()) };
        self.leave(&open.request, number, None)?;
        let due = now.after(Duration::from_millis(delay));
        let request = CallRequest { due: Some(due), ..open.request };
        self.delay(&request, due, number)?;
        self.put_open(number, Pending { request, ..open })
    }

    fn wait_anew(&mut self, mut open: Pending, number: u64, now: Timestamp) -> TxResult<()> {
        let name = open.request.name.clone();
        let Some(waiting) = open.begun.as_mut().and_then(|begun| begun.wait.as_mut()) else { return Ok(()) };
        self.forget_timer(&name, number, waiting)?;
        for on in &mut waiting.targets {
            if let ResolvedTarget::Timer(time) = on {
                *time = now.after(time.since(waiting.since));
            }
        }
        waiting.since = now;
        self.note_timer(&name, number, waiting)?;
        self.put_open(number, open)
    }
}
