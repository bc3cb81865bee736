//! Commits of waits.

use crate::model::{CallKind, PendingWait, Result};
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::waits::{result_of_new_wait, wait_of};
use crate::store::{Suspend, Suspended};

use super::check::CheckedSource;
use super::writer::{Writer, stale};

impl Writer<'_> {
    pub fn suspend(&mut self, suspend: Suspend) -> TxResult<Result<Suspended>> {
        let checked = self.check_source(&suspend.source, suspend.expected_steps, Some(&suspend.progress), true)?;
        let mut target = match checked {
            Ok(CheckedSource::Valid(target)) => *target,
            Ok(CheckedSource::Duplicate(duplicate)) => return Ok(Ok(Suspended::Duplicate(duplicate))),
            Err(refused) => return Ok(Err(refused)),
        };
        let name = &target.pending.request.name;
        if target.pending.request.kind == CallKind::Mutate && self.name_record(name)?.actor.is_none() {
            // it was removed meanwhile
            return Ok(stale(name));
        }
        let Suspend { at, progress, id_exposed, fingerprint, targets, .. } = suspend;
        let waiter = self.enqueue_target(&mut target)?;
        let mut pending = target.pending;
        if id_exposed {
            self.put_opaque_id(&pending.request, waiter.number)?;
        }
        let waits_already = wait_of(&pending).is_some_and(|wait| {
            progress.entries.is_empty() && wait.fingerprint == fingerprint && wait.targets == targets
        });
        if !waits_already {
            self.add_progress(&waiter, &mut pending, at, progress)?;
        }
        let result = result_of_new_wait(&self.tables, &waiter, &pending, &targets, at)?;
        if !waits_already {
            if result.is_none() {
                self.begin_wait(&waiter, &mut pending, PendingWait { fingerprint, targets, since: at })?;
            } else {
                self.wake(&waiter.name)?;
            }
            self.put_pending(waiter.number, pending)?;
        }
        Ok(Ok(Suspended::Waiting { number: waiter.number, result }))
    }
}
