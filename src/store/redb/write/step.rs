//! Steps of journals, and their checkpoints.

use std::borrow::Cow;

use serde_bytes::ByteBuf;

use crate::model::{Actor, CallRequest, Hash, Log, Name, Outcome, Reference, RunProgress, Step, Times};
use crate::store::End;
use crate::store::redb::errors::{TxResult, internal};
use crate::store::redb::read::actors;
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::records::{InvocationRecord, StepRecord};

use super::writer::Writer;

/// A longer state of a checkpoint has a record of its own.
const MAX_STATE_IN_STEP: usize = 512;

/// A step to add, without its invocation.
pub struct NewStep {
    pub times: Times,
    pub outcome: Outcome,
    pub log: Log,
    pub micros: u64,
    /// `Created` or `Step`.
    pub end: End,
    /// The hash of the new state, if there is one.
    pub hash: Option<Hash>,
    pub run: Option<RunProgress>,
}

impl Writer<'_> {
    /// Adds a step to the actor's journal, and returns its number.
    pub(super) fn add_step(&mut self, new: NewStep, request: CallRequest, reference: u64) -> TxResult<u64> {
        let name = request.name.clone();
        let NewStep { mut times, outcome, log, micros, end, hash, run } = new;
        let record = self.name_record_mut(&name)?;
        record.counters.steps += 1;
        let number = record.counters.steps;
        let before = record.actor.as_ref().map(|actor| actor.version);
        let (version, state, mut actor) = match (end, record.actor.take()) {
            (End::Created { class, version, state }, None) => {
                record.construction = None;
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
            _ => return internal(format!("a step of {name} fits no actor")),
        };
        if let (Some(state), Some(hash)) = (&state, hash) {
            (actor.state, actor.state_bytes) = (hash, state.len() as u64);
        }
        if before != Some(version) {
            self.count_actor(&actor.class, version, 1);
            before.into_iter().for_each(|before| self.count_actor(&actor.class, before, -1));
        }
        // the times of a journal never go back, also if the clock does
        times.committed = times.committed.max(actor.updated);
        (actor.updated, actor.clock, actor.version) = (times.committed, actor.clock.max(times.now), version);
        let checkpoint = actor.checkpoint;
        let step = Step { number, reference, version, request, times, outcome, log, micros, state: actor.state, run };
        self.put_step(&name, StepRecord { step, checkpoint, state: None }, state, actor)?;
        Ok(number)
    }

    /// Writes a step, and a checkpoint of the state after it if one is due.
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
            if whole.len() <= MAX_STATE_IN_STEP {
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
        touched.record.actor = Some(actor);
        Ok(())
    }

    /// The state, as the transaction has changed it so far.
    pub(super) fn state_of(&mut self, name: &Name, actor: &Actor) -> TxResult<Vec<u8>> {
        match &self.touch(name)?.state {
            Some(state) => Ok(state.clone()),
            None => actors::state(&self.tables, name, actor),
        }
    }

    /// Stores the step that ended an invocation. If the step has the invocation's number, no record
    /// is needed.
    pub(super) fn put_ended(&mut self, reference: &Reference, step: u64, had_record: bool) -> TxResult<()> {
        let key = RecordKey::invocation(&reference.name, reference.number);
        if step != reference.number {
            self.tables.put(&key, &InvocationRecord::Step(step))?;
        } else if had_record {
            self.tables.delete(&key)?;
        }
        Ok(())
    }
}
