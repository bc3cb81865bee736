//! The end of invocations, each with its step, and what a run commits before.

use crate::model::{CallKind, CallRequest, Error, Hash, Invocation, Reference, Result, RunProgress, Times, Timestamp};
use crate::store::redb::boundary::Try;
use crate::store::redb::invocations;
use crate::store::redb::key::Key;
use crate::store::redb::record::{AttemptRecord, InvocationRecord, Open};
use crate::store::{Commit, CommitSource, Committed, End, NewEntry as Asks, Progress};

use super::step::Entry;
use super::{Writer, stale};

/// A commit, and the hash of its state: made before the transaction, so that nobody waits for that.
pub(in crate::store::redb) struct Ready {
    commit: Commit,
    state: Option<Hash>,
}

/// An invocation of which something is to be committed, as it stands.
pub(super) struct Standing {
    pub open: Open,
    /// None if it is accepted this moment.
    pub number: Option<u64>,
}

pub(super) enum Judged {
    Holds(Box<Standing>),
    /// The key was used before.
    Known(Box<Invocation>),
}

impl From<Commit> for Ready {
    fn from(commit: Commit) -> Ready {
        let state = match &commit.end {
            End::Created { state, .. } | End::Step { state: Some(state), .. } => Some(Hash::of(state)),
            End::Step { state: None, .. } | End::WithoutStep | End::Retry { .. } => None,
        };
        Ready { commit, state }
    }
}

