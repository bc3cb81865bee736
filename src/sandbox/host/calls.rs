//! Calls while a guest puts them together, and then as operations.

use wasmtime::component::Resource;

use super::handles::WaitHandle;
use super::state::Host;
use crate::model::{CallTarget, Operation, OutgoingCall, WaitTarget};
use crate::sandbox::halt::Halt;

/// Bytes of memory that a call counts beside its texts.
const CALL: u64 = 256;
/// Bytes of memory that an option of a call counts beside its texts.
const OPTION: u64 = 64;

/// A call that the guest has not made yet.
pub struct GuestCall {
    target: CallTarget,
    method: String,
    arguments: String,
    pub meta: Vec<(String, String)>,
    pub limits: Vec<(String, u64)>,
}

impl GuestCall {
    pub fn or_create(&mut self, class: String, arguments: String) {
        if let CallTarget::Actor { id } | CallTarget::ActorOrNew { id, .. } = &mut self.target {
            let id = std::mem::take(id);
            self.target = CallTarget::ActorOrNew { class, id, arguments };
        }
    }

    /// Bytes of memory that it counts.
    fn bytes(&self) -> u64 {
        let target = match &self.target {
            CallTarget::Actor { id } => id.len(),
            CallTarget::ActorOrNew { class, id, arguments } => class.len() + id.len() + arguments.len(),
            CallTarget::Task { class } => class.len(),
        };
        let limits: u64 = self.limits.iter().map(|(name, _)| name.len() as u64 + OPTION).sum();
        CALL + (target + self.method.len() + self.arguments.len()) as u64 + of_meta(&self.meta) + limits
    }
}

fn of_meta(meta: &[(String, String)]) -> u64 {
    meta.iter().map(|(name, value)| (name.len() + value.len()) as u64 + OPTION).sum()
}

impl Host {
    pub(super) fn new_call(
        &mut self,
        target: CallTarget,
        method: String,
        arguments: String,
    ) -> wasmtime::Result<Resource<GuestCall>> {
        self.context("ctx.start")?;
        let call = GuestCall { target, method, arguments, meta: Vec::new(), limits: Vec::new() };
        self.take(call.bytes())?;
        Ok(self.resources.push(call)?)
    }

    pub(super) fn change_call(
        &mut self,
        call: &Resource<GuestCall>,
        change: impl FnOnce(&mut GuestCall),
    ) -> wasmtime::Result<()> {
        let call = self.resources.get_mut(call)?;
        let before = call.bytes();
        change(call);
        let after = call.bytes();
        self.give_back(before);
        Ok(self.take(after)?)
    }

    /// Takes a call out of the guest's resources.
    pub(super) fn take_call(&mut self, call: Resource<GuestCall>) -> wasmtime::Result<GuestCall> {
        let call = self.resources.delete(call)?;
        self.give_back(call.bytes());
        Ok(call)
    }

    /// Adds metadata to the next call of contract 0.1. It counts as the guest's memory until then.
    pub(super) fn add_meta(&mut self, name: String, value: String) -> Result<(), Halt> {
        self.may("meta")?;
        let meta = [(name, value)];
        self.take(of_meta(&meta))?;
        self.context("meta")?.meta.extend(meta);
        Ok(())
    }

    /// A call of contract 0.1, with the metadata that was added before it.
    pub(super) fn call_01(&mut self, target: CallTarget, method: String, arguments: String) -> GuestCall {
        let meta = self.context.as_mut().map(|context| std::mem::take(&mut context.meta)).unwrap_or_default();
        self.give_back(of_meta(&meta));
        GuestCall { target, method, arguments, meta, limits: Vec::new() }
    }

    pub(super) fn start(&mut self, call: GuestCall) -> wasmtime::Result<Resource<WaitHandle>> {
        let function = if matches!(call.target, CallTarget::Task { .. }) { "ctx.task" } else { "ctx.start" };
        let (outgoing, invocation) = self.outgoing(function, call)?;
        self.perform(Operation::Start(outgoing))?;
        self.handle_of(WaitTarget::Invocation(invocation))
    }

    pub(super) fn send(&mut self, call: GuestCall, delay_ms: u64) -> Result<String, Halt> {
        let function = if matches!(call.target, CallTarget::Task { .. }) { "ctx.send_task" } else { "ctx.send" };
        let (outgoing, invocation) = self.outgoing(function, call)?;
        self.perform(Operation::Send(outgoing, delay_ms))?;
        Ok(invocation)
    }

    /// The next call of the run, and the opaque id of its invocation.
    fn outgoing(&mut self, function: &'static str, call: GuestCall) -> Result<(OutgoingCall, String), Halt> {
        let context = self.may(function)?;
        context.outgoing += 1;
        let ordinal = context.outgoing;
        let invocation = context.seed.child(ordinal).opaque_id();
        let GuestCall { target, method, arguments, meta, limits } = call;
        Ok((OutgoingCall { ordinal, target, method, arguments, meta, limits }, invocation))
    }
}
