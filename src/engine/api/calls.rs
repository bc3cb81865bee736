//! Creating, calling and reading actors, and waiting for accepted calls.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::accept::{CheckedRequest, Keyed, NewTarget};
use super::{Engine, Options, Reply};
use crate::engine::classes::LoadedClass;
use crate::engine::classes::validate::{complete, expect_kind, object};
use crate::engine::core::lookup::PendingConstruction;
use crate::engine::run::error_of;
use crate::engine::run::query::QueryRun;
use crate::model::{Actor, ActorId, ClassName, Error, HostFault, Method, MethodKind, QueryOption, Reference, Result};
use crate::sandbox::Aborted;
use crate::store::{self, Snapshot};

/// The result of [`submit_create_if_absent`](Engine::submit_create_if_absent).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// The construction is accepted.
    New(Reference),
    /// This construction was accepted before, and has not ended.
    Pending(Reference),
    /// The actor exists.
    Present,
}

/// A method of an actor, looked up once: for a program that reads the declaration before it makes the arguments.
pub struct ActorMethod<'e> {
    engine: &'e Engine,
    id: ActorId,
    name: String,
    loaded: Arc<LoadedClass>,
}

impl Engine {
    /// Makes an actor of the class's current version by its constructor, and waits until it is made.
    /// [`ActorExists`](Error::ActorExists), and [`BeingMade`](Error::BeingMade) if another construction is accepted.
    pub fn create(&self, class: &str, id: &str, arguments: Value, options: &Options) -> Result<Reply> {
        let _deadline = store::deadline(options.deadline);
        let (id, class) = (ActorId::new(id)?, ClassName::new(class)?);
        twice_with_key(options, || match self.check_construction(&class, &id, arguments.clone(), options)? {
            Keyed::Duplicate(reference) => self.answer(&reference, options.deadline, true),
            Keyed::New(checked) => self.run_blocking(&id, checked, options),
        })
    }

    /// Like [`create`](Engine::create), and None, with nothing changed, if the actor exists already. An actor that is being
    /// made is waited for. [`OtherClass`](Error::OtherClass) if the actor is of another class.
    pub fn create_if_absent(
        &self,
        class: &str,
        id: &str,
        arguments: Value,
        options: &Options,
    ) -> Result<Option<Reply>> {
        let _deadline = store::deadline(options.deadline);
        let wanted = self.classes.registered(class)?.name;
        loop {
            let pending = match self.create(class, id, arguments.clone(), options) {
                Err(Error::ActorExists { .. }) => None,
                Err(Error::BeingMade { reference, .. }) => Some(reference),
                // a construction that was accepted before this one made the actor
                Err(Error::Failed { fault, .. }) if fault.is_host(HostFault::Exists) => None,
                made => return made.map(Some),
            };
            self.expect_class(&ActorId::new(id)?, &wanted)?;
            let Some(construction) = pending else { return Ok(None) };
            self.scheduler.await_end(&construction, options.deadline)?;
        }
    }

    /// Accepts a construction and returns at once; a worker runs it.
    pub fn submit_create(&self, class: &str, id: &str, arguments: Value, options: &Options) -> Result<Reference> {
        let (id, class) = (ActorId::new(id)?, ClassName::new(class)?);
        twice_with_key(options, || {
            self.submit(self.check_construction(&class, &id, arguments.clone(), options)?, options)
        })
    }

    /// Like [`submit_create`](Engine::submit_create), if the actor neither exists nor is being made.
    /// [`OtherClass`](Error::OtherClass) if it does, and is of another class.
    pub fn submit_create_if_absent(
        &self,
        class: &str,
        id: &str,
        arguments: Value,
        options: &Options,
    ) -> Result<Submitted> {
        let wanted = self.classes.registered(class)?.name;
        let found = match self.submit_create(class, id, arguments, options) {
            Err(Error::ActorExists { .. }) => Submitted::Present,
            Err(Error::BeingMade { reference, .. }) => Submitted::Pending(reference),
            submitted => return submitted.map(Submitted::New),
        };
        self.expect_class(&ActorId::new(id)?, &wanted)?;
        Ok(found)
    }

