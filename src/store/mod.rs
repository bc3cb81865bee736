//! Floor 1: where actors live. One trait in the domain's words, whole transactions, never tables.

mod announcement;
mod commit;
mod coordination;
mod folder;
mod lock_wait;
mod process;
mod redb;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

pub use announcement::{Announcement, AnnouncementGuard, ProgramVersion};
pub use commit::{
    Accepted, Commit, CommitSource, Committed, End, NewCall, NewEntry, NewEvent, Progress, StoredResult, Suspend,
    Suspended,
};
pub use folder::Folder;
pub use lock_wait::{DeadlineScope, LockWaitOptions, deadline};
pub use redb::{Mode, RedbStore};

/// How many keys this thread has read from stores.
#[cfg(test)]
pub(crate) fn keys_read() -> u64 {
    redb::keys_read()
}

use crate::model::{
    ActorId, Attempt, CallRequest, ClassName, Event, Fault, Hash, HistoryEntry, Invocation, Json, Name, NameRecord,
    Process, Reference, ResolvedTarget, Result, Step, Timestamp,
};

/// Clocks of machines may differ by this much, and none of them is wrong.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(24 * 60 * 60);

/// A store of classes and actors, shared by threads and by processes.
///
/// Every method is one transaction: it is there whole or not at all, and what it reads is one committed
/// state. A method that writes returns after the transaction is durable. No method runs guest code, and
/// none is called while holding another's transaction.
pub trait Store: Send + Sync {
    // Classes

    /// Adds a version of a class, or makes the version with these bytes current again. Idempotent.
    fn register(&self, version: NewVersion) -> Result<Registered>;

    fn class(&self, name: &ClassName) -> Result<Option<RegisteredClass>>;

    /// All classes, by name.
    fn classes(&self) -> Result<Vec<RegisteredClass>>;

    fn version(&self, class: &ClassName, number: u32) -> Result<Option<ClassVersion>>;

    /// What is on each version of a class, by version; a version that nothing is on is left out.
    fn version_usage(&self, class: &ClassName) -> Result<Vec<VersionUsage>>;

    /// The bytes of a registered component.
    fn component(&self, hash: &Hash) -> Result<Option<Vec<u8>>>;

    /// Removes a class with all its versions, whose numbers are never given again, and the invocations of its tasks.
    /// [`ClassInUse`](crate::model::Error::ClassInUse) while an actor or an accepted invocation is of it, and, without
    /// `force`, while an invocation that has not ended may want the result of a task.
    fn remove_class(&self, name: &ClassName, force: bool) -> Result<()>;

    // Actors

    fn name_record(&self, name: &Name) -> Result<Option<NameRecord>>;

    /// Head and state of an actor as one step left them; None where there is no actor.
    fn load(&self, id: &ActorId) -> Result<Option<Snapshot>>;

    /// Actors whose id begins with `prefix`, those that are being made too, in order of their ids, after the id `after`; at
    /// most `limit`.
    fn actors(&self, prefix: &str, after: Option<&ActorId>, limit: usize) -> Result<Vec<(ActorId, NameRecord)>>;

    /// Names in order that invocations were ever accepted for, of actors and of tasks, after the name `after`; at most `limit`.
    fn names(&self, after: Option<&Name>, limit: usize) -> Result<Vec<Name>>;

    /// Removes the actor (also one that is being made) with its journal, checkpoints, keys and inbox; its numbers stay behind. What stood in
    /// its inbox ends `cancelled` at `at`. [`Busy`](crate::model::Error::Busy) where something stands in it and not `force`.
    fn remove(&self, id: &ActorId, at: Timestamp, force: bool) -> Result<()>;

    // The journal

    /// Steps of the actor from number `from` on, in order; at most `limit`.
    fn steps(&self, id: &ActorId, from: u64, limit: usize) -> Result<Vec<Step>>;

    /// The last checkpoint at or before a step: its step and the whole state after it.
    fn checkpoint(&self, id: &ActorId, step: u64) -> Result<Option<(u64, Vec<u8>)>>;

    // Invocations

    /// Accepts invocations: gives each its reference and its place in the inbox (or among the delayed), all in
    /// one transaction. Each is judged alone: a key that was used before answers with the invocation that used
    /// it, a full inbox (`inbox_limit`) refuses; one that resumes is refused
    /// ([`AlreadyResumed`](crate::model::Error::AlreadyResumed)) where the old one was resumed before, and else links the two; a construction is refused where the
    /// actor is there ([`ActorExists`](crate::model::Error::ActorExists)) or another construction of it is in the inbox
    /// ([`BeingMade`](crate::model::Error::BeingMade)). Whether the actor of a mutation is there is the engine's to have checked.
    fn accept(&self, requests: Vec<CallRequest>, inbox_limit: u64) -> Result<Vec<Result<Accepted>>>;

