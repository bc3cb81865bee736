//! The error type of all modules.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::process::shown;
use super::{
    Cause, ClassName, CompileLimit, Fault, FaultOrigin, HostFault, InvalidName, Limit, MethodKind, OverCeiling,
    Process, Reference,
};

/// An error of any module. Its fields are the names of its message, from which a program can make a
/// hint.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of a variant explains its fields")]
pub enum Error {
    /// A text is no name.
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
    /// The class has no such method.
    #[error("the class {class} has no method {method}")]
    UnknownMethod { class: ClassName, method: String, similar: Option<String> },
    /// The method is not of a kind that the caller asked for.
    #[error("{method} is a {kind}: a {} is needed here", MethodKind::list(wanted))]
    WrongKind { method: String, kind: MethodKind, wanted: Vec<MethodKind> },
    /// A query is called with an option that only a recorded call can have.
    #[error("{method} is a query: it takes no {option}, as nothing of it is kept")]
    OptionOfQuery { method: String, option: QueryOption },
    /// The arguments do not fit the method.
    #[error("the arguments do not fit {method}: {reason}")]
    BadArguments { method: String, signature: String, reason: String },
    /// The arguments, or the payload of an event, are too long. `allowed` is in bytes.
    #[error("the {limit} are over the limit of {allowed} bytes")]
    OverLimit { limit: Limit, allowed: u64 },
    /// A limit is over its ceiling.
    #[error(transparent)]
    OverCeiling(#[from] OverCeiling),
    /// Checking or compiling the class exceeded a limit.
    #[error("the class cannot be compiled: {reason}")]
    NotCompiled { limit: CompileLimit, reason: String },
    /// Some bytes are no actor class.
    #[error("this is no actor class: {reason}")]
    NotAClass { reason: String, defect: ClassDefect },
    /// A key is empty or too long.
    #[error("the key {key:?} is longer than 255 bytes, or empty")]
    InvalidKey { key: String },
    /// A text is no name of an event.
    #[error("{event:?} is no name for an event")]
    InvalidEvent { event: String },
    /// The payload of an event is no valid JSON.
    #[error("the event's payload cannot be sent: {reason}")]
    InvalidPayload { reason: String },
    /// A call has the same name of metadata twice.
    #[error("the metadata `{name}` is given twice")]
    MetadataTwice { name: String },

    /// A wait has no invocation.
    #[error("there is no invocation to wait for")]
    NothingToWaitFor,

    /// The actor does not exist.
    #[error("there is no actor {id}")]
    NoActor { id: String, similar: Option<String> },
    /// The class is not registered.
    #[error("there is no class {class}")]
    NoClass { class: String, similar: Option<String> },
    /// The class has no such version.
    #[error("the class {class} has no version {version}")]
    NoVersion { class: ClassName, version: u32 },
    /// The invocation does not exist.
    #[error("there is no invocation {reference}")]
    NoInvocation { reference: Reference },
    /// No invocation has exposed this opaque id.
    #[error("there is no invocation that guests know as {id}")]
    NoOpaqueId { id: String },
    /// The journal has no such step.
    #[error("{id} has no step {step}; its journal goes from {first} to {last}")]
    NoStep { id: String, step: u64, first: u64, last: u64 },
    /// The folder of the store does not exist.
    #[error("there is no store at {place}")]
    NoStore { place: String },

    /// The actor exists already.
    #[error("the actor {id} exists already")]
    ActorExists { id: String },
    /// The actor is of another class.
    #[error("the actor {id} is of the class {class}, not of {wanted}")]
    OtherClass { id: String, class: ClassName, wanted: ClassName },
    /// The construction of the actor is pending.
    #[error("the actor {id} is being made by {reference}")]
    BeingMade { id: String, reference: Reference },
    /// The class has actors, or pending invocations.
    #[error("the class {class} is used by {example}")]
    ClassInUse { class: ClassName, example: String },
    /// The key belongs to another call.
    #[error("the key {key:?} was used for another call, {reference}")]
    KeyTaken { key: String, reference: Reference },
    /// The key belongs to an event.
    #[error("the key {key:?} was used for an event of {id}, its number {number}")]
    KeyTakenByEvent { key: String, id: String, number: u64 },
    /// The inbox is full.
    #[error("the inbox of {id} is full: {allowed} wait already")]
    InboxFull { id: String, allowed: u64 },
    /// The actor has too many events.
    #[error("{id} has {allowed} events that no method has taken")]
    EventsFull { id: String, allowed: u64 },
    /// Another thread or process has the lock of the actor.
    #[error("{id} is busy")]
    Busy { id: String },
    /// Another process committed a step of the actor first. The method is run again.
    #[error("another process changed {id} in the meantime")]
    Stale { id: String },
    /// The deadline passed before the call was accepted: nothing happened.
    #[error("the call of {id} had not ended when the time ran out; nothing happened")]
    NotAccepted { id: String },
    /// The deadline passed after the call was accepted: the call continues.
    #[error("{reference} had not ended when the time ran out; it goes on")]
    StillRunning { reference: Reference },
    /// The invocation has ended, and cannot be cancelled.
    #[error("{reference} has ended already")]
    AlreadyEnded { reference: Reference },
    /// The invocation is pending, and cannot be removed or resumed.
    #[error("{reference} has not ended")]
    NotEnded { reference: Reference },
    /// The invocation succeeded, and cannot be resumed.
    #[error("{reference} succeeded: there is nothing to resume")]
    Succeeded { reference: Reference },
    /// The failure of the invocation is final.
    #[error("{reference} cannot be resumed: its failure is final")]
    NotResumable { reference: Reference },
    /// The invocation was resumed before.
    #[error("{reference} was resumed already, as {by}")]
    AlreadyResumed { reference: Reference, by: Reference },

    /// The invocation failed. A query has no reference.
    #[error("{}", fault.message)]
    Failed { id: String, method: String, fault: Box<Fault>, reference: Option<Reference> },

    /// The replay of a step differs from its record.
    #[error("replaying step {step} of {id} went another way: {what}")]
    Diverged { id: String, step: u64, what: String },

    /// Another process had a lock of the store until the deadline. Nothing happened, and the store
    /// stays usable.
    #[error("the store is busy: {} holds it", shown(holder.as_ref()))]
    StoreBusy { holder: Option<Process> },
    /// The data of the store is invalid.
    #[error("the store is damaged: {what}")]
    Damaged { what: String },
    /// An open store, or its data, was moved or removed.
    #[error("the store at {place} was moved or removed while it was in use")]
    StoreGone { place: String },
    /// A later version of vactor made the store.
    #[error("the store has format {found}, this vactor knows {known}")]
    NewerFormat { found: u32, known: u32 },
    /// An unreleased version of vactor made the store.
    #[error("the store has format {found}, which was never released; this vactor knows {known}")]
    OlderFormat { found: u32, known: u32 },
    /// A file or folder of the store is not used: it may belong to another user, or lead to another
    /// file.
    #[error("{what}")]
    Untrusted { what: String, path: UntrustedPath },
    /// The system refused an operation.
    #[error("cannot {action}: {cause}")]
    Io {
        action: String,
        #[source]
        cause: Cause,
    },
    /// The machine, or a limit of the process, gives no memory, thread or clock. Nothing is
    /// recorded.
    #[error("this machine cannot {action}: {cause}")]
    Shortage {
        action: String,
        #[source]
        cause: Cause,
    },
    /// A state that cannot occur. Vactor is at fault, and not the store, the class or the caller.
    #[error("internal error: {what}")]
    Internal { what: String },

    /// The clock is beyond all calendars. Nothing is recorded.
    #[error("the clock of this machine says a time beyond the year 9999")]
    WrongClock,

    /// A stop ended the work before it had an effect.
    #[error("interrupted; nothing happened")]
    Interrupted,
    /// A stop ended the wait for an accepted invocation, which continues.
    #[error("interrupted; {reference} was accepted and goes on")]
    LeftRunning { reference: Reference },
}

/// An option of a call that a query cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryOption {
    /// A key.
    Key,
    /// Metadata.
    Metadata,
}

