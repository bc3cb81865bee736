//! What a run starts and sends: from a guest's words to an invocation that a store can accept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::engine::Engine;
use crate::engine::classes::LoadedClass;
use crate::engine::classes::validate::{complete, expect_kind};
use crate::model::{
    ActorId, CallKind, CallRequest, CallTarget, ClassName, Error, Fault, HostFault, Json, Limit, LimitOverrides,
    Method, MethodKind, Name, OutgoingCall, Reference, Result, Seed, Timestamp, read_value,
};
use crate::store::NewCall;

/// Who starts or sends.
pub(in crate::engine) struct Caller<'a> {
    pub request: &'a CallRequest,
    /// The class version that runs.
    pub loaded: &'a LoadedClass,
    /// Actors that this run has asked to be made, which the store may not know yet; and itself.
    pub made: &'a HashMap<ActorId, (ClassName, u32)>,
}

/// A message's delay, and when it was asked for, by the wall clock.
#[derive(Clone, Copy)]
struct Delay {
    asked: Timestamp,
    ms: u64,
}

/// A child or a message, or the fault of the host that stands for it. An error is the store's.
pub(in crate::engine) type Checked = Result<Result<NewCall, Fault>>;

impl Engine {
    /// A child of a run. `depth` is its own.
    pub(in crate::engine) fn child(&self, caller: &Caller<'_>, outgoing: &OutgoingCall) -> Checked {
        let depth = caller.request.depth + 1;
        let allowed = caller.request.limits.limits().depth;
        if depth > allowed {
            return Ok(Err(over(Limit::Depth, format!("more than {allowed} calls wait for one another"))));
        }
        self.outgoing(caller, outgoing, depth, None)
    }

    /// A message of a run, which asked for it and its delay at a time by the wall clock.
    pub(in crate::engine) fn message(
        &self,
        caller: &Caller<'_>,
        outgoing: &OutgoingCall,
        asked: Timestamp,
        delay_ms: u64,
    ) -> Checked {
        let delay = (delay_ms > 0).then_some(Delay { asked, ms: delay_ms });
        self.outgoing(caller, outgoing, 0, delay)
    }

    fn outgoing(&self, caller: &Caller<'_>, outgoing: &OutgoingCall, depth: u32, delay: Option<Delay>) -> Checked {
        let allowed = caller.request.limits.limits().children;
        if outgoing.ordinal > allowed {
            let what = format!("the invocation started and sent more than {allowed}");
            return Ok(Err(over(Limit::Children, what)));
        }
        let limits = match caller.request.limits.lowered(&outgoing.limits) {
            Ok(limits) => limits,
            Err(name) => {
                return Ok(Err(Fault::host(HostFault::BadArguments, format!("there is no limit `{name}`"))));
            }
        };
        match self.try_outgoing(caller, outgoing, depth, delay, &limits) {
            Ok(child) => Ok(Ok(child)),
            Err(error) => fault_of(error).map(Err),
        }
    }

    fn try_outgoing(
        &self,
        caller: &Caller<'_>,
        outgoing: &OutgoingCall,
        depth: u32,
        delay: Option<Delay>,
        limits: &LimitOverrides,
    ) -> Result<NewCall> {
        crate::engine::classes::validate::check_meta(&outgoing.meta)?;
        let seed = caller.request.seed.child(outgoing.ordinal);
        let accepted = self.now()?;
        let make = |name: Name, call: CallKind, method: &Method, arguments: Json, seed: Seed| CallRequest {
            // the store, which gives the caller its number, fills it in
            caller: Some(Reference { name: caller.request.name.clone(), number: 0 }),
            due: delay.map(|delay| delay.asked.after(Duration::from_millis(delay.ms))),
            delay_ms: delay.map(|delay| delay.ms),
            depth,
            meta: outgoing.meta.clone(),
            limits: limits.clone(),
            ..CallRequest::new(name, call, &method.name, arguments, seed, accepted)
        };
        let OutgoingCall { target, method, arguments, .. } = outgoing;
        let allowed = limits.limits().arguments;
        match target {
            CallTarget::Actor { id } => {
                let id = ActorId::new(id)?;
                let loaded = self.class_for(caller, &id)?.ok_or_else(|| self.no_actor(&id))?;
                let (method, arguments) = checked(&loaded, method, arguments, allowed, MethodKind::Mutation)?;
                Ok(NewCall {
                    construction: None,
                    call: make(Name::from(&id), CallKind::Mutate, method, arguments, seed),
                })
            }
            CallTarget::ActorOrNew { class, id, arguments: constructor_arguments } => {
                let id = ActorId::new(id)?;
                let own = self.class_named(caller, class)?;
                let constructor = own.constructor()?;
                let sent = object_of(constructor, constructor_arguments)?;
                let create = CallKind::Construct { class: own.version.class.clone(), version: own.version.number };
                let complete = complete(constructor, &sent, allowed)?;
                let created = make(Name::from(&id), create, constructor, complete, seed.child(1));
                let existing = self.class_for(caller, &id)?;
                if existing.is_none() {
                    id.expect_no_flag()?;
                }
                let loaded = existing.unwrap_or_else(|| Arc::clone(&own));
                if loaded.version.class != own.version.class {
                    let (class, wanted) = (loaded.version.class.clone(), own.version.class.clone());
                    return Err(Error::OtherClass { id: id.to_string(), class, wanted });
                }
                let (method, arguments) = checked(&loaded, method, arguments, allowed, MethodKind::Mutation)?;
                let call = make(Name::from(&id), CallKind::Mutate, method, arguments, seed);
                Ok(NewCall { construction: Some(created), call })
            }
            CallTarget::Task { class } => {
                let loaded = self.class_named(caller, class)?;
                let (method, arguments) = checked(&loaded, method, arguments, allowed, MethodKind::Task)?;
                let name = Name::task(&loaded.version.class, &method.name);
                let call = CallKind::Task { class: loaded.version.class.clone(), version: loaded.version.number };
                Ok(NewCall { construction: None, call: make(name, call, method, arguments, seed) })
            }
        }
    }