    /// A method of an actor that exists or is being made.
    pub fn method(&self, id: &str, method: &str) -> Result<ActorMethod<'_>> {
        let id = ActorId::new(id)?;
        let loaded = self.classes.of_actor(&id)?;
        loaded.method(method)?;
        Ok(ActorMethod { engine: self, id, name: method.to_owned(), loaded })
    }

    /// Runs a mutation of an actor and waits for its end. A query is run, too; of the options it takes the deadline alone,
    /// and it is refused with a key or metadata.
    pub fn call(&self, id: &str, method: &str, arguments: Value, options: &Options) -> Result<Reply> {
        let _deadline = store::deadline(options.deadline);
        match self.duplicate(NewTarget::Method(&ActorId::new(id)?, method), &arguments, options)? {
            Some(reference) => self.answer(&reference, options.deadline, true),
            None => self.method(id, method)?.call_new(arguments, options),
        }
    }

    /// Runs a query on the last committed state. It takes no lock and writes nothing.
    pub fn get(&self, id: &str, method: &str, arguments: Value) -> Result<Reply> {
        self.method(id, method)?.get(arguments)
    }

    /// Accepts a mutation of an actor that exists or is being made, and returns at once; a worker runs it.
    pub fn submit_call(&self, id: &str, method: &str, arguments: Value, options: &Options) -> Result<Reference> {
        match self.duplicate(NewTarget::Method(&ActorId::new(id)?, method), &arguments, options)? {
            Some(reference) => Ok(reference),
            None => self.method(id, method)?.submit_new(arguments, options),
        }
    }

    /// Accepts a call of a task of the class's current version, and waits for its end.
    pub fn run_task(&self, class: &str, task: &str, arguments: Value, options: &Options) -> Result<Reply> {
        let _deadline = store::deadline(options.deadline);
        let (reference, is_duplicate) = match self.check_task(&ClassName::new(class)?, task, arguments, options)? {
            Keyed::Duplicate(reference) => (reference, true),
            Keyed::New(checked) => match self.accept(checked, options)? {
                Keyed::Duplicate(reference) => (reference, true),
                Keyed::New(reference) => (reference, false),
            },
        };
        self.answer_accepted(&reference, options.deadline, is_duplicate)
    }

    /// Accepts a call of a task and returns at once; a worker runs it.
    pub fn submit_task(&self, class: &str, task: &str, arguments: Value, options: &Options) -> Result<Reference> {
        self.submit(self.check_task(&ClassName::new(class)?, task, arguments, options)?, options)
    }

    /// Waits for the end of an accepted invocation until `deadline`, or for ever. Helper threads run it, and the invocations
    /// that it waits for, if no other process does.
    pub fn wait(&self, reference: &Reference, deadline: Option<Instant>) -> Result<Reply> {
        let _deadline = store::deadline(deadline);
        self.answer(reference, deadline, false)
    }

    /// Waits for the first of some invocations to end, and gives its index and its result. Of those that have ended already it
    /// is the one that was committed first.
    pub fn wait_any(&self, references: &[Reference], deadline: Option<Instant>) -> Result<(usize, Result<Reply>)> {
        let _deadline = store::deadline(deadline);
        let first = self.scheduler.await_first_end(references, deadline)?;
        Ok((first, self.answer(&references[first], deadline, false)))
    }

    /// The accepted construction of an actor; None if the actor exists, and if no construction of it is accepted.
    pub fn making(&self, id: &ActorId) -> Result<Option<PendingConstruction>> {
        self.core.pending_construction(id)
    }

    /// Runs a query on a state.
    pub(super) fn query(
        &self,
        id: &ActorId,
        loaded: &LoadedClass,
        method: &Method,
        arguments: Value,
        (snapshot, actor): (&Snapshot, &Actor),
        deadline: Option<Instant>,
    ) -> Result<Reply> {
        let limits = self.limits();
        let arguments = complete(method, &object(method, arguments)?, limits.arguments)?;
        let query = QueryRun {
            id,
            state: &snapshot.state,
            clock: actor.clock,
            loaded,
            query: &method.name,
            arguments: &arguments,
            limits: &limits,
            stop: &self.core.settings.stop,
            deadline,
        };
        let ran = self.runner.query(&query).map_err(|aborted| match aborted {
            Aborted::Deadline => Error::NotAccepted { id: id.to_string() },
            aborted => error_of(aborted),
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
            Err(fault) if fault.is_host(HostFault::BadArguments) => Err(method.refuse(fault.message)),
            Err(fault) => {
                let (id, method) = (id.to_string(), method.name.clone());
                Err(Error::Failed { id, method, fault: Box::new(fault), reference: None })
            }
        }
    }

    /// Refuses an actor of another class, which exists or is being made.
    fn expect_class(&self, id: &ActorId, wanted: &ClassName) -> Result<()> {
        match self.core.class_version_of(id)? {
            Some((class, _)) if class != *wanted => {
                Err(Error::OtherClass { id: id.to_string(), class, wanted: wanted.clone() })
            }
            _ => Ok(()),
        }
    }

    fn submit(&self, checked: Keyed<CheckedRequest>, options: &Options) -> Result<Reference> {
        let checked = match checked {
            Keyed::Duplicate(reference) => return Ok(reference),
            Keyed::New(checked) => checked,
        };
        let (Keyed::Duplicate(reference) | Keyed::New(reference)) = self.accept(checked, options)?;
        Ok(reference)
    }
}

