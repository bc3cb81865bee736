//! A compiled class, and the run of a method on a new instance of it.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::Store;
use wasmtime::component::{Component, ComponentNamedList, ComponentType, InstancePre, Lift, Lower};

use super::clock::thread_time;
use super::exports::Exports;
use super::fault::{self, Export, Failed};
use super::guard::Guard;
use super::host::{GuestFailure, Host, ON_LOG, OPERATIONS};
use super::run::{Aborted, MethodCall, Run, RunOutput, Success};
use super::runtime::{Runtime, prepare_thread};
use super::stop::StopSignal;
use crate::model::{CANNOT_READ, ClassDefect, Error, Json, Limit, Limits, LogLine, Result};

/// A compiled class. Each run gets an instance of its own.
pub struct CompiledClass {
    runtime: Arc<Runtime>,
    class: InstancePre<Host>,
    exports: Exports,
}

/// The machine has no room for an instance. Nothing was run.
pub(super) struct NoRoom(pub Error);

/// An instance during its run.
struct Instance<'a> {
    store: Store<Host>,
    class: wasmtime::component::Instance,
    exports: &'a Exports,
    limits: &'a Limits,
    /// The method as its caller knows it.
    method: &'a str,
}

impl CompiledClass {
    pub(super) fn new(runtime: Arc<Runtime>, component: Component) -> Result<CompiledClass> {
        let linked = runtime.linker.instantiate_pre(&component);
        let types_differ = |error| match fault::is_of_machine(&error) {
            true => Error::shortage("load a class", fault::sentence(&error)),
            false => Error::not_a_class(
                format!("it does not have the contract's types: {}", fault::sentence(&error)),
                ClassDefect::Types,
            ),
        };
        let class = linked.map_err(types_differ)?;
        let exports = Exports::of(&component)
            .ok_or_else(|| Error::not_a_class("it lacks exports of the contract", ClassDefect::MissingExports))?;
        Ok(CompiledClass { class, exports, runtime })
    }

    /// Runs one method on a new instance. All that the guest does is in the output; a run that a
    /// stop, a deadline or a shortage of the machine ends has none.
    ///
    /// The calling thread runs the guest and must have more than 1 MiB of stack to spare.
    pub fn run(&self, mut run: Run<'_>) -> Result<RunOutput, Aborted> {
        self.try_run(&mut run).unwrap_or_else(|NoRoom(error)| Err(Aborted::Failed(error)))
    }

    /// As [`run`](CompiledClass::run). If there is no room for the run, it can be made elsewhere.
    pub(super) fn try_run(&self, run: &mut Run<'_>) -> Result<Result<RunOutput, Aborted>, NoRoom> {
        let (method, limits) = (run.method, run.limits);
        let name = method.name();
        let guard = match self.guard(name, limits, run.deadline, run.stop) {
            Ok(guard) => guard,
            Err(aborted) => return Ok(Err(aborted)),
        };
        let host = Host::for_run(run, guard);
        let on_log = &mut *run.on_log;
        let body = || self.on_an_instance(host, limits, name, on_log, |instance| instance.run(method));
        let (ended, mut host) = match run.operations.as_deref_mut() {
            Some(operations) => OPERATIONS.set(operations, body),
            None => body(),
        };
        let outcome = match ended {
            Ok(success) => Ok(success),
            Err(Failed::Fault(fault)) => Err(fault),
            Err(Failed::Aborted(aborted)) => return Ok(Err(aborted)),
            Err(Failed::NoRoom(error)) => return Err(NoRoom(error)),
        };
        let ended = host.computed(name).map(|computed| {
            let id_exposed = host.id_exposed();
            RunOutput { outcome, id_exposed, log: host.into_log(), computed }
        });
        Ok(ended)
    }

    /// The description of the class, as JSON.
    pub(super) fn describe(
        &self,
        limits: &Limits,
        stop: &StopSignal,
        on_log: &mut (dyn FnMut(&LogLine) + Send),
    ) -> Result<Result<Json>, NoRoom> {
        let name = "describe";
        let guard = match self.guard(name, limits, None, stop) {
            Ok(guard) => guard,
            Err(aborted) => return Ok(Err(not_described(aborted))),
        };
        let host = Host::for_describe(limits, guard);
        let (described, host) = self.on_an_instance(host, limits, name, on_log, |instance| instance.describe());
        match described {
            Ok(description) => Ok(Ok(description)),
            Err(Failed::Fault(fault)) => {
                let last_message = host.into_log().lines.pop().map(|line| line.message);
                let defect = ClassDefect::Description { limit: fault.limit(), last_message };
                Ok(Err(Error::not_a_class(fault.message, defect)))
            }
            Err(Failed::Aborted(aborted)) => Ok(Err(not_described(aborted))),
            Err(Failed::NoRoom(error)) => Err(NoRoom(error)),
        }
    }

    fn guard(
        &self,
        method: &str,
        limits: &Limits,
        deadline: Option<Instant>,
        stop: &StopSignal,
    ) -> Result<Guard, Aborted> {
        prepare_thread()?;
        Guard::new(self.runtime.watchdog.watch(), thread_time, limits.time, deadline, stop)
            .map_err(|halt| fault::shortage(method, halt))
    }

