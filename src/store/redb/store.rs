//! The trait of a store, each method as one transaction.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::model::{
    ActorId, Attempt, CallRequest, ClassName, Event, Fault, Hash, HistoryEntry, Invocation, Name, NameRecord, Process,
    Reference, ResolvedTarget, Result, Step, Timestamp,
};
use crate::store::folder::Folder;
use crate::store::folder::file::{DATA, Purpose};
use crate::store::{
    Accepted, Announcement, AnnouncementGuard, ClassVersion, Commit, Committed, LockSet, NameLock, NewEvent,
    NewVersion, Registered, RegisteredClass, Runnable, RunnableCursor, Snapshot, Store, StoredResult, Suspend,
    Suspended, VersionUsage, Watch,
};

use super::errors::TxResult;
use super::read::runnable::Candidates;
use super::read::{actors, classes, events, history, inbox, invocations, runnable, waits};
use super::redb_store::RedbStore;
use super::schema::tables::ReadTables;
use super::write::{HashedCommit, requested_ahead};

impl Store for RedbStore {
    fn register(&self, version: NewVersion) -> Result<Registered> {
        self.write(|writer| writer.register(&version))
    }

    fn class(&self, name: &ClassName) -> Result<Option<RegisteredClass>> {
        self.read(|tables| classes::class(tables, name))
    }

    fn classes(&self) -> Result<Vec<RegisteredClass>> {
        self.read(classes::classes)
    }

    fn version(&self, class: &ClassName, number: u32) -> Result<Option<ClassVersion>> {
        self.read(|tables| classes::version(tables, class, number))
    }

    fn version_usage(&self, class: &ClassName) -> Result<Vec<VersionUsage>> {
        self.read(|tables| classes::version_usage(tables, class))
    }

    fn component(&self, hash: &Hash) -> Result<Option<Vec<u8>>> {
        self.read(|tables| classes::component(tables, hash))
    }

    fn remove_class(&self, name: &ClassName, force: bool) -> Result<()> {
        self.write(|writer| writer.remove_class(name, force))
    }

    fn name_record(&self, name: &Name) -> Result<Option<NameRecord>> {
        self.read(|tables| actors::name_record(tables, name))
    }

    fn load(&self, id: &ActorId) -> Result<Option<Snapshot>> {
        self.read(|tables| actors::load(tables, &id.into()))
    }

    fn actors(&self, prefix: &str, after: Option<&ActorId>, limit: usize) -> Result<Vec<(ActorId, NameRecord)>> {
        self.read(|tables| actors::actors(tables, prefix, after, limit))
    }

    fn names(&self, after: Option<&Name>, limit: usize) -> Result<Vec<Name>> {
        self.read(|tables| actors::names(tables, after, limit))
    }

    fn remove(&self, id: &ActorId, at: Timestamp, force: bool) -> Result<()> {
        self.write(|writer| writer.remove(id, at, force))
    }

    fn steps(&self, id: &ActorId, from: u64, limit: usize) -> Result<Vec<Step>> {
        self.read(|tables| actors::steps(tables, &id.into(), from, limit))
    }

    fn checkpoint(&self, id: &ActorId, step: u64) -> Result<Option<(u64, Vec<u8>)>> {
        self.read(|tables| actors::checkpoint(tables, &id.into(), step))
    }

    fn accept(&self, requests: Vec<CallRequest>, inbox_limit: u64) -> Result<Vec<Result<Accepted>>> {
        self.write(|writer| requests.into_iter().map(|request| writer.accept(request, inbox_limit)).collect())
    }

    fn invocation(&self, reference: &Reference) -> Result<Option<Invocation>> {
        self.read(|tables| invocations::invocation(tables, &reference.name, reference.number))
    }

    fn invocation_by_key(&self, name: &Name, key: &str) -> Result<Option<Invocation>> {
        self.read(|tables| invocations::by_key(tables, name, key))?
    }

    fn runnable_tasks(&self, name: &Name, after: Option<u64>, now: Timestamp, limit: usize) -> Result<Vec<Invocation>> {
        self.read(|tables| runnable::runnable_tasks(tables, name, after, now, limit))
    }

    fn next_in_inbox(&self, name: &Name, now: Timestamp) -> Result<Option<Invocation>> {
        self.read(|tables| runnable::next_in_inbox(tables, name, now))
    }

    fn runnable(&self, after: Option<&RunnableCursor>, now: Timestamp, limit: usize) -> Result<Runnable> {
        let found = self.read(|tables| runnable::candidates(tables, after, now, limit))?;
        let Candidates { mut ready, outdated, next } = found;
        if !outdated.is_empty() && !self.is_reading() {
            ready.extend(self.write(|writer| writer.tidy(outdated, now))?);
            ready.sort();
            ready.dedup();
        }
        Ok(Runnable { names: ready, next })
    }

    fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        let next = |tables: &ReadTables| runnable::next_due(tables, now);
        let is_any_ahead = |tables: &ReadTables| Ok(tables.first(requested_ahead(now))?.is_some());
        let (due, mut ahead) = self.read(|tables| Ok((next(tables)?, is_any_ahead(tables)?)))?;
        if !ahead || !self.can_write() {
            return Ok(due);
        }
        while ahead {
            self.write(|writer| writer.restart_delays(now))?;
            ahead = self.read(is_any_ahead)?;
        }
        self.read(next)
    }

    fn pending(&self, name: Option<&Name>, after: Option<&Reference>, limit: usize) -> Result<Vec<Invocation>> {
        self.read(|tables| inbox::pending_invocations(tables, name, after, limit))
    }

    fn invocations(&self, name: &Name, before: Option<u64>, limit: usize) -> Result<Vec<Invocation>> {
        self.read(|tables| invocations::invocations(tables, name, before, limit))
    }

    fn attempts(&self, reference: &Reference, from: u32, limit: usize) -> Result<Vec<Attempt>> {
        self.read(|tables| invocations::attempts(tables, reference, from, limit))
    }

    fn remove_tasks(&self, name: &Name, number: Option<u64>, at: Timestamp, force: bool) -> Result<u64> {
        self.write(|writer| writer.remove_tasks(name, number, at, force))
    }

    fn commit(&self, commits: Vec<Commit>, at: Timestamp) -> Result<Vec<Result<Committed>>> {
        let hashed: Vec<HashedCommit> = commits.into_iter().map(HashedCommit::from).collect();
        self.write(|writer| hashed.into_iter().map(|hashed| writer.commit(hashed, at)).collect::<TxResult<_>>())
    }

    fn reference_of(&self, opaque_id: &str) -> Result<Option<Reference>> {
        self.read(|tables| invocations::by_opaque_id(tables, opaque_id))
    }

    fn cancel(&self, reference: &Reference, at: Timestamp, fault: Fault, running: &BTreeSet<Reference>) -> Result<()> {
        self.write(|writer| writer.cancel(reference, at, fault, running))
    }

    fn suspend(&self, suspend: Suspend) -> Result<Suspended> {
        self.write(|writer| writer.suspend(suspend))?
    }

    fn wait_result(
        &self,
        reference: &Reference,
        targets: &[ResolvedTarget],
        now: Timestamp,
    ) -> Result<Option<StoredResult>> {
        self.read(|tables| waits::wait_result(tables, reference, targets, now))
    }

    fn history(&self, reference: &Reference, from: u64, limit: usize) -> Result<Vec<HistoryEntry>> {
        self.read(|tables| history::history(tables, reference, from, limit))
    }

    fn initial_state(&self, reference: &Reference) -> Result<Option<Vec<u8>>> {
        self.read(|tables| history::initial_state(tables, reference))
    }

    fn emit(&self, event: NewEvent, limit: u64) -> Result<u64> {
        self.write(|writer| writer.emit(event, limit))?
    }

    fn events(&self, name: &Name, after: u64, limit: usize) -> Result<Vec<Event>> {
        self.read(|tables| events::events(tables, name, after, limit))
    }

    fn lock(&self, name: &Name, deadline: Option<Instant>) -> Result<Option<NameLock>> {
        // the store is not opened for writing for a lock that is taken
        if self.is_reading() && deadline.is_some_and(|deadline| deadline <= Instant::now()) && self.is_locked(name)? {
            return self.check_mode().map(|()| None);
        }
        self.open_to_write()?;
        let began = Instant::now();
        let lock = self.coordination.lock(name, deadline)?;
        tracing::debug!(%name, taken = lock.is_some(), duration = ?began.elapsed(), "locked");
        Ok(lock)
    }

    fn lock_set(&self) -> Result<Box<dyn LockSet>> {
        self.open_to_write()?;
        Ok(self.coordination.lock_set())
    }

    fn is_locked(&self, name: &Name) -> Result<bool> {
        self.coordination.is_locked(name)
    }

    fn announce(&self, name: &Name, number: Option<u64>) -> Box<dyn AnnouncementGuard> {
        self.coordination.announce(name, number)
    }

    fn announcements(&self, name: Option<&Name>) -> Vec<Announcement> {
        self.coordination.announcements(name)
    }

    fn can_write(&self) -> bool {
        let may = |folder: &Folder| folder.open_file(DATA, Purpose::Writing).is_ok();
        self.check_mode().is_ok() && (!self.is_reading() || self.folder().is_none_or(may))
    }

    fn writer(&self) -> Option<Process> {
        self.coordination.writer()
    }

    fn address(&self) -> String {
        self.folder().map(|folder| folder.address().display().to_string()).unwrap_or_default()
    }

    fn watch(&self) -> Result<Box<dyn Watch>> {
        Ok(self.coordination.watch(self.is_reading()))
    }
}