impl fmt::Display for QueryOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            QueryOption::Key => "key",
            QueryOption::Metadata => "metadata",
        })
    }
}

/// The rule of classes that some bytes break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassDefect {
    /// They are neither a component of the contract nor a module that can become one.
    NoClass,
    /// They import more than the contract has.
    Imports,
    /// They import the functions of a browser.
    BrowserImports,
    /// They export fewer functions than the contract asks for.
    MissingExports,
    /// They are made for a contract that this vactor does not have.
    OtherContract,
    /// They are no valid WebAssembly, or use a feature that no class may use.
    Invalid,
    /// The types of a function are not the contract's.
    Types,
    /// They cannot be compiled.
    NotCompiled,
    /// `describe` fails, or its result breaks a rule.
    Description {
        /// The limit that it exceeded.
        limit: Option<Limit>,
        /// The last message that it logged.
        last_message: Option<String>,
    },
}

/// The kind of a file or folder that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UntrustedPath {
    /// A store of another user, found at this path without being named.
    FoundStore {
        /// The folder of the store.
        path: String,
    },
    /// A link to the folder of a store.
    LinkToFolder,
    /// The store's data, which has a second name.
    DataWithSecondName,
    /// The store's data, which is no file of the store's owner.
    Data,
    /// A file beside the data, which vactor makes again.
    Auxiliary,
}

