//! Calls that nobody waits for: accepted, and run by whoever comes first.

use serde_json::Value;

use crate::engine::api::calls::{one, same_call, sent_object};
use crate::engine::classes::validate::{construction_fingerprint, expect_kind, method_fingerprint};
use crate::engine::{Engine, Options};
use crate::model::{ActorId, CallRequest, ClassName, Error, MethodKind, Name, Reference, Result};
use crate::store::Accepted;

/// What [`submit_create_if_absent`](Engine::submit_create_if_absent) did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// The construction is accepted.
    New(Reference),
    /// This one was accepted before, and has not ended.
    Pending(Reference),
    /// The actor is there.
    Present,
}

impl Engine {
    /// Accepts a construction and returns at once; any worker runs it.
    pub fn submit_create(&self, class: &str, id: &str, arguments: Value, options: &Options) -> Result<Reference> {
        let id = ActorId::new(id)?;
        match self.submit_create_once(class, &id, arguments.clone(), options) {
            // a call with the same key may have made it, or is about to, since the key was looked up
            Err(Error::ActorExists { .. } | Error::BeingMade { .. }) if options.key.is_some() => {
                self.submit_create_once(class, &id, arguments, options)
            }
            submitted => submitted,
        }
    }

    fn submit_create_once(&self, class: &str, id: &ActorId, arguments: Value, options: &Options) -> Result<Reference> {
        if let Some(known) = self.keyed(id, options)? {
            let fingerprint = construction_fingerprint(&ClassName::new(class)?, &sent_object(&arguments));
            return same_call(&known, options, Some(fingerprint));
        }
        if self.store.name_record(&Name::from(id))?.is_some_and(|head| head.actor.is_some()) {
            return Err(Error::ActorExists { id: id.to_string() });
        }
        let (_, request) = self.prepare_construction(class, id, arguments, options)?;
        self.submit(request, options)
    }

    /// Like [`submit_create`](Engine::submit_create), if the actor is neither there nor being made.
    /// [`OtherClass`](Error::OtherClass) where it is, of another class.
    pub fn submit_create_if_absent(
        &self,
        class: &str,
        id: &str,
        arguments: Value,
        options: &Options,
    ) -> Result<Submitted> {
        let wanted = self.known_class(class)?.name;
        let found = match self.submit_create(class, id, arguments, options) {
            Err(Error::ActorExists { .. }) => Submitted::Present,
            Err(Error::BeingMade { reference, .. }) => Submitted::Pending(reference),
            submitted => return submitted.map(Submitted::New),
        };
        self.expect_class(&ActorId::new(id)?, &wanted)?;
        Ok(found)
    }

    /// Accepts a mutation of an actor that is there, or whose construction was accepted, and returns at once.
    pub fn submit_call(&self, id: &str, method: &str, arguments: Value, options: &Options) -> Result<Reference> {
        let id = ActorId::new(id)?;
        if let Some(known) = self.keyed(&id, options)? {
            let fingerprint = method_fingerprint(method, &sent_object(&arguments));
            return same_call(&known, options, Some(fingerprint));
        }
        let loaded = self.class_of(&id)?;
        let method = loaded.method(method)?;
        expect_kind(method, &[MethodKind::Mutation])?;
        let request = self.prepare_mutation(&id, method, arguments, options)?;
        self.submit(request, options)
    }

    fn submit(&self, request: CallRequest, options: &Options) -> Result<Reference> {
        let (name, fingerprint) = (request.name.clone(), request.key.as_ref().map(|key| key.fingerprint));
        match one(self.store.accept(vec![request], self.limits().inbox)?)? {
            Accepted::New(number) => Ok(Reference { name, number }),
            Accepted::Duplicate(known) => same_call(&known, options, fingerprint),
        }
    }
}
