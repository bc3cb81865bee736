//! Reading actors and invocations, with the error that names the missing one.

use super::Core;
use crate::model::{
    Actor, ActorId, CallKind, ClassName, Error, Invocation, Name, NameRecord, Outcome, Reference, Result, Seed, Status,
    similar,
};
use crate::store::Snapshot;

/// An actor that is being made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingConstruction {
    /// The accepted construction.
    pub reference: Reference,
    /// The class of the actor.
    pub class: ClassName,
    /// The version of the class.
    pub version: u32,
}

impl Core {
    /// An invocation by its reference.
    pub fn invocation(&self, reference: &Reference) -> Result<Invocation> {
        let found = self.store.invocation(reference)?;
        found.ok_or_else(|| Error::NoInvocation { reference: reference.clone() })
    }

    /// The invocation that a text names: by its reference, or by the opaque id that guests see.
    pub fn reference(&self, text: &str) -> Result<Reference> {
        if !Seed::is_opaque_id(text) {
            return Ok(text.parse()?);
        }
        self.store.reference_of(text)?.ok_or_else(|| Error::NoOpaqueId { id: text.to_owned() })
    }

    /// The name record, and the state, which is empty where there is no actor.
    pub fn snapshot(&self, id: &ActorId) -> Result<Snapshot> {
        loop {
            if let Some(snapshot) = self.store.load(id)? {
                return Ok(snapshot);
            }
            let record = self.store.name_record(&Name::from(id))?.unwrap_or_default();
            // an actor was made between the two reads, or there is none
            if record.actor.is_none() {
                return Ok(Snapshot { record, state: Vec::new() });
            }
        }
    }

    /// The snapshot of an actor that exists.
    pub fn existing_snapshot(&self, id: &ActorId) -> Result<(Snapshot, Actor)> {
        let snapshot = self.store.load(id)?.ok_or_else(|| self.no_actor(id))?;
        let actor = snapshot.record.actor.clone().ok_or_else(|| self.no_actor(id))?;
        Ok((snapshot, actor))
    }

    /// The name record of an actor that exists.
    pub fn existing_record(&self, id: &ActorId) -> Result<(NameRecord, Actor)> {
        let record = self.store.name_record(&Name::from(id))?.ok_or_else(|| self.no_actor(id))?;
        let actor = record.actor.clone().ok_or_else(|| self.no_actor(id))?;
        Ok((record, actor))
    }

    /// The id of an actor that exists.
    pub fn existing(&self, id: &str) -> Result<ActorId> {
        let id = ActorId::new(id)?;
        self.existing_record(&id).map(|_| id)
    }

    /// The accepted construction of an actor; None if the actor exists, and if no construction of it is accepted.
    pub fn pending_construction(&self, id: &ActorId) -> Result<Option<PendingConstruction>> {
        let record = self.store.name_record(&Name::from(id))?.unwrap_or_default();
        self.construction_in(id, &record)
    }

    /// As [`pending_construction`](Core::pending_construction), of an actor whose name record is read already.
    pub fn construction_in(&self, id: &ActorId, record: &NameRecord) -> Result<Option<PendingConstruction>> {
        let Some(number) = record.construction.filter(|_| record.actor.is_none()) else { return Ok(None) };
        let reference = Reference { name: Name::from(id), number };
        let invocation = self.store.invocation(&reference)?;
        Ok(invocation.and_then(|invocation| match invocation.request.kind {
            CallKind::Construct { class, version } => Some(PendingConstruction { reference, class, version }),
            _ => None,
        }))
    }

    /// The class and version of an actor that exists or is being made; None if it does neither.
    pub fn class_version_of(&self, id: &ActorId) -> Result<Option<(ClassName, u32)>> {
        let record = self.store.name_record(&Name::from(id))?.unwrap_or_default();
        let pending = self.construction_in(id, &record)?.map(|pending| (pending.class, pending.version));
        Ok(record.actor.map(|actor| (actor.class, actor.version)).or(pending))
    }

    /// The error for an actor that does not exist: it is being made, or there is none.
    pub fn no_actor(&self, id: &ActorId) -> Error {
        if let Ok(Some(PendingConstruction { reference, .. })) = self.pending_construction(id) {
            return Error::BeingMade { id: id.to_string(), reference };
        }
        // people mistype the end of an id more often than its beginning
        let beginning: String = id.as_str().chars().take(1).collect();
        let near = self.store.actors(&beginning, None, 1000).unwrap_or_default();
        Error::NoActor { id: id.to_string(), similar: similar(id.as_str(), near.iter().map(|(id, _)| id.as_str())) }
    }

    /// The message of an invocation that finds no actor, with the failure of its construction.
    pub fn no_actor_message(&self, name: &Name) -> Result<String> {
        let newest = self.store.invocations(name, None, 16)?;
        let failed = newest.into_iter().find_map(|invocation| match (&invocation.request.kind, &invocation.status) {
            (CallKind::Construct { .. }, Status::Ended { outcome: Outcome::Failed(fault), .. }) => {
                Some(format!(": making it failed as {}: {}", invocation.reference(), fault.message))
            }
            _ => None,
        });
        Ok(format!("there is no actor {name}{}", failed.unwrap_or_default()))
    }

    /// Whether the inbox of a name has an invocation that goes before a new one.
    pub fn inbox_has_next(&self, name: &Name, record: &NameRecord) -> Result<bool> {
        Ok(record.queued > 0 || record.delayed > 0 && self.store.next_in_inbox(name, self.now()?)?.is_some())
    }
}

/// The error of a commit that the store refused as stale though no other commit came before it.
pub fn refused_without_cause(name: &Name) -> Error {
    Error::Damaged { what: format!("it refuses each commit on {name} as stale, though no other was made") }
}