/// The category of an error, which is one exit code of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// The method returned a failure.
    Failure,
    /// The caller's input is refused.
    BadInput,
    /// A name of the caller does not exist.
    NotFound,
    /// A conflict with the state of the store, which can change.
    Conflict,
    /// The class is at fault: a trap, a limit, a state or result that is refused, a divergence, a
    /// deadlock.
    ClassError,
    /// The store cannot be used, the machine gives too little, or vactor is at fault.
    Store,
    /// A stop ended the work.
    Interrupted,
}

impl Error {
    /// The system refused an `action`, such as `open x.wasm`; the cause is an error or a text.
    pub fn io(action: impl Into<String>, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Io { action: action.into(), cause: Cause::new(cause) }
    }

    /// The machine has no room for an `action`; the cause is an error or a text.
    pub fn shortage(action: impl Into<String>, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Shortage { action: action.into(), cause: Cause::new(cause) }
    }

    /// Some bytes are no actor class: a sentence about them, and the rule that they break.
    pub fn not_a_class(reason: impl Into<String>, defect: ClassDefect) -> Error {
        Error::NotAClass { reason: reason.into(), defect }
    }

    /// A state that cannot occur.
    pub fn internal(what: impl Into<String>) -> Error {
        Error::Internal { what: what.into() }
    }

    /// Whether the machine is at fault: the same can succeed later, without a change of anything
    /// else.
    pub fn is_of_machine(&self) -> bool {
        matches!(self, Error::Io { .. } | Error::Shortage { .. } | Error::WrongClock)
    }

    /// A short, stable, machine-readable name; for a failed invocation that of its fault.
    pub fn kind(&self) -> &str {
        match self {
            Error::InvalidName(InvalidName::Id { .. }) => "invalid-id",
            Error::InvalidName(InvalidName::Class { .. }) => "invalid-class-name",
            Error::InvalidName(InvalidName::Reference { .. }) => "invalid-reference",
            Error::UnknownMethod { .. } => "unknown-method",
            Error::WrongKind { .. } | Error::OptionOfQuery { .. } => "wrong-kind",
            Error::BadArguments { .. } => "bad-arguments",
            Error::OverLimit { .. } | Error::OverCeiling(_) | Error::NotCompiled { .. } => "limit",
            Error::NotAClass { .. } => "not-a-class",
            Error::InvalidKey { .. } => "invalid-key",
            Error::InvalidEvent { .. } => "invalid-event",
            Error::InvalidPayload { .. } => "invalid-payload",
            Error::MetadataTwice { .. } => "invalid-metadata",
            Error::NothingToWaitFor => "nothing-to-wait-for",
            Error::NoActor { .. } => "no-actor",
            Error::NoClass { .. } => "no-class",
            Error::NoVersion { .. } => "no-version",
            Error::NoInvocation { .. } | Error::NoOpaqueId { .. } => "no-invocation",
            Error::NoStep { .. } => "no-step",
            Error::NoStore { .. } => "no-store",
            Error::ActorExists { .. } => "exists",
            Error::OtherClass { .. } => "other-class",
            Error::BeingMade { .. } => "being-made",
            Error::ClassInUse { .. } => "class-in-use",
            Error::KeyTaken { .. } | Error::KeyTakenByEvent { .. } => "key-taken",
            Error::InboxFull { .. } | Error::EventsFull { .. } => "inbox-full",
            Error::Busy { .. } => "busy",
            Error::StoreBusy { .. } => "store-busy",
            Error::Stale { .. } => "stale",
            Error::NotAccepted { .. } | Error::StillRunning { .. } => "timeout",
            Error::AlreadyEnded { .. } | Error::Succeeded { .. } => "ended",
            Error::NotEnded { .. } => "not-ended",
            Error::NotResumable { .. } => "not-resumable",
            Error::AlreadyResumed { .. } => "resumed",
            Error::Failed { fault, .. } => &fault.kind,
            Error::Diverged { .. } => "diverged",
            Error::Damaged { .. } => "damaged",
            Error::StoreGone { .. } => "store-gone",
            Error::NewerFormat { .. } => "newer-format",
            Error::OlderFormat { .. } => "older-format",
            Error::Untrusted { .. } => "untrusted",
            Error::Io { .. } => "io",
            Error::Shortage { .. } => "shortage",
            Error::WrongClock => "wrong-clock",
            Error::Internal { .. } => "internal",
            Error::Interrupted | Error::LeftRunning { .. } => "interrupted",
        }
    }

