//! Writing steps.

use std::borrow::Cow;

use serde_bytes::ByteBuf;

use crate::model::{Actor, CallRequest, Hash, Log, Name, Outcome, Reference, RunProgress, Step, Times};
use crate::store::End;
use crate::store::redb::errors::{TxResult, damaged};
use crate::store::redb::read::actors;
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::record::{InvocationRecord, StepRecord};

use super::Writer;

/// A checkpoint's state that is not longer than this stands in its step's record.
const IN_STEP: usize = 512;

/// What a step tells beside its invocation.
pub struct StepEntry {
    pub times: Times,
    pub outcome: Outcome,
    pub log: Log,
    pub micros: u64,
    /// One that makes an actor, or a step of it.
    pub end: End,
    /// Of the new state, where there is one.
    pub hash: Option<Hash>,
    pub run: Option<RunProgress>,
}

impl Writer<'_> {
    /// Adds a step to the actor's journal; answers its number.
    pub fn take_step(&mut self, entry: StepEntry, request: CallRequest, reference: u64) -> TxResult<u64> {
        let name = request.name.clone();
        let StepEntry { mut times, outcome, log, micros, end, hash, run } = entry;
        let head = self.head_mut(&name)?;
        head.counters.steps += 1;
        let number = head.counters.steps;
        let before = head.actor.as_ref().map(|actor| actor.version);
        let (version, state, mut actor) = match (end, head.actor.take()) {
            (End::Created { class, version, state }, None) => {
                head.construction = None;
                let actor = Actor {
                    class,
                    version,
                    created: times.committed,
                    updated: times.committed,
                    clock: times.now,
                    first_step: number,
                    state: Hash::of(&[]),
                    state_bytes: 0,
                    checkpoint: number,
                    since_checkpoint: 0,
                };
                (version, Some(state), actor)
            }
            (End::Step { version, state }, Some(actor)) => (version, state, actor),
            _ => return damaged(format!("{name} is not as the transaction found it")),
        };
        if let (Some(state), Some(hash)) = (&state, hash) {
            (actor.state, actor.state_bytes) = (hash, state.len() as u64);
        }
        if before != Some(version) {
            self.count_actor(&actor.class, version, 1);
            before.into_iter().for_each(|before| self.count_actor(&actor.class, before, -1));
        }
        // a clock that went back does not turn the journal's times around
        times.committed = times.committed.max(actor.updated);
        (actor.updated, actor.clock, actor.version) = (times.committed, actor.clock.max(times.now), version);
        let checkpoint = actor.checkpoint;
        let step = Step { number, reference, version, request, times, outcome, log, micros, state: actor.state, run };
        self.put_step(&name, StepRecord { step, checkpoint, state: None }, state, actor)?;
        Ok(number)
    }

    /// Writes a step, and with it, where it is time for that, a checkpoint of the state after it.
    fn put_step(
        &mut self,
        name: &Name,
        mut record: StepRecord,
        state: Option<Vec<u8>>,
        mut actor: Actor,
    ) -> TxResult<()> {
        let number = record.step.number;
        actor.since_checkpoint += self.tables.put(&RecordKey::step(name, number), &record)?;
        if number == actor.first_step || actor.wants_checkpoint(number) {
            actor.checkpoint = number;
            actor.since_checkpoint = 0;
            record.checkpoint = number;
            let whole = match &state {
                Some(state) => Cow::from(state),
                None => Cow::from(self.state_of(name, &actor)?),
            };
            if whole.len() <= IN_STEP {
                record.state = Some(ByteBuf::from(whole.into_owned()));
            } else {
                self.tables.put_bytes(&RecordKey::checkpoint(name, number), &whole)?;
            }
            self.tables.put(&RecordKey::step(name, number), &record)?;
        }
        let touched = self.touch(name)?;
        if state.is_some() {
            touched.state = state;
        }
        touched.head.actor = Some(actor);
        Ok(())
    }

    /// The state as the transaction has it so far.
    pub fn state_of(&mut self, name: &Name, actor: &Actor) -> TxResult<Vec<u8>> {
        match &self.touch(name)?.state {
            Some(state) => Ok(state.clone()),
            None => actors::state(&self.tables, name, actor),
        }
    }

    /// Keeps with which step an invocation ended; one whose step has its own number needs no record.
    pub fn put_ended(&mut self, reference: &Reference, step: u64, was_recorded: bool) -> TxResult<()> {
        let key = RecordKey::invocation(&reference.name, reference.number);
        if step != reference.number {
            self.tables.put(&key, &InvocationRecord::Step(step))?;
        } else if was_recorded {
            self.tables.delete(&key)?;
        }
        Ok(())
    }
}
