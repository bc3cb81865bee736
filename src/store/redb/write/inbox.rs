//! Where invocations stand, and which names are noted as ready.
//!
//! A name is noted where it has a task in its inbox, or where the first of its actor's does not wait, or waits and is
//! answered. What comes by time alone, a delayed invocation or a timer, stands among the due ones instead. A name may be noted
//! for no reason: where a task left it and its actor's first waits, and where a cycle that a delayed invocation closed is broken
//! by somebody else. Whoever looks for work takes that back.

use std::time::Duration;

use crate::model::{CallKind, CallRequest, Name, Reference, Timestamp};
use crate::store::redb::errors::{TxResult, damaged};
use crate::store::redb::read::deadlock;
use crate::store::redb::read::invocations;
use crate::store::redb::schema::key::{QueueKind, RecordKey};
use crate::store::redb::schema::record::{InvocationRecord, Pending};

use super::Writer;

impl Writer<'_> {
    /// Puts an accepted invocation at the end of the inbox; answers its place.
    pub fn enter(&mut self, request: &CallRequest, number: u64) -> TxResult<u64> {
        let name = &request.name;
        let head = self.head_mut(name)?;
        head.counters.positions += 1;
        head.queued += 1;
        let (turn, alone) = (head.counters.positions, head.queued == 1);
        self.count_pending(&request.kind, 1);
        self.tables.put(&RecordKey::inbox(name, QueueKind::from(&request.kind), turn), &number)?;
        if alone {
            self.tables.put(&RecordKey::ready(name), &())?;
        } else if matches!(request.kind, CallKind::Task { .. }) {
            self.wake(name)?;
        }
        Ok(turn)
    }

    /// Puts an invocation of an actor that has begun before all others; answers its place.
    pub fn enter_first(&mut self, request: &CallRequest, number: u64) -> TxResult<u64> {
        let Some((first, _)) = invocations::first(&self.tables, &request.name)? else {
            return self.enter(request, number);
        };
        // nothing begins before one that has begun, so no place before the first of all is ever asked for twice
        let Some(turn) = first.checked_sub(1) else {
            return damaged(format!("the inbox of {} has no place before its first", request.name));
        };
        self.head_mut(&request.name)?.queued += 1;
        self.count_pending(&request.kind, 1);
        self.tables.put(&RecordKey::inbox(&request.name, QueueKind::Actor, turn), &number)?;
        Ok(turn)
    }

    pub fn delay(&mut self, request: &CallRequest, due: Timestamp, number: u64) -> TxResult<()> {
        self.head_mut(&request.name)?.delayed += 1;
        self.count_pending(&request.kind, 1);
        self.tables.put(&RecordKey::delayed(&request.name, QueueKind::from(&request.kind), due, number), &())?;
        self.tables.put(&RecordKey::due(due, &request.name, number), &())?;
        match asked(request, due) {
            Some(asked) => self.tables.put(&RecordKey::asked(asked, &request.name, number), &()).map(drop),
            None => Ok(()),
        }
    }

    /// Takes an accepted invocation from where it stands.
    pub fn leave(&mut self, request: &CallRequest, number: u64, turn: Option<u64>) -> TxResult<()> {
        let (name, lane) = (&request.name, QueueKind::from(&request.kind));
        let touched = self.touch(name)?;
        touched.changed = true;
        touched.left |= turn.is_some();
        let count = if turn.is_some() { &mut touched.head.queued } else { &mut touched.head.delayed };
        let Some(fewer) = count.checked_sub(1) else {
            return damaged(format!("the inbox of {name} holds more than its head says"));
        };
        *count = fewer;
        self.count_pending(&request.kind, -1);
        match (turn, request.due) {
            (Some(turn), _) => self.tables.delete(&RecordKey::inbox(name, lane, turn)),
            (None, Some(due)) => {
                self.tables.delete(&RecordKey::delayed(name, lane, due, number))?;
                self.tables.delete(&RecordKey::due(due, name, number))?;
                asked(request, due).map_or(Ok(()), |asked| self.tables.delete(&RecordKey::asked(asked, name, number)))
            }
            (None, None) => damaged(format!("the invocation {name}#{number} stands nowhere")),
        }
    }

    /// What is due stands in the inbox before anything that is accepted later, whoever looks and when.
    pub fn enter_due(&mut self, name: &Name, lane: QueueKind, now: Timestamp) -> TxResult<()> {
        if self.head(name)?.delayed == 0 {
            return Ok(());
        }
        let due: Vec<RecordKey> =
            self.tables.keys(RecordKey::delayed_until(name, lane, now))?.collect::<TxResult<_>>()?;
        for key in due {
            let number = invocations::number_of(&key)?;
            let at = RecordKey::invocation(name, number);
            if let InvocationRecord::Pending(Pending { request, turn: None, attempts, begun }) =
                self.tables.must(&at)?
            {
                self.leave(&request, number, None)?;
                let turn = Some(self.enter(&request, number)?);
                let constructs = matches!(request.kind, CallKind::Construct { .. });
                self.tables.put(&at, &InvocationRecord::Pending(Pending { request, turn, attempts, begun }))?;
                if constructs {
                    self.construction_entered(name)?;
                }
                self.look_for_a_cycle(&Reference { name: name.clone(), number }, now)?;
            }
        }
        Ok(())
    }

    /// One that was delayed stands behind others now, and who waits for it with it: where that closes a cycle, one wait
    /// in it is told so.
    fn look_for_a_cycle(&mut self, arrived: &Reference, now: Timestamp) -> TxResult<()> {
        for waiter in self.waiters(arrived)? {
            let open = invocations::open(&self.tables, &waiter.name, waiter.number)?;
            if let Some(waiting) = open.and_then(|open| open.begun).and_then(|begun| begun.wait)
                && deadlock::cycle(&self.tables, &waiter, &waiting.targets, now)?.is_some()
            {
                self.woken.push(waiter.name.clone());
                return self.wake(&waiter.name);
            }
        }
        Ok(())
    }

    pub fn waiters(&self, awaited: &Reference) -> TxResult<Vec<Reference>> {
        let read = |key: TxResult<RecordKey>| {
            let key = key?;
            key.waiting().map_or_else(|| damaged(format!("who waits for {awaited} is not readable")), Ok)
        };
        self.tables.keys(RecordKey::waiters(awaited))?.map(read).collect()
    }

    /// Notes a name as ready, whose first has been answered.
    pub fn wake(&mut self, name: &Name) -> TxResult<()> {
        if !self.tables.has(&RecordKey::ready(name))? {
            self.changed();
            self.tables.put(&RecordKey::ready(name), &())?;
        }
        Ok(())
    }

    /// Says that the first of a name waits. Its tasks go on.
    pub fn sleep(&mut self, name: &Name) -> TxResult<()> {
        if self.tables.first(RecordKey::inbox_lane(name, QueueKind::Task))?.is_none() {
            self.tables.delete(&RecordKey::ready(name))?;
        }
        Ok(())
    }

    /// Notes which of the names that something left are ready. Where the first waits, whoever answers it notes it.
    pub fn note_ready(&mut self) -> TxResult<()> {
        let left = self.names.iter().filter(|(_, touched)| touched.left);
        let left: Vec<(Name, u64)> = left.map(|(name, touched)| (name.clone(), touched.head.queued)).collect();
        for (name, queued) in left {
            if queued == 0 {
                self.tables.delete(&RecordKey::ready(&name))?;
            } else if let Some((_, number)) = invocations::first(&self.tables, &name)?
                && self.waits(&name, number)?
            {
                continue;
            } else {
                self.wake(&name)?;
            }
        }
        Ok(())
    }

    fn waits(&self, name: &Name, number: u64) -> TxResult<bool> {
        let open = invocations::open(&self.tables, name, number)?;
        Ok(open.and_then(|open| open.begun).is_some_and(|begun| begun.wait.is_some()))
    }

    /// Lets what is due take its place in the inboxes of some names, and notes whether they are ready; answers those that
    /// are, with the names that this woke.
    pub fn tidy(&mut self, mut names: Vec<Name>, now: Timestamp) -> TxResult<Vec<Name>> {
        for name in &names {
            self.enter_due(name, QueueKind::Actor, now)?;
            self.enter_due(name, QueueKind::Task, now)?;
        }
        names.append(&mut self.woken);
        let mut ready = Vec::new();
        for name in names {
            if invocations::can_run(&self.tables, &name, now)? {
                self.wake(&name)?;
                ready.push(name);
            } else if self.tables.has(&RecordKey::ready(&name))? {
                self.changed();
                self.tables.delete(&RecordKey::ready(&name))?;
            }
        }
        Ok(ready)
    }
}

/// When the delay of an invocation was asked for; None where its caller named a time.
fn asked(request: &CallRequest, due: Timestamp) -> Option<Timestamp> {
    Some(due.before(Duration::from_millis(request.delay_ms?)))
}
