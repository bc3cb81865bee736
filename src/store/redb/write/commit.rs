//! The end of invocations, each with its step.

use std::borrow::Cow;

use serde_bytes::ByteBuf;

use crate::model::{Actor, Error, Hash, Name, NewInvocation, Result, Step};
use crate::store::redb::actors;
use crate::store::redb::boundary::{Try, damaged};
use crate::store::redb::invocations;
use crate::store::redb::key::Key;
use crate::store::redb::record::{InvocationRecord, StepRecord};
use crate::store::{Commit, Committed, End, Turn};

use super::{Writer, stale};

/// A checkpoint's state that is not longer than this stands in its step's record.
const IN_STEP: usize = 512;

/// A commit, and the hash of its state: made before the transaction, so that nobody waits for that.
pub(in crate::store::redb) struct Ready {
    commit: Commit,
    state: Option<Hash>,
}

/// An invocation that ends, and where it stood: nowhere if it was accepted this moment.
struct Ending {
    new: NewInvocation,
    number: Option<u64>,
    turn: Option<u64>,
}

impl From<Commit> for Ready {
    fn from(commit: Commit) -> Ready {
        let state = match &commit.end {
            End::Made { state, .. } | End::Step { state: Some(state), .. } => Some(Hash::of(state)),
            End::Step { state: None, .. } | End::Bare => None,
        };
        Ready { commit, state }
    }
}

impl Writer<'_> {
    /// After a refused commit all that follow on its actor are stale, for the step counter alone does not tell: it may have come
    /// to what they expect by steps of somebody else.
    pub(in crate::store::redb) fn commit(&mut self, ready: Ready) -> Try<Result<Committed>> {
        let name = ready.commit.turn.name().clone();
        if self.refused.contains(&name) {
            return Ok(stale(&name));
        }
        let committed = self.commit_alone(ready)?;
        if !matches!(committed, Ok(Committed::Done { .. })) {
            self.refused.insert(name);
        }
        Ok(committed)
    }

    fn commit_alone(&mut self, ready: Ready) -> Try<Result<Committed>> {
        let Ready { commit, state } = ready;
        let ending = match self.judge(&commit)? {
            Ok(Judged::Ends(ending)) => *ending,
            Ok(Judged::Known(known)) => return Ok(Ok(known)),
            Err(refused) => return Ok(Err(refused)),
        };
        let reference = match ending.number {
            Some(number) => {
                self.leave(&ending.new, number, ending.turn)?;
                number
            }
            None => self.give_number(&ending.new)?,
        };
        let key = Key::invocation(&ending.new.name, reference);
        if matches!(commit.end, End::Bare) {
            let Commit { at, outcome, log, .. } = commit;
            self.tables.put(&key, &InvocationRecord::Bare { new: ending.new, at, outcome, log })?;
            return Ok(Ok(Committed::Done { reference, step: None }));
        }
        let was_recorded = ending.number.is_some();
        let step = self.take_step(commit, ending.new, reference, state)?;
        if step != reference {
            self.tables.put(&key, &InvocationRecord::Step(step))?;
        } else if was_recorded {
            self.tables.delete(&key)?;
        }
        Ok(Ok(Committed::Done { reference, step: Some(step) }))
    }

    /// Whether the commit holds; nothing is written yet.
    fn judge(&mut self, commit: &Commit) -> Try<Result<Judged>> {
        let ending = match &commit.turn {
            Turn::Fresh(new) => {
                if let Some(key) = &new.key
                    && let Some(known) = invocations::keyed(&self.tables, &new.name, &key.text)?
                {
                    return Ok(Ok(Judged::Known(Committed::Known(Box::new(known)))));
                }
                if let Some(refused) = self.resumed_before(new)? {
                    return Ok(Err(refused));
                }
                Ending { new: (**new).clone(), number: None, turn: None }
            }
            Turn::Accepted { name, number } => match self.tables.get(&Key::invocation(name, *number))? {
                Some(InvocationRecord::Open { new, turn }) => Ending { new, number: Some(*number), turn },
                _ => return Ok(stale(name)),
            },
        };
        let name = &ending.new.name;
        let head = self.head(name)?;
        let there = head.actor.is_some();
        Ok(match commit.end {
            _ if head.numbers.steps != commit.expected_steps => stale(name),
            // it was removed meanwhile
            End::Step { .. } if !there => stale(name),
            End::Made { .. } if there => Err(Error::ActorExists { id: name.to_string() }),
            _ => Ok(Judged::Ends(Box::new(ending))),
        })
    }

    /// Adds a step to the actor's journal; answers its number.
    fn take_step(&mut self, commit: Commit, new: NewInvocation, reference: u64, hash: Option<Hash>) -> Try<u64> {
        let NewInvocation { name, call, method, arguments, key, caller, meta, seed, accepted, due, resumes } = new;
        let Commit { at, outcome, log, micros, end, .. } = commit;
        let head = self.head_mut(&name)?;
        head.numbers.steps += 1;
        let number = head.numbers.steps;
        let (version, state, mut actor) = match (end, head.actor.take()) {
            (End::Made { class, version, state }, None) => {
                let actor = Actor {
                    class,
                    version,
                    created: at,
                    updated: at,
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
        (actor.updated, actor.version) = (at, version);
        let state_hash = actor.state;
        let step = Step {
            number,
            reference,
            version,
            method,
            arguments,
            caller,
            meta,
            at,
            seed,
            outcome,
            log,
            micros,
            state: state_hash,
        };
        let record = StepRecord { step, call, key, accepted, due, resumes, checkpoint: actor.checkpoint, state: None };
        self.put_step(&name, record, state, actor)?;
        Ok(number)
    }

    /// Writes a step, and with it, where it is time for that, a checkpoint of the state after it.
    fn put_step(&mut self, name: &Name, mut record: StepRecord, state: Option<Vec<u8>>, mut actor: Actor) -> Try<()> {
        let number = record.step.number;
        actor.since_checkpoint += self.tables.put(&Key::step(name, number), &record)?;
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
                self.tables.put_bytes(&Key::checkpoint(name, number), &whole)?;
            }
            self.tables.put(&Key::step(name, number), &record)?;
        }
        let touched = self.touch(name)?;
        if state.is_some() {
            touched.state = state;
        }
        touched.head.actor = Some(actor);
        Ok(())
    }

    /// The state as the transaction has it so far.
    fn state_of(&mut self, name: &Name, actor: &Actor) -> Try<Vec<u8>> {
        match &self.touch(name)?.state {
            Some(state) => Ok(state.clone()),
            None => actors::state(&self.tables, name, actor),
        }
    }
}

enum Judged {
    Ends(Box<Ending>),
    Known(Committed),
}
