//! Operations that are no waits, for the first time.

use super::{Broken, Driver, Performed};
use crate::engine::outgoing::Caller;
use crate::model::{
    Answer, Asked, Call, Error, Fault, HostFault, Json, Level, Limit, Log, LogLine, On, Outcome, Outgoing, Recorded,
    Reference, Result, Target, Timestamp,
};
use crate::store::{Commit, Committed, End, Entry};

impl Driver<'_> {
    pub(super) fn start(&mut self, asked: Asked, outgoing: &Outgoing) -> Performed {
        let index = self.recorded + self.entries.len() as u64;
        let opaque_id = self.request.seed.child(outgoing.ordinal).opaque_id();
        self.children.insert(opaque_id.clone(), index);
        if let Some(child) = self.reusable.next(&asked.hash) {
            self.entries.push(Entry::Again { asked, child, opaque_id });
            return Ok(Ok(None));
        }
        let caller = Caller { request: self.request, loaded: self.loaded, made: &self.made_here };
        match self.engine.child(&caller, outgoing)? {
            Ok(child) => {
                self.will_make(outgoing, child.create.as_ref().map(|create| &create.call))?;
                self.entries.push(Entry::Start { asked, child: Box::new(child) });
                Ok(Ok(None))
            }
            Err(fault) => self.done(asked, Answer::Started(Err(fault))),
        }
    }

    pub(super) fn send(&mut self, asked: Asked, outgoing: &Outgoing, delay_ms: u64) -> Performed {
        let allowed = self.limits.children;
        if outgoing.ordinal > allowed {
            let flag = Limit::Children.flag();
            let message = format!("the invocation started and sent more than {allowed}; `{flag}` raises the limit");
            return Ok(Err(Fault::host(HostFault::Limit(Limit::Children), message)));
        }
        let now = self.engine.now()?;
        let answer = if delay_ms > 0 { Answer::Sent(now) } else { Answer::Nothing };
        self.entries.push(Entry::Done(Recorded { asked, answer }));
        self.queue(outgoing, now, delay_ms)
    }

    /// Has a message leave with the next save or the end. Its delay counts from when it was asked for, by the wall clock.
    pub(super) fn queue(&mut self, outgoing: &Outgoing, wall: Timestamp, delay_ms: u64) -> Performed {
        let caller = Caller { request: self.request, loaded: self.loaded, made: &self.made_here };
        match self.engine.message(&caller, outgoing, wall, delay_ms)? {
            Ok(message) => {
                self.will_make(outgoing, message.create.as_ref().map(|create| &create.call))?;
                self.sends.push(message);
            }
            Err(fault) => {
                let message = format!("a message for {} was not accepted: {}", addressee(outgoing), fault.message);
                let line = LogLine { level: Level::Warn, message };
                self.engine.settings.observer.said(&self.request.name, &line);
                self.notes.push(line);
            }
        }
        Ok(Ok(None))
    }

    /// What is called after this on the same actor finds its class.
    fn will_make(&mut self, outgoing: &Outgoing, create: Option<&Call>) -> Result<()> {
        if let (Target::ActorOrNew { id, .. }, Some(Call::Construct { class, version })) = (&outgoing.target, create) {
            self.made_here.entry(crate::model::ActorId::new(id)?).or_insert_with(|| (class.clone(), *version));
        }
        Ok(())
    }

    pub(super) fn cancel(&mut self, asked: Asked, id: &str) -> Performed {
        let target = match self.children.get(id) {
            Some(index) => Some(On::Child(*index)),
            None => self.engine.store.reference_of(id)?.map(On::Invocation),
        };
        match target {
            Some(target) => self.entries.push(Entry::Cancel { asked, target }),
            None => return self.done(asked, Answer::Nothing),
        }
        Ok(Ok(None))
    }

    fn done(&mut self, asked: Asked, answer: Answer) -> Performed {
        self.entries.push(Entry::Done(Recorded { asked, answer }));
        Ok(Ok(None))
    }

    pub(super) fn save(&mut self, asked: Asked, state: Vec<u8>, log: &Log) -> Performed {
        if self.bounds.in_group {
            return Err(Broken::NotInGroup);
        }
        let (class, version) = (self.loaded.version.class.clone(), self.loaded.version.number);
        let end = match self.made {
            true => End::Step { version, state: Some(state) },
            false => End::Made { class, version, state },
        };
        self.note_jump()?;
        let new_entries = self.entries.len() as u64 + 1;
        let sends = std::mem::take(&mut self.sends);
        let commit = Commit {
            turn: self.turn(),
            expected_steps: self.steps,
            began: Some(self.began),
            now: self.now,
            outcome: Outcome::Succeeded(Json::null()),
            log: self.with_notes(log.clone()),
            micros: (self.computed - self.stepped).as_micros() as u64,
            end,
            progress: Some(self.progress(sends, Some(asked))),
            known: true,
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
            Committed::Known(invocation) => Err(Broken::Known(invocation)),
        }
    }

    /// Entries are in the store: this process looks after the children among them.
    pub(super) fn committed(&mut self, entries: u64) -> Result<()> {
        let Some(number) = self.number else { return Ok(()) };
        let reference = Reference { name: self.request.name.clone(), number };
        let children = self.engine.children_of(&reference, self.recorded, entries)?;
        self.recorded += entries;
        self.taken.clear();
        self.asked_bytes = 0;
        if self.sends.is_empty() {
            self.pending_bytes = 0;
        }
        self.engine.crew.want(children);
        Ok(())
    }
}

fn addressee(outgoing: &Outgoing) -> String {
    match &outgoing.target {
        Target::Actor { id } | Target::ActorOrNew { id, .. } => format!("{id}.{}", outgoing.method),
        Target::Task { class } => format!("{class}/{}", outgoing.method),
    }
}
