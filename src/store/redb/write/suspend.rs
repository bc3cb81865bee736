//! Waits.

use crate::model::{CallKind, Name, PendingWait, Reference, ResolvedTarget, Result, Timestamp};
use crate::store::redb::boundary::Try;
use crate::store::redb::graph;
use crate::store::redb::key::Key;
use crate::store::redb::record::Open;
use crate::store::redb::waits::{self, Target};
use crate::store::{StoredResult, Suspend, Suspended};

use super::commit::Judged;
use super::{Writer, stale};

impl Writer<'_> {
    pub(in crate::store::redb) fn suspend(&mut self, suspend: Suspend) -> Try<Result<Suspended>> {
        let judged = self.judge(&suspend.source, suspend.expected_steps, Some(&suspend.progress), true)?;
        let mut standing = match judged {
            Ok(Judged::Holds(standing)) => *standing,
            Ok(Judged::Known(known)) => return Ok(Ok(Suspended::Duplicate(known))),
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
    fn look(&self, me: &Reference, open: &Open, on: &[ResolvedTarget], now: Timestamp) -> Try<Option<StoredResult>> {
        let clock = open.begun.as_ref().map_or(now, |begun| begun.clock.max(now));
        if let Some(found) = waits::found(&self.tables, me, on, now, clock)? {
            return Ok(Some(found));
        }
        Ok(graph::cycle(&self.tables, me, on, now)?.map(|cycle| waits::deadlock(cycle, clock)))
    }

    fn begin_wait(&mut self, me: &Reference, open: &mut Open, waiting: PendingWait) -> Try<()> {
        for on in &waiting.targets {
            if let Some(Target::Invocation(awaited)) = waits::target(&self.tables, me, on)? {
                self.tables.put(&Key::waiter(&awaited, me), &())?;
            }
        }
        self.note_timer(&me.name, me.number, &waiting)?;
        if let Some(begun) = &mut open.begun {
            begun.wait = Some(waiting);
        }
        self.sleep(&me.name)
    }

    pub(super) fn note_timer(&mut self, name: &Name, number: u64, waiting: &PendingWait) -> Try<()> {
        let Some(time) = waits::timer(&waiting.targets) else { return Ok(()) };
        self.tables.put(&Key::due(time, name, number), &())?;
        self.tables.put(&Key::asked(waiting.since, name, number), &()).map(drop)
    }

    pub(super) fn forget_timer(&mut self, name: &Name, number: u64, waiting: &PendingWait) -> Try<()> {
        let Some(time) = waits::timer(&waiting.targets) else { return Ok(()) };
        self.tables.delete(&Key::due(time, name, number))?;
        self.tables.delete(&Key::asked(waiting.since, name, number))
    }
}
