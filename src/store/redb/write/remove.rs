//! Removal of actors, and of a task's invocations.

use std::collections::BTreeSet;

use crate::model::{ActorId, CallKind, CallRequest, ClassName, Error, Fault, HostFault, Name, Reference, Timestamp};
use crate::store::redb::errors::TxResult;
use crate::store::redb::read::{actors, invocations};
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::records::{InvocationRecord, Pending};

use super::cancel::CancelOptions;
use super::writer::Writer;

impl Writer<'_> {
    /// A task may have the same name; its invocations stay.
    pub fn remove(&mut self, id: &ActorId, at: Timestamp, force: bool) -> TxResult<()> {
        let name = &Name::from(id);
        let record = self.name_record(name)?;
        if record.actor.is_none() && record.construction.is_none() {
            return Err(Error::NoActor { id: id.to_string(), similar: None }.into());
        }
        let mut kept = BTreeSet::new();
        let mut pending = Vec::new();
        let mut gone = Vec::new();
        for entry in self.tables.records(RecordKey::invocations(name))? {
            let (key, record) = entry?;
            let number = key.required_number()?;
            match record {
                InvocationRecord::Pending(Pending { request, .. }) | InvocationRecord::WithoutStep { request, .. }
                    if is_task(&request) =>
                {
                    kept.insert(number);
                }
                InvocationRecord::Pending(_) => pending.push(number),
                InvocationRecord::WithoutStep { .. } | InvocationRecord::Step(_) => gone.push(key),
            }
        }
        if !pending.is_empty() && !force {
            return Err(Error::Busy { id: id.to_string() }.into());
        }
        for key in gone {
            self.tables.delete(&key)?;
        }
        let options = CancelOptions { at, running: &BTreeSet::new(), asking: None, removed: Some(name) };
        for number in pending {
            let fault = Fault::host(HostFault::Cancelled, format!("{id} was removed before this had ended"));
            self.cancel_all(Reference { name: name.clone(), number }, fault, options)?;
        }
        self.delete_links(name, |number| kept.contains(&number), false)?;
        self.delete_opaque_ids(name, |number| kept.contains(&number))?;
        self.tables.delete_all(RecordKey::beside(name))?;
        for range in RecordKey::journal(name) {
            self.tables.delete_all(range)?;
        }
        self.tables.delete(&RecordKey::state(name))?;
        let touched = self.touch(name)?;
        touched.state = None;
        touched.changed = true;
        let actor = touched.record.actor.take();
        touched.record.construction = None;
        touched.record.events = 0;
        if let Some(actor) = actor {
            self.count_actor(&actor.class, actor.version, -1);
        }
        Ok(())
    }

    /// Removes a task's invocations, all or one, and returns their count.
    pub fn remove_tasks(&mut self, name: &Name, number: Option<u64>, at: Timestamp, force: bool) -> TxResult<u64> {
        let reference = |number| Reference { name: name.clone(), number };
        let (ended, pending) = self.tasks_of(name, number)?;
        if let Some(number) = number.filter(|_| ended.is_empty() && pending.is_empty()) {
            return Err(Error::NoInvocation { reference: reference(number) }.into());
        }
        let awaited = self.awaited_task(name, &ended)?;
        if let Some(busy) = pending.first().copied().or(awaited).filter(|_| !force) {
            return Err(Error::Busy { id: reference(busy).to_string() }.into());
        }
        let options = CancelOptions { at, running: &BTreeSet::new(), asking: None, removed: None };
        for number in pending {
            let message = format!("{} was removed before it had ended", reference(number));
            self.cancel_all(reference(number), Fault::host(HostFault::Cancelled, message), options)?;
        }
        self.delete_tasks(name, &ended)?;
        Ok(ended.len() as u64)
    }

    /// Numbers of a task's ended invocations and of its pending ones; of one number, if there is
    /// one.
    fn tasks_of(&self, name: &Name, number: Option<u64>) -> TxResult<(BTreeSet<u64>, Vec<u64>)> {
        let (mut ended, mut pending) = (BTreeSet::new(), Vec::new());
        let range = match number {
            Some(number) => {
                (RecordKey::invocation(name, number), RecordKey::invocation(name, number.saturating_add(1)))
            }
            None => RecordKey::invocations(name),
        };
        for entry in self.tables.records(range)? {
            let (key, record) = entry?;
            let number = key.required_number()?;
            match record {
                InvocationRecord::Pending(Pending { request, .. }) if is_task(&request) => pending.push(number),
                InvocationRecord::WithoutStep { request, .. } if is_task(&request) => drop(ended.insert(number)),
                _ => {}
            }
        }
        Ok((ended, pending))
    }

    /// The first of a task's ended invocations whose caller is pending.
    pub fn awaited_task(&self, name: &Name, ended: &BTreeSet<u64>) -> TxResult<Option<u64>> {
        for &number in ended {
            let CallRequest { caller, depth, .. } = invocations::must(&self.tables, name, number)?.request;
            // a message has no caller that waits, and depth 0
            if let Some(caller) = caller
                && depth > 0
                && invocations::pending(&self.tables, &caller)?.is_some()
            {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// Removes ended invocations of a task, with their attempts, keys and opaque ids.
    fn delete_tasks(&mut self, name: &Name, gone: &BTreeSet<u64>) -> TxResult<()> {
        if gone.is_empty() {
            return Ok(());
        }
        self.changed();
        for &number in gone {
            self.tables.delete(&RecordKey::invocation(name, number))?;
            self.tables.delete_all(RecordKey::attempts(name, number))?;
        }
        self.delete_links(name, |number| !gone.contains(&number), true)?;
        self.delete_opaque_ids(name, |number| !gone.contains(&number))
    }

    /// Removes the invocations of all tasks of a class, in all its versions. All have ended.
    pub(super) fn delete_tasks_of(&mut self, class: &ClassName) -> TxResult<()> {
        for name in self.task_names(class)? {
            let (ended, _) = self.tasks_of(&name, None)?;
            self.delete_tasks(&name, &ended)?;
        }
        Ok(())
    }

    /// The first ended invocation of a class's tasks whose caller is pending.
    pub(super) fn awaited_task_of(&self, class: &ClassName) -> TxResult<Option<Reference>> {
        for name in self.task_names(class)? {
            let (ended, _) = self.tasks_of(&name, None)?;
            if let Some(number) = self.awaited_task(&name, &ended)? {
                return Ok(Some(Reference { name, number }));
            }
        }
        Ok(None)
    }

    /// Names of the tasks of a class, and of actors with ids of the same form.
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
}

fn is_task(request: &CallRequest) -> bool {
    matches!(request.kind, CallKind::Task { .. })
}
