//! Operations that are no waits, for the first time.

use super::{Abort, Driver, Performed};
use crate::engine::run::operations::outbound::Caller;
use crate::model::{
    CallKind, CallTarget, Error, Fault, Fingerprint, HistoryEntry, HostFault, Json, Level, Limit, Log, LogLine,
    OperationResult, Outcome, OutgoingCall, Reference, ResolvedTarget, Result, Timestamp,
};
use crate::store::{Commit, Committed, End, NewEntry};

impl Driver<'_> {
    pub(in crate::engine) fn start(&mut self, asked: Fingerprint, outgoing: &OutgoingCall) -> Performed {
        let index = self.recorded + self.entries.len() as u64;
        let opaque_id = self.request.seed.child(outgoing.ordinal).opaque_id();
        self.children.insert(opaque_id.clone(), index);
        if let Some(child) = self.reusable.next(&asked.hash) {
            self.entries.push(NewEntry::Reuse { fingerprint: asked, child, opaque_id });
            return Ok(Ok(None));
        }
        let caller = Caller { request: self.request, loaded: self.loaded, made: &self.made_here };
        match self.engine.child(&caller, outgoing)? {
            Ok(child) => {
                self.will_make(outgoing, child.construction.as_ref().map(|create| &create.kind))?;
                self.entries.push(NewEntry::Start { fingerprint: asked, child: Box::new(child) });
                Ok(Ok(None))
            }
            Err(fault) => self.done(asked, OperationResult::Started(Err(fault))),
        }
    }

    pub(in crate::engine) fn send(&mut self, asked: Fingerprint, outgoing: &OutgoingCall, delay_ms: u64) -> Performed {
        let allowed = self.limits.children;
        if outgoing.ordinal > allowed {
            let message = format!("the invocation started and sent more than {allowed}");
            return Ok(Err(Fault::host(HostFault::Limit(Limit::Children), message)));
        }
        let now = self.engine.now()?;
        let answer = if delay_ms > 0 { OperationResult::Sent(now) } else { OperationResult::Done };
        self.entries.push(NewEntry::Plain(HistoryEntry { fingerprint: asked, result: answer }));
        self.queue(outgoing, now, delay_ms)
    }

    /// Has a message leave with the next save or the end. Its delay counts from when it was asked for, by the wall clock.
    pub(in crate::engine) fn queue(&mut self, outgoing: &OutgoingCall, wall: Timestamp, delay_ms: u64) -> Performed {
        let caller = Caller { request: self.request, loaded: self.loaded, made: &self.made_here };
        match self.engine.message(&caller, outgoing, wall, delay_ms)? {
            Ok(message) => {
                self.will_make(outgoing, message.construction.as_ref().map(|create| &create.kind))?;
                self.sends.push(message);
            }
            Err(fault) => {
                let message = format!("a message for {} was not accepted: {}", addressee(outgoing), fault.message);
                let line = LogLine { level: Level::Warn, message };
                self.engine.settings.observer.logged(&self.request.name, &line);
                self.notes.push(line);
            }
        }
        Ok(Ok(None))
    }

    /// What is called after this on the same actor finds its class.
    fn will_make(&mut self, outgoing: &OutgoingCall, create: Option<&CallKind>) -> Result<()> {
        if let (CallTarget::ActorOrNew { id, .. }, Some(CallKind::Construct { class, version })) =
            (&outgoing.target, create)
        {
            self.made_here.entry(crate::model::ActorId::new(id)?).or_insert_with(|| (class.clone(), *version));
        }
        Ok(())
    }

    pub(in crate::engine) fn cancel(&mut self, asked: Fingerprint, id: &str) -> Performed {
        let target = match self.children.get(id) {
            Some(index) => Some(ResolvedTarget::Child(*index)),
            None => self.engine.store.reference_of(id)?.map(ResolvedTarget::Invocation),
        };
        match target {
            Some(target) => self.entries.push(NewEntry::Cancel { fingerprint: asked, target }),
            None => return self.done(asked, OperationResult::Done),
        }
        Ok(Ok(None))
    }

    fn done(&mut self, asked: Fingerprint, answer: OperationResult) -> Performed {
        self.entries.push(NewEntry::Plain(HistoryEntry { fingerprint: asked, result: answer }));
        Ok(Ok(None))
    }

    pub(in crate::engine) fn save(&mut self, asked: Fingerprint, state: Vec<u8>, log: &Log) -> Performed {
        if self.bounds.in_group {
            return Err(Abort::NotInGroup);
        }
        let (class, version) = (self.loaded.version.class.clone(), self.loaded.version.number);
        let end = match self.made {
            true => End::Step { version, state: Some(state) },
            false => End::Created { class, version, state },
        };
        self.note_jump()?;
        let new_entries = self.entries.len() as u64 + 1;
        let sends = std::mem::take(&mut self.sends);
        let commit = Commit {
            source: self.turn(),
            expected_steps: self.steps,
            began: Some(self.began),
            now: self.now,
            outcome: Outcome::Succeeded(Json::null()),
            log: self.with_notes(log.clone()),
            micros: (self.computed - self.stepped).as_micros() as u64,
            end,
            progress: Some(self.progress(sends, Some(asked))),
            id_exposed: true,
        };
        match self.engine.commit_one(commit)? {
            Committed::Done { reference, step } => {
                self.accepted(reference);
                self.steps = step.ok_or_else(|| Error::Damaged { what: "a save left no step".to_owned() })?;
                self.made = true;
                self.stepped = self.computed;
                self.committed(new_entries)?;
                Ok(Ok(None))
            }
            Committed::Duplicate(invocation) => Err(Abort::Known(invocation)),
        }
    }

    /// Entries are in the store: this process looks after the children among them.
    pub(in crate::engine) fn committed(&mut self, entries: u64) -> Result<()> {
        let Some(number) = self.number else { return Ok(()) };
        let reference = Reference { name: self.request.name.clone(), number };
        let children = self.engine.children_of(&reference, self.recorded, entries)?;
        self.recorded += entries;
        self.taken.clear();
        self.asked_bytes = 0;
        if self.sends.is_empty() {
            self.pending_bytes = 0;
        }
        self.engine.executor.want(children);
        Ok(())
    }
}

fn addressee(outgoing: &OutgoingCall) -> String {
    match &outgoing.target {
        CallTarget::Actor { id } | CallTarget::ActorOrNew { id, .. } => format!("{id}.{}", outgoing.method),
        CallTarget::Task { class } => format!("{class}/{}", outgoing.method),
    }
}
