//! The one error type: what is wrong with the names that the person typed, and what to do.

use std::fmt;

use super::process::shown;
use super::{
    CANNOT_READ, Cause, ClassName, CompileLimit, Fault, FaultOrigin, HostFault, Limit, MAX_NESTING, Process, Reference,
};

/// Everything that can go wrong, structured. [`Error::hint`] says what to do about it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("the id {id:?} {reason}")]
    InvalidId { id: String, reason: &'static str },
    #[error("the class name {name:?} {reason}")]
    InvalidClassName { name: String, reason: &'static str },
    #[error("{reference:?} is no reference; one is an id, `#` and a number, such as `my_counter#3`")]
    InvalidReference { reference: String },
    #[error("the class {class} has no method {method}")]
    UnknownMethod { class: ClassName, method: String, similar: Option<String> },
    /// The method is there, but it is not of a kind that this command runs.
    #[error("{method} is a {kind}: {reason}")]
    WrongKind { method: String, kind: &'static str, reason: &'static str, hint: &'static str },
    #[error("the arguments do not fit {method}: {reason}")]
    BadArguments { method: String, signature: String, reason: String },
    #[error("the {limit} are over the limit of {allowed} bytes")]
    OverLimit { limit: Limit, allowed: u64 },
    #[error("{} is more than `{}` can be: {} at most", limit.shown(*value), limit.flag(), limit.shown(*ceiling))]
    OverCeiling { limit: Limit, value: u64, ceiling: u64 },
    /// Checking or compiling the class took more than it may, before anything of it ran.
    #[error("the class cannot be compiled: {reason}")]
    NotCompiled { limit: CompileLimit, reason: String },
    #[error("this is no actor class: {reason}")]
    NotAClass { reason: String, hint: Option<String> },
    #[error("the key {key:?} is longer than 255 bytes, or empty")]
    InvalidKey { key: String },
    #[error("{event:?} is no name for an event")]
    InvalidEvent { event: String },
    #[error("the event's payload cannot be sent: {reason}")]
    InvalidPayload { reason: String },
    #[error("the metadata `{name}` is given twice")]
    MetadataTwice { name: String },

    #[error("there is no invocation to wait for")]
    NothingToWaitFor,

    #[error("there is no actor {id}")]
    NoActor { id: String, similar: Option<String> },
    #[error("there is no class {class}")]
    NoClass { class: String, similar: Option<String> },
    #[error("the class {class} has no version {version}")]
    NoVersion { class: ClassName, version: u32 },
    #[error("there is no invocation {reference}")]
    NoInvocation { reference: Reference },
    #[error("there is no invocation that guests know as {id}")]
    NoOpaqueId { id: String },
    #[error("{id} has no step {step}; its journal goes from {first} to {last}")]
    NoStep { id: String, step: u64, first: u64, last: u64 },
    #[error("there is no store at {place}")]
    NoStore { place: String },

    #[error("the actor {id} exists already")]
    ActorExists { id: String },
    #[error("the actor {id} is of the class {class}, not of {wanted}")]
    OtherClass { id: String, class: ClassName, wanted: ClassName },
    /// Its construction is accepted and has not ended.
    #[error("the actor {id} is being made by {reference}")]
    BeingMade { id: String, reference: Reference },
    #[error("the class {class} is used by {example}")]
    ClassInUse { class: ClassName, example: String },
    #[error("the key {key:?} was used for another call, {reference}")]
    KeyTaken { key: String, reference: Reference },
    #[error("the key {key:?} was used for an event of {id}, its number {number}")]
    KeyTakenByEvent { key: String, id: String, number: u64 },
    #[error("the inbox of {id} is full: {allowed} wait already")]
    InboxFull { id: String, allowed: u64 },
    #[error("{id} has {allowed} events that no method has taken")]
    EventsFull { id: String, allowed: u64 },
    #[error("{id} is busy")]
    Busy { id: String },
    /// Somebody else committed a step of the actor first; whoever ran the method runs it again.
    #[error("another process changed {id} in the meantime")]
    Stale { id: String },
    /// Waiting ended while the method ran, before the call was accepted: nothing happened.
    #[error("the call of {id} had not ended when the time ran out; nothing happened")]
    NotAccepted { id: String },
    /// Waiting ended after the call was accepted: it goes on.
    #[error("{reference} had not ended when the time ran out; it goes on")]
    StillRunning { reference: Reference },
    #[error("{reference} has ended already")]
    AlreadyEnded { reference: Reference },
    #[error("{reference} has not ended")]
    NotEnded { reference: Reference },
    /// Only what did not succeed is resumed.
    #[error("{reference} succeeded: there is nothing to resume")]
    Succeeded { reference: Reference },
    #[error("{reference} was resumed already, as {by}")]
    AlreadyResumed { reference: Reference, by: Reference },

    /// The invocation ended without success; one of a query has no reference.
    #[error("{}", fault.message)]
    Failed { id: String, method: String, fault: Box<Fault>, reference: Option<Reference> },

    /// Running a recorded step again did not give what it recorded.
    #[error("replaying step {step} of {id} went another way: {what}")]
    Diverged { id: String, step: u64, what: String },

    /// A lock of the store could not be had until the deadline. Nothing happened, and the store stays usable.
    #[error("the store is busy: {} holds it", shown(holder.as_ref()))]
    StoreBusy { holder: Option<Process> },
    #[error("the store is damaged: {what}")]
    Damaged { what: String },
    /// A store that is open was moved or removed, or its data was.
    #[error("the store at {place} was moved or removed while it was in use")]
    StoreGone { place: String },
    #[error("the store has format {found}, this vactor knows {known}")]
    NewerFormat { found: u32, known: u32 },
    #[error("the store has format {found}, which was never released; this vactor knows {known}")]
    OlderFormat { found: u32, known: u32 },
    /// A file or folder of the store that is not used: it may belong to another user, or lead to what is not the store's.
    #[error("{what}")]
    Untrusted { what: String, hint: String },
    #[error("cannot {action}: {cause}")]
    Io {
        action: String,
        #[source]
        cause: Cause,
    },
    /// The machine, or a limit of the process, did not give memory, a thread or a clock. Nothing is recorded.
    #[error("this machine cannot {action}: {cause}")]
    Shortage {
        action: String,
        #[source]
        cause: Cause,
    },
    /// A state that cannot occur: vactor is at fault, and neither the store, the class nor the caller is.
    #[error("internal error: {what}")]
    Internal { what: String },

    /// Nothing is recorded: no calendar has the times that would be.
    #[error("the clock of this machine says a time beyond the year 9999")]
    WrongClock,

    #[error("interrupted; nothing happened")]
    Interrupted,
    /// Stopped while waiting for an accepted invocation.
    #[error("interrupted; {reference} was accepted and goes on")]
    LeftRunning { reference: Reference },
}

/// What kind of trouble an error is; the command line's exit codes are made from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    /// The method returned a failure.
    Failure,
    /// The caller's input is refused.
    BadInput,
    NotFound,
    /// A conflict, or not now.
    Conflict,
    /// The class is at fault: a trap, a limit, a state or result that is refused, a divergence, a deadlock.
    ClassError,
    /// The store cannot be used, the machine gives too little, or vactor is at fault.
    Store,
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

    /// A state that cannot occur.
    pub fn internal(what: impl Into<String>) -> Error {
        Error::Internal { what: what.into() }
    }

    /// Whether the machine is at fault: trying again later can help, and nothing else has to change.
    pub fn is_of_machine(&self) -> bool {
        matches!(self, Error::Io { .. } | Error::Shortage { .. } | Error::WrongClock)
    }

    /// A short, stable, machine-readable name; for a failed invocation that of its fault.
    pub fn kind(&self) -> &str {
        match self {
            Error::InvalidId { .. } => "invalid-id",
            Error::InvalidClassName { .. } => "invalid-class-name",
            Error::InvalidReference { .. } => "invalid-reference",
            Error::UnknownMethod { .. } => "unknown-method",
            Error::WrongKind { .. } => "wrong-kind",
            Error::BadArguments { .. } => "bad-arguments",
            Error::OverLimit { .. } | Error::OverCeiling { .. } | Error::NotCompiled { .. } => "limit",
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

    pub fn category(&self) -> Category {
        use Error::*;
        match self {
            InvalidId { .. } | InvalidClassName { .. } | InvalidReference { .. } | UnknownMethod { .. } => {
                Category::BadInput
            }
            WrongKind { .. }
            | BadArguments { .. }
            | OverLimit { .. }
            | OverCeiling { .. }
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
            Failed { fault, .. } => of_fault(fault),
            Diverged { .. } => Category::ClassError,
            Damaged { .. } | StoreGone { .. } | NewerFormat { .. } | OlderFormat { .. } | Untrusted { .. } => {
                Category::Store
            }
            Io { .. } | Shortage { .. } | WrongClock | Internal { .. } => Category::Store,
            Interrupted | LeftRunning { .. } => Category::Interrupted,
        }
    }

    /// What to do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        let did_you_mean = |similar: &Option<String>, otherwise: &str| match similar {
            Some(name) => format!("did you mean `{name}`?"),
            None => otherwise.to_owned(),
        };
        Some(match self {
            Error::InvalidId { .. } => {
                "an id is 1 to 255 letters, digits and `._~:@/+-`, not beginning with `-`, such as `user:1/cart`"
                    .to_owned()
            }
            Error::InvalidClassName { .. } => {
                "a class name is letters, digits and `_.-`, beginning with a letter".to_owned()
            }
            Error::InvalidReference { .. } => {
                "`--async` prints the reference of a call, `vactor ps` and `vactor log` show it".to_owned()
            }
            Error::UnknownMethod { class, similar, .. } => {
                did_you_mean(similar, &format!("`vactor describe {class}` shows its methods"))
            }
            Error::WrongKind { hint, .. } => (*hint).to_owned(),
            Error::BadArguments { signature, .. } => format!("the method is `{signature}`"),
            Error::OverLimit { limit, .. } => format!("`{}` raises the limit", limit.flag()),
            Error::OverCeiling { .. } => "name a lower limit, or leave it out".to_owned(),
            Error::NotCompiled { limit, .. } => format!("`{}` raises the limit", limit.flag()),
            Error::NotAClass { hint, .. } => return hint.clone(),
            Error::NoActor { similar, .. } => {
                did_you_mean(similar, "`vactor ls` shows the actors, `vactor create` makes one")
            }
            Error::NoClass { similar, .. } => {
                did_you_mean(similar, "`vactor classes` shows the classes, `vactor register` adds one")
            }
            Error::NoVersion { class, .. } => format!("`vactor describe {class}` shows the current one"),
            Error::NoInvocation { reference } => {
                let between = if reference.name.as_str().starts_with('-') { '=' } else { ' ' };
                format!("`vactor ps --actor{between}{}` lists the calls that are known", reference.name)
            }
            Error::NoOpaqueId { .. } => {
                "an invocation has one from the moment on in which a guest is told it; `vactor ps` shows references"
                    .to_owned()
            }
            Error::NoStep { id, .. } => format!("`vactor log {}` shows the steps", operand(id)),
            Error::NoStore { .. } => "`vactor init` makes a store here, `--store` names another".to_owned(),
            Error::OtherClass { id, .. } => {
                format!("`vactor show {}` shows it; give the new actor another id", operand(id))
            }
            Error::BeingMade { reference, .. } => {
                format!("`vactor wait {}` waits until it is there", operand(reference))
            }
            Error::ActorExists { id } => {
                format!("`vactor show {}` shows it; with `--if-absent`, `create` leaves it as it is", operand(id))
            }
            Error::ClassInUse { class, .. } => {
                format!("`vactor rm --class {class} --force` removes it with its actors and cancels its calls")
            }
            Error::KeyTaken { .. } => {
                "a key belongs to one call or event: take another key, or make the same call again".to_owned()
            }
            Error::KeyTakenByEvent { .. } => {
                "a key belongs to one call or event: take another key, or send the same event again".to_owned()
            }
            Error::InboxFull { .. } => "wait until some have run; `vactor worker` runs them".to_owned(),
            Error::EventsFull { .. } => {
                "a method that waits for an event of their names takes the first of them".to_owned()
            }
            Error::Busy { .. } | Error::Stale { .. } => "try again".to_owned(),
            Error::StoreBusy { holder: Some(Process { pid, stopped: true }) } => {
                format!("`kill -CONT {pid}` lets it go on, `kill -9 {pid}` ends it; no commit is lost")
            }
            Error::StoreBusy { .. } => "a longer `--timeout` waits for it".to_owned(),
            Error::NotAccepted { .. } => {
                "a longer `--timeout` waits for it; `--async` leaves a mutation to a worker".to_owned()
            }
            Error::StillRunning { reference } | Error::LeftRunning { reference } => {
                format!("`vactor wait {}` gives its result", operand(reference))
            }
            Error::AlreadyEnded { reference } | Error::Succeeded { reference } => {
                format!("`vactor wait {}` gives its result", operand(reference))
            }
            Error::NotEnded { reference } => {
                format!("`vactor wait {}` waits for it, `vactor cancel` ends it", operand(reference))
            }
            Error::AlreadyResumed { by, .. } => format!("`vactor wait {}` gives its result", operand(by)),
            Error::Failed { id, fault, reference, .. } => return hint_of_fault(id, fault, reference.is_some()),
            Error::Diverged { .. } => {
                "given the same state, arguments and answers, its class must do the same again; what was recorded stays"
                    .to_owned()
            }
            Error::Damaged { .. } => "restore a copy; nothing was changed".to_owned(),
            Error::StoreGone { .. } => "`--store PATH` names the place where it is now".to_owned(),
            Error::NewerFormat { .. } => "a newer vactor wrote it: use that one".to_owned(),
            Error::OlderFormat { .. } => {
                "the vactor that wrote it still reads it; `vactor init --store PATH` makes a new store".to_owned()
            }
            Error::Untrusted { hint, .. } => hint.clone(),
            Error::InvalidEvent { .. } => "a name is 1 to 255 bytes without spaces, such as `approved`".to_owned(),
            Error::InvalidPayload { .. } => format!("a payload has at most {MAX_NESTING} levels"),
            Error::MetadataTwice { .. } => "give each name once".to_owned(),
            Error::NothingToWaitFor => "name one reference at least".to_owned(),
            Error::WrongClock => "set the clock of this machine; `date` shows it".to_owned(),
            Error::InvalidKey { .. } => "a key is 1 to 255 bytes, such as the id of the order".to_owned(),
            Error::Shortage { .. } => {
                "nothing is recorded: try again when the machine has room; `ulimit -a` shows the limits of this shell"
                    .to_owned()
            }
            Error::Internal { .. } => "this is a defect of vactor: report it with this text".to_owned(),
            Error::Io { .. } | Error::Interrupted => return None,
        })
    }
}

fn of_fault(fault: &Fault) -> Category {
    let is = |host: HostFault| fault.is_host(host);
    if fault.kind == HostFault::Deadlock.kind() {
        // passed on by a method that waited, it is one still
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

fn hint_of_fault(id: &str, fault: &Fault, was_accepted: bool) -> Option<String> {
    let is = |host: HostFault| fault.is_host(host);
    if is(HostFault::Trap) && !was_accepted {
        Some("what a query says is told while it runs, and kept nowhere; its actor is as it was".to_owned())
    } else if is(HostFault::Trap) {
        let id = operand(id);
        Some(format!("`vactor log {id}` shows what it said before it broke; its state is as it was"))
    } else if is(HostFault::BadState) {
        Some(
            match fault.message.starts_with(CANNOT_READ) {
                true => "the class does not read what it or an older version of it saved; the saved state is as it was",
                false => "the method left a state behind that the class cannot save; the saved state is as it was",
            }
            .to_owned(),
        )
    } else if is(HostFault::BadResult) {
        let rules = format!("a result is one finite JSON value, no key twice, at most {MAX_NESTING} levels deep");
        Some(rules + "; nothing was changed")
    } else {
        // a limit's message names its flag; a class's failure speaks for itself
        None
    }
}

/// A name as an argument of a command line: one that begins with `-` comes after `--`, or it would be read as a flag.
pub fn operand(name: impl fmt::Display) -> String {
    let name = name.to_string();
    if name.starts_with('-') { format!("-- {name}") } else { name }
}

/// The name among `names` that a mistyped one was most likely meant to be.
pub fn similar<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(typed, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io;

    use super::*;
    use crate::model::Name;

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
        assert!(error.hint().unwrap().contains("defect of vactor"));
    }

    /// Every hint that gives a command with a name of the store.
    #[test]
    fn hint_with_a_name_like_a_flag_is_a_command_that_takes_it() {
        let (id, reference) = ("-x".to_owned(), Reference { name: Name::from_stored("-x"), number: 9 });
        let (class, wanted) = (ClassName::new("a").unwrap(), ClassName::new("b").unwrap());
        let fault = Box::new(Fault::host(HostFault::Trap, "unreachable"));
        let method = "go".to_owned();
        for (error, command) in [
            (Error::NoInvocation { reference: reference.clone() }, "`vactor ps --actor=-x`"),
            (Error::NoStep { id: id.clone(), step: 3, first: 1, last: 2 }, "`vactor log -- -x`"),
            (Error::OtherClass { id: id.clone(), class, wanted }, "`vactor show -- -x`"),
            (Error::BeingMade { id: id.clone(), reference: reference.clone() }, "`vactor wait -- -x#9`"),
            (Error::StillRunning { reference: reference.clone() }, "`vactor wait -- -x#9`"),
            (Error::LeftRunning { reference: reference.clone() }, "`vactor wait -- -x#9`"),
            (Error::AlreadyEnded { reference: reference.clone() }, "`vactor wait -- -x#9`"),
            (Error::Succeeded { reference: reference.clone() }, "`vactor wait -- -x#9`"),
            (Error::NotEnded { reference: reference.clone() }, "`vactor wait -- -x#9`"),
            (Error::AlreadyResumed { reference: reference.clone(), by: reference.clone() }, "`vactor wait -- -x#9`"),
            (Error::Failed { id, method, fault, reference: Some(reference) }, "`vactor log -- -x`"),
        ] {
            let hint = error.hint().unwrap();
            assert!(hint.contains(command), "{error}: {hint}");
        }
        assert_eq!(operand("x#9"), "x#9");
    }
}
