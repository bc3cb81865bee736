//! Looking up class versions, and checking calls against them.

pub mod validate;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::engine::core::Core;
use crate::model::{
    ActorId, ClassName, Description, Error, Method, MethodKind, Name, NameRecord, Result, lock, similar,
};
use crate::store::{ClassVersion, RegisteredClass};

/// The class versions of a store. A clone is the same.
#[derive(Clone)]
pub struct ClassVersions {
    core: Core,
    loaded: Arc<Mutex<LoadedClasses>>,
}

/// The class versions that this engine has read. The number of a version is never given again, so they stay valid.
type LoadedClasses = HashMap<(ClassName, u32), Arc<LoadedClass>>;

/// A class version against which calls can be checked. Its code is compiled by the first run.
pub struct LoadedClass {
    pub version: ClassVersion,
    /// Its methods keep the validators of their parameters.
    pub description: Arc<Description>,
}

impl LoadedClass {
    pub fn method(&self, name: &str) -> Result<&Method> {
        self.description.method(name).ok_or_else(|| Error::UnknownMethod {
            class: self.version.class.clone(),
            method: name.to_owned(),
            similar: similar(name, self.description.methods.iter().map(|method| method.name.as_str())),
        })
    }

    pub fn constructor(&self) -> Result<&Method> {
        let missing = || Error::Damaged { what: format!("the class {} has no constructor", self.version.class) };
        self.description.constructor().ok_or_else(missing)
    }

    /// Whether this is the version of a class with this name and number.
    pub fn is(&self, class: &ClassName, version: u32) -> bool {
        self.version.number == version && self.version.class == *class
    }
}

impl ClassVersions {
    pub fn new(core: Core) -> ClassVersions {
        ClassVersions { core, loaded: Arc::default() }
    }

    /// A registered class.
    pub fn registered(&self, class: &str) -> Result<RegisteredClass> {
        let name = ClassName::new(class)?;
        if let Some(class) = self.core.store.class(&name)? {
            return Ok(class);
        }
        let all = self.core.store.classes()?;
        let similar = similar(class, all.iter().map(|class| class.name.as_str()));
        Err(Error::NoClass { class: class.to_owned(), similar })
    }

    /// The current version of a class.
    pub fn current(&self, class: &str) -> Result<Arc<LoadedClass>> {
        let class = self.registered(class)?;
        self.version(&class.name, class.current)
    }

    /// A version of a class.
    pub fn version(&self, class: &ClassName, number: u32) -> Result<Arc<LoadedClass>> {
        if let Some(loaded) = lock(&self.loaded).get(&(class.clone(), number)) {
            return Ok(loaded.clone());
        }
        let missing = || Error::NoVersion { class: class.clone(), version: number };
        let version = self.core.store.version(class, number)?.ok_or_else(missing)?;
        let description = Description::read_stored(&version.description).map_err(|reason| Error::Damaged {
            what: format!("the description of version {number} of the class {class}: {reason}"),
        })?;
        let loaded = Arc::new(LoadedClass { version, description: Arc::new(description) });
        lock(&self.loaded).insert((class.clone(), number), loaded.clone());
        Ok(loaded)
    }

    /// The class version of an actor that exists or is being made.
    pub fn of_actor(&self, id: &ActorId) -> Result<Arc<LoadedClass>> {
        let record = self.core.store.name_record(&Name::from(id))?.unwrap_or_default();
        self.of_record(id, &record)
    }

    /// As [`of_actor`](ClassVersions::of_actor), of an actor whose name record is read already.
    pub fn of_record(&self, id: &ActorId, record: &NameRecord) -> Result<Arc<LoadedClass>> {
        if let Some(actor) = &record.actor {
            return self.version(&actor.class, actor.version);
        }
        match self.core.construction_in(id, record)? {
            Some(pending) => self.version(&pending.class, pending.version),
            None => Err(self.core.no_actor(id)),
        }
    }

    /// The names of the tasks of the class that a name of the form `CLASS/TASK` begins with; none if the store has no
    /// such class.
    pub fn tasks_beside(&self, name: &Name) -> Result<Vec<Name>> {
        let Some((Ok(class), _)) = name.as_str().split_once('/').map(|(class, task)| (ClassName::new(class), task))
        else {
            return Ok(Vec::new());
        };
        let Some(class) = self.core.store.class(&class)? else { return Ok(Vec::new()) };
        let loaded = self.version(&class.name, class.current)?;
        let tasks = loaded.description.methods.iter().filter(|method| method.kind == MethodKind::Task);
        Ok(tasks.map(|task| Name::task(&class.name, &task.name)).collect())
    }
}