    /// The class version of an actor that is there, or is about to be made by this run or another.
    fn class_for(&self, caller: &Caller<'_>, id: &ActorId) -> Result<Option<Arc<LoadedClass>>> {
        match self.class_of(id) {
            Ok(loaded) => Ok(Some(loaded)),
            Err(Error::NoActor { .. } | Error::BeingMade { .. }) => match caller.made.get(id) {
                Some((class, version)) => self.loaded(class, *version).map(Some),
                None => Ok(None),
            },
            Err(error) => Err(error),
        }
    }

    /// The current version of a class; a run's own class is the one that runs.
    fn class_named(&self, caller: &Caller<'_>, class: &str) -> Result<Arc<LoadedClass>> {
        let own = &caller.loaded.version;
        if own.class.as_str() == class {
            return self.loaded(&own.class, own.number);
        }
        let class = self.known_class(class)?;
        self.loaded(&class.name, class.current)
    }
}

pub(in crate::engine) fn checked<'l>(
    loaded: &'l LoadedClass,
    method: &str,
    arguments: &str,
    allowed: u64,
    kind: MethodKind,
) -> Result<(&'l Method, Json)> {
    let method = loaded.method(method)?;
    expect_kind(method, &[kind])?;
    let sent = object_of(method, arguments)?;
    Ok((method, complete(method, &sent, allowed)?))
}

fn object_of(method: &Method, text: &str) -> Result<Map<String, Value>> {
    let arguments = read_value(text).map_err(|error| method.refuse(error.of("their text")))?;
    crate::engine::classes::validate::object(method, arguments)
}

fn over(limit: Limit, what: String) -> Fault {
    Fault::host(HostFault::Limit(limit), what)
}

/// What a guest is told of a call that cannot be accepted. An error that is not about the call stays one.
pub(in crate::engine) fn fault_of(error: Error) -> Result<Fault> {
    let kind = match &error {
        Error::NoActor { .. } | Error::BeingMade { .. } | Error::NoClass { .. } | Error::NoVersion { .. } => {
            HostFault::NotFound
        }
        Error::InvalidName(_)
        | Error::UnknownMethod { .. }
        | Error::WrongKind { .. }
        | Error::MetadataTwice { .. }
        | Error::BadArguments { .. } => HostFault::BadArguments,
        Error::OverLimit { limit, .. } => HostFault::Limit(*limit),
        Error::InboxFull { .. } => HostFault::InboxFull,
        Error::OtherClass { .. } => HostFault::Exists,
        _ => return Err(error),
    };
    let way_out = way_out(&error).map(|hint| format!("; {hint}")).unwrap_or_default();
    Ok(Fault::host(kind, format!("{error}{way_out}")))
}

/// What the author of a class can do about it, in the words of the SDK. The hints of errors are for the command line.
fn way_out(error: &Error) -> Option<String> {
    Some(match error {
        Error::WrongKind { kind: MethodKind::Query, .. } => "`ctx.ask` asks it".to_owned(),
        Error::WrongKind { kind: MethodKind::Mutation, .. } => "`ctx.start` and `ctx.send` call it".to_owned(),
        Error::WrongKind { kind: MethodKind::Task, .. } => "`ctx.task` runs it".to_owned(),
        Error::WrongKind { kind: MethodKind::Constructor, .. } => "`or_create` of a call runs it".to_owned(),
        Error::NoActor { similar: Some(name), .. }
        | Error::NoClass { similar: Some(name), .. }
        | Error::UnknownMethod { similar: Some(name), .. } => format!("did you mean `{name}`?"),
        Error::NoClass { similar: None, .. } => {
            "a class is looked for by its type's name in kebab-case, or by what its `#[actor(name = \"…\")]` says"
                .to_owned()
        }
        _ => return None,
    })
}
