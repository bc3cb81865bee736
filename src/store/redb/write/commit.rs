//! Commits: ends of invocations, each with its step, and saves.

use crate::model::{CallRequest, Error, Hash, Reference, Result, RunProgress, Times, Timestamp};
use crate::store::redb::errors::TxResult;
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::records::{AttemptRecord, InvocationRecord, Pending};
use crate::store::{Commit, Committed, End};

use super::check::CheckedSource;
use super::step::NewStep;
use super::writer::{Writer, stale};

/// A commit and the hash of its state, which is computed before the transaction.
pub struct HashedCommit {
    commit: Commit,
    hash: Option<Hash>,
}

impl From<Commit> for HashedCommit {
    fn from(commit: Commit) -> HashedCommit {
        let hash = match &commit.end {
            End::Created { state, .. } | End::Step { state: Some(state), .. } => Some(Hash::of(state)),
            End::Step { state: None, .. } | End::WithoutStep | End::Retry { .. } => None,
        };
        HashedCommit { commit, hash }
    }
}

impl Writer<'_> {
    /// After a refused commit, all later ones of its actor are stale. The step counter alone would
    /// not show that: steps of another process may have brought it to the expected value.
    pub fn commit(&mut self, hashed: HashedCommit, at: Timestamp) -> TxResult<Result<Committed>> {
        let name = hashed.commit.source.name().clone();
        if self.refused.contains(&name) {
            return Ok(stale(&name));
        }
        let committed = self.commit_alone(hashed, at)?;
        if !matches!(committed, Ok(Committed::Done { .. })) {
            self.refused.insert(name);
        }
        Ok(committed)
    }

    fn commit_alone(&mut self, hashed: HashedCommit, at: Timestamp) -> TxResult<Result<Committed>> {
        let HashedCommit { mut commit, hash } = hashed;
        let save = commit.progress.as_mut().and_then(|progress| progress.save.take());
        let (expected_steps, progress) = (commit.expected_steps, commit.progress.as_ref());
        let mut target = match self.check_source(&commit.source, expected_steps, progress, save.is_some())? {
            Ok(CheckedSource::Valid(target)) => *target,
            Ok(CheckedSource::Duplicate(duplicate)) => return Ok(Ok(Committed::Duplicate(duplicate))),
            Err(refused) => return Ok(Err(refused)),
        };
        let name = &target.pending.request.name;
        let has_actor = self.name_record(name)?.actor.is_some();
        match commit.end {
            // it was removed meanwhile
            End::Step { .. } if !has_actor => return Ok(stale(name)),
            End::Created { .. } if has_actor => return Ok(Err(Error::ActorExists { id: name.to_string() })),
            _ => {}
        }
        let had_record = target.number.is_some();
        let reference = match save {
            Some(_) => self.enqueue_target(&mut target)?,
            None => self.dequeue_target(&target)?,
        };
        let mut pending = target.pending;
        if commit.id_exposed {
            self.put_opaque_id(&pending.request, reference.number)?;
        }
        if let Some(progress) = commit.progress {
            self.add_progress(&reference, &mut pending, at, progress)?;
        }
        let Commit { began, now, outcome, log, micros, end, .. } = commit;
        let times = Times::new(began, at, now);
        if let End::Retry { due } = end {
            self.retry(pending, reference.number, due, at, &AttemptRecord { times, outcome, log })?;
            return Ok(Ok(Committed::Done { reference: reference.number, step: None }));
        }
        let new = NewStep { times, outcome, log, micros, end, hash, run: None };
        let step = match save {
            Some(fingerprint) => Some(self.save(&reference, pending, new, fingerprint)?),
            None => self.end(&reference, pending, new, had_record)?,
        };
        Ok(Ok(Committed::Done { reference: reference.number, step }))
    }

    /// Writes the end of an invocation, and returns its step, if it leaves one.
    fn end(
        &mut self,
        reference: &Reference,
        mut pending: Pending,
        new: NewStep,
        had_record: bool,
    ) -> TxResult<Option<u64>> {
        if had_record {
            self.end_run(reference, &mut pending)?;
        }
        self.construction_ended(&pending.request, reference.number)?;
        let Pending { request, resume_point, attempts, .. } = pending;
        if matches!(new.end, End::WithoutStep) {
            let NewStep { times, outcome, log, .. } = new;
            let record = InvocationRecord::WithoutStep { request, times, outcome, log, attempts };
            self.tables.put(&RecordKey::invocation(&reference.name, reference.number), &record)?;
            return Ok(None);
        }
        let run = resume_point.map(|point| RunProgress {
            first_now: point.first_now,
            history_len: point.history_len,
            is_save: false,
        });
        let step = self.add_step(NewStep { run, ..new }, request, reference.number)?;
        self.put_ended(reference, step, had_record)?;
        Ok(Some(step))
    }

    /// Delays a task until its next attempt.
    fn retry(
        &mut self,
        pending: Pending,
        number: u64,
        due: Timestamp,
        at: Timestamp,
        failed: &AttemptRecord,
    ) -> TxResult<()> {
        let attempts = pending.attempts + 1;
        self.tables.put(&RecordKey::attempt(&pending.request.name, number, attempts), failed)?;
        let delay_ms = Some(due.since(at).as_millis() as u64);
        let request = CallRequest { due: Some(due), delay_ms, ..pending.request };
        self.delay(&request, due, number)?;
        self.put_pending(number, Pending { request, position: None, attempts, resume_point: None })
    }
}
