//! The functions of the contract's `context`, for each version of the contract. If a run may not
//! call a function, the error has the SDK's name of it, which is in the class's source.

use std::time::Duration;

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Linker, LinkerInstance, Lower, Resource, ResourceType};

use super::calls::GuestCall;
use super::guest_types::{GuestFault, GuestFault01, GuestLevel};
use super::handles::WaitHandle;
use super::state::{GuestContext, Host, ON_LOG};
use crate::model::{CallTarget, Level, LogLine, Operation, QueryCall, WaitTarget};
use crate::sandbox::halt::Halt;

/// The largest result of `random`, in bytes.
const RANDOM_AT_ONCE: u32 = 1 << 20;

/// Defines functions of an interface. `$host` is the [`Host`] of the run that calls one.
macro_rules! define {
    ($interface:ident, $host:ident; $($name:literal($($arg:ident: $ty:ty),*) $body:block)+) => {$(
        $interface.func_wrap($name, |mut store: StoreContextMut<'_, Host>, ($($arg,)*): ($($ty,)*)| {
            let $host = store.data_mut();
            Ok($body)
        })?;
    )+};
}

/// Defines the imports of every class. A later version of one line (0.1, 0.2) has the functions of
/// the earlier ones.
pub fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    linker.instance("vactor:actor/types@0.1.1")?;
    let mut context = linker.instance("vactor:actor/context@0.1.1")?;
    link_common::<GuestFault01>(&mut context)?;
    link_calls_01(&mut context)?;

    linker.instance("vactor:actor/types@0.2.0")?;
    let mut context = linker.instance("vactor:actor/context@0.2.0")?;
    link_common::<GuestFault>(&mut context)?;
    link_calls(&mut context)
}

