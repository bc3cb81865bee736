//! Blocking calls: the fast path, and the way through the inbox where it is not free.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use crate::engine::classes::LoadedClass;
use crate::engine::classes::validate::{
    complete, construction_fingerprint, expect_kind, expect_options_of_query, method_fingerprint, object,
};
use crate::engine::run::execute::{AbortedRun, Executed, Invoked, Replays, identity, snapshot};
use crate::engine::run::operations::Abort;
use crate::engine::{Engine, Options, Reply, new_seed};
use crate::model::{
    ActorId, CallKind, CallRequest, ClassName, Error, Fault, Hash, HostFault, Invocation, MAX_NESTING, Method,
    MethodKind, Name, NameRecord, Outcome, Reference, Result, Status, is_deeper,
};
use crate::sandbox::{self, Aborted, Run};
use crate::store::{self, Accepted, Commit, Committed, Snapshot};

impl Engine {
    /// Makes an actor of the class's current version by its constructor.
    pub fn create(&self, class: &str, id: &str, arguments: Value, options: &Options) -> Result<Reply> {
        let _deadline = store::deadline(options.deadline);
        let id = ActorId::new(id)?;
        match self.create_once(class, &id, arguments.clone(), options) {
            // a call with the same key may have made it, or is about to, since the key was looked up
            Err(Error::ActorExists { .. } | Error::BeingMade { .. }) if options.key.is_some() => {
                self.create_once(class, &id, arguments, options)
            }
            made => made,
        }
    }

    fn create_once(&self, class: &str, id: &ActorId, arguments: Value, options: &Options) -> Result<Reply> {
        if let Some(known) = self.keyed(id, options)? {
            let fingerprint = construction_fingerprint(&ClassName::new(class)?, &sent_object(&arguments));
            return self.answer_known(known, options, Some(fingerprint));
        }
        if self.store.name_record(&Name::from(id))?.is_some_and(|head| head.actor.is_some()) {
            return Err(Error::ActorExists { id: id.to_string() });
        }
        let (loaded, request) = self.prepare_construction(class, id, arguments, options)?;
        self.run_blocking(id, request, loaded.constructor()?, options)
    }

    /// Like [`create`](Engine::create), and None, with nothing changed, if the actor is there already. One that is being
    /// made is waited for. [`OtherClass`](Error::OtherClass) where it is of another class.
    pub fn create_if_absent(
        &self,
        class: &str,
        id: &str,
        arguments: Value,
        options: &Options,
    ) -> Result<Option<Reply>> {
        let _deadline = store::deadline(options.deadline);
        let wanted = self.known_class(class)?.name;
        loop {
            let found = match self.create(class, id, arguments.clone(), options) {
                Err(Error::ActorExists { .. }) => None,
                Err(Error::BeingMade { reference, .. }) => Some(reference),
                // another construction that was accepted before this one made it
                Err(Error::Failed { fault, .. }) if fault.is_host(HostFault::Exists) => None,
                made => return made.map(Some),
            };
            self.expect_class(&ActorId::new(id)?, &wanted)?;
            let Some(construction) = found else { return Ok(None) };
            self.wait_for(&construction, options.deadline)?;
        }
    }

