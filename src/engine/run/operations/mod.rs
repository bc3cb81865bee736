//! Performs what one invocation's guest asks for: from the invocation's record as far as that goes, and then for real.

mod ask;
pub mod fingerprint;
mod live;
pub mod outbound;
mod wait;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::engine::classes::LoadedClass;
use crate::engine::core::cancel_watch::CancelGuard;
use crate::engine::core::history::History;
use crate::engine::run::execute::{Bounds, Replays};
use crate::engine::run::operations::fingerprint::asked;
use crate::engine::{Engine, Result};
use crate::model::{
    ActorId, CallKind, CallRequest, ClassName, Error, Fault, Fingerprint, Hash, HistoryEntry, HostFault, Invocation,
    Level, Limit, Limits, Log, LogLine, Operation, OperationResult, Outcome, PendingWait, Reference, Status, Timestamp,
    WaitResult,
};
use crate::sandbox::{Aborted, Operations, StopSignal};
use crate::store::{AnnouncementGuard, CommitSource, MAX_CLOCK_SKEW, NewCall, NewEntry, Progress};

/// Why a run was broken off, with nothing more of it to commit.
pub(in crate::engine) enum Abort {
    /// It waits, and leaves memory: whoever comes first runs it again when it is answered.
    Suspended,
    /// Somebody used the key of the call meanwhile.
    Known(Box<Invocation>),
    /// It would have to commit in the middle, which a call in a group cannot.
    NotInGroup,
    /// The caller's deadline passed.
    Deadline,
    /// The engine was stopped, or somebody ended the invocation.
    Stopped,
    Failed(Error),
}

impl From<Aborted> for Abort {
    fn from(aborted: Aborted) -> Abort {
        match aborted {
            Aborted::Stopped => Abort::Stopped,
            Aborted::Deadline => Abort::Deadline,
            Aborted::Failed(error) => Abort::Failed(error),
        }
    }
}

impl From<Error> for Abort {
    fn from(error: Error) -> Abort {
        Abort::Failed(error)
    }
}

/// What came of an operation; a run that is broken off is no outcome.
type Performed = Result<Result<Option<WaitResult>, Fault>, Abort>;

/// Where a run begins.
pub(in crate::engine) struct RunStart<'e> {
    /// None for a call that nobody has accepted yet.
    pub number: Option<u64>,
    /// The actor's step counter.
    pub steps: u64,
    /// When the run began, or does, by the wall clock.
    pub began: Timestamp,
    /// What the guest's clock answers first.
    pub first_now: Timestamp,
    /// Whether the actor is there.
    pub made: bool,
    /// Of a run that began before.
    pub history: History<'e>,
    /// What the host has to say to the log of its first step.
    pub notes: Vec<LogLine>,
    /// The wait at its end, which was not answered.
    pub waiting: Option<PendingWait>,
}

pub(in crate::engine) struct Driver<'e> {
    engine: &'e Engine,
    request: &'e CallRequest,
    loaded: &'e LoadedClass,
    bounds: Bounds<'e>,
    /// Ends this run alone.
    stop: &'e StopSignal,
    running: Option<CancelGuard>,
    /// Of a run that was accepted on the way; others are announced where they are claimed.
    announced: Option<Box<dyn AnnouncementGuard>>,
    pub number: Option<u64>,
    pub steps: u64,
    limits: Limits,
    /// When the run began, by the wall clock.
    pub began: Timestamp,
    first_now: Timestamp,
    /// How far the guest's clock was ahead of the wall clock then: it never goes back, and goes on with the wall clock.
    ahead: Duration,
    /// What the guest's clock answers.
    pub now: Timestamp,
    /// Whether the actor is there: a constructor's is once it saved.
    pub made: bool,
    replay: History<'e>,
    waiting: Option<PendingWait>,
    /// Entries of the record that are in the store.
    recorded: u64,
    /// Entries that are not.
    entries: Vec<NewEntry>,
    /// Messages that have not left.
    sends: Vec<NewCall>,
    /// Bytes of arguments among them.
    pending_bytes: u64,
    /// Bytes of answers of queries among the entries that are not in the store.
    asked_bytes: u64,
    /// Where in the record each child was started, by its opaque id.
    children: HashMap<String, u64>,
    /// Actors that this run asked to be made, and its own.
    made_here: HashMap<ActorId, (ClassName, u32)>,
    /// Number of the last event that was taken and is still in the store, by name.
    taken: HashMap<String, u64>,
    reusable: Reusable,
    /// What the host adds to the log.
    notes: Vec<LogLine>,
    /// Whether it has said that the wall clock went back.
    jumped: bool,
    pub broken: Option<Abort>,
    /// How long the guest computed.
    computed: Duration,
    /// How much of that stands in a step already.
    stepped: Duration,
    replays: Replays,
}

