//! Classes, their versions and components.

use crate::model::{CallKind, ClassName, Error, Hash};
use crate::store::{ClassVersion, NewVersion, Registered, RegisteredClass, VersionUsage};

use super::boundary::{Try, damaged};
use super::key::Key;
use super::record::{self, ClassRecord, CountsRecord, VersionRecord};
use super::tables::{Source, Tables};
use super::write::Writer;
use super::{actors, invocations};

pub(super) fn class(tables: &Tables<impl Source>, name: &ClassName) -> Try<Option<RegisteredClass>> {
    let record: Option<ClassRecord> = tables.get(&Key::class(name))?;
    Ok(record.and_then(|record| record.class(name.clone())))
}

pub(super) fn classes(tables: &Tables<impl Source>) -> Try<Vec<RegisteredClass>> {
    let records = tables.records(Key::classes())?;
    let class = |entry: Try<(Key, ClassRecord)>| {
        let (key, record) = entry?;
        Ok(record.class(class_name(&key)?))
    };
    records.filter_map(|entry| class(entry).transpose()).collect()
}

fn class_name(key: &Key) -> Try<ClassName> {
    key.class_name().map_or_else(|| damaged("the name of a class is none"), Ok)
}

pub(super) fn version(tables: &Tables<impl Source>, class: &ClassName, number: u32) -> Try<Option<ClassVersion>> {
    let key = Key::version(class, number);
    if let Some(record) = tables.get::<VersionRecord>(&key)? {
        return Ok(Some(record.version(class, number)));
    }
    match tables.get(&Key::class(class))? {
        Some(ClassRecord { current: Some(_), first, last }) if (first..=last).contains(&number) => {
            damaged(format!("{} is missing", key.describe()))
        }
        _ => Ok(None),
    }
}

pub(super) fn on_versions(tables: &Tables<impl Source>, class: &ClassName) -> Try<Vec<VersionUsage>> {
    let on_version = |entry: Try<(Key, CountsRecord)>| {
        let (key, CountsRecord { actors, pending }) = entry?;
        let number = key.last_number().and_then(|number| u32::try_from(number).ok());
        number.map_or_else(
            || damaged(format!("{} is not readable", key.describe())),
            |version| Ok(VersionUsage { version, actors, pending }),
        )
    };
    tables.records(Key::counts_of(class))?.map(on_version).collect()
}

pub(super) fn component(tables: &Tables<impl Source>, hash: &Hash) -> Try<Option<Vec<u8>>> {
    let key = Key::component(hash);
    tables.get_bytes(&key, |bytes| record::checked(&key, bytes, hash))
}

impl Writer<'_> {
    pub(super) fn register(&mut self, new: &NewVersion) -> Try<Registered> {
        let key = Key::class(&new.class);
        let before = self.tables.get(&key)?.unwrap_or(ClassRecord { current: None, last: 0, first: 1 });
        for number in (before.first..=before.last).rev() {
            let version: VersionRecord = self.tables.must(&Key::version(&new.class, number))?;
            if version.hash == new.hash {
                return self.make_current(&key, before, number);
            }
        }
        let Some(number) = before.last.checked_add(1) else {
            return damaged(format!("the class {} has no number left for a version", new.class));
        };
        self.changed();
        if !self.tables.has(&Key::component(&new.hash))? {
            self.tables.put_bytes(&Key::component(&new.hash), &new.component)?;
        }
        let version = VersionRecord {
            hash: new.hash,
            component_bytes: new.component.len() as u64,
            description: new.description.clone(),
            registered: new.at,
        };
        self.tables.put(&Key::version(&new.class, number), &version)?;
        self.tables.put(&key, &ClassRecord { current: Some(number), last: number, ..before })?;
        Ok(Registered::New(number))
    }

    fn make_current(&mut self, key: &Key, before: ClassRecord, number: u32) -> Try<Registered> {
        if before.current == Some(number) {
            return Ok(Registered::Unchanged(number));
        }
        self.changed();
        self.tables.put(key, &ClassRecord { current: Some(number), ..before })?;
        Ok(Registered::Again(number))
    }

    pub(super) fn remove_class(&mut self, name: &ClassName, force: bool) -> Try<()> {
        let key = Key::class(name);
        let record: Option<ClassRecord> = self.tables.get(&key)?;
        let Some(class @ ClassRecord { current: Some(_), .. }) = record else {
            return Err(Error::NoClass { class: name.to_string(), similar: None }.into());
        };
        let wanted = if force { None } else { self.awaited_task_of(name)?.map(|reference| reference.to_string()) };
        if let Some(example) = self.user_of(name)?.or(wanted) {
            return Err(Error::ClassInUse { class: name.clone(), example }.into());
        }
        self.forget_tasks_of(name)?;
        let of_class = self.versions(|class| class == name)?;
        let of_others = self.versions(|class| class != name)?;
        for (key, version) in of_class {
            self.tables.delete(&key)?;
            if !of_others.iter().any(|(_, other)| other.hash == version.hash) {
                self.tables.delete(&Key::component(&version.hash))?;
            }
        }
        self.changed();
        self.tables.put(&key, &ClassRecord { current: None, first: class.last.saturating_add(1), ..class }).map(drop)
    }

    fn versions(&self, wanted: impl Fn(&ClassName) -> bool) -> Try<Vec<(Key, VersionRecord)>> {
        let mut found = Vec::new();
        for entry in self.tables.records(Key::versions())? {
            let (key, version) = entry?;
            if wanted(&class_name(&key)?) {
                found.push((key, version));
            }
        }
        Ok(found)
    }

    /// An actor of a class, or an accepted invocation.
    fn user_of(&self, class: &ClassName) -> Try<Option<String>> {
        let mut after = None;
        while let Some((id, head)) = actors::next_actor(&self.tables, "", after.as_ref())? {
            if head.actor.is_some_and(|actor| actor.class == *class) {
                return Ok(Some(id.to_string()));
            }
            after = Some(id);
        }
        let mut after = None;
        while let Some(name) = invocations::next_name(&self.tables, after.as_ref())? {
            for number in invocations::open_numbers(&self.tables, &name)? {
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