    /// The category of the error.
    pub fn category(&self) -> Category {
        use Error::*;
        match self {
            InvalidName(_)
            | UnknownMethod { .. }
            | WrongKind { .. }
            | OptionOfQuery { .. }
            | BadArguments { .. }
            | OverLimit { .. }
            | OverCeiling(_)
            | NotCompiled { .. }
            | NotAClass { .. }
            | InvalidKey { .. }
            | InvalidEvent { .. }
            | InvalidPayload { .. }
            | MetadataTwice { .. }
            | NothingToWaitFor => Category::BadInput,
            NoActor { .. } | NoClass { .. } | NoVersion { .. } | NoInvocation { .. } => Category::NotFound,
            NoStep { .. } | NoStore { .. } | NoOpaqueId { .. } => Category::NotFound,
            ActorExists { .. } | ClassInUse { .. } | KeyTaken { .. } | InboxFull { .. } | Busy { .. } => {
                Category::Conflict
            }
            OtherClass { .. } | BeingMade { .. } | StoreBusy { .. } | EventsFull { .. } => Category::Conflict,
            Stale { .. } | NotAccepted { .. } | StillRunning { .. } | AlreadyEnded { .. } => Category::Conflict,
            NotEnded { .. } | Succeeded { .. } | AlreadyResumed { .. } | KeyTakenByEvent { .. } => Category::Conflict,
            NotResumable { .. } => Category::Conflict,
            Failed { fault, .. } => of_fault(fault),
            Diverged { .. } => Category::ClassError,
            Damaged { .. } | StoreGone { .. } | NewerFormat { .. } | OlderFormat { .. } | Untrusted { .. } => {
                Category::Store
            }
            Io { .. } | Shortage { .. } | WrongClock | Internal { .. } => Category::Store,
            Interrupted | LeftRunning { .. } => Category::Interrupted,
        }
    }
}

fn of_fault(fault: &Fault) -> Category {
    let is = |host: HostFault| fault.is_host(host);
    if fault.kind == HostFault::Deadlock.kind() {
        // it stays one if a method that waited returns it
        Category::ClassError
    } else if fault.origin == FaultOrigin::Class {
        Category::Failure
    } else if is(HostFault::BadArguments) {
        Category::BadInput
    } else if is(HostFault::NotFound) {
        Category::NotFound
    } else if [HostFault::Cancelled, HostFault::InboxFull, HostFault::Exists].into_iter().any(is) {
        Category::Conflict
    } else {
        Category::ClassError
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io;

    use super::*;

    #[test]
    fn error_with_a_cause_keeps_its_type_and_shows_it_once() {
        let refused = || io::Error::from(io::ErrorKind::PermissionDenied);
        let error = Error::io("open x.wasm", refused());
        assert_eq!(error.to_string(), "cannot open x.wasm: permission denied");
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.map(io::Error::kind), Some(io::ErrorKind::PermissionDenied));
        assert_eq!(error.clone(), Error::io("open x.wasm", "permission denied"));
        assert_ne!(error, Error::shortage("open x.wasm", refused()));
    }

    #[test]
    fn internal_error_asks_for_a_report() {
        let error = Error::internal("step 3 has no state");
        assert_eq!((error.kind(), error.category()), ("internal", Category::Store));
        assert_eq!(error.to_string(), "internal error: step 3 has no state");
        assert!(error.source().is_none() && !error.is_of_machine());
    }
}
