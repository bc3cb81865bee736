//! Waits.

use crate::model::{CallKind, Name, PendingWait, Reference, ResolvedTarget, Result, Timestamp};
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::deadlock;
use crate::store::redb::read::waits::{self, TargetInvocation};
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::record::Pending;
use crate::store::{StoredResult, Suspend, Suspended};

use super::commit::CheckedSource;
use super::{Writer, stale};

impl Writer<'_> {
    pub fn suspend(&mut self, suspend: Suspend) -> TxResult<Result<Suspended>> {
        let judged = self.judge(&suspend.source, suspend.expected_steps, Some(&suspend.progress), true)?;
        let mut standing = match judged {
            Ok(CheckedSource::Valid(standing)) => *standing,
            Ok(CheckedSource::Duplicate(known)) => return Ok(Ok(Suspended::Duplicate(known))),
            Err(refused) => return Ok(Err(refused)),
        };
        let name = &standing.open.request.name;
        if standing.open.request.kind == CallKind::Mutate && self.head(name)?.actor.is_none() {
            // it was removed meanwhile
            return Ok(stale(name));
        }
        let Suspend { at, progress, id_exposed: known, fingerprint: asked, targets: on, .. } = suspend;
        let me = self.place(&mut standing)?;
        let mut open = standing.open;
        if known {
            self.tell(&open.request, me.number)?;
        }
        let waits_still = open.begun.as_ref().and_then(|begun| begun.wait.as_ref()).is_some_and(|waiting| {
            progress.entries.is_empty() && waiting.fingerprint == asked && waiting.targets == on
        });
        if !waits_still {
            self.go_on(&me, &mut open, at, progress)?;
        }
        let found = self.look(&me, &open, &on, at)?;
        if !waits_still {
            if found.is_none() {
                self.begin_wait(&me, &mut open, PendingWait { fingerprint: asked, targets: on, since: at })?;
            } else {
                self.wake(&me.name)?;
            }
            self.put_open(me.number, open)?;
        }
        Ok(Ok(Suspended::Waiting { number: me.number, result: found }))
    }

    /// The answer of a wait, if it has come, or if there is none ever.
    fn look(
        &self,
        me: &Reference,
        open: &Pending,
        on: &[ResolvedTarget],
        now: Timestamp,
    ) -> TxResult<Option<StoredResult>> {
        let clock = open.begun.as_ref().map_or(now, |begun| begun.clock.max(now));
        if let Some(found) = waits::found(&self.tables, me, on, now, clock)? {
            return Ok(Some(found));
        }
        Ok(deadlock::cycle(&self.tables, me, on, now)?.map(|cycle| waits::deadlock(cycle, clock)))
    }

    fn begin_wait(&mut self, me: &Reference, open: &mut Pending, waiting: PendingWait) -> TxResult<()> {
        for on in &waiting.targets {
            if let Some(TargetInvocation::Invocation(awaited)) = waits::target(&self.tables, me, on)? {
                self.tables.put(&RecordKey::waiter(&awaited, me), &())?;
            }
        }
        self.note_timer(&me.name, me.number, &waiting)?;
        if let Some(begun) = &mut open.begun {
            begun.wait = Some(waiting);
        }
        self.sleep(&me.name)
    }

    pub fn note_timer(&mut self, name: &Name, number: u64, waiting: &PendingWait) -> TxResult<()> {
        let Some(time) = waits::timer(&waiting.targets) else { return Ok(()) };
        self.tables.put(&RecordKey::due(time, name, number), &())?;
        self.tables.put(&RecordKey::asked(waiting.since, name, number), &()).map(drop)
    }

    pub fn forget_timer(&mut self, name: &Name, number: u64, waiting: &PendingWait) -> TxResult<()> {
        let Some(time) = waits::timer(&waiting.targets) else { return Ok(()) };
        self.tables.delete(&RecordKey::due(time, name, number))?;
        self.tables.delete(&RecordKey::asked(waiting.since, name, number))
    }
}
