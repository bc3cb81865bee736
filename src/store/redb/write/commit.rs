//! The end of invocations, each with its step, and what a run commits before.

use crate::model::{CallKind, CallRequest, Error, Hash, Invocation, Reference, Result, RunProgress, Times, Timestamp};
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::invocations;
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::record::{AttemptRecord, InvocationRecord, Pending};
use crate::store::{Commit, CommitSource, Committed, End, NewEntry, Progress};

use super::step::StepEntry;
use super::{Writer, stale};

/// A commit, and the hash of its state: made before the transaction, so that nobody waits for that.
pub struct HashedCommit {
    commit: Commit,
    state: Option<Hash>,
}

/// An invocation of which something is to be committed, as it stands.
pub struct CommitTarget {
    pub open: Pending,
    /// None if it is accepted this moment.
    pub number: Option<u64>,
}

pub enum CheckedSource {
    Valid(Box<CommitTarget>),
    /// The key was used before.
    Duplicate(Box<Invocation>),
}

impl From<Commit> for HashedCommit {
    fn from(commit: Commit) -> HashedCommit {
        let state = match &commit.end {
            End::Created { state, .. } | End::Step { state: Some(state), .. } => Some(Hash::of(state)),
            End::Step { state: None, .. } | End::WithoutStep | End::Retry { .. } => None,
        };
        HashedCommit { commit, state }
    }
}

impl Writer<'_> {
    /// After a refused commit all that follow on its actor are stale, for the step counter alone does not tell: it may have come
    /// to what they expect by steps of somebody else.
    pub fn commit(&mut self, ready: HashedCommit, at: Timestamp) -> TxResult<Result<Committed>> {
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

    fn commit_alone(&mut self, ready: HashedCommit, at: Timestamp) -> TxResult<Result<Committed>> {
        let HashedCommit { mut commit, state: hash } = ready;
        let saves = commit.progress.as_mut().and_then(|progress| progress.save.take());
        let judged = self.judge(&commit.source, commit.expected_steps, commit.progress.as_ref(), saves.is_some())?;
        let mut standing = match judged {
            Ok(CheckedSource::Valid(standing)) => *standing,
            Ok(CheckedSource::Duplicate(known)) => return Ok(Ok(Committed::Duplicate(known))),
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
        let entry = StepEntry { times, outcome, log, micros, end, hash, run: None };
        let step = match saves {
            Some(asked) => Some(self.save(&reference, open, entry, asked)?),
            None => self.end(&reference, open, entry, number.is_some())?,
        };
        Ok(Ok(Committed::Done { reference: reference.number, step }))
    }

    /// Writes the end of an invocation; answers its step, if it leaves one.
    fn end(
        &mut self,
        reference: &Reference,
        mut open: Pending,
        entry: StepEntry,
        was_recorded: bool,
    ) -> TxResult<Option<u64>> {
        if was_recorded {
            self.end_run(reference, &mut open)?;
        }
        self.construction_ended(&open.request, reference.number)?;
        let Pending { request, begun, attempts, .. } = open;
        if matches!(entry.end, End::WithoutStep) {
            let StepEntry { times, outcome, log, .. } = entry;
            let bare = InvocationRecord::WithoutStep { request, times, outcome, log, attempts };
            self.tables.put(&RecordKey::invocation(&reference.name, reference.number), &bare)?;
            return Ok(None);
        }
        let run = begun.map(|begun| RunProgress {
            first_now: begun.first_now,
            history_len: begun.history_len,
            is_save: false,
        });
        let step = self.take_step(StepEntry { run, ..entry }, request, reference.number)?;
        self.put_ended(reference, step, was_recorded)?;
        Ok(Some(step))
    }

    /// A task that failed stands among the delayed, and is tried again.
    fn retry(
        &mut self,
        open: Pending,
        number: u64,
        due: Timestamp,
        at: Timestamp,
        failed: &AttemptRecord,
    ) -> TxResult<()> {
        self.tables.put(&RecordKey::attempt(&open.request.name, number, open.attempts + 1), failed)?;
        let delay_ms = Some(due.since(at).as_millis() as u64);
        let request = CallRequest { due: Some(due), delay_ms, ..open.request };
        self.delay(&request, due, number)?;
        self.put_open(number, Pending { request, turn: None, attempts: open.attempts + 1, begun: None })
    }

    /// Whether what a run says still holds; nothing is written yet. `stays` says that the invocation goes on after it.
    pub fn judge(
        &mut self,
        turn: &CommitSource,
        steps: u64,
        progress: Option<&Progress>,
        stays: bool,
    ) -> TxResult<Result<CheckedSource>> {
        let standing = match turn {
            CommitSource::Fresh(request) => match self.judge_fresh(request)? {
                Ok(None) => {
                    let open = Pending { request: (**request).clone(), turn: None, attempts: 0, begun: None };
                    CommitTarget { open, number: None }
                }
                Ok(Some(known)) => return Ok(Ok(CheckedSource::Duplicate(Box::new(known)))),
                Err(refused) => return Ok(Err(refused)),
            },
            CommitSource::Accepted { name, number } => match invocations::open(&self.tables, name, *number)? {
                Some(open) => CommitTarget { open, number: Some(*number) },
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
        Ok(Ok(CheckedSource::Valid(Box::new(standing))))
    }

    /// What is to be said of a call that is accepted this moment: who used its key, or why it is refused.
    fn judge_fresh(&self, request: &CallRequest) -> TxResult<Result<Option<Invocation>>> {
        if let Some(key) = &request.key {
            let known = invocations::keyed(&self.tables, &request.name, &key.text)?;
            if !matches!(known, Ok(None)) {
                return Ok(known);
            }
        }
        Ok(self.resumed_before(request)?.map_or(Ok(None), Err))
    }

    /// Whether progress goes on from the record as it is, and what it takes is there.
    fn follows(&self, open: &Pending, progress: &Progress) -> TxResult<bool> {
        if open.begun.as_ref().map_or(0, |begun| begun.history_len) != progress.expected_history {
            return Ok(false);
        }
        for entry in &progress.entries {
            if let NewEntry::TakeEvent { event, number, .. } = entry
                && !self.tables.has(&RecordKey::event(&open.request.name, event, *number))?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether nothing else of the actor has begun; and where it stays, whether it may stand before the others.
    fn has_its_turn(&mut self, standing: &CommitTarget, stays: bool) -> TxResult<bool> {
        let CommitTarget { open, number } = standing;
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
    pub fn place(&mut self, standing: &mut CommitTarget) -> TxResult<Reference> {
        let CommitTarget { open, number } = standing;
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
    fn unplace(&mut self, standing: &CommitTarget) -> TxResult<Reference> {
        let CommitTarget { open, number } = standing;
        if let Some(number) = *number {
            self.leave(&open.request, number, open.turn)?;
        }
        Ok(Reference { name: open.request.name.clone(), number: self.number(&open.request, *number)? })
    }

    fn number(&mut self, request: &CallRequest, number: Option<u64>) -> TxResult<u64> {
        number.map_or_else(|| self.give_number(request), Ok)
    }
}