impl Operations for Driver<'_> {
    fn perform(&mut self, operation: Operation, log: &Log, computed: Duration) -> Result<Option<WaitResult>, Fault> {
        self.computed = computed;
        let performed = self.answer(operation, log);
        self.tell_replay();
        performed.unwrap_or_else(|broken| {
            self.broken = Some(broken);
            Err(Fault::host(HostFault::Cancelled, "the run was broken off"))
        })
    }
}

impl<'e> Driver<'e> {
    pub fn new(
        engine: &'e Engine,
        request: &'e CallRequest,
        loaded: &'e LoadedClass,
        bounds: Bounds<'e>,
        stop: &'e StopSignal,
        beginning: RunStart<'e>,
    ) -> Result<Driver<'e>> {
        let RunStart { number, steps, began, first_now, made, history, waiting, notes } = beginning;
        let mut driver = Driver {
            engine,
            request,
            loaded,
            bounds,
            stop,
            running: None,
            announced: None,
            number: None,
            steps,
            limits: request.limits.limits(),
            began,
            first_now,
            ahead: first_now.since(began),
            now: first_now,
            made,
            recorded: history.left(),
            replay: history,
            waiting,
            entries: Vec::new(),
            sends: Vec::new(),
            pending_bytes: 0,
            asked_bytes: 0,
            children: HashMap::new(),
            made_here: HashMap::new(),
            taken: HashMap::new(),
            reusable: Reusable::of(engine, request)?,
            notes,
            jumped: false,
            broken: None,
            computed: Duration::ZERO,
            stepped: Duration::ZERO,
            replays: Replays::default(),
        };
        driver.tell_replay();
        if let CallKind::Construct { class, version } = &request.kind {
            driver.made_here.insert(request.name.actor()?, (class.clone(), *version));
        }
        if let Some(number) = number {
            driver.enter(number);
        }
        Ok(driver)
    }

    fn answer(&mut self, operation: Operation, log: &Log) -> Performed {
        let asked = asked(&operation);
        if let Some(entry) = self.replay.next()? {
            return self.again(operation, &asked, entry);
        }
        let waiting = self.waiting.take();
        if let Some(waiting) = &waiting
            && waiting.fingerprint.hash != asked.hash
        {
            return Ok(Err(diverged(&asked.summary, &waiting.fingerprint)));
        }
        if let Some(over) = self.over_limit(&operation) {
            return Ok(Err(over));
        }
        match operation {
            Operation::Start(outgoing) => self.start(asked, &outgoing),
            Operation::Send(outgoing, delay_ms) => self.send(asked, &outgoing, delay_ms),
            Operation::Cancel(id) => self.cancel(asked, &id),
            Operation::Save(state) => self.save(asked, state, log),
            Operation::Wait(awaited) => self.wait(asked, &awaited, waiting.map(|waiting| waiting.targets)),
            Operation::Ask(question) => self.ask(asked, &question),
        }
    }

    /// What is asked for is kept in memory until it is committed, and in the record for good: both have a bound.
    fn over_limit(&mut self, operation: &Operation) -> Option<Fault> {
        let limits = &self.limits;
        let over = |limit: Limit, what: String| Fault::host(HostFault::Limit(limit), what);
        if self.recorded + self.entries.len() as u64 >= limits.operations {
            let what = format!("the invocation asked the host for more than {} things", limits.operations);
            return Some(over(Limit::Operations, what));
        }
        if let Operation::Start(outgoing) | Operation::Send(outgoing, _) = operation {
            let meta = outgoing.meta.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
            self.pending_bytes += (outgoing.arguments.len() + meta) as u64;
            if self.pending_bytes > limits.memory {
                let what =
                    "what the invocation starts and sends between two waits takes more than its memory".to_owned();
                return Some(over(Limit::Memory, what));
            }
        }
        None
    }

    /// Answers from the record.
    fn again(&mut self, operation: Operation, asked: &Fingerprint, entry: HistoryEntry) -> Performed {
        if entry.fingerprint.hash != asked.hash {
            return Ok(Err(diverged(&asked.summary, &entry.fingerprint)));
        }
        match (operation, entry.result) {
            (Operation::Start(outgoing), OperationResult::Started(_)) => {
                self.reusable.next(&asked.hash);
                let index = self.recorded - self.replay.left() - 1;
                self.children.insert(self.request.seed.child(outgoing.ordinal).opaque_id(), index);
            }
            // it has not left: a message leaves with a save or the end
            (Operation::Send(outgoing, delay_ms), OperationResult::Sent(wall)) => {
                return self.queue(&outgoing, wall, delay_ms);
            }
            (Operation::Send(outgoing, delay_ms), OperationResult::Done) => {
                let wall = self.engine.now()?;
                return self.queue(&outgoing, wall, delay_ms);
            }
            (Operation::Cancel(_), OperationResult::Done) => {}
            (Operation::Save(_), OperationResult::Saved(_)) => {
                self.sends.clear();
                self.notes.clear();
                self.stepped = self.computed;
            }
            (Operation::Wait(awaited), OperationResult::Waited(answered)) if answered.is_for(&awaited) => {
                self.now = self.now.max(answered.at);
                return Ok(Ok(Some(answered)));
            }
            (Operation::Ask(_), OperationResult::Waited(answered)) if answered.index == 0 => {
                return Ok(Ok(Some(answered)));
            }
            _ => {
                let what = format!(
                    "the record of an invocation of {} has no answer to `{}`",
                    self.request.name, asked.summary
                );
                return Err(Error::Damaged { what }.into());
            }
        }
        Ok(Ok(None))
    }

    /// Whether what the guest says now it said before.
    pub fn replays(&self) -> Replays {
        self.replays.clone()
    }

    /// One that waits at the end of its record says the last of it again up to there.
    fn tell_replay(&self) {
        self.replays.set(self.replay.left() > 0 || self.waiting.is_some());
    }

    /// Microseconds of computing that no step has yet, of a run that computed for so long.
    pub fn micros(&self, computed: Duration) -> u64 {
        computed.saturating_sub(self.stepped).as_micros() as u64
    }

    /// What an outcome must give way to: the guest ended, and its record goes on.
    pub fn left_over(&mut self) -> Result<Option<Fault>> {
        let next = match self.replay.next()? {
            Some(entry) => Some(entry.fingerprint),
            None => self.waiting.take().map(|waiting| waiting.fingerprint),
        };
        Ok(next.map(|next| diverged("end", &next)))
    }

    /// What the guest's clock answers when the wall clock says this.
    fn guest_time(&self, wall: Timestamp) -> Timestamp {
        self.now.max(wall.after(self.ahead))
    }

    /// What the wall clock said when the guest's clock came to what it answers now; where the wall clock went back by more
    /// than clocks differ since, what that says.
    fn asked_at(&self, wall: Timestamp) -> Timestamp {
        let asked = self.now.before(self.ahead);
        if asked > wall.after(MAX_CLOCK_SKEW) { wall } else { asked }
    }

    /// Says in the log that the wall clock went back while the invocation was on its way.
    pub fn note_jump(&mut self) -> Result<()> {
        let behind = self.now.since(self.engine.now()?.after(self.ahead));
        if behind >= JUMP && !self.jumped {
            self.jumped = true;
            let line = went_back(behind, self.now);
            self.engine.settings.observer.logged(&self.request.name, &line);
            self.notes.push(line);
        }
        Ok(())
    }

    /// The invocation is in the store, and can be cancelled there.
    fn accepted(&mut self, number: u64) {
        if self.number.is_none() {
            self.announced = Some(self.engine.store.announce(&self.request.name, Some(number)));
            self.enter(number);
        }
    }

    fn enter(&mut self, number: u64) {
        if self.number.is_none() {
            self.number = Some(number);
            let reference = Reference { name: self.request.name.clone(), number };
            self.running = Some(self.engine.running.enter(reference, self.stop.clone(), &self.engine.store));
        }
    }

    pub fn turn(&self) -> CommitSource {
        match self.number {
            None => CommitSource::Fresh(Box::new(self.request.clone())),
            Some(number) => CommitSource::Accepted { name: self.request.name.clone(), number },
        }
    }

    /// What was asked for since the last commit, for the next one.
    fn progress(&mut self, sends: Vec<NewCall>, save: Option<Fingerprint>) -> Progress {
        Progress {
            began: self.began,
            first_now: self.first_now,
            expected_history: self.recorded,
            entries: std::mem::take(&mut self.entries),
            sends,
            save,
            inbox_limit: self.limits.inbox,
        }
    }

    /// What the end of the run commits beside the end; None where it asked for nothing. A failure drops what has not been
    /// committed, but what was taken stays taken.
    pub fn last_progress(&mut self, outcome: &Outcome) -> Option<Progress> {
        if matches!(outcome, Outcome::Failed(_)) {
            self.sends.clear();
            self.entries.retain(|entry| {
                matches!(entry, NewEntry::Plain(_) | NewEntry::TakeEvent { .. } | NewEntry::Reuse { .. })
            });
        }
        let asked_for_something = self.recorded > 0 || !self.entries.is_empty() || self.now > self.first_now;
        if !asked_for_something {
            return None;
        }
        let sends = std::mem::take(&mut self.sends);
        Some(self.progress(sends, None))
    }

    /// Adds what the host has to say to the log of a step.
    pub fn with_notes(&mut self, mut log: Log) -> Log {
        log.lines.append(&mut self.notes);
        log
    }
}