impl Writer<'_> {
    /// After a refused commit all that follow on its actor are stale, for the step counter alone does not tell: it may have come
    /// to what they expect by steps of somebody else.
    pub(in crate::store::redb) fn commit(&mut self, ready: Ready, at: Timestamp) -> Try<Result<Committed>> {
        let name = ready.commit.source.name().clone();
        if self.refused.contains(&name) {
            return Ok(stale(&name));
        }
        let committed = self.commit_alone(ready, at)?;
        if !matches!(committed, Ok(Committed::Done { .. })) {
            self.refused.insert(name);
        }
        Ok(committed)
    }

    fn commit_alone(&mut self, ready: Ready, at: Timestamp) -> Try<Result<Committed>> {
        let Ready { mut commit, state: hash } = ready;
        let saves = commit.progress.as_mut().and_then(|progress| progress.save.take());
        let judged = self.judge(&commit.source, commit.expected_steps, commit.progress.as_ref(), saves.is_some())?;
        let mut standing = match judged {
            Ok(Judged::Holds(standing)) => *standing,
            Ok(Judged::Known(known)) => return Ok(Ok(Committed::Duplicate(known))),
            Err(refused) => return Ok(Err(refused)),
        };
        let name = &standing.open.request.name;
        let there = self.head(name)?.actor.is_some();
        match commit.end {
            // it was removed meanwhile
            End::Step { .. } if !there => return Ok(stale(name)),
            End::Created { .. } if there => return Ok(Err(Error::ActorExists { id: name.to_string() })),
            _ => {}
        }
        let number = standing.number;
        let reference = match saves {
            Some(_) => self.place(&mut standing)?,
            None => self.unplace(&standing)?,
        };
        let mut open = standing.open;
        if commit.id_exposed {
            self.tell(&open.request, reference.number)?;
        }
        if let Some(progress) = commit.progress {
            self.go_on(&reference, &mut open, at, progress)?;
        }
        let Commit { began, now, outcome, log, micros, end, .. } = commit;
        let times = Times::new(began, at, now);
        if let End::Retry { due } = end {
            self.retry(open, reference.number, due, at, &AttemptRecord { times, outcome, log })?;
            return Ok(Ok(Committed::Done { reference: reference.number, step: None }));
        }
        let entry = Entry { times, outcome, log, micros, end, hash, run: None };
        let step = match saves {
            Some(asked) => Some(self.save(&reference, open, entry, asked)?),
            None => self.end(&reference, open, entry, number.is_some())?,
        };
        Ok(Ok(Committed::Done { reference: reference.number, step }))
    }

    /// Writes the end of an invocation; answers its step, if it leaves one.
    fn end(&mut self, reference: &Reference, mut open: Open, entry: Entry, was_recorded: bool) -> Try<Option<u64>> {
        if was_recorded {
            self.end_run(reference, &mut open)?;
        }
        self.construction_ended(&open.request, reference.number)?;
        let Open { request, begun, attempts, .. } = open;
        if matches!(entry.end, End::WithoutStep) {
            let Entry { times, outcome, log, .. } = entry;
            let bare = InvocationRecord::Bare { request, times, outcome, log, attempts };
            self.tables.put(&Key::invocation(&reference.name, reference.number), &bare)?;
            return Ok(None);
        }
        let run = begun.map(|begun| RunProgress {
            first_now: begun.first_now,
            history_len: begun.history_len,
            is_save: false,
        });
        let step = self.take_step(Entry { run, ..entry }, request, reference.number)?;
        self.put_ended(reference, step, was_recorded)?;
        Ok(Some(step))
    }

    /// A task that failed stands among the delayed, and is tried again.
    fn retry(&mut self, open: Open, number: u64, due: Timestamp, at: Timestamp, failed: &AttemptRecord) -> Try<()> {
        self.tables.put(&Key::attempt(&open.request.name, number, open.attempts + 1), failed)?;
        let delay_ms = Some(due.since(at).as_millis() as u64);
        let request = CallRequest { due: Some(due), delay_ms, ..open.request };
        self.delay(&request, due, number)?;
        self.put_open(number, Open { request, turn: None, attempts: open.attempts + 1, begun: None })
    }

    /// Whether what a run says still holds; nothing is written yet. `stays` says that the invocation goes on after it.
    pub(super) fn judge(
        &mut self,
        turn: &CommitSource,
        steps: u64,
        progress: Option<&Progress>,
        stays: bool,
    ) -> Try<Result<Judged>> {
        let standing = match turn {
            CommitSource::Fresh(request) => match self.judge_fresh(request)? {
                Ok(None) => {
                    let open = Open { request: (**request).clone(), turn: None, attempts: 0, begun: None };
                    Standing { open, number: None }
                }
                Ok(Some(known)) => return Ok(Ok(Judged::Known(Box::new(known)))),
                Err(refused) => return Ok(Err(refused)),
            },
            CommitSource::Accepted { name, number } => match invocations::open(&self.tables, name, *number)? {
                Some(open) => Standing { open, number: Some(*number) },
                None => return Ok(stale(name)),
            },
        };
        let name = &standing.open.request.name;
        if let Some(progress) = progress
            && !self.follows(&standing.open, progress)?
        {
            return Ok(stale(name));
        }
        // a task has no steps, and no place that others respect
        if !matches!(standing.open.request.kind, CallKind::Task { .. })
            && (self.head(name)?.counters.steps != steps || !self.has_its_turn(&standing, stays)?)
        {
            return Ok(stale(name));
        }
        Ok(Ok(Judged::Holds(Box::new(standing))))
    }

    /// What is to be said of a call that is accepted this moment: who used its key, or why it is refused.
    fn judge_fresh(&self, request: &CallRequest) -> Try<Result<Option<Invocation>>> {
        if let Some(key) = &request.key {
            let known = invocations::keyed(&self.tables, &request.name, &key.text)?;
            if !matches!(known, Ok(None)) {
                return Ok(known);
            }
        }
        Ok(self.resumed_before(request)?.map_or(Ok(None), Err))
    }

    /// Whether progress goes on from the record as it is, and what it takes is there.
    fn follows(&self, open: &Open, progress: &Progress) -> Try<bool> {
        if open.begun.as_ref().map_or(0, |begun| begun.history_len) != progress.expected_history {
            return Ok(false);
        }
        for entry in &progress.entries {
            if let Asks::TakeEvent { event, number, .. } = entry
                && !self.tables.has(&Key::event(&open.request.name, event, *number))?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether nothing else of the actor has begun; and where it stays, whether it may stand before the others.
    fn has_its_turn(&mut self, standing: &Standing, stays: bool) -> Try<bool> {
        let Standing { open, number } = standing;
        if open.begun.is_some() || self.head(&open.request.name)?.queued == 0 {
            return Ok(true);
        }
        let Some((_, first)) = invocations::first(&self.tables, &open.request.name)? else { return Ok(true) };
        if *number == Some(first) {
            return Ok(true);
        }
        let begun =
            invocations::open(&self.tables, &open.request.name, first)?.is_some_and(|open| open.begun.is_some());
        let may_stay = !stays || open.turn.is_none();
        Ok(!begun && may_stay)
    }

    /// Puts an invocation that stays and has begun where its actor's inbox begins; answers its reference.
    pub(super) fn place(&mut self, standing: &mut Standing) -> Try<Reference> {
        let Standing { open, number } = standing;
        let reference = Reference { name: open.request.name.clone(), number: self.number(&open.request, *number)? };
        if open.turn.is_some() {
            return Ok(reference);
        }
        if number.is_some() {
            self.leave(&open.request, reference.number, None)?;
        }
        open.turn = Some(self.enter_first(&open.request, reference.number)?);
        Ok(reference)
    }

    /// Takes an invocation that ends from where it stands; answers its reference.
    fn unplace(&mut self, standing: &Standing) -> Try<Reference> {
        let Standing { open, number } = standing;
        if let Some(number) = *number {
            self.leave(&open.request, number, open.turn)?;
        }
        Ok(Reference { name: open.request.name.clone(), number: self.number(&open.request, *number)? })
    }

    fn number(&mut self, request: &CallRequest, number: Option<u64>) -> Try<u64> {
        number.map_or_else(|| self.give_number(request), Ok)
    }
}
