//! The state of one run between the operations of its guest, and the parts of its commits.

use std::collections::HashMap;
use std::time::Duration;

use super::clock::{GuestClock, jump_before};
use super::reusable::ReusableChildren;
use crate::engine::classes::LoadedClass;
use crate::engine::core::cancel_watch::CancelGuard;
use crate::engine::core::history::History;
use crate::engine::run::abort::Abort;
use crate::engine::run::bounds::RunBounds;
use crate::engine::run::{Replaying, Runner};
use crate::model::{
    Actor, ActorId, CallKind, CallRequest, ClassName, Fault, Fingerprint, HostFault, Invocation, Limits, Log, LogLine,
    NameRecord, Outcome, PendingWait, Reference, Result, ResumePoint, Timestamp, WaitResult,
};
use crate::sandbox::StopSignal;
use crate::store::{AnnouncementGuard, CommitSource, NewCall, NewEntry, Progress};

/// The result of an operation; an aborted run has none.
pub type Performed = Result<Result<Option<WaitResult>, Fault>, Abort>;

/// An invocation to run.
#[derive(Clone, Copy)]
pub enum Invoked<'a> {
    /// A blocking call that the store has not accepted, and the class version that its arguments were checked by.
    Fresh(&'a CallRequest, &'a LoadedClass),
    Accepted(&'a Invocation),
}

impl<'a> Invoked<'a> {
    pub fn request(self) -> &'a CallRequest {
        match self {
            Invoked::Fresh(request, _) => request,
            Invoked::Accepted(invocation) => &invocation.request,
        }
    }

    pub fn source(self) -> CommitSource {
        match self {
            Invoked::Fresh(request, _) => CommitSource::Fresh(Box::new(request.clone())),
            Invoked::Accepted(invocation) => {
                CommitSource::Accepted { name: invocation.request.name.clone(), number: invocation.number }
            }
        }
    }

    /// Whether the run committed something before.
    pub fn has_begun(self) -> bool {
        self.resume_point().is_some()
    }

    /// Whether this class version checked the arguments, in this process.
    pub fn was_checked_by(self, loaded: &LoadedClass) -> bool {
        matches!(self, Invoked::Fresh(_, checked) if loaded.is(&checked.version.class, checked.version.number))
    }

    /// The reference, if the run has saved.
    pub fn saved(self) -> Option<Reference> {
        let (reference, resume_point) = self.resume_point()?;
        (resume_point.saves > 0).then_some(reference)
    }

    /// The guest's time at a time of the wall clock. It is never before the due time, which another machine's clock may
    /// have reached first.
    pub fn time_at(self, wall: Timestamp) -> Timestamp {
        self.request().due.map_or(wall, |due| wall.max(due))
    }

    fn number(self) -> Option<u64> {
        match self {
            Invoked::Fresh(..) => None,
            Invoked::Accepted(invocation) => Some(invocation.number),
        }
    }

    fn resume_point(self) -> Option<(Reference, &'a ResumePoint)> {
        match self {
            Invoked::Fresh(..) => None,
            Invoked::Accepted(invocation) => {
                invocation.resume_point.as_ref().map(|resume_point| (invocation.reference(), resume_point))
            }
        }
    }
}