    fn invocation(&self, reference: &Reference) -> Result<Option<Invocation>>;

    /// The invocation of an opaque id that a guest was told.
    fn reference_of(&self, opaque_id: &str) -> Result<Option<Reference>>;

    /// The invocation that used a key of a name. [`KeyTakenByEvent`](crate::model::Error::KeyTakenByEvent) where an event did.
    fn invocation_by_key(&self, name: &Name, key: &str) -> Result<Option<Invocation>>;

    /// The actor's accepted invocation whose turn it is, at the time `now`: the first in the inbox, and where it is empty the
    /// first of the delayed that are due. None while that one waits and is not answered: the rest waits behind it.
    fn next_in_inbox(&self, name: &Name, now: Timestamp) -> Result<Option<Invocation>>;

    /// A task's accepted invocations whose turn it is at the time `now`, any number of which may run at once, in order; at
    /// most `limit` after the number `after`. [`next`](Store::next) gives none of them.
    fn runnable_tasks(&self, name: &Name, after: Option<u64>, now: Timestamp, limit: usize) -> Result<Vec<Invocation>>;

    /// Names that have an invocation whose turn it is at the time `now`, an actor's or a task's: one page of them, which is
    /// found by reading at most `limit` notes behind `after`. A name may be on several pages. The delayed invocations of
    /// these names that are due take their places in the inboxes with this.
    fn runnable(&self, after: Option<&RunnableCursor>, now: Timestamp, limit: usize) -> Result<Runnable>;

    /// When the next delayed invocation or timer of any name comes due that is not due at `now`. Delays that were asked for by
    /// a clock which was ahead of `now` by more than a day begin at `now`.
    fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>>;

    /// Accepted invocations that have not ended, of one name or of all, by name, in the order of their turns, the
    /// delayed last; at most `limit` after `after`.
    fn pending(&self, name: Option<&Name>, after: Option<&Reference>, limit: usize) -> Result<Vec<Invocation>>;

    /// All invocations of a name with numbers below `before`, newest first; at most `limit`.
    fn invocations(&self, name: &Name, before: Option<u64>, limit: usize) -> Result<Vec<Invocation>>;

    /// The tries of a task's invocation that have ended, in order, from the number `from` on; at most `limit`. One that was
    /// cancelled while it ran is none. [`NoInvocation`](crate::model::Error::NoInvocation).
    fn attempts(&self, reference: &Reference, from: u32, limit: usize) -> Result<Vec<Attempt>>;

    /// Removes a task's invocations that have ended (or the one of a number), with their attempts and keys; answers how many.
    /// [`Busy`](crate::model::Error::Busy) where one has not ended, or was started by an invocation that has not ended and may
    /// want its result. With `force` the first kind ends `cancelled` at `at` and stays, the second kind is removed.
    /// [`NoInvocation`](crate::model::Error::NoInvocation) where there is none of this number.
    fn remove_tasks(&self, name: &Name, number: Option<u64>, at: Timestamp, force: bool) -> Result<u64>;

    /// Ends invocations, each with its step, all in one transaction. Each commit is judged alone and in order, so several of
    /// one actor may follow each other; after one that is refused, those that follow on its actor are
    /// [`Stale`](crate::model::Error::Stale). What is refused leaves nothing behind. `at` is the time now.
    fn commit(&self, commits: Vec<Commit>, at: Timestamp) -> Result<Vec<Result<Committed>>>;

    /// Ends an accepted invocation as `cancelled`, with this fault, and with it all its children that have not ended, and
    /// theirs. One that has committed something of its run, or is among `running`, leaves a step where its actor is there; the
    /// others leave none. [`AlreadyEnded`](crate::model::Error::AlreadyEnded) where it ended before.
    fn cancel(&self, reference: &Reference, at: Timestamp, fault: Fault, running: &BTreeSet<Reference>) -> Result<()>;

    // Waits

    /// Commits what a run asked for so far, and that it waits. If that is answered already, or would close a cycle of waits,
    /// the answer is given and it does not wait; the search for a cycle is part of the transaction.
    fn suspend(&self, suspend: Suspend) -> Result<Suspended>;

    /// The answer of a wait of an accepted invocation at the time `now`, if there is one. Of several the earliest.
    /// [`AlreadyEnded`](crate::model::Error::AlreadyEnded) where it has ended meanwhile.
    fn wait_result(&self, reference: &Reference, on: &[ResolvedTarget], now: Timestamp)
    -> Result<Option<StoredResult>>;

    /// What an invocation asked for and was answered: entries of its record from the index `from` on; at most `limit`, and
    /// fewer where they are large. None only where there are none.
    fn history(&self, reference: &Reference, from: u64, limit: usize) -> Result<Vec<HistoryEntry>>;

    /// The state that an invocation which has saved, and has not ended, began with; None where there was no actor.
    fn initial_state(&self, reference: &Reference) -> Result<Option<Vec<u8>>>;

