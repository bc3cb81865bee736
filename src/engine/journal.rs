//! Reading an actor: what it is, what happened to it, and any state that it ever had.

use super::Engine;
use super::run::identity;
use crate::model::{Actor, ActorId, ClassName, Error, Hash, Head, Name, Outcome, Result, Step};
use crate::sandbox::{Method, Run, Stop};

/// Steps that are read from the store at once.
const PAGE: usize = 256;

/// An actor, for a person or a program to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorInfo {
    pub id: ActorId,
    pub head: Head,
    pub actor: Actor,
    /// The state that its class saved: JSON where the class was built with the Rust SDK.
    pub state: Vec<u8>,
}

impl Engine {
    /// One actor as its last step left it.
    pub fn show(&self, id: &str) -> Result<ActorInfo> {
        let id = ActorId::new(id)?;
        let Some(snapshot) = self.store.load(&id)? else { return Err(self.no_actor(&id)) };
        let actor = snapshot.head.actor.clone().ok_or_else(|| self.no_actor(&id))?;
        Ok(ActorInfo { id, head: snapshot.head, actor, state: snapshot.state })
    }

    /// What the store keeps of an actor beside its state.
    pub fn head(&self, id: &str) -> Result<Head> {
        self.living(&ActorId::new(id)?).map(|(head, _)| head)
    }

    /// Steps of an actor's journal from number `from` on, in order; at most `limit`.
    pub fn steps(&self, id: &str, from: u64, limit: usize) -> Result<Vec<Step>> {
        let id = ActorId::new(id)?;
        self.living(&id)?;
        self.store.steps(&id, from, limit)
    }

    /// The state after a step of the actor's journal: the nearest checkpoint, and the steps since then run again. Each is compared
    /// with the hash that it recorded.
    pub fn state_at(&self, id: &str, step: u64) -> Result<Vec<u8>> {
        let id = ActorId::new(id)?;
        let (head, actor) = self.living(&id)?;
        let (first, last) = (actor.first_step, head.numbers.steps);
        if !(first..=last).contains(&step) {
            return Err(Error::NoStep { id: id.to_string(), step, first, last });
        }
        let (from, mut state) = self
            .store
            .checkpoint(&id, step)?
            .ok_or_else(|| Error::Damaged { what: format!("{id} has no checkpoint before step {step}") })?;
        let mut next = from + 1;
        while next <= step {
            let wanted = PAGE.min((step - next + 1) as usize);
            let steps = self.store.steps(&id, next, wanted)?;
            if steps.is_empty() {
                return Err(Error::Damaged { what: format!("step {next} of {id} is missing") });
            }
            for recorded in steps {
                if recorded.number != next {
                    return Err(Error::Damaged { what: format!("step {next} of {id} is missing") });
                }
                state = self.replay(&id, &actor.class, &recorded, state)?;
                self.settings.observer.replaying(&id, next - from, step - from);
                next += 1;
            }
        }
        Ok(state)
    }

    /// Runs a recorded step again, from the state before it, with the answers that it recorded.
    fn replay(&self, id: &ActorId, class: &ClassName, step: &Step, before: Vec<u8>) -> Result<Vec<u8>> {
        let after = match &step.outcome {
            Outcome::Failed(_) => before,
            Outcome::Succeeded(_) => {
                let loaded = self.loaded(class, step.version)?;
                let invocation = step.seed.opaque_id(0);
                let ran = self.compiled(&loaded)?.run(Run {
                    method: Method::Mutate { state: &before, name: &step.method, arguments: &step.arguments },
                    identity: identity(&loaded, id, &invocation),
                    now: step.at,
                    seed: step.seed,
                    limits: &self.settings.limits,
                    stop: &Stop::default(),
                    on_log: &mut |_| (),
                });
                let replayed = ran.outcome.map_err(|fault| Error::Diverged {
                    id: id.to_string(),
                    step: step.number,
                    what: fault.message,
                })?;
                replayed.state.unwrap_or(before)
            }
        };
        match Hash::of(&after) == step.state {
            true => Ok(after),
            false => {
                Err(Error::Diverged { id: id.to_string(), step: step.number, what: "it gave another state".to_owned() })
            }
        }
    }

    /// The head of an actor that is there.
    fn living(&self, id: &ActorId) -> Result<(Head, Actor)> {
        let head = self.store.head(&Name::from(id))?.ok_or_else(|| self.no_actor(id))?;
        match head.actor.clone() {
            Some(actor) => Ok((head, actor)),
            None => Err(self.no_actor(id)),
        }
    }

    /// The id of an actor that is there.
    pub(super) fn existing(&self, id: &str) -> Result<ActorId> {
        let id = ActorId::new(id)?;
        self.living(&id).map(|_| id)
    }

    /// The ids of all actors of a class.
    pub(super) fn actors_of(&self, class: &ClassName) -> Result<Vec<ActorId>> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.actors("", after.as_ref(), PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(found) };
            after = Some(last.clone());
            let is_of_class = |head: &Head| head.actor.as_ref().is_some_and(|actor| actor.class == *class);
            found.extend(page.into_iter().filter(|(_, head)| is_of_class(head)).map(|(id, _)| id));
        }
    }
}
