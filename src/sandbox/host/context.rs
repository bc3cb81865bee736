//! The functions of the contract's `context`, each as the guest calls it. A function that a run may not call is named as
//! the SDK names it: that is what its author wrote.

use std::time::Duration;

use wasmtime::component::Resource;

use super::handles::{Handle, to_guest};
use super::vactor::actor::{context, types};
use super::{Halt, Host, Known};
use crate::model::{CallTarget, Level, Operation, QueryCall, WaitTarget};

/// What `random` gives at most in one call.
const RANDOM_AT_ONCE: u32 = 1 << 20;

impl types::Host for Host {}

impl context::Host for Host {
    fn class_name(&mut self) -> wasmtime::Result<String> {
        Ok(self.known("ctx.class_name")?.class.clone())
    }

    fn version(&mut self) -> wasmtime::Result<u32> {
        Ok(self.known("ctx.version")?.version)
    }

    fn actor_id(&mut self) -> wasmtime::Result<String> {
        Ok(self.known("ctx.actor_id")?.actor.clone())
    }

    fn invocation(&mut self) -> wasmtime::Result<String> {
        let known = self.known("ctx.invocation")?;
        known.told_invocation = true;
        Ok(known.invocation.clone())
    }

    fn attempt(&mut self) -> wasmtime::Result<u32> {
        Ok(self.known("ctx.attempt")?.attempt)
    }

    fn log(&mut self, level: context::Level, message: String) -> wasmtime::Result<()> {
        Ok(self.say(level.into(), message)?)
    }

    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.known("ctx.now")?.now.as_millis())
    }

    fn random(&mut self, length: u32) -> wasmtime::Result<Vec<u8>> {
        let known = self.known("ctx.random")?;
        if length > RANDOM_AT_ONCE {
            return Err(Halt::Random(length).into());
        }
        let mut bytes = vec![0; length as usize];
        known.fill(&mut bytes);
        Ok(bytes)
    }

    fn save(&mut self, state: Vec<u8>) -> wasmtime::Result<()> {
        self.may("ctx.save")?;
        if state.len() as u64 > self.state {
            return Err(Halt::State(state.len()).into());
        }
        self.perform(Operation::Save(state))?;
        Ok(())
    }

    fn wait_any(&mut self, handles: Vec<Resource<Handle>>) -> wasmtime::Result<u32> {
        self.may("ctx.wait_any")?;
        if handles.is_empty() {
            return Err(Halt::NothingToWaitFor.into());
        }
        self.first_answered(&handles)
    }

    fn start_actor(&mut self, id: String, method: String, arguments: String) -> wasmtime::Result<Resource<Handle>> {
        self.start("ctx.start", CallTarget::Actor { id }, method, arguments)
    }

    fn start_or_create(
        &mut self,
        class: String,
        id: String,
        constructor_arguments: String,
        method: String,
        arguments: String,
    ) -> wasmtime::Result<Resource<Handle>> {
        let target = CallTarget::ActorOrNew { class, id, arguments: constructor_arguments };
        self.start("ctx.start", target, method, arguments)
    }

    fn start_task(&mut self, class: String, task: String, arguments: String) -> wasmtime::Result<Resource<Handle>> {
        self.start("ctx.task", CallTarget::Task { class }, task, arguments)
    }

    fn attach(&mut self, invocation: String) -> wasmtime::Result<Resource<Handle>> {
        self.may("ctx.attach")?;
        self.handle_of(WaitTarget::Invocation(invocation))
    }

    fn send_actor(&mut self, id: String, method: String, arguments: String, delay_ms: u64) -> wasmtime::Result<String> {
        self.send("ctx.send", CallTarget::Actor { id }, method, arguments, delay_ms)
    }

    fn send_or_create(
        &mut self,
        class: String,
        id: String,
        constructor_arguments: String,
        method: String,
        arguments: String,
        delay_ms: u64,
    ) -> wasmtime::Result<String> {
        let target = CallTarget::ActorOrNew { class, id, arguments: constructor_arguments };
        self.send("ctx.send", target, method, arguments, delay_ms)
    }

    fn send_task(&mut self, class: String, task: String, arguments: String, delay_ms: u64) -> wasmtime::Result<String> {
        self.send("ctx.send_task", CallTarget::Task { class }, task, arguments, delay_ms)
    }

    fn meta(&mut self, name: String, value: String) -> wasmtime::Result<()> {
        Ok(self.add_meta(name, value)?)
    }

    fn ask(&mut self, id: String, query: String, arguments: String) -> wasmtime::Result<Result<String, types::Fault>> {
        let answer = Host::ask(self, QueryCall { id, query, arguments })?;
        Ok(answer.map(|json| json.as_str().to_owned()).map_err(|fault| to_guest(&fault, "")))
    }

    fn timer(&mut self, ms: u64) -> wasmtime::Result<Resource<Handle>> {
        let due = self.may("ctx.timer")?.now.after(Duration::from_millis(ms));
        self.handle_of(WaitTarget::Timer(due))
    }

    fn event(&mut self, name: String) -> wasmtime::Result<Resource<Handle>> {
        self.may("ctx.event")?;
        self.handle_of(WaitTarget::Event(name))
    }
}

impl From<context::Level> for Level {
    fn from(level: context::Level) -> Level {
        match level {
            context::Level::Debug => Level::Debug,
            context::Level::Info => Level::Info,
            context::Level::Warn => Level::Warn,
            context::Level::Error => Level::Error,
        }
    }
}

impl Known {
    /// The bytes of blake3 keyed by the seed, read on from call to call.
    fn fill(&mut self, bytes: &mut [u8]) {
        let reader = self.random.get_or_insert_with(|| {
            Box::new(blake3::Hasher::new_keyed(&self.seed.0).update(b"context.random").finalize_xof())
        });
        reader.fill(bytes);
    }
}
