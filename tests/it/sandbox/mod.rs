//! The sandbox: permitted and forbidden behaviour of classes, and its results.

mod cache;
#[cfg(unix)]
mod compile;
mod inspect;
mod limits;
mod operations;
mod pool;
mod runs;

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use vactor::model::{ActorId, ClassName, Fault, Hash, HostFault, Json, Limits, LogLine, Seed, Timestamp};
use vactor::sandbox::{
    Aborted, Cache, CompiledClass, Identity, MethodCall, Operations, Run, RunOutput, Sandbox, StopSignal,
};

use crate::raw::RawClass;

/// The sandbox that all tests share, as the threads of a process do.
static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| Sandbox::new(Cache::none()));

fn compile(raw: &RawClass) -> Arc<CompiledClass> {
    let component = raw.build();
    SANDBOX.class(&Hash::of(&component), || Ok(&component), (&StopSignal::default()).into(), &mut || ()).unwrap()
}

/// The inputs of a run without the method.
#[derive(Clone)]
struct World {
    limits: Limits,
    seed: Seed,
    stop: StopSignal,
    deadline: Option<Instant>,
    version: u32,
    attempt: u32,
}

impl World {
    fn new() -> World {
        let (limits, seed, stop) = (Limits::default(), Seed([7; 32]), StopSignal::default());
        World { limits, seed, stop, deadline: None, version: 3, attempt: 2 }
    }

    fn limited(change: impl FnOnce(&mut Limits)) -> World {
        let mut world = World::new();
        change(&mut world.limits);
        world
    }

    fn run(&self, class: &CompiledClass, method: MethodCall<'_>) -> RunOutput {
        self.run_and_see(class, method, &mut |_| ())
    }

    fn run_and_see(
        &self,
        class: &CompiledClass,
        method: MethodCall<'_>,
        on_log: &mut (dyn FnMut(&LogLine) + Send),
    ) -> RunOutput {
        self.run_all(class, method, on_log, None).unwrap()
    }

    /// The reason for which a mutation on an empty state was aborted.
    fn aborted(&self, class: &CompiledClass, name: &str) -> Aborted {
        let method = MethodCall::Mutate { state: b"", name, arguments: &none() };
        self.run_all(class, method, &mut |_| (), None).err().expect("the run ended")
    }

    fn run_all(
        &self,
        class: &CompiledClass,
        method: MethodCall<'_>,
        on_log: &mut (dyn FnMut(&LogLine) + Send),
        operations: Option<&mut dyn Operations>,
    ) -> Result<RunOutput, Aborted> {
        let (name, id) = (ClassName::new("counter").unwrap(), ActorId::new("my_counter").unwrap());
        let actor = (!matches!(method, MethodCall::Task { .. })).then_some(&id);
        let (version, attempt) = (self.version, self.attempt);
        class.run(Run {
            method,
            identity: Identity { class: &name, version, actor, invocation: "abc", attempt },
            now: Timestamp::from_millis(1_234_567),
            seed: self.seed,
            limits: &self.limits,
            stop: &self.stop,
            deadline: self.deadline,
            on_log,
            operations: operations.map(|operations| operations as _),
        })
    }

    /// A mutation on an empty state.
    fn mutate(&self, class: &CompiledClass, name: &str) -> RunOutput {
        self.run(class, MethodCall::Mutate { state: b"", name, arguments: &none() })
    }

    fn fault(&self, raw: &RawClass, name: &str) -> Fault {
        self.mutate(&compile(raw), name).outcome.unwrap_err()
    }
}

/// The outcome of a mutation with this body.
fn outcome(body: &str) -> Result<String, Fault> {
    let class = compile(&RawClass::new().mutation("go", body));
    World::new().mutate(&class, "go").outcome.map(|success| success.result.to_string())
}

#[test]
fn sandbox_and_classes_are_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<(Sandbox, CompiledClass, StopSignal)>();
}

/// No arguments.
fn none() -> Json {
    Json::parse("{}").unwrap()
}

#[track_caller]
fn assert_fault(fault: &Fault, host: HostFault, message: &str) {
    assert!(fault.is_host(host), "{fault:?}");
    assert_eq!(fault.message, message);
    if let HostFault::Limit(limit) = host {
        assert_eq!(fault.limit(), Some(limit));
    }
}

fn messages(ran: &RunOutput) -> Vec<&str> {
    ran.log.lines.iter().map(|line| line.message.as_str()).collect()
}
