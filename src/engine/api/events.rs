//! Sending events to actors.

use serde_json::Value;

use super::Engine;
use super::accept::check_key;
use crate::model::{
    ActorId, Error, Event, Hash, Json, Key, Limit, MAX_NESTING, Name, Result, canonical, is_deeper, too_deep,
};
use crate::store::NewEvent;

impl Engine {
    /// Sends an event to an actor, where it stays until a method takes it. Its number among the actor's events. A later call
    /// with the same key sends nothing.
    pub fn emit(&self, id: &str, event: &str, payload: Value, key: Option<&str>) -> Result<u64> {
        let id = ActorId::new(id)?;
        if !Event::is_name(event) {
            return Err(Error::InvalidEvent { event: event.chars().take(64).collect() });
        }
        if is_deeper(&payload, MAX_NESTING) {
            return Err(Error::InvalidPayload { reason: too_deep() });
        }
        let sent = Json::from(&payload);
        let allowed = self.limits().arguments;
        if sent.as_str().len() as u64 > allowed {
            return Err(Error::OverLimit { limit: Limit::Arguments, allowed });
        }
        let key = match key {
            Some(text) => {
                check_key(text)?;
                let fingerprint = Hash::of(canonical(&serde_json::json!(["emit", event, payload])).as_bytes());
                Some(Key { text: text.to_owned(), fingerprint })
            }
            None => None,
        };
        let new = NewEvent { name: Name::from(&id), event: event.to_owned(), payload: sent, key, at: self.now()? };
        match self.core.store.emit(new, self.limits().inbox) {
            Err(Error::NoActor { .. }) => Err(self.core.no_actor(&id)),
            sent => sent,
        }
    }

    /// Events of an actor that no method has taken, in order, with numbers over `after`; at most `limit`.
    pub fn events(&self, id: &str, after: u64, limit: usize) -> Result<Vec<Event>> {
        self.core.store.events(&Name::from(&self.core.existing(id)?), after, limit)
    }
}