/// A clock that went back by less is none that was set.
pub(in crate::engine) const JUMP: Duration = Duration::from_secs(60);

/// The line of the log that says so.
pub(in crate::engine) fn went_back(behind: Duration, now: Timestamp) -> LogLine {
    let seconds = behind.as_secs();
    let behind = match (seconds / 86_400, seconds / 3_600) {
        (0, 0) => format!("{seconds} s"),
        (0, hours) => format!("{hours} h"),
        (days, _) => format!("{days} d"),
    };
    let message = format!("the clock went back by {behind}: `now` goes on from {now}, timers by the clock");
    LogLine { level: Level::Warn, message }
}

/// A run asked for something else than its record has.
fn diverged(asked: &str, recorded: &Fingerprint) -> Fault {
    let message =
        format!("run again, it went another way: its record has `{}`, and it came to `{asked}`", recorded.summary);
    Fault::host(HostFault::Diverged, message)
}

/// Children of a failed invocation that the one which resumes it may use again: by what was asked for, in order, and None
/// for those that did not succeed.
#[derive(Default)]
struct Reusable(HashMap<Hash, VecDeque<Option<Reference>>>);

impl Reusable {
    fn of(engine: &Engine, request: &CallRequest) -> Result<Reusable> {
        let Some(old) = request.resumes else { return Ok(Reusable::default()) };
        let mut children: HashMap<_, VecDeque<_>> = HashMap::new();
        let old = Reference { name: request.name.clone(), number: old };
        let mut history = History::new(engine, old, u64::MAX);
        while let Some(entry) = history.next()? {
            let OperationResult::Started(started) = entry.result else { continue };
            let succeeded = match started {
                Ok(child) if succeeded(engine, &child)? => Some(child),
                _ => None,
            };
            children.entry(entry.fingerprint.hash).or_default().push_back(succeeded);
        }
        Ok(Reusable(children))
    }

    /// The child that answers the next start of this kind.
    fn next(&mut self, asked: &Hash) -> Option<Reference> {
        self.0.get_mut(asked)?.pop_front()?
    }
}

fn succeeded(engine: &Engine, reference: &Reference) -> Result<bool> {
    let found = engine.store.invocation(reference)?;
    let is_success = |status| matches!(status, Status::Ended { outcome: Outcome::Succeeded(_), .. });
    Ok(found.is_some_and(|child| is_success(child.status)))
}
