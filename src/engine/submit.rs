//! Calls that nobody waits for: accepted, and run by whoever comes first.

use serde_json::Value;

use super::calls::{one, same_call, sent_object};
use super::prepare::{construction_fingerprint, expect_kind, method_fingerprint};
use super::{Engine, Options};
use crate::model::{ActorId, ClassName, Error, MethodKind, Name, NewInvocation, Reference, Result};
use crate::store::Accepted;

impl Engine {
    /// Accepts a construction and returns at once; any worker runs it.
    pub fn submit_create(&self, class: &str, id: &str, arguments: Value, options: &Options) -> Result<Reference> {
        let id = ActorId::new(id)?;
        match self.submit_create_once(class, &id, arguments.clone(), options) {
            // a call with the same key may have made it, or is about to, since the key was looked up
            Err(Error::ActorExists { .. }) if options.key.is_some() => {
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
        let head = self.store.head(&Name::from(id))?.unwrap_or_default();
        if head.actor.is_some() || self.pending_construction(&Name::from(id), &head)?.is_some() {
            return Err(Error::ActorExists { id: id.to_string() });
        }
        let (_, new) = self.prepare_construction(class, id, arguments, options)?;
        self.submit(new, options)
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
        let new = self.prepare_mutation(&id, method, arguments, options)?;
        self.submit(new, options)
    }

    fn submit(&self, new: NewInvocation, options: &Options) -> Result<Reference> {
        let (name, fingerprint) = (new.name.clone(), new.key.as_ref().map(|key| key.fingerprint));
        match one(self.store.accept(vec![new], self.settings.limits.inbox)?)? {
            Accepted::New(number) => Ok(Reference { name, number }),
            Accepted::Known(known) => same_call(&known, options, fingerprint),
        }
    }
}
