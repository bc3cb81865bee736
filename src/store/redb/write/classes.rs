//! Registering and removing classes.

use crate::model::{CallKind, ClassName, Error};
use crate::store::redb::errors::{TxResult, internal};
use crate::store::redb::read::classes::class_name;
use crate::store::redb::read::{actors, inbox, invocations};
use crate::store::redb::schema::key::RecordKey;
use crate::store::redb::schema::records::{ClassRecord, VersionRecord};
use crate::store::{NewVersion, Registered};

use super::writer::Writer;

impl Writer<'_> {
    pub fn register(&mut self, new: &NewVersion) -> TxResult<Registered> {
        let key = RecordKey::class(&new.class);
        let before = self.tables.get(&key)?.unwrap_or(ClassRecord { current: None, last: 0, first: 1 });
        for number in (before.first..=before.last).rev() {
            let version: VersionRecord = self.tables.must(&RecordKey::version(&new.class, number))?;
            if version.hash == new.hash {
                return self.make_current(&key, before, number);
            }
        }
        let Some(number) = before.last.checked_add(1) else {
            return internal(format!("the class {} has no number left for a version", new.class));
        };
        self.changed();
        if !self.tables.has(&RecordKey::component(&new.hash))? {
            self.tables.put_bytes(&RecordKey::component(&new.hash), &new.component)?;
        }
        let version = VersionRecord {
            hash: new.hash,
            component_bytes: new.component.len() as u64,
            description: new.description.clone(),
            registered: new.at,
        };
        self.tables.put(&RecordKey::version(&new.class, number), &version)?;
        self.tables.put(&key, &ClassRecord { current: Some(number), last: number, ..before })?;
        Ok(Registered::New(number))
    }

    fn make_current(&mut self, key: &RecordKey, before: ClassRecord, number: u32) -> TxResult<Registered> {
        if before.current == Some(number) {
            return Ok(Registered::Unchanged(number));
        }
        self.changed();
        self.tables.put(key, &ClassRecord { current: Some(number), ..before })?;
        Ok(Registered::Again(number))
    }

    pub fn remove_class(&mut self, name: &ClassName, force: bool) -> TxResult<()> {
        let key = RecordKey::class(name);
        let record: Option<ClassRecord> = self.tables.get(&key)?;
        let Some(class @ ClassRecord { current: Some(_), .. }) = record else {
            return Err(Error::NoClass { class: name.to_string(), similar: None }.into());
        };
        let awaited = if force { None } else { self.awaited_task_of(name)?.map(|reference| reference.to_string()) };
        if let Some(example) = self.user_of(name)?.or(awaited) {
            return Err(Error::ClassInUse { class: name.clone(), example }.into());
        }
        self.delete_tasks_of(name)?;
        let of_class = self.versions(|class| class == name)?;
        let of_others = self.versions(|class| class != name)?;
        for (key, version) in of_class {
            self.tables.delete(&key)?;
            if !of_others.iter().any(|(_, other)| other.hash == version.hash) {
                self.tables.delete(&RecordKey::component(&version.hash))?;
            }
        }
        self.changed();
        self.tables.put(&key, &ClassRecord { current: None, first: class.last.saturating_add(1), ..class }).map(drop)
    }

    fn versions(&self, wanted: impl Fn(&ClassName) -> bool) -> TxResult<Vec<(RecordKey, VersionRecord)>> {
        let mut found = Vec::new();
        for entry in self.tables.records(RecordKey::versions())? {
            let (key, version) = entry?;
            if wanted(&class_name(&key)?) {
                found.push((key, version));
            }
        }
        Ok(found)
    }

    /// An actor of a class, or a pending invocation that was accepted with it.
    fn user_of(&self, class: &ClassName) -> TxResult<Option<String>> {
        let mut after = None;
        while let Some((id, record)) = actors::next_actor(&self.tables, "", after.as_ref())? {
            if record.actor.is_some_and(|actor| actor.class == *class) {
                return Ok(Some(id.to_string()));
            }
            after = Some(id);
        }
        let mut after = None;
        while let Some(name) = inbox::next_name(&self.tables, after.as_ref())? {
            for number in inbox::pending_numbers(&self.tables, &name)? {
                let invocation = invocations::must(&self.tables, &name, number)?;
                match &invocation.request.kind {
                    CallKind::Construct { class: of, .. } | CallKind::Task { class: of, .. } if of == class => {
                        return Ok(Some(invocation.reference().to_string()));
                    }
                    _ => {}
                }
            }
            after = Some(name);
        }
        Ok(None)
    }
}
