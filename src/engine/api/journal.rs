//! Reading an actor: what it is, what happened to it, and any state that it ever had.

use crate::engine::Engine;
use crate::engine::core::history::History;
use crate::engine::run::replay::Replayed;
use crate::model::{Actor, ActorId, ClassName, Error, HistoryEntry, Name, NameRecord, Reference, Result, Step};

/// Steps that are read from the store at once.
const PAGE: usize = 256;

/// An actor, for a person or a program to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorInfo {
    pub id: ActorId,
    pub head: NameRecord,
    pub actor: Actor,
    /// The state that its class saved: JSON where the class was built with the Rust SDK.
    pub state: Vec<u8>,
}

impl Engine {
    /// One actor as its last step left it.
    pub fn show(&self, id: &str) -> Result<ActorInfo> {
        let id = ActorId::new(id)?;
        let Some(snapshot) = self.store.load(&id)? else { return Err(self.no_actor(&id)) };
        let actor = snapshot.record.actor.clone().ok_or_else(|| self.no_actor(&id))?;
        Ok(ActorInfo { id, head: snapshot.record, actor, state: snapshot.state })
    }

    /// What the store keeps of an actor beside its state.
    pub fn head(&self, id: &str) -> Result<NameRecord> {
        self.living(&ActorId::new(id)?).map(|(head, _)| head)
    }

    /// Steps of an actor's journal from number `from` on, in order; at most `limit`.
    pub fn steps(&self, id: &str, from: u64, limit: usize) -> Result<Vec<Step>> {
        let id = ActorId::new(id)?;
        self.living(&id)?;
        self.store.steps(&id, from, limit)
    }

    /// What a step's run asked for and was answered since the invocation's step before it, in order.
    pub fn operations(&self, id: &str, step: &Step) -> Result<Vec<HistoryEntry>> {
        let Some(run) = step.run else { return Ok(Vec::new()) };
        let id = ActorId::new(id)?;
        let before = match step.number.checked_sub(1) {
            Some(before) if before > 0 => self.store.steps(&id, before, 1)?.into_iter().next(),
            _ => None,
        };
        let from = before
            .filter(|before| before.number < step.number && before.reference == step.reference)
            .and_then(|before| before.run)
            .map_or(0, |run| run.history_len);
        let reference = Reference { name: Name::from(&id), number: step.reference };
        let mut history = History::between(self, reference, from, run.history_len);
        let mut operations = Vec::new();
        while let Some(entry) = history.next()? {
            operations.push(entry);
        }
        Ok(operations)
    }

    /// The state after a step of the actor's journal: the nearest checkpoint, and the steps since then run again. Each is compared
    /// with the hash that it recorded.
    pub fn state_at(&self, id: &str, step: u64) -> Result<Vec<u8>> {
        let id = ActorId::new(id)?;
        let (head, actor) = self.living(&id)?;
        let (first, last) = (actor.first_step, head.counters.steps);
        if !(first..=last).contains(&step) {
            return Err(Error::NoStep { id: id.to_string(), step, first, last });
        }
        let (from, mut state) = self.state_before(&id, first, step)?;
        let steps = self.steps_between(&id, from + 1, step)?;
        for invocation in steps.chunk_by(|one, next| one.reference == next.reference) {
            let replayed = Replayed { id: &id, class: &actor.class, steps: invocation };
            state = Some(self.replay(&replayed, state)?);
            let done = invocation.last().map_or(from, |last| last.number);
            self.settings.observer.replaying(&id, done - from, step - from);
        }
        state.ok_or_else(|| Error::Damaged { what: format!("step {step} of {id} has no state") })
    }

    /// The last checkpoint at or before a step from which that step can be reached: a save is none for what follows it in its
    /// own invocation, which is run again from its beginning. Where that made the actor, there is no state, and the step
    /// before the first.
    fn state_before(&self, id: &ActorId, first: u64, step: u64) -> Result<(u64, Option<Vec<u8>>)> {
        let mut at = step;
        loop {
            let (from, state) = self
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

    /// Steps from the first to and with the second; all must be there.
    fn steps_between(&self, id: &ActorId, from: u64, to: u64) -> Result<Vec<Step>> {
        let mut found: Vec<Step> = Vec::new();
        for next in from..=to {
            if found.len() as u64 == next - from {
                found.extend(self.store.steps(id, next, PAGE.min((to - next + 1) as usize))?);
            }
            if found.get((next - from) as usize).is_none_or(|step| step.number != next) {
                return Err(Error::Damaged { what: format!("step {next} of {id} is missing") });
            }
        }
        Ok(found)
    }

    /// The head of an actor that is there.
    fn living(&self, id: &ActorId) -> Result<(NameRecord, Actor)> {
        let head = self.store.name_record(&Name::from(id))?.ok_or_else(|| self.no_actor(id))?;
        match head.actor.clone() {
            Some(actor) => Ok((head, actor)),
            None => Err(self.no_actor(id)),
        }
    }

    /// The id of an actor that is there.
    pub(in crate::engine) fn existing(&self, id: &str) -> Result<ActorId> {
        let id = ActorId::new(id)?;
        self.living(&id).map(|_| id)
    }

    /// The ids of all actors of a class, with those that are being made.
    pub fn actors_of(&self, class: &ClassName) -> Result<Vec<ActorId>> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.actors("", after.as_ref(), PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(found) };
            after = Some(last.clone());
            for (id, head) in page {
                let of = match head.actor {
                    Some(actor) => Some(actor.class),
                    None => self.making(&id)?.map(|making| making.class),
                };
                if of.is_some_and(|of| of == *class) {
                    found.push(id);
                }
            }
        }
    }
}