    /// Refuses an actor, there or being made, that is of another class.
    pub(in crate::engine) fn expect_class(&self, id: &ActorId, wanted: &ClassName) -> Result<()> {
        let head = self.store.name_record(&Name::from(id))?.unwrap_or_default();
        let class = match head.actor {
            Some(actor) => Some(actor.class),
            None => self.making(id)?.map(|making| making.class),
        };
        match class {
            Some(class) if class != *wanted => {
                Err(Error::OtherClass { id: id.to_string(), class, wanted: wanted.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Runs a mutation (or a query) of an actor and waits for its end. A query takes the options' deadline alone: it is
    /// refused with a key or metadata.
    pub fn call(&self, id: &str, method: &str, arguments: Value, options: &Options) -> Result<Reply> {
        let _deadline = store::deadline(options.deadline);
        let id = ActorId::new(id)?;
        if let Some(known) = self.keyed(&id, options)? {
            let fingerprint = method_fingerprint(method, &sent_object(&arguments));
            return self.answer_known(known, options, Some(fingerprint));
        }
        let loaded = self.class_of(&id)?;
        let method = loaded.method(method)?;
        expect_kind(method, &[MethodKind::Mutation, MethodKind::Query])?;
        if method.kind == MethodKind::Query {
            expect_options_of_query(method, options)?;
            return self.query_last(&id, method, arguments, options.deadline);
        }
        let request = self.prepare_mutation(&id, method, arguments, options)?;
        self.run_blocking(&id, request, method, options)
    }

    /// Runs a query on the last committed state: it waits for nobody, writes nothing, and what it changes is discarded.
    pub fn get(&self, id: &str, method: &str, arguments: Value) -> Result<Reply> {
        let id = ActorId::new(id)?;
        let loaded = self.class_of(&id)?;
        let method = loaded.method(method)?;
        expect_kind(method, &[MethodKind::Query])?;
        self.query_last(&id, method, arguments, None)
    }

    fn query_last(&self, id: &ActorId, method: &Method, arguments: Value, deadline: Option<Instant>) -> Result<Reply> {
        let snapshot = self.store.load(id)?.ok_or_else(|| self.no_actor(id))?;
        self.query(id, method, arguments, &snapshot, deadline)
    }

    /// Runs a query on a state.
    pub(in crate::engine) fn query(
        &self,
        id: &ActorId,
        method: &Method,
        arguments: Value,
        snapshot: &Snapshot,
        deadline: Option<Instant>,
    ) -> Result<Reply> {
        let arguments = complete(method, &object(method, arguments)?, self.limits().arguments)?;
        let actor = snapshot.record.actor.as_ref().ok_or_else(|| self.no_actor(id))?;
        let loaded = self.loaded(&actor.class, actor.version)?;
        let seed = new_seed()?;
        let ran = self.run_class(
            &loaded,
            Run {
                method: sandbox::MethodCall::Query {
                    state: &snapshot.state,
                    name: &method.name,
                    arguments: &arguments,
                },
                identity: identity(&loaded, Some(id), &seed.opaque_id(), 1),
                now: self.now()?.max(actor.clock),
                seed,
                limits: &self.limits(),
                stop: &self.settings.stop,
                deadline,
                on_log: &mut self.listener(&Name::from(id), Replays::default()),
                operations: None,
            },
        );
        let ran = ran.map_err(|aborted| match aborted {
            Aborted::Deadline => Error::NotAccepted { id: id.to_string() },
            aborted => not_ran(aborted),
        })?;
        match ran.outcome {
            Ok(success) => Ok(Reply {
                reference: None,
                step: None,
                result: success.result,
                has_result: method.result.is_some(),
                is_duplicate: false,
                leaves_work: false,
            }),
            Err(fault) => Err(not_accepted(id, method, fault)),
        }
    }

    /// The fast path where the actor is free and its inbox empty: one commit. Else the call is accepted into the inbox and
    /// waited for.
    fn run_blocking(&self, id: &ActorId, request: CallRequest, method: &Method, options: &Options) -> Result<Reply> {
        let _participant = self.enter_caller(options.deadline);
        let name = Name::from(id);
        let mut refused = None;
        while let Some(hold) = self.hold_inbox(&name)? {
            let snapshot = snapshot(self, id)?;
            if refused.as_ref() == Some(&snapshot.record) {
                return Err(refused_for_nothing(&name));
            }
            if self.inbox_waits(&name, &snapshot.record)? {
                break;
            }
            self.still_possible(id, &request, &snapshot.record)?;
            let ended = match self.execute(Invoked::Fresh(&request), &snapshot, self.bounds(options)) {
                Ok(executed) => self.commit_blocking(&name, executed, method),
                Err(unfinished) => self.broken_off(&name, unfinished),
            };
            match ended {
                // the actor was run without the lock; its head has changed, so look again
                Err(Error::Stale { .. }) => {
                    drop(hold);
                    refused = Some(snapshot.record);
                }
                Ok(Ended::Here { reference, step, outcome, leaves_work }) => {
                    return reply(reference, step, outcome, method).map(|reply| Reply { leaves_work, ..reply });
                }
                Ok(Ended::Elsewhere(reference)) => {
                    drop(hold);
                    return self.answer(&reference, options.deadline, false);
                }
                Ok(Ended::Known(invocation)) => {
                    drop(hold);
                    return self.answer_known(*invocation, options, request.key.map(|key| key.fingerprint));
                }
                Err(error) => return Err(error),
            }
        }
        self.run_through_inbox(request, options)
    }

    /// What was checked before the actor was held may have changed until it was.
    fn still_possible(&self, id: &ActorId, request: &CallRequest, head: &NameRecord) -> Result<()> {
        match (&request.kind, &head.actor) {
            (CallKind::Construct { .. }, Some(_)) => Err(Error::ActorExists { id: id.to_string() }),
            (CallKind::Mutate, None) => Err(self.no_actor(id)),
            _ => Ok(()),
        }
    }

    fn commit_blocking(&self, name: &Name, executed: Executed, method: &Method) -> Result<Ended> {
        let accepted = executed.accepted();
        if accepted.is_none()
            && let Some(fault) = refused_arguments(&executed.outcome)
        {
            return Err(method.refuse(fault.message.clone()));
        }
        let (outcome, leaves_work) = (executed.outcome.clone(), executed.asked_for_something());
        match (self.commit_one(executed.commit()), accepted) {
            // it was accepted when it waited or saved, and somebody ended it since
            (Err(Error::Stale { .. }), Some(reference)) => Ok(Ended::Elsewhere(reference)),
            (Ok(Committed::Done { reference, step }), _) => {
                let reference = Reference { name: name.clone(), number: reference };
                Ok(Ended::Here { reference, step, outcome, leaves_work })
            }
            (Ok(Committed::Duplicate(invocation)), _) => Ok(Ended::Known(invocation)),
            (Err(Error::StoreBusy { .. }), Some(reference)) => Err(Error::StillRunning { reference }),
            (Err(error), _) => Err(error),
        }
    }

    /// What becomes of a blocking call whose run was broken off: one that was accepted on the way goes on elsewhere.
    fn broken_off(&self, name: &Name, unfinished: AbortedRun) -> Result<Ended> {
        let reference = unfinished.number.map(|number| Reference { name: name.clone(), number });
        match (unfinished.why, reference) {
            (Abort::Known(invocation), _) => Ok(Ended::Known(invocation)),
            (Abort::Deadline, None) => Err(Error::NotAccepted { id: name.to_string() }),
            (Abort::Deadline, Some(reference)) => Err(Error::StillRunning { reference }),
            (Abort::Stopped, Some(reference)) if self.settings.stop.is_stopped() => {
                Err(Error::LeftRunning { reference })
            }
            (Abort::Failed(Error::Stale { .. }) | Abort::Suspended | Abort::Stopped, Some(reference)) => {
                Ok(Ended::Elsewhere(reference))
            }
            (Abort::Failed(Error::StoreBusy { .. }), Some(reference)) => Err(Error::StillRunning { reference }),
            (Abort::Failed(error), _) => Err(error),
            (Abort::Suspended | Abort::Stopped | Abort::NotInGroup, _) => Err(Error::Interrupted),
        }
    }

    fn run_through_inbox(&self, request: CallRequest, options: &Options) -> Result<Reply> {
        let fingerprint = request.key.as_ref().map(|key| key.fingerprint);
        let name = request.name.clone();
        match one(self.store.accept(vec![request], self.limits().inbox)?)? {
            Accepted::New(number) => {
                let reference = Reference { name, number };
                let answered = self.answer(&reference, options.deadline, false);
                answered.map_err(|error| goes_on(error, &reference))
            }
            Accepted::Duplicate(invocation) => self.answer_known(*invocation, options, fingerprint),
        }
    }

    /// The invocation that used the call's key already. A key is looked up before any other check.
    pub(in crate::engine) fn keyed(&self, id: &ActorId, options: &Options) -> Result<Option<Invocation>> {
        crate::engine::classes::validate::check_meta(&options.meta)?;
        let Some(key) = &options.key else { return Ok(None) };
        crate::engine::classes::validate::check_key(key)?;
        self.store.invocation_by_key(&Name::from(id), key)
    }

    /// The recorded answer of an earlier call with the same key, once it has one.
    fn answer_known(&self, known: Invocation, options: &Options, fingerprint: Option<Hash>) -> Result<Reply> {
        let reference = same_call(&known, options, fingerprint)?;
        self.answer(&reference, options.deadline, true)
    }

    /// Waits for an accepted invocation's end, and gives it as a reply.
    pub(in crate::engine) fn answer(
        &self,
        reference: &Reference,
        deadline: Option<Instant>,
        recorded: bool,
    ) -> Result<Reply> {
        let ended = self.wait_for(reference, deadline)?;
        let Status::Ended { outcome, step, .. } = ended.status else {
            return Err(Error::StillRunning { reference: reference.clone() });
        };
        let has_result = self.has_result(&ended.request, &outcome);
        let leaves_work = !recorded && !self.store.history(reference, 0, 1)?.is_empty();
        reply_of(reference.clone(), step, outcome, &ended.request.method, has_result).map(|reply| Reply {
            is_duplicate: recorded,
            leaves_work,
            ..reply
        })
    }

    /// Whether the method of a recorded call declares a result; a class that has changed since is asked as it is now.
    fn has_result(&self, request: &CallRequest, outcome: &Outcome) -> bool {
        if !matches!(outcome, Outcome::Succeeded(result) if result.is_null()) {
            return true;
        }
        let loaded: Result<Arc<LoadedClass>> = match &request.kind {
            CallKind::Construct { .. } => return false,
            CallKind::Task { class, version } => self.loaded(class, *version),
            CallKind::Mutate => request.name.actor().map_err(Error::from).and_then(|id| self.class_of(&id)),
        };
        loaded.is_ok_and(|loaded| loaded.method(&request.method).is_ok_and(|method| method.result.is_some()))
    }

    /// The class version of an actor that is there, or that is about to be made.
    pub(in crate::engine) fn class_of(&self, id: &ActorId) -> Result<Arc<LoadedClass>> {
        let head = self.store.name_record(&Name::from(id))?.unwrap_or_default();
        if let Some(actor) = &head.actor {
            return self.loaded(&actor.class, actor.version);
        }
        match self.making(id)? {
            Some(PendingConstruction { class, version, .. }) => self.loaded(&class, version),
            None => Err(self.no_actor(id)),
        }
    }

    /// How an actor is being made; None where it is there, and where no construction of it is accepted.
    pub fn making(&self, id: &ActorId) -> Result<Option<PendingConstruction>> {
        let name = Name::from(id);
        let head = self.store.name_record(&name)?.unwrap_or_default();
        let Some(number) = head.construction.filter(|_| head.actor.is_none()) else { return Ok(None) };
        let reference = Reference { name, number };
        let invocation = self.store.invocation(&reference)?;
        Ok(invocation.and_then(|invocation| match invocation.request.kind {
            CallKind::Construct { class, version } => Some(PendingConstruction { reference, class, version }),
            _ => None,
        }))
    }

    pub(in crate::engine) fn inbox_waits(&self, name: &Name, head: &NameRecord) -> Result<bool> {
        Ok(head.queued > 0 || head.delayed > 0 && self.store.next_in_inbox(name, self.now()?)?.is_some())
    }
}

/// A run outside any invocation was aborted: nothing came of it.
pub(in crate::engine) fn not_ran(aborted: Aborted) -> Error {
    match aborted {
        Aborted::Stopped | Aborted::Deadline => Error::Interrupted,
        Aborted::Failed(error) => error,
    }
}

/// An actor that is being made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingConstruction {
    /// The accepted construction.
    pub reference: Reference,
    pub class: ClassName,
    pub version: u32,
}

/// A wait for an accepted invocation ended by the store: the invocation goes on.
pub(in crate::engine) fn goes_on(error: Error, reference: &Reference) -> Error {
    match error {
        Error::StoreBusy { .. } => Error::StillRunning { reference: reference.clone() },
        Error::Interrupted => Error::LeftRunning { reference: reference.clone() },
        error => error,
    }
}

/// How a fresh call ended.
enum Ended {
    Here {
        reference: Reference,
        step: Option<u64>,
        outcome: Outcome,
        leaves_work: bool,
    },
    /// It is accepted, and goes on without this call.
    Elsewhere(Reference),
    /// Somebody used its key meanwhile.
    Known(Box<Invocation>),
}

/// The reference of the earlier call that used the key, if it was the same call.
pub(in crate::engine) fn same_call(
    known: &Invocation,
    options: &Options,
    fingerprint: Option<Hash>,
) -> Result<Reference> {
    match &known.request.key {
        Some(key) if Some(key.fingerprint) == fingerprint => Ok(known.reference()),
        _ => Err(Error::KeyTaken { key: options.key.clone().unwrap_or_default(), reference: known.reference() }),
    }
}

/// A commit was refused though nothing else was committed: what the store says of the actor does not fit together.
pub(in crate::engine) fn refused_for_nothing(name: &Name) -> Error {
    Error::Damaged { what: format!("it refuses what is committed on {name}, though nothing else was") }
}

/// A class that does not take its arguments refuses the call as if the host had checked.
pub(in crate::engine) fn refused_arguments(outcome: &Outcome) -> Option<&Fault> {
    match outcome {
        Outcome::Failed(fault) if fault.is_host(HostFault::BadArguments) => Some(fault),
        _ => None,
    }
}

fn not_accepted(id: &ActorId, method: &Method, fault: Fault) -> Error {
    if fault.is_host(HostFault::BadArguments) {
        return method.refuse(fault.message);
    }
    Error::Failed { id: id.to_string(), method: method.name.clone(), fault: Box::new(fault), reference: None }
}

pub(in crate::engine) fn reply(
    reference: Reference,
    step: Option<u64>,
    outcome: Outcome,
    method: &Method,
) -> Result<Reply> {
    reply_of(reference, step, outcome, &method.name, method.result.is_some())
}

pub(in crate::engine) fn reply_of(
    reference: Reference,
    step: Option<u64>,
    outcome: Outcome,
    method: &str,
    has_result: bool,
) -> Result<Reply> {
    match outcome {
        Outcome::Succeeded(result) => {
            Ok(Reply { reference: Some(reference), step, result, has_result, is_duplicate: false, leaves_work: false })
        }
        Outcome::Failed(fault) => {
            let id = reference.name.to_string();
            Err(Error::Failed { id, method: method.to_owned(), fault: Box::new(fault), reference: Some(reference) })
        }
    }
}

/// The arguments as a key's fingerprint sees them; what is no object, or nested too deep, is refused later, by the
/// method.
pub(in crate::engine) fn sent_object(arguments: &Value) -> serde_json::Map<String, Value> {
    arguments.as_object().filter(|_| !is_deeper(arguments, MAX_NESTING)).cloned().unwrap_or_default()
}

impl Engine {
    /// Commits one invocation's end or save, now.
    pub(in crate::engine) fn commit_one(&self, commit: Commit) -> Result<Committed> {
        one(self.store.commit(vec![commit], self.now()?)?)
    }
}

/// The answer to the only one that was asked for.
pub(in crate::engine) fn one<T>(mut answers: Vec<Result<T>>) -> Result<T> {
    answers.pop().unwrap_or_else(|| Err(Error::Damaged { what: "the store gave no answer".to_owned() }))
}
