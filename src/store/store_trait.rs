//! The trait of a store.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::model::{
    ActorId, Attempt, CallRequest, ClassName, Event, Fault, Hash, HistoryEntry, Invocation, Name, NameRecord, Process,
    Reference, ResolvedTarget, Result, Step, Timestamp,
};

use super::commit::{Accepted, Commit, Committed, NewEvent, StoredResult, Suspend, Suspended};
use super::coordination::types::{Announcement, AnnouncementGuard, LockSet, NameLock, Watch};
use super::types::{
    ClassVersion, NewVersion, Registered, RegisteredClass, Runnable, RunnableCursor, Snapshot, VersionUsage,
};

/// A store of classes and actors, shared by threads and by processes.
///
/// Every method of the first four sections is one transaction: it has its whole effect or none, and
/// it reads one committed state. A method that writes returns after the transaction is durable. No
/// method runs guest code, and no transaction is open between two calls.
///
/// A method that returns a list has a `limit`. If the list has that length, more may follow: the
/// caller asks again, after the last element.
pub trait Store: Send + Sync {
    // Classes

    /// Adds a version of a class, or makes the version with these bytes current again. Idempotent.
    fn register(&self, version: NewVersion) -> Result<Registered>;

    /// A class by its name.
    fn class(&self, name: &ClassName) -> Result<Option<RegisteredClass>>;

    /// All classes, by name.
    fn classes(&self) -> Result<Vec<RegisteredClass>>;

    /// A version of a class.
    fn version(&self, class: &ClassName, number: u32) -> Result<Option<ClassVersion>>;

    /// The usage of each version of a class, by version. A version without any is left out.
    fn version_usage(&self, class: &ClassName) -> Result<Vec<VersionUsage>>;

    /// The bytes of a registered component.
    fn component(&self, hash: &Hash) -> Result<Option<Vec<u8>>>;

    /// Removes a class with all its versions, and the invocations of its tasks. The numbers of the
    /// versions are never used again. [`ClassInUse`](crate::model::Error::ClassInUse) if an actor
    /// or a pending invocation is of the class, and, without `force`, if a pending invocation may
    /// read the result of one of its tasks.
    fn remove_class(&self, name: &ClassName, force: bool) -> Result<()>;

    // Actors

    /// The name record of a name that was ever used.
    fn name_record(&self, name: &Name) -> Result<Option<NameRecord>>;

    /// Record and state of an actor, both of one step; None if there is no actor.
    fn load(&self, id: &ActorId) -> Result<Option<Snapshot>>;

    /// Actors with ids that begin with `prefix`, and those under construction, in order of their
    /// ids, after the id `after`.
    fn actors(&self, prefix: &str, after: Option<&ActorId>, limit: usize) -> Result<Vec<(ActorId, NameRecord)>>;

    /// Names of all actors and tasks that ever had an accepted invocation, in order, after the name
    /// `after`.
    fn names(&self, after: Option<&Name>, limit: usize) -> Result<Vec<Name>>;

    /// Removes an actor (also one under construction) with its journal, checkpoints, keys and
    /// inbox. Its counters stay. Its pending invocations end as `cancelled` at `at`.
    /// [`Busy`](crate::model::Error::Busy) if it has a pending invocation and `force` is false.
    fn remove(&self, id: &ActorId, at: Timestamp, force: bool) -> Result<()>;

    /// Steps of the actor from number `from` on, in order.
    fn steps(&self, id: &ActorId, from: u64, limit: usize) -> Result<Vec<Step>>;

    /// The last checkpoint at or before a step: the number of its step, and the state after it.
    fn checkpoint(&self, id: &ActorId, step: u64) -> Result<Option<(u64, Vec<u8>)>>;

    // Invocations