impl ActorMethod<'_> {
    /// The method as its class declares it.
    pub fn declaration(&self) -> &Method {
        self.loaded.description.method(&self.name).expect("the look-up found it")
    }

    /// As [`Engine::call`].
    pub fn call(&self, arguments: Value, options: &Options) -> Result<Reply> {
        let _deadline = store::deadline(options.deadline);
        match self.engine.duplicate(NewTarget::Method(&self.id, &self.name), &arguments, options)? {
            Some(reference) => self.engine.answer(&reference, options.deadline, true),
            None => self.call_new(arguments, options),
        }
    }

    /// As [`Engine::get`].
    pub fn get(&self, arguments: Value) -> Result<Reply> {
        expect_kind(self.declaration(), &[MethodKind::Query])?;
        self.query_last(arguments, None)
    }

    /// As [`Engine::submit_call`].
    pub fn submit(&self, arguments: Value, options: &Options) -> Result<Reference> {
        match self.engine.duplicate(NewTarget::Method(&self.id, &self.name), &arguments, options)? {
            Some(reference) => Ok(reference),
            None => self.submit_new(arguments, options),
        }
    }

    /// A call whose key was looked up.
    fn call_new(&self, arguments: Value, options: &Options) -> Result<Reply> {
        let method = self.declaration();
        expect_kind(method, &[MethodKind::Mutation, MethodKind::Query])?;
        if method.kind == MethodKind::Query {
            expect_options_of_query(method, options)?;
            return self.query_last(arguments, options.deadline);
        }
        self.engine.run_blocking(&self.id, self.checked(arguments, options)?, options)
    }

    fn submit_new(&self, arguments: Value, options: &Options) -> Result<Reference> {
        expect_kind(self.declaration(), &[MethodKind::Mutation])?;
        self.engine.submit(Keyed::New(self.checked(arguments, options)?), options)
    }

    fn checked(&self, arguments: Value, options: &Options) -> Result<CheckedRequest> {
        self.engine.check_mutation(&self.id, &self.loaded, self.declaration(), arguments, options)
    }

    fn query_last(&self, arguments: Value, deadline: Option<Instant>) -> Result<Reply> {
        let (snapshot, actor) = self.engine.core.existing_snapshot(&self.id)?;
        let loaded = self.engine.classes.version(&actor.class, actor.version)?;
        let method = loaded.method(&self.name)?;
        expect_kind(method, &[MethodKind::Query])?;
        self.engine.query(&self.id, &loaded, method, arguments, (&snapshot, &actor), deadline)
    }
}

/// Another call with the same key can make the actor, or begin to, after the key was looked up.
fn twice_with_key<T>(options: &Options, create: impl Fn() -> Result<T>) -> Result<T> {
    match create() {
        Err(Error::ActorExists { .. } | Error::BeingMade { .. }) if options.key.is_some() => create(),
        made => made,
    }
}

/// Refuses the options of recorded calls, as no query is recorded.
pub(super) fn expect_options_of_query(method: &Method, options: &Options) -> Result<()> {
    let option = match options {
        Options { key: Some(_), .. } => QueryOption::Key,
        Options { meta, .. } if !meta.is_empty() => QueryOption::Metadata,
        _ => return Ok(()),
    };
    Err(Error::OptionOfQuery { method: method.name.clone(), option })
}
