//! Classes: registering them, reading what they say, and having them ready to run.

pub mod validate;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::Engine;
use crate::model::{ActorId, ClassName, Description, Error, Hash, LogLine, Method, MethodKind, Name, Result, similar};
use crate::sandbox::{Aborted, Run, RunOutput};
use crate::store::{ClassVersion, NewVersion, Registered, RegisteredClass, VersionUsage};

/// What `register` did.
#[derive(Clone, Debug)]
pub struct Registration {
    pub registered: Registered,
    pub class: ClassName,
    pub hash: Hash,
    pub component_bytes: u64,
    pub description: Arc<Description>,
    /// What stays on the class's other versions, by version.
    pub staying: Vec<VersionUsage>,
}

/// One version of a class, and what it says of itself.
#[derive(Clone, Debug)]
pub struct ClassInfo {
    pub class: RegisteredClass,
    pub version: ClassVersion,
    pub description: Arc<Description>,
}

/// Class versions that this engine has read. A version never changes, so they stay good.
#[derive(Default)]
pub(in crate::engine) struct Loaded(Mutex<HashMap<(ClassName, u32), Arc<LoadedClass>>>);

/// A class version ready to check calls; compiled code comes with the first run.
pub(in crate::engine) struct LoadedClass {
    pub version: ClassVersion,
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
        self.description
            .constructor()
            .ok_or_else(|| Error::Damaged { what: format!("the class {} has no constructor", self.version.class) })
    }
}

impl Engine {
    /// Adds a class from the bytes of its component (or of a core module that carries the component's type), or a new
    /// version of it; bytes that it had before become current again.
    pub fn register(&self, class: &str, bytes: &[u8]) -> Result<Registration> {
        let class = ClassName::new(class)?;
        let observer = self.settings.observer.clone();
        let task = Name::task(&class, "describe");
        let (limits, stop) = (self.limits(), &self.settings.stop);
        let (mut compiling, mut said) = (|| observer.compiling(&class), |line: &LogLine| observer.logged(&task, line));
        let inspected = self.sandbox.inspect(bytes, &limits, stop, &mut compiling, &mut said)?;
        let component_bytes = inspected.component.len() as u64;
        let registered = self.store.register(NewVersion {
            class: class.clone(),
            hash: inspected.hash,
            component: inspected.component,
            description: inspected.description,
            at: self.now()?,
        })?;
        let (Registered::New(current) | Registered::Again(current) | Registered::Unchanged(current)) = registered;
        let mut staying = self.store.version_usage(&class)?;
        staying.retain(|on| on.version != current);
        let (hash, description) = (inspected.hash, Arc::new(inspected.class));
        Ok(Registration { registered, class, hash, component_bytes, description, staying })
    }

    /// All classes, by name.
    pub fn classes(&self) -> Result<Vec<RegisteredClass>> {
        self.store.classes()
    }

    /// A version of a class (the current one where none is given) and what it says of itself.
    pub fn class(&self, class: &str, version: Option<u32>) -> Result<ClassInfo> {
        let class = self.known_class(class)?;
        let loaded = self.loaded(&class.name, version.unwrap_or(class.current))?;
        Ok(ClassInfo { class, version: loaded.version.clone(), description: loaded.description.clone() })
    }

    /// The class version of an actor that is there or being made, and what it says of itself.
    pub fn class_of_actor(&self, id: &str) -> Result<ClassInfo> {
        let loaded = self.class_of(&ActorId::new(id)?)?;
        self.class(loaded.version.class.as_str(), Some(loaded.version.number))
    }

    /// A method of an actor, as its class declares it.
    pub fn method(&self, id: &str, method: &str) -> Result<Method> {
        self.class_of(&ActorId::new(id)?)?.method(method).cloned()
    }

    /// A task of a class's current version, as the class declares it.
    pub fn task(&self, class: &ClassName, task: &str) -> Result<Method> {
        let class = self.known_class(class.as_str())?;
        let loaded = self.loaded(&class.name, class.current)?;
        let method = loaded.method(task)?;
        crate::engine::classes::validate::expect_kind(method, &[MethodKind::Task])?;
        Ok(method.clone())
    }

    /// Removes a class; refused while it has actors, or constructions or tasks that have not ended, unless `force`, which
    /// removes and cancels them. The number of actors that were removed.
    pub fn remove_class(&self, class: &str, force: bool) -> Result<u64> {
        let class = self.known_class(class)?.name;
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
        self.store.remove_class(&class, force)?;
        Ok(removed)
    }

    pub(in crate::engine) fn known_class(&self, class: &str) -> Result<RegisteredClass> {
        let name = ClassName::new(class)?;
        if let Some(class) = self.store.class(&name)? {
            return Ok(class);
        }
        let all = self.store.classes()?;
        let similar = similar(class, all.iter().map(|class| class.name.as_str()));
        Err(Error::NoClass { class: class.to_owned(), similar })
    }

    pub(in crate::engine) fn loaded(&self, class: &ClassName, version: u32) -> Result<Arc<LoadedClass>> {
        let known = |loaded: &Loaded| {
            let all = loaded.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.get(&(class.clone(), version)).cloned()
        };
        if let Some(loaded) = known(&self.loaded) {
            return Ok(loaded);
        }
        let version =
            self.store.version(class, version)?.ok_or_else(|| Error::NoVersion { class: class.clone(), version })?;
        let description = Description::read_stored(&version.description).map_err(|reason| Error::Damaged {
            what: format!("the description of version {} of the class {class}: {reason}", version.number),
        })?;
        let loaded = Arc::new(LoadedClass { version, description: Arc::new(description) });
        let mut all = self.loaded.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert((class.clone(), loaded.version.number), loaded.clone());
        Ok(loaded)
    }

    /// Runs one method of a class version in the sandbox.
    pub(in crate::engine) fn run_class(&self, loaded: &LoadedClass, run: Run<'_>) -> Result<RunOutput, Aborted> {
        let version = &loaded.version;
        let component = || {
            let what = || format!("the component of {} version {} is missing", version.class, version.number);
            self.store.component(&version.hash)?.ok_or_else(|| Error::Damaged { what: what() })
        };
        let mut on_compile = || self.settings.observer.compiling(&version.class);
        self.sandbox.run(&version.hash, component, &mut on_compile, run)
    }
}
