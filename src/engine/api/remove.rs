//! Removing actors, classes and calls of tasks.

use std::time::{Duration, Instant};

use super::Engine;
use crate::model::{ActorId, CallKind, CallRequest, ClassName, Error, Invocation, Name, Reference, Result, Status};

/// A process may have an actor's lock for this time after its last invocation ended; after a longer time it runs another
/// one.
const UNLOCK_GRACE: Duration = Duration::from_millis(100);

/// Actors or invocations of one page.
const PAGE: usize = 256;

impl Engine {
    /// Removes an actor with its whole history. Its id is free again, and its numbers go on. [`Busy`](Error::Busy) if the actor
    /// is locked, and refused if it is being made, unless `force`: the run of now commits nothing, and the pending
    /// invocations of the inbox end as cancelled.
    pub fn remove(&self, id: &str, force: bool) -> Result<()> {
        let id = match self.core.existing(id) {
            Err(Error::BeingMade { id, .. }) if force => ActorId::new(&id)?,
            existing => existing?,
        };
        let name = Name::from(&id);
        let lock = || self.core.lock_inbox(&name);
        let _lock = match if force { lock() } else { self.within_grace(lock) }? {
            None if !force => return Err(Error::Busy { id: id.to_string() }),
            lock => lock,
        };
        self.core.store.remove(&id, self.now()?, force)
    }

    /// Whether an actor is locked or its inbox is not empty, so that [`remove`](Engine::remove) refuses it.
    pub fn is_busy(&self, id: &str) -> Result<bool> {
        let id = ActorId::new(id)?;
        let (record, _) = self.core.existing_record(&id)?;
        let name = Name::from(&id);
        let is_free = || Ok((!self.core.is_inbox_locked(&name)?).then_some(()));
        Ok(record.queued > 0 || record.delayed > 0 || self.within_grace(is_free)?.is_none())
    }

    /// Tries until there is a result, for the time of grace. The last try comes after that time, however late this thread goes
    /// on.
    fn within_grace<T>(&self, attempt: impl Fn() -> Result<Option<T>>) -> Result<Option<T>> {
        let end = Instant::now() + UNLOCK_GRACE;
        let mut watch = self.core.store.watch()?;
        loop {
            let is_last = Instant::now() >= end;
            let found = attempt()?;
            if found.is_some() || is_last {
                return Ok(found);
            }
            watch.wait(end);
        }
    }

    /// Removes a class. Refused while it has actors, or pending constructions or tasks, unless `force`, which removes and
    /// cancels them. The number of removed actors.
    pub fn remove_class(&self, class: &str, force: bool) -> Result<u64> {
        let class = self.classes.registered(class)?.name;
        let mut removed = 0;
        if force {
            for id in self.actors_of(&class)? {
                self.remove(id.as_str(), true)?;
                removed += 1;
            }
            for reference in self.pending_of(&class)? {
                match self.cancel(&reference) {
                    Ok(()) | Err(Error::AlreadyEnded { .. } | Error::NoInvocation { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        self.core.store.remove_class(&class, force)?;
        Ok(removed)
    }

    /// The ids of all actors of a class, also of those that are being made.
    pub fn actors_of(&self, class: &ClassName) -> Result<Vec<ActorId>> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = self.core.store.actors("", after.as_ref(), PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(found) };
            after = Some(last.clone());
            for (id, record) in page {
                let of = match &record.actor {
                    Some(actor) => Some(actor.class.clone()),
                    None => self.core.construction_in(&id, &record)?.map(|pending| pending.class),
                };
                if of.is_some_and(|of| of == *class) {
                    found.push(id);
                }
            }
        }
    }

    /// Pending constructions and tasks of a class.
    pub fn pending_of(&self, class: &ClassName) -> Result<Vec<Reference>> {
        let is_of_class = |request: &CallRequest| match &request.kind {
            CallKind::Construct { class: of, .. } | CallKind::Task { class: of, .. } => of == class,
            CallKind::Mutate => false,
        };
        let mut found = Vec::new();
        let mut after: Option<Reference> = None;
        loop {
            let page = self.core.store.pending(None, after.as_ref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(found) };
            after = Some(last.reference());
            found.extend(page.iter().filter(|one| is_of_class(&one.request)).map(Invocation::reference));
        }
    }

    /// Counts the ended calls of a task (all, or the one of a number), and gives one that is in use: it has not ended, or a
    /// pending invocation started it.
    pub fn task_calls(&self, name: &Name, number: Option<u64>) -> Result<(u64, Option<Reference>)> {
        let (mut ended, mut in_use) = (0, None);
        let mut before = number.map(|number| number.saturating_add(1));
        loop {
            let page = self.core.store.invocations(name, before, if number.is_some() { 1 } else { PAGE })?;
            let calls = page.iter().filter(|call| number.is_none_or(|number| call.number == number));
            for call in calls.filter(|call| matches!(call.request.kind, CallKind::Task { .. })) {
                let has_ended = matches!(call.status, Status::Ended { .. });
                ended += u64::from(has_ended);
                if !has_ended || self.is_awaited(&call.request)? {
                    in_use = Some(call.reference());
                }
            }
            match page.last().filter(|_| number.is_none()) {
                Some(last) => before = Some(last.number),
                None => return Ok((ended, in_use)),
            }
        }
    }

    /// Whether the parent of a child is pending, so that it may ask for the result. The sender of a message does not.
    fn is_awaited(&self, request: &CallRequest) -> Result<bool> {
        let Some(parent) = request.caller.as_ref().filter(|_| request.depth > 0) else { return Ok(false) };
        Ok(self.core.store.invocation(parent)?.is_some_and(|parent| matches!(parent.status, Status::Pending)))
    }

    /// Removes the ended calls of a task (all, or the one of a number) with their records, and counts them.
    /// [`Busy`](Error::Busy) if one of them is pending, or a pending invocation may ask for its result, unless `force`: then the
    /// pending calls end as cancelled and stay, and the others are removed.
    pub fn remove_task_calls(&self, name: &Name, number: Option<u64>, force: bool) -> Result<u64> {
        self.core.store.remove_tasks(name, number, self.now()?, force)
    }
}