    /// Accepts invocations: gives each its reference, and enqueues or delays it, all in one
    /// transaction. The result of one does not depend on that of another. A duplicate of a key
    /// returns the invocation that used the key. Errors:
    /// - [`InboxFull`](crate::model::Error::InboxFull) if `inbox_limit` is reached,
    /// - [`AlreadyResumed`](crate::model::Error::AlreadyResumed) if the invocation that it resumes
    ///   was resumed before,
    /// - [`ActorExists`](crate::model::Error::ActorExists) and
    ///   [`BeingMade`](crate::model::Error::BeingMade), for a construction.
    ///
    /// The caller has to check that the actor of a mutation exists.
    fn accept(&self, requests: Vec<CallRequest>, inbox_limit: u64) -> Result<Vec<Result<Accepted>>>;

    /// An invocation by its reference.
    fn invocation(&self, reference: &Reference) -> Result<Option<Invocation>>;

    /// The invocation of an opaque id that a guest has seen.
    fn reference_of(&self, opaque_id: &str) -> Result<Option<Reference>>;

    /// The invocation that used a key of a name.
    /// [`KeyTakenByEvent`](crate::model::Error::KeyTakenByEvent) if an event used it.
    fn invocation_by_key(&self, name: &Name, key: &str) -> Result<Option<Invocation>>;

    /// The runnable invocation of an actor at the time `now`: the first in the inbox, or, if the
    /// inbox is empty, the first delayed one that is due. None if that one waits and its wait has
    /// no result.
    fn next_in_inbox(&self, name: &Name, now: Timestamp) -> Result<Option<Invocation>>;

    /// Runnable invocations of a task at the time `now`, in order, after the number `after`. Any
    /// number of them may run at once.
    fn runnable_tasks(&self, name: &Name, after: Option<u64>, now: Timestamp, limit: usize) -> Result<Vec<Invocation>>;

    /// One page of the names of actors and tasks that have a runnable invocation at the time `now`.
    /// The page is made of at most `limit` index entries behind `after`; a name may be on several
    /// pages. If this process may write, delayed invocations of these names that are due are
    /// enqueued.
    fn runnable(&self, after: Option<&RunnableCursor>, now: Timestamp, limit: usize) -> Result<Runnable>;

    /// The first due time after `now`, of a delayed invocation or a timer. Delays that were
    /// requested by a clock which was ahead of `now` by more than
    /// [`MAX_CLOCK_SKEW`](super::MAX_CLOCK_SKEW) begin at `now`.
    fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>>;

    /// Pending invocations of one name or of all, by name, in inbox order, the delayed ones last,
    /// after `after`.
    fn pending(&self, name: Option<&Name>, after: Option<&Reference>, limit: usize) -> Result<Vec<Invocation>>;

    /// All invocations of a name with numbers below `before`, newest first.
    fn invocations(&self, name: &Name, before: Option<u64>, limit: usize) -> Result<Vec<Invocation>>;

    /// Attempts of a task's invocation that have ended, in order, from the number `from` on. A
    /// cancelled attempt is left out. [`NoInvocation`](crate::model::Error::NoInvocation).
    fn attempts(&self, reference: &Reference, from: u32, limit: usize) -> Result<Vec<Attempt>>;

    /// Removes ended invocations of a task (or the one with a number), with their attempts and
    /// keys, and returns their count. [`Busy`](crate::model::Error::Busy) if one of them is
    /// pending, or if the pending caller of an ended one may read its result. With `force` pending
    /// ones end as `cancelled` at `at` and stay, and all ended ones are removed.
    /// [`NoInvocation`](crate::model::Error::NoInvocation) if there is none with the number.
    fn remove_tasks(&self, name: &Name, number: Option<u64>, at: Timestamp, force: bool) -> Result<u64>;

    /// Ends invocations, each with its step, all in one transaction, in order: several commits of
    /// one actor may follow each other. After a refused commit, the later ones of its actor are
    /// [`Stale`](crate::model::Error::Stale). A refused commit writes nothing. `at` is the present
    /// time.
    fn commit(&self, commits: Vec<Commit>, at: Timestamp) -> Result<Vec<Result<Committed>>>;

