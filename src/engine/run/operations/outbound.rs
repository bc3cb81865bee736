//! From a guest's start or send to a call that the store can accept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::classes::LoadedClass;
use crate::engine::classes::validate::{check_meta, checked_text, complete, object_in};
use crate::engine::run::Runner;
use crate::model::{
    ActorId, CallKind, CallRequest, CallTarget, ClassName, Error, Fault, HostFault, Json, Limit, LimitOverrides,
    Method, MethodKind, Name, OutgoingCall, Reference, Result, Seed, Timestamp,
};
use crate::store::NewCall;

/// The run that starts or sends.
pub struct Caller<'a> {
    pub runner: &'a Runner,
    pub request: &'a CallRequest,
    /// The class version that runs.
    pub loaded: &'a LoadedClass,
    /// The actors that this run constructs or had constructed; the store may not have them yet.
    pub constructed: &'a HashMap<ActorId, (ClassName, u32)>,
}

/// The delay of a message, and the time of its send by the wall clock.
#[derive(Clone, Copy)]
struct MessageDelay {
    sent: Timestamp,
    ms: u64,
}

/// A call that can be accepted, or the fault for the guest. An error is not about the call.
type CheckedCall = Result<Result<NewCall, Fault>>;

impl Caller<'_> {
    /// A child of the run.
    pub fn child(&self, outgoing: &OutgoingCall) -> CheckedCall {
        let depth = self.request.depth + 1;
        let allowed = self.request.limits.limits().depth;
        if depth > allowed {
            let what = format!("more than {allowed} calls wait for one another");
            return Ok(Err(over_limit(Limit::Depth, what)));
        }
        self.checked_call(outgoing, depth, None)
    }

    /// A message of the run, sent at the time `sent` by the wall clock.
    pub fn message(&self, outgoing: &OutgoingCall, sent: Timestamp, delay_ms: u64) -> CheckedCall {
        let delay = (delay_ms > 0).then_some(MessageDelay { sent, ms: delay_ms });
        self.checked_call(outgoing, 0, delay)
    }

    /// The fault of a start or send that is one too many.
    pub fn over_children(&self, outgoing: &OutgoingCall) -> Option<Fault> {
        let allowed = self.request.limits.limits().children;
        let what = || format!("the invocation started and sent more than {allowed}");
        (outgoing.ordinal > allowed).then(|| over_limit(Limit::Children, what()))
    }

    fn checked_call(&self, outgoing: &OutgoingCall, depth: u32, delay: Option<MessageDelay>) -> CheckedCall {
        if let Some(over) = self.over_children(outgoing) {
            return Ok(Err(over));
        }
        let limits = match self.request.limits.lowered(&outgoing.limits) {
            Ok(limits) => limits,
            Err(name) => {
                return Ok(Err(Fault::host(HostFault::BadArguments, format!("there is no limit `{name}`"))));
            }
        };
        match self.try_call(outgoing, depth, delay, &limits) {
            Ok(call) => Ok(Ok(call)),
            Err(error) => fault_of(error).map(Err),
        }
    }

    fn try_call(
        &self,
        outgoing: &OutgoingCall,
        depth: u32,
        delay: Option<MessageDelay>,
        limits: &LimitOverrides,
    ) -> Result<NewCall> {
        check_meta(&outgoing.meta)?;
        let seed = self.request.seed.child(outgoing.ordinal);
        let accepted = self.runner.core.now()?;
        let request = |name: Name, kind: CallKind, method: &Method, arguments: Json, seed: Seed| CallRequest {
            // the store, which gives the caller its number, fills it in
            caller: Some(Reference { name: self.request.name.clone(), number: 0 }),
            due: delay.map(|delay| delay.sent.after(Duration::from_millis(delay.ms))),
            delay_ms: delay.map(|delay| delay.ms),
            depth,
            meta: outgoing.meta.clone(),
            limits: limits.clone(),
            ..CallRequest::new(name, kind, &method.name, arguments, seed, accepted)
        };
        let OutgoingCall { target, method, arguments, .. } = outgoing;
        let allowed = limits.limits().arguments;
        match target {
            CallTarget::Actor { id } => {
                let id = ActorId::new(id)?;
                let loaded = self.class_of(&id)?.ok_or_else(|| self.runner.core.no_actor(&id))?;
                let (method, arguments) = checked_text(&loaded, method, arguments, allowed, MethodKind::Mutation)?;
                let call = request(Name::from(&id), CallKind::Mutate, method, arguments, seed);
                Ok(NewCall { construction: None, call })
            }
            CallTarget::ActorOrNew { class, id, arguments: constructor_arguments } => {
                let id = ActorId::new(id)?;
                let wanted = self.class_named(class)?;
                let constructor = wanted.constructor()?;
                let kind = CallKind::Construct { class: wanted.version.class.clone(), version: wanted.version.number };
                let complete = complete(constructor, &object_in(constructor, constructor_arguments)?, allowed)?;
                let construction = request(Name::from(&id), kind, constructor, complete, seed.child(1));
                let existing = self.class_of(&id)?;
                if existing.is_none() {
                    id.expect_no_flag()?;
                }
                let loaded = existing.unwrap_or_else(|| Arc::clone(&wanted));
                if loaded.version.class != wanted.version.class {
                    let (class, wanted) = (loaded.version.class.clone(), wanted.version.class.clone());
                    return Err(Error::OtherClass { id: id.to_string(), class, wanted });
                }
                let (method, arguments) = checked_text(&loaded, method, arguments, allowed, MethodKind::Mutation)?;
                let call = request(Name::from(&id), CallKind::Mutate, method, arguments, seed);
                Ok(NewCall { construction: Some(construction), call })
            }
            CallTarget::Task { class } => {
                let loaded = self.class_named(class)?;
                let (method, arguments) = checked_text(&loaded, method, arguments, allowed, MethodKind::Task)?;
                let name = Name::task(&loaded.version.class, &method.name);
                let kind = CallKind::Task { class: loaded.version.class.clone(), version: loaded.version.number };
                Ok(NewCall { construction: None, call: request(name, kind, method, arguments, seed) })
            }
        }
    }

    /// The class version of an actor that exists or is being made, by this run or another; None if it does neither.
    fn class_of(&self, id: &ActorId) -> Result<Option<Arc<LoadedClass>>> {
        let known = self.runner.core.class_version_of(id)?;
        let class_version = known.as_ref().or_else(|| self.constructed.get(id));
        class_version.map(|(class, version)| self.runner.classes.version(class, *version)).transpose()
    }

    /// The current version of a class; of the run's own class it is the version that runs.
    fn class_named(&self, class: &str) -> Result<Arc<LoadedClass>> {
        let own = &self.loaded.version;
        if own.class.as_str() == class {
            return self.runner.classes.version(&own.class, own.number);
        }
        self.runner.classes.current(class)
    }
}

/// The fault of a run that exceeds a limit.
pub fn over_limit(limit: Limit, what: String) -> Fault {
    Fault::host(HostFault::Limit(limit), what)
}

/// The fault that a guest receives for a call that cannot be accepted. An error that is not about the call stays an error.
pub fn fault_of(error: Error) -> Result<Fault> {
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
    let advice = advice(&error).map(|hint| format!("; {hint}")).unwrap_or_default();
    Ok(Fault::host(kind, format!("{error}{advice}")))
}

/// Advice for the author of the class, in the words of the SDK. The hints of errors are for the command line.
fn advice(error: &Error) -> Option<String> {
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
