//! Performing starts, sends, cancels and saves.

use super::driver::{Driver, Performed};
use super::outbound::Caller;
use crate::engine::run::abort::Abort;
use crate::model::{
    ActorId, CallKind, CallTarget, Error, Fingerprint, HistoryEntry, Json, Level, Log, LogLine, OperationResult,
    Outcome, OutgoingCall, ResolvedTarget, Result, Timestamp,
};
use crate::store::{Commit, Committed, End, NewCall, NewEntry};

impl Driver<'_> {
    pub fn start(&mut self, fingerprint: Fingerprint, outgoing: &OutgoingCall) -> Performed {
        let index = self.committed_entries + self.entries.len() as u64;
        let opaque_id = self.request.seed.child(outgoing.ordinal).opaque_id();
        self.children.insert(opaque_id.clone(), index);
        if let Some(child) = self.reusable.next(&fingerprint.hash) {
            self.entries.push(NewEntry::Reuse { fingerprint, child, opaque_id });
            return Ok(Ok(None));
        }
        match self.caller().child(outgoing)? {
            Ok(child) => {
                self.expect_construction(outgoing, &child)?;
                self.entries.push(NewEntry::Start { fingerprint, child: Box::new(child) });
            }
            Err(fault) => self.push_plain(fingerprint, OperationResult::Started(Err(fault))),
        }
        Ok(Ok(None))
    }

    pub fn send(&mut self, fingerprint: Fingerprint, outgoing: &OutgoingCall, delay_ms: u64) -> Performed {
        if let Some(over) = self.caller().over_children(outgoing) {
            return Ok(Err(over));
        }
        let now = self.runner.core.now()?;
        let result = if delay_ms > 0 { OperationResult::Sent(now) } else { OperationResult::Done };
        self.push_plain(fingerprint, result);
        self.queue(outgoing, now, delay_ms)
    }

    /// Has a message leave with the next save or the end. Its delay counts from `wall`, the time of the send by the wall
    /// clock.
    pub fn queue(&mut self, outgoing: &OutgoingCall, wall: Timestamp, delay_ms: u64) -> Performed {
        match self.caller().message(outgoing, wall, delay_ms)? {
            Ok(message) => {
                self.expect_construction(outgoing, &message)?;
                self.sends.push(message);
            }
            Err(fault) => {
                let target = addressee(outgoing);
                let message = format!("a message for {target} was not accepted: {}", fault.message);
                self.note(LogLine { level: Level::Warn, message });
            }
        }
        Ok(Ok(None))
    }

    fn caller(&self) -> Caller<'_> {
        let Driver { runner, request, loaded, constructed, .. } = self;
        Caller { runner, request, loaded, constructed }
    }

    /// Later calls of this run to an actor that it has constructed find the actor's class.
    fn expect_construction(&mut self, outgoing: &OutgoingCall, call: &NewCall) -> Result<()> {
        if let CallTarget::ActorOrNew { id, .. } = &outgoing.target
            && let Some(CallKind::Construct { class, version }) = call.construction.as_ref().map(|create| &create.kind)
        {
            self.constructed.entry(ActorId::new(id)?).or_insert_with(|| (class.clone(), *version));
        }
        Ok(())
    }

    pub fn cancel(&mut self, fingerprint: Fingerprint, id: &str) -> Performed {
        let target = match self.children.get(id) {
            Some(index) => Some(ResolvedTarget::Child(*index)),
            None => self.runner.core.store.reference_of(id)?.map(ResolvedTarget::Invocation),
        };
        match target {
            Some(target) => self.entries.push(NewEntry::Cancel { fingerprint, target }),
            None => self.push_plain(fingerprint, OperationResult::Done),
        }
        Ok(Ok(None))
    }

    fn push_plain(&mut self, fingerprint: Fingerprint, result: OperationResult) {
        self.entries.push(NewEntry::Plain(HistoryEntry { fingerprint, result }));
    }

    pub fn save(&mut self, fingerprint: Fingerprint, state: Vec<u8>, log: &Log) -> Performed {
        if self.bounds.in_group {
            return Err(Abort::NotInGroup);
        }
        let (class, version) = (self.loaded.version.class.clone(), self.loaded.version.number);
        let end = match self.actor_exists {
            true => End::Step { version, state: Some(state) },
            false => End::Created { class, version, state },
        };
        self.note_jump()?;
        let new_entries = self.entries.len() as u64 + 1;
        let sends = std::mem::take(&mut self.sends);
        let commit = Commit {
            source: self.source(),
            expected_steps: self.steps,
            began: Some(self.clock.began),
            now: self.clock.now,
            outcome: Outcome::Succeeded(Json::null()),
            log: self.with_notes(log.clone()),
            micros: self.micros_since_step(self.computed),
            end,
            progress: Some(self.progress(sends, Some(fingerprint))),
            id_exposed: true,
        };
        match self.runner.core.commit(commit)? {
            Committed::Done { reference, step } => {
                self.accepted(reference);
                self.steps = step.ok_or_else(|| Error::internal("the commit of a save has no step"))?;
                self.actor_exists = true;
                self.computed_at_step = self.computed;
                self.committed(new_entries)?;
                Ok(Ok(None))
            }
            Committed::Duplicate(invocation) => Err(Abort::Duplicate(invocation)),
        }
    }
}

fn addressee(outgoing: &OutgoingCall) -> String {
    match &outgoing.target {
        CallTarget::Actor { id } | CallTarget::ActorOrNew { id, .. } => format!("{id}.{}", outgoing.method),
        CallTarget::Task { class } => format!("{class}/{}", outgoing.method),
    }
}