    fn on_an_instance<T>(
        &self,
        host: Host,
        limits: &Limits,
        method: &str,
        on_log: &mut (dyn FnMut(&LogLine) + Send),
        body: impl FnOnce(&mut Instance) -> Result<T, Failed>,
    ) -> (Result<T, Failed>, Host) {
        let mut store = Store::new(&self.runtime.engine, host);
        store.limiter(|host| host);
        store.set_hostcall_fuel(usize::try_from(limits.memory).unwrap_or(usize::MAX));
        store.epoch_deadline_callback(Host::check);
        match store.data_mut().guard.begin() {
            Ok(rises) => store.set_epoch_deadline(rises),
            Err(halt) => return (Err(fault::of_halt(&halt, Export::Start, method, limits)), store.into_data()),
        }
        ON_LOG.set(on_log, || {
            let class = match self.class.instantiate(&mut store) {
                Ok(class) => class,
                Err(error) => {
                    let failed = fault::of(&error, Export::Start, method, limits);
                    return (Err(failed.of_start(store.data().has_logged())), store.into_data());
                }
            };
            let mut instance = Instance { store, class, exports: &self.exports, limits, method };
            let outcome = body(&mut instance);
            (outcome, instance.store.into_data())
        })
    }
}

impl Instance<'_> {
    fn run(&mut self, method: MethodCall<'_>) -> Result<Success, Failed> {
        match method {
            MethodCall::Construct { arguments } => {
                let made: Result<(), _> = self.call(Export::Construct, (arguments.as_str(),))?;
                made.map_err(|failure| fault::of_class(failure, self.method, self.limits))?;
                Ok(Success { result: Json::null(), state: Some(self.get_state()?) })
            }
            MethodCall::Mutate { state, name, arguments } => {
                self.set_state(state)?;
                let result = self.invoke(name, arguments)?;
                Ok(Success { result, state: Some(self.get_state()?) })
            }
            MethodCall::Query { state, name, arguments } => {
                self.set_state(state)?;
                Ok(Success { result: self.invoke(name, arguments)?, state: None })
            }
            MethodCall::Task { name, arguments } => Ok(Success { result: self.invoke(name, arguments)?, state: None }),
            MethodCall::Migrate { from_version, state } => {
                let migrated: Result<Vec<u8>, _> = self.call(Export::Migrate, (from_version, state))?;
                let state = migrated.map_err(|failure| fault::of_class(failure, self.method, self.limits))?;
                Ok(Success { result: Json::null(), state: Some(self.within_limit(state)?) })
            }
        }
    }

    fn set_state(&mut self, state: &[u8]) -> Result<(), Failed> {
        let restored: Result<(), _> = self.call(Export::SetState, (state,))?;
        let refused = |failure| fault::bad_state(CANNOT_READ, failure, self.method, self.limits);
        Ok(restored.map_err(refused)?)
    }

    fn invoke(&mut self, name: &str, arguments: &Json) -> Result<Json, Failed> {
        let ended: Result<String, _> = self.call(Export::Invoke, (name, arguments.as_str()))?;
        let text = ended.map_err(|failure| fault::of_class(failure, self.method, self.limits))?;
        self.json(&text)
    }

    fn get_state(&mut self) -> Result<Vec<u8>, Failed> {
        let saved: Result<Vec<u8>, _> = self.call(Export::GetState, ())?;
        let state = saved
            .map_err(|failure| fault::bad_state("the state cannot be saved", failure, self.method, self.limits))?;
        self.within_limit(state)
    }

    /// The class's description. The types of all its exports are checked on the way.
    fn describe(&mut self) -> Result<Json, Failed> {
        self.store.data_mut().enter(Export::Describe);
        let Instance { store, class, exports, method, limits } = self;
        if let Err(error) = exports.check(class, store) {
            let reason = format!("it does not have the contract's types: {}", fault::sentence(&error));
            return Err(Aborted::Failed(Error::not_a_class(reason, ClassDefect::Types)).into());
        }
        let described = exports.describe(class, store);
        let text = described.map_err(|error| fault::of(&error, Export::Describe, method, limits))?;
        self.json(&text)
    }

    /// Calls an export that can fail.
    fn call<P, T>(&mut self, export: Export, params: P) -> Result<Result<T, GuestFailure>, Failed>
    where
        P: ComponentNamedList + Lower,
        T: ComponentType + Lift,
    {
        self.store.data_mut().enter(export);
        let called = self.exports.call(export, params, &self.class, &mut self.store);
        called.map_err(|error| fault::of(&error, export, self.method, self.limits))
    }

    fn json(&self, text: &str) -> Result<Json, Failed> {
        if text.len() as u64 > self.limits.result {
            return Err(fault::over(Limit::Result, text.len(), self.method, self.limits).into());
        }
        Ok(Json::parse(text).map_err(|error| fault::bad_result(self.method, &error))?)
    }

    fn within_limit(&self, state: Vec<u8>) -> Result<Vec<u8>, Failed> {
        if state.len() as u64 > self.limits.state {
            return Err(fault::over(Limit::State, state.len(), self.method, self.limits).into());
        }
        Ok(state)
    }
}

/// The error of work that was aborted outside of an invocation.
pub(super) fn not_described(aborted: Aborted) -> Error {
    match aborted {
        Aborted::Failed(error) => error,
        Aborted::Stopped | Aborted::Deadline => Error::Interrupted,
    }
}

impl<'a> MethodCall<'a> {
    /// The method as the subject of a sentence.
    fn name(&self) -> &'a str {
        match self {
            MethodCall::Construct { .. } => "the constructor",
            MethodCall::Mutate { name, .. } | MethodCall::Query { name, .. } | MethodCall::Task { name, .. } => name,
            MethodCall::Migrate { .. } => "migrate",
        }
    }
}