    /// Ends a pending invocation as `cancelled`, with this fault, and all its pending descendants.
    /// An invocation that has a history, or is in `running`, leaves a step if its actor exists.
    /// [`AlreadyEnded`](crate::model::Error::AlreadyEnded) if it is not pending.
    fn cancel(&self, reference: &Reference, at: Timestamp, fault: Fault, running: &BTreeSet<Reference>) -> Result<()>;

    // Waits and events

    /// Commits the progress of a run, and its wait. If the wait has a result already, or would
    /// close a cycle of waits, the invocation does not wait and the result is returned. The search
    /// for a cycle is part of the transaction.
    fn suspend(&self, suspend: Suspend) -> Result<Suspended>;

    /// The result of a pending invocation's wait at the time `now`, if there is one; of several
    /// results the earliest. [`AlreadyEnded`](crate::model::Error::AlreadyEnded) if it is not
    /// pending.
    fn wait_result(
        &self,
        reference: &Reference,
        targets: &[ResolvedTarget],
        now: Timestamp,
    ) -> Result<Option<StoredResult>>;

    /// Entries of an invocation's history from the index `from` on. Of large entries fewer than
    /// `limit` are returned, but at least one if there is one.
    fn history(&self, reference: &Reference, from: u64, limit: usize) -> Result<Vec<HistoryEntry>>;

    /// The state before the first run of a pending invocation that has saved; None if there was no
    /// actor.
    fn initial_state(&self, reference: &Reference) -> Result<Option<Vec<u8>>>;

    /// Sends an event to an actor, or to one under construction, and returns its number. A
    /// duplicate of a key with the same event sends nothing. Errors:
    /// [`EventsFull`](crate::model::Error::EventsFull) if `limit` is reached,
    /// [`NoActor`](crate::model::Error::NoActor), [`KeyTaken`](crate::model::Error::KeyTaken) and
    /// [`KeyTakenByEvent`](crate::model::Error::KeyTakenByEvent).
    fn emit(&self, event: NewEvent, limit: u64) -> Result<u64>;

    /// Events that no method has taken yet, in order, with numbers over `after`.
    fn events(&self, name: &Name, after: u64, limit: usize) -> Result<Vec<Event>>;

    // Coordination of processes

    /// Locks an actor or the name of a task, and waits for that until `deadline` (without a limit
    /// if there is none); None if the lock was not available until then. The lock ends with its
    /// guard or its process. Dropping the guard wakes the watches if a commit was made meanwhile.
    ///
    /// The lock avoids wasted runs. A run without it does no harm: the step counter decides at
    /// commit.
    fn lock(&self, name: &Name, deadline: Option<Instant>) -> Result<Option<NameLock>>;

    /// An empty set of locks. A large set needs one open file, and as many single locks need many.
    fn lock_set(&self) -> Result<Box<dyn LockSet>>;

    /// Whether a name is locked. On Linux, the check takes no lock itself.
    fn is_locked(&self, name: &Name) -> Result<bool>;

    /// Tells other processes, until the guard is dropped, that this one runs an invocation, or has
    /// the role that another name stands for. It costs no sync. An announcement is a hint.
    fn announce(&self, name: &Name, number: Option<u64>) -> Box<dyn AnnouncementGuard>;

    /// Announcements of living processes, with a name or with any.
    fn announcements(&self, name: Option<&Name>) -> Vec<Announcement>;

    /// Whether this user may write to the store, and it was not opened for reading only.
    fn can_write(&self) -> bool;

    /// The other process that has a write transaction now, if there is one and it is known.
    fn writer(&self) -> Option<Process>;

    /// A watch of all commits from now on.
    fn watch(&self) -> Result<Box<dyn Watch>>;

    /// The address of the store for this process. It changes when the store is moved.
    fn address(&self) -> String;
}
