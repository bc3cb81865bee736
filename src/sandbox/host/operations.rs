//! What a mutation or a constructor asks for that others see: who may, and how it is performed.

use wasmtime::component::Resource;

use super::handles::Handle;
use super::{Export, Halt, Host, Known, OPERATIONS};
use crate::model::{CallTarget, Fault, Json, Operation, OutgoingCall, QueryCall, WaitResult, WaitTarget};

impl Host {
    /// Whether what runs may call this function, one that not every run may.
    pub(super) fn may(&mut self, function: &'static str) -> Result<&mut Known, Halt> {
        let export = self.export;
        let known = self.known(function)?;
        let who = match export {
            Export::Start => Some("the start of a class"),
            Export::SetState => Some("`set_state`"),
            Export::GetState => Some("`get_state`"),
            Export::Describe | Export::Construct | Export::Invoke | Export::Migrate => known.only,
        };
        match who {
            Some(who) => Err(Halt::Forbidden { who, function }),
            None if !known.performed => Err(Halt::NotPerformed(function)),
            None => Ok(known),
        }
    }

    /// Has an operation performed. The guest does not compute meanwhile, and has its whole time again after a wait.
    pub(super) fn perform(&mut self, operation: Operation) -> Result<Option<WaitResult>, Halt> {
        let (waits, saves) = (matches!(operation, Operation::Wait(_)), matches!(operation, Operation::Save(_)));
        let pause = self.guard.pause()?;
        let computed = self.guard.computed();
        let performed = OPERATIONS.with(|operations| operations.perform(operation, &self.said.log, computed));
        let going = if waits { self.guard.begin_anew(pause) } else { self.guard.go_on(pause) };
        let answered = performed.map_err(|fault| Halt::Fault(Box::new(fault)))?;
        if saves {
            self.said.begin_anew();
        }
        if let (Some(known), Some(answered)) = (&mut self.known, &answered) {
            known.now = known.now.max(answered.at);
        }
        going?;
        Ok(answered)
    }

    pub(super) fn start(
        &mut self,
        function: &'static str,
        target: CallTarget,
        method: String,
        arguments: String,
    ) -> wasmtime::Result<Resource<Handle>> {
        let (outgoing, invocation) = self.outgoing(function, target, method, arguments)?;
        self.perform(Operation::Start(outgoing))?;
        self.handle_of(WaitTarget::Invocation(invocation))
    }

    pub(super) fn send(
        &mut self,
        function: &'static str,
        target: CallTarget,
        method: String,
        arguments: String,
        delay_ms: u64,
    ) -> wasmtime::Result<String> {
        let (outgoing, invocation) = self.outgoing(function, target, method, arguments)?;
        self.perform(Operation::Send(outgoing, delay_ms))?;
        Ok(invocation)
    }

    /// Metadata of the next call. It counts as the guest's memory until then.
    pub(super) fn add_meta(&mut self, name: String, value: String) -> Result<(), Halt> {
        let bytes = of_meta(&name, &value);
        self.may("meta")?;
        self.take(bytes)?;
        self.known("meta")?.meta.push((name, value));
        Ok(())
    }

    /// The next call that the run makes, and the opaque id of the invocation that it will be.
    fn outgoing(
        &mut self,
        function: &'static str,
        target: CallTarget,
        method: String,
        arguments: String,
    ) -> Result<(OutgoingCall, String), Halt> {
        let known = self.may(function)?;
        known.outgoing += 1;
        let (ordinal, meta) = (known.outgoing, std::mem::take(&mut known.meta));
        let invocation = known.seed.child(ordinal).opaque_id();
        self.give_back(meta.iter().map(|(name, value)| of_meta(name, value)).sum());
        Ok((OutgoingCall { ordinal, target, method, arguments, meta }, invocation))
    }

    /// Has a query run, and gives its answer.
    pub(super) fn ask(&mut self, question: QueryCall) -> Result<Result<Json, Fault>, Halt> {
        self.may("ctx.ask")?;
        match self.perform(Operation::Ask(question))? {
            Some(answered) => Ok(answered.result),
            None => Err(Halt::Internal("`ctx.ask` has no result".to_owned())),
        }
    }
}

/// Bytes of memory that a name and a value of metadata count.
fn of_meta(name: &str, value: &str) -> u64 {
    (name.len() + value.len()) as u64 + 64
}