/// One run of one invocation.
pub struct Driver<'r> {
    pub runner: &'r Runner,
    pub request: &'r CallRequest,
    pub loaded: &'r LoadedClass,
    pub bounds: RunBounds<'r>,
    /// Ends this run alone.
    pub stop: &'r StopSignal,
    pub clock: GuestClock,
    pub limits: Limits,
    /// The number of the invocation; None while the store has not accepted it.
    pub number: Option<u64>,
    /// The actor's step counter at the last commit.
    pub steps: u64,
    /// Whether the actor exists; during a construction it does after the first save.
    pub actor_exists: bool,
    /// The entries that are still to be replayed.
    pub history: History<'r>,
    /// The wait at the end of the history, which had no result.
    pub pending_wait: Option<PendingWait>,
    pub replaying: Replaying,
    /// The reason to abort the run, for its caller.
    pub abort: Option<Abort>,

    /// Entries of the history that are in the store.
    pub committed_entries: u64,
    /// Entries that are not.
    pub entries: Vec<NewEntry>,
    /// Messages that have not left.
    pub sends: Vec<NewCall>,
    /// Bytes of arguments and metadata of starts and sends that are not in the store.
    pub outgoing_bytes: u64,
    /// Bytes of the results of queries that are not in the store.
    pub query_bytes: u64,
    /// The history index of each child's start, by the child's opaque id.
    pub children: HashMap<String, u64>,
    /// The actors that this run constructs or had constructed, with their class versions.
    pub constructed: HashMap<ActorId, (ClassName, u32)>,
    /// The number of the last event of each name that was taken and is still in the store.
    pub taken: HashMap<String, u64>,
    pub reusable: ReusableChildren,
    /// Lines that the host adds to the log of the next step.
    pub notes: Vec<LogLine>,
    /// The computing time of the guest.
    pub computed: Duration,
    /// The computing time at the last step.
    pub computed_at_step: Duration,

    cancel_guard: Option<CancelGuard>,
    /// Of a run that the store accepted on the way; other runs are announced by their claim.
    announcement: Option<Box<dyn AnnouncementGuard>>,
}