/// The functions that all versions have. The type of a fault is the version's.
fn link_common<F>(context: &mut LinkerInstance<'_, Host>) -> wasmtime::Result<()>
where
    F: ComponentType + Lower + From<GuestFault> + 'static,
{
    context.resource("handle", ResourceType::host::<WaitHandle>(), |mut store, rep| {
        store.data_mut().drop_handle(Resource::new_own(rep))
    })?;
    define!(context, host;
        "class-name"() { (host.context("ctx.class_name")?.class.clone(),) }
        "version"() { (host.context("ctx.version")?.version,) }
        "actor-id"() { (host.context("ctx.actor_id")?.actor.clone(),) }
        "invocation"() { (host.invocation()?,) }
        "attempt"() { (host.context("ctx.attempt")?.attempt,) }
        "log"(level: GuestLevel, message: String) { host.say(level.into(), message)? }
        "now"() { (host.context("ctx.now")?.now.as_millis(),) }
        "random"(length: u32) { (host.random(length)?,) }
        "save"(state: Vec<u8>) { host.save(state)? }
        "[method]handle.invocation"(handle: Resource<WaitHandle>) { (host.invocation_of(&handle)?,) }
        "[method]handle.wait"(handle: Resource<WaitHandle>) { (host.wait(&handle)?.map_err(F::from),) }
        "[method]handle.cancel"(handle: Resource<WaitHandle>) { host.cancel(&handle)? }
        "wait-any"(handles: Vec<Resource<WaitHandle>>) { (host.wait_any(&handles)?,) }
        "attach"(invocation: String) {
            host.may("ctx.attach")?;
            (host.handle_of(WaitTarget::Invocation(invocation))?,)
        }
        "ask"(id: String, query: String, arguments: String) {
            let result = host.ask(QueryCall { id, query, arguments })?;
            (result.map(|json| json.as_str().to_owned()).map_err(|fault| F::from(GuestFault::new(&fault, ""))),)
        }
        "timer"(ms: u64) {
            let due = host.may("ctx.timer")?.now.after(Duration::from_millis(ms));
            (host.handle_of(WaitTarget::Timer(due))?,)
        }
        "event"(name: String) {
            host.may("ctx.event")?;
            (host.handle_of(WaitTarget::Event(name))?,)
        }
    );
    Ok(())
}

/// Calls in contract 0.1: one function for each kind of target. `meta` is of the next call.
fn link_calls_01(context: &mut LinkerInstance<'_, Host>) -> wasmtime::Result<()> {
    define!(context, host;
        "meta"(name: String, value: String) { host.add_meta(name, value)? }
        "start-actor"(id: String, method: String, arguments: String) {
            let call = host.call_01(CallTarget::Actor { id }, method, arguments);
            (host.start(call)?,)
        }
        "start-or-create"(class: String, id: String, created_from: String, method: String, arguments: String) {
            let target = CallTarget::ActorOrNew { class, id, arguments: created_from };
            let call = host.call_01(target, method, arguments);
            (host.start(call)?,)
        }
        "start-task"(class: String, task: String, arguments: String) {
            let call = host.call_01(CallTarget::Task { class }, task, arguments);
            (host.start(call)?,)
        }
        "send-actor"(id: String, method: String, arguments: String, delay_ms: u64) {
            let call = host.call_01(CallTarget::Actor { id }, method, arguments);
            (host.send(call, delay_ms)?,)
        }
        "send-or-create"(
            class: String, id: String, created_from: String, method: String, arguments: String, delay_ms: u64
        ) {
            let target = CallTarget::ActorOrNew { class, id, arguments: created_from };
            let call = host.call_01(target, method, arguments);
            (host.send(call, delay_ms)?,)
        }
        "send-task"(class: String, task: String, arguments: String, delay_ms: u64) {
            let call = host.call_01(CallTarget::Task { class }, task, arguments);
            (host.send(call, delay_ms)?,)
        }
    );
    Ok(())
}

/// Calls since contract 0.2: a resource with the options of a call.
fn link_calls(context: &mut LinkerInstance<'_, Host>) -> wasmtime::Result<()> {
    context.resource("call", ResourceType::host::<GuestCall>(), |mut store, rep| {
        store.data_mut().take_call(Resource::new_own(rep))?;
        Ok(())
    })?;
    define!(context, host;
        "[static]call.to-actor"(id: String, method: String, arguments: String) {
            (host.new_call(CallTarget::Actor { id }, method, arguments)?,)
        }
        "[static]call.to-task"(class: String, task: String, arguments: String) {
            (host.new_call(CallTarget::Task { class }, task, arguments)?,)
        }
        "[method]call.or-create"(call: Resource<GuestCall>, class: String, arguments: String) {
            host.change_call(&call, |call| call.or_create(class, arguments))?
        }
        "[method]call.metadata"(call: Resource<GuestCall>, name: String, value: String) {
            host.change_call(&call, |call| call.meta.push((name, value)))?
        }
        "[method]call.limit"(call: Resource<GuestCall>, name: String, value: u64) {
            host.change_call(&call, |call| call.limits.push((name, value)))?
        }
        "start"(call: Resource<GuestCall>) {
            let call = host.take_call(call)?;
            (host.start(call)?,)
        }
        "send"(call: Resource<GuestCall>, delay_ms: u64) {
            let call = host.take_call(call)?;
            (host.send(call, delay_ms)?,)
        }
    );
    Ok(())
}

impl Host {
    fn invocation(&mut self) -> Result<String, Halt> {
        let context = self.context("ctx.invocation")?;
        context.id_exposed = true;
        Ok(context.invocation.clone())
    }

    fn random(&mut self, length: u32) -> Result<Vec<u8>, Halt> {
        let context = self.context("ctx.random")?;
        if length > RANDOM_AT_ONCE {
            return Err(Halt::Random(length));
        }
        let mut bytes = vec![0; length as usize];
        context.fill(&mut bytes);
        Ok(bytes)
    }

    fn save(&mut self, state: Vec<u8>) -> Result<(), Halt> {
        self.may("ctx.save")?;
        if state.len() as u64 > self.max_state {
            return Err(Halt::State(state.len()));
        }
        self.perform(Operation::Save(state))?;
        Ok(())
    }

    fn say(&mut self, level: Level, message: String) -> Result<(), Halt> {
        let was_truncated = self.log.log.truncated;
        let line = self.log.take(message).map(|message| LogLine { level, message });
        let note = (self.log.log.truncated && !was_truncated).then(|| self.log.truncation_note());
        if line.is_none() && note.is_none() {
            return Ok(());
        }
        let pause = self.guard.pause()?; // the listener's time is not the guest's
        ON_LOG.with(|on_log| line.iter().chain(&note).for_each(&mut *on_log));
        self.log.log.lines.extend(line);
        self.guard.resume(pause)
    }
}

impl GuestContext {
    /// The next bytes of blake3 keyed by the seed.
    fn fill(&mut self, bytes: &mut [u8]) {
        let reader = self.random.get_or_insert_with(|| {
            Box::new(blake3::Hasher::new_keyed(&self.seed.0).update(b"context.random").finalize_xof())
        });
        reader.fill(bytes);
    }
}
