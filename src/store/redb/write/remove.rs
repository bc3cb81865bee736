//! Removing an actor.

use std::collections::BTreeSet;

use crate::model::{ActorId, Call, Error, Fault, HostFault, Name, Reference, Timestamp};
use crate::store::redb::boundary::Try;
use crate::store::redb::invocations;
use crate::store::redb::key::Key;
use crate::store::redb::record::{InvocationRecord, Open, Use};

use super::Writer;
use super::cancel::Cancelling;

impl Writer<'_> {
    /// A task may have the name of an actor; what is of it stays.
    pub(in crate::store::redb) fn remove(&mut self, id: &ActorId, at: Timestamp, force: bool) -> Try<()> {
        let name = &Name::from(id);
        let head = self.head(name)?;
        if head.actor.is_none() && head.making.is_none() {
            return Err(Error::NoActor { id: id.to_string(), similar: None }.into());
        }
        let mut kept = BTreeSet::new();
        let mut open = Vec::new();
        let mut gone = Vec::new();
        for entry in self.tables.records(Key::invocations(name))? {
            let (key, record) = entry?;
            let number = invocations::number_of(&key)?;
            match record {
                InvocationRecord::Open(Open { request, .. }) | InvocationRecord::Bare { request, .. }
                    if matches!(request.call, Call::Task { .. }) =>
                {
                    kept.insert(number);
                }
                InvocationRecord::Open(_) => open.push(number),
                InvocationRecord::Bare { .. } | InvocationRecord::Step(_) => gone.push(key),
            }
        }
        if !open.is_empty() && !force {
            return Err(Error::Busy { id: id.to_string() }.into());
        }
        for key in gone {
            self.tables.delete(&key)?;
        }
        let how = Cancelling { at, running: &BTreeSet::new(), asking: None, removed: Some(name) };
        for number in open {
            let fault = Fault::host(HostFault::Cancelled, format!("{id} was removed before this had ended"));
            self.cancel_all(Reference { name: name.clone(), number }, fault, how)?;
        }
        self.forget_links(name, &kept)?;
        self.forget_ids(name, |number| kept.contains(&number))?;
        self.tables.delete_all(Key::beside(name))?;
        for span in Key::journal(name) {
            self.tables.delete_all(span)?;
        }
        self.tables.delete(&Key::state(name))?;
        let touched = self.touch(name)?;
        touched.state = None;
        touched.changed = true;
        let actor = touched.head.actor.take();
        touched.head.making = None;
        touched.head.events = 0;
        if let Some(actor) = actor {
            self.count_actor(&actor.class, actor.version, -1);
        }
        Ok(())
    }

    /// Forgets keys and resumptions, but those of the invocations that stay.
    fn forget_links(&mut self, name: &Name, kept: &BTreeSet<u64>) -> Try<()> {
        let mut gone = Vec::new();
        for entry in self.tables.records::<Use>(Key::uses(name))? {
            let (key, used) = entry?;
            if used.event.is_some() || !kept.contains(&used.number) {
                gone.push(key);
            }
        }
        for key in self.tables.keys(Key::resumptions(name))? {
            let key = key?;
            if !kept.contains(&invocations::number_of(&key)?) {
                gone.push(key);
            }
        }
        for key in gone {
            self.tables.delete(&key)?;
        }
        Ok(())
    }
}
