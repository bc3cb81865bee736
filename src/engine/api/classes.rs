//! Registering and describing classes.

use std::sync::Arc;

use super::Engine;
use crate::engine::classes::validate::expect_kind;
use crate::model::{ActorId, ClassName, Description, Hash, LogLine, Method, MethodKind, Name, Result};
use crate::store::{ClassVersion, NewVersion, Registered, RegisteredClass, VersionUsage};

/// The result of [`register`](Engine::register).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Registration {
    /// Whether the version is new, and its number.
    pub registered: Registered,
    /// The class.
    pub class: ClassName,
    /// blake3 of the component.
    pub hash: Hash,
    /// Bytes of the component.
    pub component_bytes: u64,
    /// The declarations of the class.
    pub description: Arc<Description>,
    /// The use of the class's other versions.
    pub staying: Vec<VersionUsage>,
}

/// One version of a class.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClassInfo {
    /// The class.
    pub class: RegisteredClass,
    /// The version.
    pub version: ClassVersion,
    /// The declarations of the version.
    pub description: Arc<Description>,
}

impl Engine {
    /// Adds a class, or a new version of it, from the bytes of its component, or of a core module that carries the component's
    /// type. If the class has a version with these bytes, it becomes the current one again.
    pub fn register(&self, class: &str, bytes: &[u8]) -> Result<Registration> {
        let class = ClassName::new(class)?;
        let observer = self.core.settings.observer.clone();
        let task = Name::task(&class, "describe");
        let (limits, stop) = (self.limits(), &self.core.settings.stop);
        let (mut compiling, mut logged) =
            (|| observer.compiling(&class), |line: &LogLine| observer.logged(&task, line));
        let inspected = self.core.sandbox.inspect(bytes, &limits, stop, &mut compiling, &mut logged)?;
        let component_bytes = inspected.component.len() as u64;
        let registered = self.core.store.register(NewVersion {
            class: class.clone(),
            hash: inspected.hash,
            component: inspected.component,
            description: inspected.description,
            at: self.now()?,
        })?;
        let (Registered::New(current) | Registered::Again(current) | Registered::Unchanged(current)) = registered;
        let mut staying = self.core.store.version_usage(&class)?;
        staying.retain(|usage| usage.version != current);
        let (hash, description) = (inspected.hash, Arc::new(inspected.class));
        Ok(Registration { registered, class, hash, component_bytes, description, staying })
    }

    /// All classes, by name.
    pub fn classes(&self) -> Result<Vec<RegisteredClass>> {
        self.core.store.classes()
    }

    /// A version of a class; the current one if `version` is None.
    pub fn class(&self, class: &str, version: Option<u32>) -> Result<ClassInfo> {
        let class = self.classes.registered(class)?;
        let loaded = self.classes.version(&class.name, version.unwrap_or(class.current))?;
        Ok(ClassInfo { class, version: loaded.version.clone(), description: loaded.description.clone() })
    }

    /// The class version of an actor that exists or is being made.
    pub fn class_of_actor(&self, id: &str) -> Result<ClassInfo> {
        let loaded = self.classes.of_actor(&ActorId::new(id)?)?;
        self.class(loaded.version.class.as_str(), Some(loaded.version.number))
    }

    /// A task of a class's current version, as the class declares it.
    pub fn task(&self, class: &ClassName, task: &str) -> Result<Method> {
        let loaded = self.classes.current(class.as_str())?;
        let method = loaded.method(task)?;
        expect_kind(method, &[MethodKind::Task])?;
        Ok(method.clone())
    }
}