impl<'r> Driver<'r> {
    pub fn new(
        runner: &'r Runner,
        invoked: Invoked<'r>,
        record: &NameRecord,
        actor: Option<&Actor>,
        loaded: &'r LoadedClass,
        bounds: RunBounds<'r>,
        stop: &'r StopSignal,
    ) -> Result<Driver<'r>> {
        let (core, request, resume_point) = (&runner.core, invoked.request(), invoked.resume_point());
        let wall = core.now()?;
        let clock = match &resume_point {
            Some((_, resume_point)) => GuestClock::new(resume_point.began, resume_point.first_now),
            // the clock of an actor never goes back, whichever machine's clock it was before
            None => {
                let now = invoked.time_at(wall);
                GuestClock::new(wall, actor.map_or(now, |actor| now.max(actor.clock)))
            }
        };
        let jump = jump_before(core, &request.name, record, clock.began)?;
        if let Some(line) = jump.as_ref().filter(|_| resume_point.is_none()) {
            core.settings.observer.logged(&request.name, line);
        }
        let history = match &resume_point {
            Some((reference, resume_point)) => History::up_to(core, reference.clone(), resume_point),
            None => History::none(core),
        };
        let mut driver = Driver {
            runner,
            request,
            loaded,
            bounds,
            stop,
            clock,
            limits: request.limits.limits(),
            number: None,
            steps: record.counters.steps,
            actor_exists: actor.is_some(),
            committed_entries: history.left(),
            history,
            pending_wait: resume_point.and_then(|(_, resume_point)| resume_point.wait.clone()),
            replaying: Replaying::default(),
            abort: None,
            entries: Vec::new(),
            sends: Vec::new(),
            outgoing_bytes: 0,
            query_bytes: 0,
            children: HashMap::new(),
            constructed: HashMap::new(),
            taken: HashMap::new(),
            reusable: ReusableChildren::of(core, request)?,
            notes: jump.into_iter().collect(),
            computed: Duration::ZERO,
            computed_at_step: Duration::ZERO,
            cancel_guard: None,
            announcement: None,
        };
        driver.update_replaying();
        if let CallKind::Construct { class, version } = &request.kind {
            driver.constructed.insert(request.name.actor()?, (class.clone(), *version));
        }
        if let Some(number) = invoked.number() {
            driver.enter(number);
        }
        Ok(driver)
    }

    /// At the end of the history the log lines of a pending wait are still a repetition.
    pub fn update_replaying(&self) {
        self.replaying.set(self.history.left() > 0 || self.pending_wait.is_some());
    }

    /// Microseconds of computing since the last step, of a run that computed for `computed`.
    pub fn micros_since_step(&self, computed: Duration) -> u64 {
        computed.saturating_sub(self.computed_at_step).as_micros() as u64
    }

    /// The fault of a guest that returned before it replayed its whole history; it replaces the guest's outcome.
    pub fn unreplayed(&mut self) -> Result<Option<Fault>> {
        let next = match self.history.next()? {
            Some(entry) => Some(entry.fingerprint),
            None => self.pending_wait.take().map(|pending| pending.fingerprint),
        };
        Ok(next.map(|next| self.diverged("end", &next)))
    }

    /// The fault of a run that asks for another operation than its history has.
    pub fn diverged(&self, asked: &str, recorded: &Fingerprint) -> Fault {
        let recorded = &recorded.summary;
        let message = format!("the replay diverged: its history has `{recorded}`, and it came to `{asked}`");
        Fault::host(HostFault::Diverged, message)
    }

    /// Notes in the log that the wall clock went back during the run.
    pub fn note_jump(&mut self) -> Result<()> {
        let wall = self.runner.core.now()?;
        if let Some(line) = self.clock.jump_at(wall) {
            self.note(line);
        }
        Ok(())
    }

    /// Adds a line of the host to the log of the next step.
    pub fn note(&mut self, line: LogLine) {
        self.runner.core.settings.observer.logged(&self.request.name, &line);
        self.notes.push(line);
    }

    /// The log of a step: the guest's lines and the host's.
    pub fn with_notes(&mut self, mut log: Log) -> Log {
        log.lines.append(&mut self.notes);
        log
    }

    /// The store has accepted the invocation, so it can be cancelled there.
    pub fn accepted(&mut self, number: u64) {
        if self.number.is_none() {
            self.announcement = Some(self.runner.core.store.announce(&self.request.name, Some(number)));
            self.enter(number);
        }
    }

    fn enter(&mut self, number: u64) {
        self.number = Some(number);
        let reference = Reference { name: self.request.name.clone(), number };
        self.cancel_guard = Some(self.runner.core.watch_for_cancel(reference, self.stop.clone()));
    }

    pub fn source(&self) -> CommitSource {
        match self.number {
            None => CommitSource::Fresh(Box::new(self.request.clone())),
            Some(number) => CommitSource::Accepted { name: self.request.name.clone(), number },
        }
    }

    /// The new operations for the next commit.
    pub fn progress(&mut self, sends: Vec<NewCall>, save: Option<Fingerprint>) -> Progress {
        Progress {
            began: self.clock.began,
            first_now: self.clock.first_now,
            expected_history: self.committed_entries,
            entries: std::mem::take(&mut self.entries),
            sends,
            save,
            inbox_limit: self.limits.inbox,
        }
    }

    /// The new operations for the last commit; None if the run had none at all. A failure drops the operations that are not
    /// committed, but an event that it took stays taken.
    pub fn last_progress(&mut self, outcome: &Outcome) -> Option<Progress> {
        if matches!(outcome, Outcome::Failed(_)) {
            self.sends.clear();
            self.entries.retain(|entry| {
                matches!(entry, NewEntry::Plain(_) | NewEntry::TakeEvent { .. } | NewEntry::Reuse { .. })
            });
        }
        let had_operations =
            self.committed_entries > 0 || !self.entries.is_empty() || self.clock.now > self.clock.first_now;
        if !had_operations {
            return None;
        }
        let sends = std::mem::take(&mut self.sends);
        Some(self.progress(sends, None))
    }

    /// `entries` new entries are in the store: helper threads of this process run the children among them.
    pub fn committed(&mut self, entries: u64) -> Result<()> {
        let Some(number) = self.number else { return Ok(()) };
        let reference = Reference { name: self.request.name.clone(), number };
        let children = self.runner.core.children_of(&reference, self.committed_entries, entries)?;
        self.committed_entries += entries;
        self.taken.clear();
        self.query_bytes = 0;
        if self.sends.is_empty() {
            self.outgoing_bytes = 0;
        }
        self.bounds.scheduling.want(children);
        Ok(())
    }
}
