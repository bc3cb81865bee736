//! Reading an actor, its journal, and its state after any step.

use super::Engine;
use crate::engine::core::history::History;
use crate::engine::run::replay::StepsToReplay;
use crate::model::{Actor, ActorId, Error, HistoryEntry, Name, NameRecord, Reference, Result, Step};

/// Steps of one page.
const PAGE: usize = 256;

/// An actor as its last step left it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActorInfo {
    /// Its id.
    pub id: ActorId,
    /// The counters of its name.
    pub head: NameRecord,
    /// Its class, times and sizes.
    pub actor: Actor,
    /// Its state, as bytes of its class. A class that is built with the Rust SDK saves JSON.
    pub state: Vec<u8>,
}

impl Engine {
    /// An actor as its last step left it.
    pub fn show(&self, id: &str) -> Result<ActorInfo> {
        let id = ActorId::new(id)?;
        let (snapshot, actor) = self.core.existing_snapshot(&id)?;
        Ok(ActorInfo { id, head: snapshot.record, actor, state: snapshot.state })
    }

    /// The name record of an actor.
    pub fn head(&self, id: &str) -> Result<NameRecord> {
        self.core.existing_record(&ActorId::new(id)?).map(|(record, _)| record)
    }

    /// Steps of an actor's journal from number `from` on, in order; at most `limit`.
    pub fn steps(&self, id: &str, from: u64, limit: usize) -> Result<Vec<Step>> {
        let id = ActorId::new(id)?;
        self.core.existing_record(&id)?;
        self.core.store.steps(&id, from, limit)
    }

    /// The history entries of a step: the operations since the invocation's step before it, in order.
    pub fn operations(&self, id: &str, step: &Step) -> Result<Vec<HistoryEntry>> {
        let Some(run) = step.run else { return Ok(Vec::new()) };
        let id = ActorId::new(id)?;
        let before = match step.number.checked_sub(1) {
            Some(before) if before > 0 => self.core.store.steps(&id, before, 1)?.into_iter().next(),
            _ => None,
        };
        let from = before
            .filter(|before| before.number < step.number && before.reference == step.reference)
            .and_then(|before| before.run)
            .map_or(0, |run| run.history_len);
        let reference = Reference { name: Name::from(&id), number: step.reference };
        let mut history = History::between(&self.core, reference, from, run.history_len);
        let mut operations = Vec::new();
        while let Some(entry) = history.next()? {
            operations.push(entry);
        }
        Ok(operations)
    }

    /// The state after a step of the actor's journal, by a replay of the steps since the nearest checkpoint. Each state is
    /// compared with the hash that its step recorded.
    pub fn state_at(&self, id: &str, step: u64) -> Result<Vec<u8>> {
        let id = ActorId::new(id)?;
        let (record, actor) = self.core.existing_record(&id)?;
        let (first, last) = (actor.first_step, record.counters.steps);
        if !(first..=last).contains(&step) {
            return Err(Error::NoStep { id: id.to_string(), step, first, last });
        }
        let (from, mut state) = self.state_before(&id, first, step)?;
        let steps = self.steps_between(&id, from + 1, step)?;
        for invocation in steps.chunk_by(|one, next| one.reference == next.reference) {
            let replayed = StepsToReplay { id: &id, class: &actor.class, steps: invocation };
            state = Some(self.runner.replay(&replayed, state)?);
            let done = invocation.last().map_or(from, |last| last.number);
            self.core.settings.observer.replaying(&id, done - from, step - from);
        }
        state.ok_or_else(|| Error::internal(format!("the replay of step {step} of {id} gave no state")))
    }

    /// The last checkpoint at or before a step from which the step can be replayed, and its state. A checkpoint at a save does
    /// not serve the later steps of the same invocation, which is replayed from its beginning. If that invocation made the
    /// actor, there is no state, and the checkpoint is the step before the first.
    fn state_before(&self, id: &ActorId, first: u64, step: u64) -> Result<(u64, Option<Vec<u8>>)> {
        let mut at = step;
        loop {
            let (from, state) = self
                .core
                .store
                .checkpoint(id, at)?
                .ok_or_else(|| Error::Damaged { what: format!("{id} has no checkpoint before step {at}") })?;
            let checkpoint = self.steps_between(id, from, from)?.remove(0);
            if from == step || checkpoint.run.is_none_or(|run| !run.is_save) {
                return Ok((from, Some(state)));
            }
            let mut began = from;
            while began > first && self.steps_between(id, began - 1, began - 1)?[0].reference == checkpoint.reference {
                began -= 1;
            }
            if began == first {
                return Ok((first - 1, None));
            }
            at = began - 1;
        }
    }

    /// The steps from one number to another, both included. None may be missing.
    fn steps_between(&self, id: &ActorId, from: u64, to: u64) -> Result<Vec<Step>> {
        let mut found: Vec<Step> = Vec::new();
        for next in from..=to {
            if found.len() as u64 == next - from {
                found.extend(self.core.store.steps(id, next, PAGE.min((to - next + 1) as usize))?);
            }
            if found.get((next - from) as usize).is_none_or(|step| step.number != next) {
                return Err(Error::Damaged { what: format!("step {next} of {id} is missing") });
            }
        }
        Ok(found)
    }
}
