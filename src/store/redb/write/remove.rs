//! Removing an actor, and the invocations of tasks.

use std::collections::BTreeSet;

use crate::model::{ActorId, CallKind, CallRequest, ClassName, Error, Fault, HostFault, Name, Reference, Timestamp};
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::{actors, invocations};
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::record::{InvocationRecord, KeyUse, Pending};

use super::Writer;
use super::cancel::CancelOptions;

impl Writer<'_> {
    /// A task may have the name of an actor; what is of it stays.
    pub fn remove(&mut self, id: &ActorId, at: Timestamp, force: bool) -> TxResult<()> {
        let name = &Name::from(id);
        let head = self.head(name)?;
        if head.actor.is_none() && head.construction.is_none() {
            return Err(Error::NoActor { id: id.to_string(), similar: None }.into());
        }
        let mut kept = BTreeSet::new();
        let mut open = Vec::new();
        let mut gone = Vec::new();
        for entry in self.tables.records(RecordKey::invocations(name))? {
            let (key, record) = entry?;
            let number = invocations::number_of(&key)?;
            match record {
                InvocationRecord::Pending(Pending { request, .. }) | InvocationRecord::WithoutStep { request, .. }
                    if is_task(&request) =>
                {
                    kept.insert(number);
                }
                InvocationRecord::Pending(_) => open.push(number),
                InvocationRecord::WithoutStep { .. } | InvocationRecord::Step(_) => gone.push(key),
            }
        }
        if !open.is_empty() && !force {
            return Err(Error::Busy { id: id.to_string() }.into());
        }
        for key in gone {
            self.tables.delete(&key)?;
        }
        let how = CancelOptions { at, running: &BTreeSet::new(), asking: None, removed: Some(name) };
        for number in open {
            let fault = Fault::host(HostFault::Cancelled, format!("{id} was removed before this had ended"));
            self.cancel_all(Reference { name: name.clone(), number }, fault, how)?;
        }
        self.forget_links(name, |number| kept.contains(&number), false)?;
        self.forget_ids(name, |number| kept.contains(&number))?;
        self.tables.delete_all(RecordKey::beside(name))?;
        for span in RecordKey::journal(name) {
            self.tables.delete_all(span)?;
        }
        self.tables.delete(&RecordKey::state(name))?;
        let touched = self.touch(name)?;
        touched.state = None;
        touched.changed = true;
        let actor = touched.head.actor.take();
        touched.head.construction = None;
        touched.head.events = 0;
        if let Some(actor) = actor {
            self.count_actor(&actor.class, actor.version, -1);
        }
        Ok(())
    }

    /// Removes a task's invocations, all or one.
    pub fn remove_tasks(&mut self, name: &Name, number: Option<u64>, at: Timestamp, force: bool) -> TxResult<u64> {
        let reference = |number| Reference { name: name.clone(), number };
        let (ended, open) = self.tasks_of(name, number)?;
        if let Some(number) = number.filter(|_| ended.is_empty() && open.is_empty()) {
            return Err(Error::NoInvocation { reference: reference(number) }.into());
        }
        let awaited = self.awaited_task(name, &ended)?;
        if let Some(busy) = open.first().copied().or(awaited).filter(|_| !force) {
            return Err(Error::Busy { id: reference(busy).to_string() }.into());
        }
        let how = CancelOptions { at, running: &BTreeSet::new(), asking: None, removed: None };
        for number in open {
            let said = format!("{} was removed before it had ended", reference(number));
            self.cancel_all(reference(number), Fault::host(HostFault::Cancelled, said), how)?;
        }
        self.forget_tasks(name, &ended)?;
        Ok(ended.len() as u64)
    }

    /// Numbers of a task's invocations (or the one number) that have ended, and of those that have not.
    fn tasks_of(&self, name: &Name, number: Option<u64>) -> TxResult<(BTreeSet<u64>, Vec<u64>)> {
        let (mut ended, mut open) = (BTreeSet::new(), Vec::new());
        let span = match number {
            Some(number) => {
                (RecordKey::invocation(name, number), RecordKey::invocation(name, number.saturating_add(1)))
            }
            None => RecordKey::invocations(name),
        };
        for entry in self.tables.records(span)? {
            let (key, record) = entry?;
            let number = invocations::number_of(&key)?;
            match record {
                InvocationRecord::Pending(Pending { request, .. }) if is_task(&request) => open.push(number),
                InvocationRecord::WithoutStep { request, .. } if is_task(&request) => drop(ended.insert(number)),
                _ => {}
            }
        }
        Ok((ended, open))
    }

    /// The first of a task's invocations that was started by one which has not ended.
    pub fn awaited_task(&self, name: &Name, ended: &BTreeSet<u64>) -> TxResult<Option<u64>> {
        for &number in ended {
            let CallRequest { caller, depth, .. } = invocations::must(&self.tables, name, number)?.request;
            // a message's caller does not wait for it
            if let Some(caller) = caller
                && depth > 0
                && invocations::open(&self.tables, &caller.name, caller.number)?.is_some()
            {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// Removes all that there is of some of a task's invocations, which have ended.
    fn forget_tasks(&mut self, name: &Name, gone: &BTreeSet<u64>) -> TxResult<()> {
        if gone.is_empty() {
            return Ok(());
        }
        self.changed();
        for &number in gone {
            self.tables.delete(&RecordKey::invocation(name, number))?;
            self.tables.delete_all(RecordKey::attempts(name, number))?;
        }
        self.forget_links(name, |number| !gone.contains(&number), true)?;
        self.forget_ids(name, |number| !gone.contains(&number))
    }

    /// Removes the invocations of all tasks that a class ever had. All have ended.
    pub fn forget_tasks_of(&mut self, class: &ClassName) -> TxResult<()> {
        for name in self.task_names(class)? {
            let (ended, _) = self.tasks_of(&name, None)?;
            self.forget_tasks(&name, &ended)?;
        }
        Ok(())
    }

    /// Of the tasks that a class ever had, the first invocation whose result may still be wanted.
    pub fn awaited_task_of(&self, class: &ClassName) -> TxResult<Option<Reference>> {
        for name in self.task_names(class)? {
            let (ended, _) = self.tasks_of(&name, None)?;
            if let Some(number) = self.awaited_task(&name, &ended)? {
                return Ok(Some(Reference { name, number }));
            }
        }
        Ok(None)
    }

    /// Names that the tasks of a class may have invocations under; an actor may have such a name, too.
    fn task_names(&self, class: &ClassName) -> TxResult<Vec<Name>> {
        let prefix = format!("{class}/");
        let mut names = Vec::new();
        let mut after = Name::new_unchecked(&prefix);
        while let Some(name) = actors::names(&self.tables, Some(&after), 1)?.pop() {
            if !name.as_str().starts_with(&prefix) {
                break;
            }
            after = name.clone();
            names.push(name);
        }
        Ok(names)
    }

    /// Forgets keys and resumptions, but those of the invocations that stay, and of events if they stay.
    fn forget_links(&mut self, name: &Name, stays: impl Fn(u64) -> bool, events_stay: bool) -> TxResult<()> {
        let mut gone = Vec::new();
        for entry in self.tables.records::<KeyUse>(RecordKey::uses(name))? {
            let (key, used) = entry?;
            let used_stays = if used.event.is_some() { events_stay } else { stays(used.number) };
            if !used_stays {
                gone.push(key);
            }
        }
        for entry in self.tables.records::<u64>(RecordKey::resumptions(name))? {
            let (key, by) = entry?;
            if !stays(invocations::number_of(&key)?) || !stays(by) {
                gone.push(key);
            }
        }
        for key in gone {
            self.tables.delete(&key)?;
        }
        Ok(())
    }
}

fn is_task(request: &CallRequest) -> bool {
    matches!(request.kind, CallKind::Task { .. })
}
