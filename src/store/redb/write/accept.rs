//! Acceptance of invocations.

use crate::model::{CallRequest, Error, Reference, Result};
use crate::store::Accepted;
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::invocations;
use crate::store::redb::schema::key::{QueueKind, RecordKey};
use crate::store::redb::schema::records::{KeyUse, Pending};

use super::writer::Writer;

impl Writer<'_> {
    pub fn accept(&mut self, request: CallRequest, limit: u64) -> TxResult<Result<Accepted>> {
        if let Some(key) = &request.key {
            match invocations::by_key(&self.tables, &request.name, &key.text)? {
                Ok(Some(duplicate)) => return Ok(Ok(Accepted::Duplicate(Box::new(duplicate)))),
                Ok(None) => {}
                Err(taken) => return Ok(Err(taken)),
            }
        }
        if let Some(refused) = self.resumption_refused(&request)? {
            return Ok(Err(refused));
        }
        let record = self.name_record(&request.name)?;
        if record.queued + record.delayed >= limit {
            return Ok(Err(Error::InboxFull { id: request.name.to_string(), allowed: limit }));
        }
        self.enqueue_due(&request.name, QueueKind::from(&request.kind), request.accepted)?;
        if let Some(refused) = self.construction_refused(&request)? {
            return Ok(Err(refused));
        }
        let number = self.give_number(&request)?;
        if request.caller.is_some() {
            self.put_opaque_id(&request, number)?;
        }
        let position = match request.due {
            Some(due) if due > request.accepted => {
                self.delay(&request, due, number)?;
                None
            }
            _ => Some(self.enqueue(&request, number)?),
        };
        self.put_pending(number, Pending { request, position, attempts: 0, resume_point: None })?;
        Ok(Ok(Accepted::New(number)))
    }

    /// The reason why an invocation cannot resume the one that it names.
    pub(super) fn resumption_refused(&self, request: &CallRequest) -> TxResult<Option<Error>> {
        let Some(old) = request.resumes else { return Ok(None) };
        let by: Option<u64> = self.tables.get(&RecordKey::resumed_by(&request.name, old))?;
        let reference = |number| Reference { name: request.name.clone(), number };
        Ok(by.map(|by| Error::AlreadyResumed { reference: reference(old), by: reference(by) }))
    }

    /// Gives a new invocation its number, and stores the use of its key and its resumption.
    pub(super) fn give_number(&mut self, request: &CallRequest) -> TxResult<u64> {
        let record = self.name_record_mut(&request.name)?;
        record.counters.references += 1;
        let number = record.counters.references;
        self.construction_accepted(request, number)?;
        if let Some(key) = &request.key {
            let used = KeyUse { number, at: request.accepted, event: None };
            self.tables.put(&RecordKey::key_use(&request.name, &key.text), &used)?;
        }
        if let Some(old) = request.resumes {
            self.tables.put(&RecordKey::resumed_by(&request.name, old), &number)?;
        }
        Ok(number)
    }
}