    /// Sends an event to an actor (or to one that is about to be made); answers its number. With a key that was used for the
    /// same event before nothing is sent. [`EventsFull`](crate::model::Error::EventsFull) where `limit` are there already,
    /// [`NoActor`](crate::model::Error::NoActor); [`KeyTaken`](crate::model::Error::KeyTaken) and
    /// [`KeyTakenByEvent`](crate::model::Error::KeyTakenByEvent) where the key was used for something else.
    fn emit(&self, event: NewEvent, limit: u64) -> Result<u64>;

    /// Events that no method has taken yet, in order, with numbers over `after`; at most `limit`.
    fn events(&self, name: &Name, after: u64, limit: usize) -> Result<Vec<Event>>;

    // Between processes

    /// Holds an actor (or a task's name) while one runs it, so that others need not try. Waits until `deadline` (for ever
    /// without one); None where another holds it still. Dropping the hold, or dying, releases it; dropping it also wakes
    /// who watches, if something was committed meanwhile.
    /// For speed alone: what is true is decided by the step counter at commit.
    fn lock(&self, name: &Name, deadline: Option<Instant>) -> Result<Option<NameLock>>;

    /// A holder of many names at once, of none yet: what holding a great many one by one would cost in open files.
    fn lock_set(&self) -> Result<Box<dyn LockSet>>;

    /// Whether somebody holds it. Where the system can tell, looking keeps nobody from holding it.
    fn is_locked(&self, name: &Name) -> Result<bool>;

    /// Has other processes know that this one runs an invocation, or does what another name stands for, until the answer is
    /// dropped. It costs no sync, and others need not believe it.
    fn announce(&self, name: &Name, number: Option<u64>) -> Box<dyn AnnouncementGuard>;

    /// What living processes announce of a name, or of any.
    fn announcements(&self, name: Option<&Name>) -> Vec<Announcement>;

    /// Whether this user may write to the store, and it was not opened for reading alone.
    fn can_write(&self) -> bool;

    /// The other process that is in a write transaction at the moment, if that is known.
    fn writer(&self) -> Option<Process>;

    /// Sees every commit from now on.
    fn watch(&self) -> Result<Box<dyn Watch>>;

    /// The place from which this process reaches the store. It tells a store that was moved from the place that it had.
    fn address(&self) -> String;
}

/// One page of the names that have something to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runnable {
    /// In order, each once.
    pub names: Vec<Name>,
    /// Where the next page begins; None where this is the last one.
    pub next: Option<RunnableCursor>,
}

/// A place among the notes that lead to names which have something to run. First come the names that are noted as ready, in
/// order, then the delayed invocations and timers that are due, by due time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunnableCursor {
    /// Behind the note of this name.
    Ready(Name),
    /// Behind the note of what came due at this time, of this invocation.
    Due(Timestamp, Reference),
}

/// An actor that is held until this is dropped.
pub struct NameLock(#[expect(dead_code, reason = "held for its drop")] Box<dyn std::any::Any + Send>);

impl NameLock {
    pub fn new(guard: impl std::any::Any + Send) -> NameLock {
        NameLock(Box::new(guard))
    }
}

/// Names that one holder has, until this is dropped.
pub trait LockSet: Send {
    /// Takes a name as [`Store::hold`] does, without waiting; once for each name. Whether nobody else has it.
    fn take(&mut self, name: &Name) -> Result<bool>;
}

/// Wakes who waits for a commit, of this process or another. Missing one costs latency, never progress:
/// who waits looks again after a while in any case.
pub trait Watch: Send {
    /// Returns when something was committed since the last call (or since this was made), and at `deadline` at the
    /// latest. May return early.
    fn wait(&mut self, deadline: Instant);
}

/// A class version to register.
#[derive(Clone, Debug)]
pub struct NewVersion {
    pub class: ClassName,
    /// blake3 of the component.
    pub hash: Hash,
    pub component: Vec<u8>,
    /// What the class says of itself.
    pub description: Json,
    pub at: Timestamp,
}

/// What `register` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    New(u32),
    /// An older version is current again.
    Again(u32),
    /// These bytes were the current version already.
    Unchanged(u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredClass {
    pub name: ClassName,
    /// The version that new actors get.
    pub current: u32,
    /// How many versions there are. Their numbers follow each other, but where the class was removed before they do not
    /// begin with 1.
    pub versions: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassVersion {
    pub class: ClassName,
    pub number: u32,
    pub hash: Hash,
    pub component_bytes: u64,
    pub description: Json,
    pub registered: Timestamp,
}

/// How much is on a class version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionUsage {
    pub version: u32,
    pub actors: u64,
    /// Constructions and tasks that were accepted with it and have not ended. Mutations run on their actor's version.
    pub pending: u64,
}

/// An actor as its last step left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub record: NameRecord,
    pub state: Vec<u8>,
}
