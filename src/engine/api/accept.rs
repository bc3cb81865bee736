//! One way to accept a call: its key is looked up, the call is checked, and the store accepts it.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Engine, Options};
use crate::engine::classes::LoadedClass;
use crate::engine::classes::validate::{check_meta, complete, expect_kind, object};
use crate::engine::core::new_seed;
use crate::model::{
    ActorId, CallKind, CallRequest, ClassName, Error, Hash, Invocation, Key, MAX_NESTING, Method, MethodKind, Name,
    Reference, Result, canonical, is_deeper,
};
use crate::store::Accepted;

/// A call whose key was looked up.
pub enum Keyed<T> {
    /// The invocation that used the key before, for the same call.
    Duplicate(Reference),
    New(T),
}

/// A checked call, and the class version that checked its arguments.
pub struct CheckedRequest {
    pub request: CallRequest,
    pub loaded: Arc<LoadedClass>,
}

impl CheckedRequest {
    pub fn method(&self) -> Result<&Method> {
        self.loaded.method(&self.request.method)
    }
}

/// The target of a new call.
#[derive(Clone, Copy)]
pub enum NewTarget<'a> {
    /// The constructor of a class's current version, for an actor.
    Construct(&'a ClassName, &'a ActorId),
    /// A method of an actor.
    Method(&'a ActorId, &'a str),
    /// A task of a class's current version.
    Task(&'a ClassName, &'a str),
}

impl NewTarget<'_> {
    /// The name under which the call is counted, and its key kept.
    pub fn name(self) -> Name {
        match self {
            NewTarget::Construct(_, id) | NewTarget::Method(id, _) => Name::from(id),
            NewTarget::Task(class, task) => Name::task(class, task),
        }
    }

    /// The identity of a call with a key: the target and the arguments as sent, as canonical JSON.
    fn fingerprint(self, sent: &Map<String, Value>) -> Hash {
        let target = match self {
            NewTarget::Construct(class, _) => ["create", class.as_str()],
            NewTarget::Method(_, method) => ["call", method],
            NewTarget::Task(_, task) => ["run", task],
        };
        Hash::of(canonical(&serde_json::json!([target, sent])).as_bytes())
    }
}

impl Engine {
    /// The call that used the key of a new one before. A key is looked up before any other check.
    pub(super) fn duplicate(
        &self,
        target: NewTarget<'_>,
        arguments: &Value,
        options: &Options,
    ) -> Result<Option<Reference>> {
        check_meta(&options.meta)?;
        let Some(key) = &options.key else { return Ok(None) };
        check_key(key)?;
        let Some(earlier) = self.core.store.invocation_by_key(&target.name(), key)? else { return Ok(None) };
        // arguments that are no object or nested too deeply are refused later, by the method
        let sent = arguments.as_object().filter(|_| !is_deeper(arguments, MAX_NESTING)).cloned();
        same_call(&earlier, &target.fingerprint(&sent.unwrap_or_default()), options).map(Some)
    }

    /// Checks a construction, which is refused if the actor exists.
    pub(super) fn check_construction(
        &self,
        class: &ClassName,
        id: &ActorId,
        arguments: Value,
        options: &Options,
    ) -> Result<Keyed<CheckedRequest>> {
        let target = NewTarget::Construct(class, id);
        if let Some(reference) = self.duplicate(target, &arguments, options)? {
            return Ok(Keyed::Duplicate(reference));
        }
        if self.core.store.name_record(&target.name())?.is_some_and(|record| record.actor.is_some()) {
            return Err(Error::ActorExists { id: id.to_string() });
        }
        id.expect_no_flag()?;
        let loaded = self.classes.current(class.as_str())?;
        let kind = CallKind::Construct { class: class.clone(), version: loaded.version.number };
        let request = self.checked_request(target, kind, loaded.constructor()?, arguments, options)?;
        Ok(Keyed::New(CheckedRequest { request, loaded }))
    }

    /// Checks a mutation of an actor of this class version.
    pub(super) fn check_mutation(
        &self,
        id: &ActorId,
        loaded: &Arc<LoadedClass>,
        method: &Method,
        arguments: Value,
        options: &Options,
    ) -> Result<CheckedRequest> {
        let target = NewTarget::Method(id, &method.name);
        let request = self.checked_request(target, CallKind::Mutate, method, arguments, options)?;
        Ok(CheckedRequest { request, loaded: Arc::clone(loaded) })
    }

    /// Checks a call of a task.
    pub(super) fn check_task(
        &self,
        class: &ClassName,
        task: &str,
        arguments: Value,
        options: &Options,
    ) -> Result<Keyed<CheckedRequest>> {
        let registered = self.classes.registered(class.as_str())?;
        let target = NewTarget::Task(class, task);
        if let Some(reference) = self.duplicate(target, &arguments, options)? {
            return Ok(Keyed::Duplicate(reference));
        }
        let loaded = self.classes.version(class, registered.current)?;
        let method = loaded.method(task)?;
        expect_kind(method, &[MethodKind::Task])?;
        let kind = CallKind::Task { class: class.clone(), version: registered.current };
        let request = self.checked_request(target, kind, method, arguments, options)?;
        Ok(Keyed::New(CheckedRequest { request, loaded }))
    }

    /// Checks the arguments of a call.
    fn checked_request(
        &self,
        target: NewTarget<'_>,
        kind: CallKind,
        method: &Method,
        arguments: Value,
        options: &Options,
    ) -> Result<CallRequest> {
        check_meta(&options.meta)?;
        let sent = object(method, arguments)?;
        let key = match &options.key {
            Some(text) => {
                check_key(text)?;
                Some(Key { text: text.clone(), fingerprint: target.fingerprint(&sent) })
            }
            None => None,
        };
        let arguments = complete(method, &sent, self.limits().arguments)?;
        let accepted = self.now()?;
        Ok(CallRequest {
            key,
            meta: options.meta.clone(),
            due: options.delay.map(|delay| accepted.after(delay)).or(options.due),
            delay_ms: options.delay.map(|delay| accepted.after(delay).since(accepted).as_millis() as u64),
            retries: options.retries,
            limits: self.core.settings.limits.clone(),
            ..CallRequest::new(target.name(), kind, &method.name, arguments, new_seed()?, accepted)
        })
    }

    /// Accepts a checked call.
    pub(super) fn accept(&self, checked: CheckedRequest, options: &Options) -> Result<Keyed<Reference>> {
        let CheckedRequest { request, .. } = checked;
        let (name, fingerprint) = (request.name.clone(), request.key.as_ref().map(|key| key.fingerprint));
        match self.core.accept(request)? {
            Accepted::New(number) => Ok(Keyed::New(Reference { name, number })),
            Accepted::Duplicate(earlier) => {
                let fingerprint =
                    fingerprint.ok_or_else(|| Error::internal("a call without a key is called a duplicate"))?;
                same_call(&earlier, &fingerprint, options).map(Keyed::Duplicate)
            }
        }
    }
}

/// The reference of the earlier call that used the key, if it was the same call.
pub fn same_call(earlier: &Invocation, fingerprint: &Hash, options: &Options) -> Result<Reference> {
    match &earlier.request.key {
        Some(key) if key.fingerprint == *fingerprint => Ok(earlier.reference()),
        _ => Err(Error::KeyTaken { key: options.key.clone().unwrap_or_default(), reference: earlier.reference() }),
    }
}

pub fn check_key(key: &str) -> Result<()> {
    match Key::is_valid(key) {
        true => Ok(()),
        false => Err(Error::InvalidKey { key: key.chars().take(64).collect() }),
    }
}
