//! Before a call is accepted: is the actor there, is the method, do the arguments fit.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::engine::classes::LoadedClass;
use crate::engine::{Engine, Options, PendingConstruction, new_seed};
use crate::model::{
    ActorId, CallKind, CallRequest, ClassName, Error, Hash, Json, Key, Limit, Method, MethodKind, Name, QueryOption,
    Result, canonical, shortened, similar,
};

impl Engine {
    /// A construction of the class's current version, checked.
    pub(in crate::engine) fn prepare_construction(
        &self,
        class: &str,
        id: &ActorId,
        arguments: Value,
        options: &Options,
    ) -> Result<(Arc<LoadedClass>, CallRequest)> {
        id.expect_no_flag()?;
        let class = self.known_class(class)?;
        let loaded = self.loaded(&class.name, class.current)?;
        let constructor = loaded.constructor()?;
        let sent = object(constructor, arguments)?;
        let key = key(options, &construction_fingerprint(&class.name, &sent))?;
        let call = CallKind::Construct { class: class.name.clone(), version: class.current };
        let invocation = self.prepare(Name::from(id), call, constructor, sent, key, options)?;
        Ok((loaded, invocation))
    }

    /// A mutation of an actor of this class, checked.
    pub(in crate::engine) fn prepare_mutation(
        &self,
        id: &ActorId,
        method: &Method,
        arguments: Value,
        options: &Options,
    ) -> Result<CallRequest> {
        let sent = object(method, arguments)?;
        // most calls have no key, and the fingerprint costs more than the rest of this
        let key = match &options.key {
            Some(_) => key(options, &method_fingerprint(&method.name, &sent))?,
            None => None,
        };
        self.prepare(Name::from(id), CallKind::Mutate, method, sent, key, options)
    }

    pub(in crate::engine) fn prepare(
        &self,
        name: Name,
        call: CallKind,
        method: &Method,
        sent: Map<String, Value>,
        key: Option<Key>,
        options: &Options,
    ) -> Result<CallRequest> {
        check_meta(&options.meta)?;
        let arguments = complete(method, &sent, self.limits().arguments)?;
        let accepted = self.now()?;
        Ok(CallRequest {
            key,
            meta: options.meta.clone(),
            due: options.delay.map(|delay| accepted.after(delay)).or(options.due),
            delay_ms: options.delay.map(|delay| accepted.after(delay).since(accepted).as_millis() as u64),
            retries: options.retries,
            limits: self.settings.limits.clone(),
            ..CallRequest::new(name, call, &method.name, arguments, new_seed()?, accepted)
        })
    }

    /// Why there is no actor: nothing made it, or it is being made.
    pub(in crate::engine) fn no_actor(&self, id: &ActorId) -> Error {
        if let Ok(Some(PendingConstruction { reference, .. })) = self.making(id) {
            return Error::BeingMade { id: id.to_string(), reference };
        }
        // people mistype the end of an id more often than its beginning
        let beginning: String = id.as_str().chars().take(1).collect();
        let near = self.store.actors(&beginning, None, 1000).unwrap_or_default();
        Error::NoActor { id: id.to_string(), similar: similar(id.as_str(), near.iter().map(|(id, _)| id.as_str())) }
    }
}

/// The arguments of a run: checked, defaults filled in, within so many bytes.
pub(in crate::engine) fn complete(method: &Method, sent: &Map<String, Value>, allowed: u64) -> Result<Json> {
    let complete = method.complete(sent)?;
    match complete.as_str().len() as u64 <= allowed {
        true => Ok(complete),
        false => Err(Error::OverLimit { limit: Limit::Arguments, allowed }),
    }
}

/// Refuses a method that is not of one of these kinds.
pub(in crate::engine) fn expect_kind(method: &Method, wanted: &[MethodKind]) -> Result<()> {
    if wanted.contains(&method.kind) {
        return Ok(());
    }
    Err(Error::WrongKind { method: method.name.clone(), kind: method.kind, wanted: wanted.to_vec() })
}

/// Refuses the options that only a call which is kept can have: nothing of a query is kept.
pub(in crate::engine) fn expect_options_of_query(method: &Method, options: &Options) -> Result<()> {
    let option = match options {
        Options { key: Some(_), .. } => QueryOption::Key,
        Options { meta, .. } if !meta.is_empty() => QueryOption::Metadata,
        _ => return Ok(()),
    };
    Err(Error::OptionOfQuery { method: method.name.clone(), option })
}

pub(in crate::engine) fn object(method: &Method, arguments: Value) -> Result<Map<String, Value>> {
    match arguments {
        Value::Object(map) => Ok(map),
        Value::Null => Ok(Map::new()),
        _ => Err(method.refuse("they are not one JSON object keyed by parameter".to_owned())),
    }
}

/// What makes a call the same call: the method and the arguments as sent, as canonical JSON.
pub(in crate::engine) fn method_fingerprint(method: &str, sent: &Map<String, Value>) -> Hash {
    fingerprint(&["call", method], sent)
}

pub(in crate::engine) fn construction_fingerprint(class: &ClassName, sent: &Map<String, Value>) -> Hash {
    fingerprint(&["create", class.as_str()], sent)
}

pub(in crate::engine) fn task_fingerprint(task: &str, sent: &Map<String, Value>) -> Hash {
    fingerprint(&["run", task], sent)
}

fn fingerprint(what: &[&str], sent: &Map<String, Value>) -> Hash {
    Hash::of(canonical(&serde_json::json!([what, sent])).as_bytes())
}

pub(in crate::engine) fn key(options: &Options, fingerprint: &Hash) -> Result<Option<Key>> {
    let Some(text) = &options.key else { return Ok(None) };
    check_key(text)?;
    Ok(Some(Key { text: text.clone(), fingerprint: *fingerprint }))
}

/// Metadata is shown as an object: each name is there once.
pub(in crate::engine) fn check_meta(meta: &[(String, String)]) -> Result<()> {
    let mut names = HashSet::new();
    match meta.iter().find(|(name, _)| !names.insert(name)) {
        None => Ok(()),
        Some((name, _)) => Err(Error::MetadataTwice { name: shortened(name, 40) }),
    }
}

pub(in crate::engine) fn check_key(key: &str) -> Result<()> {
    match Key::is_valid(key) {
        true => Ok(()),
        false => Err(Error::InvalidKey { key: key.chars().take(64).collect() }),
    }
}
