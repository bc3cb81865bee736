//! The handles of a guest, and the answers of their waits.

use wasmtime::component::Resource;

use super::guest_types::GuestFault;
use super::state::Host;
use crate::model::{Fault, Json, Operation, WaitResult, WaitTarget};
use crate::sandbox::halt::Halt;

/// Bytes of memory that a handle counts beside its text and its answer; more than it takes in any
/// of the tables.
const HANDLE: u64 = 256;

/// A target of waits, and its answer once a wait has it.
pub struct WaitHandle {
    target: WaitTarget,
    answer: Option<Result<Json, Fault>>,
}

impl WaitHandle {
    fn bytes(&self) -> u64 {
        of_target(&self.target) + self.answer.as_ref().map_or(0, of_answer)
    }

    /// Empty for timers and events.
    fn invocation(&self) -> &str {
        match &self.target {
            WaitTarget::Invocation(id) => id,
            WaitTarget::Timer(_) | WaitTarget::Event(_) => "",
        }
    }
}

fn of_target(target: &WaitTarget) -> u64 {
    HANDLE
        + match target {
            WaitTarget::Invocation(text) | WaitTarget::Event(text) => text.len() as u64,
            WaitTarget::Timer(_) => 0,
        }
}

fn of_answer(answer: &Result<Json, Fault>) -> u64 {
    let bytes = match answer {
        Ok(json) => json.as_str().len(),
        Err(Fault { kind, message, details, .. }) => {
            kind.len() + message.len() + details.as_ref().map_or(0, |details| details.as_str().len())
        }
    };
    bytes as u64
}

impl Host {
    pub(super) fn handle_of(&mut self, target: WaitTarget) -> wasmtime::Result<Resource<WaitHandle>> {
        self.take(of_target(&target))?;
        Ok(self.resources.push(WaitHandle { target, answer: None })?)
    }

    pub(super) fn wait_any(&mut self, handles: &[Resource<WaitHandle>]) -> wasmtime::Result<u32> {
        self.may("ctx.wait_any")?;
        if handles.is_empty() {
            return Err(Halt::NothingToWaitFor.into());
        }
        self.first_answered(handles)
    }

    /// The index of the first handle with an answer. If none has one, it waits.
    fn first_answered(&mut self, handles: &[Resource<WaitHandle>]) -> wasmtime::Result<u32> {
        let mut bytes = 0;
        for (index, handle) in handles.iter().enumerate() {
            let handle = self.resources.get(handle)?;
            if handle.answer.is_some() {
                return Ok(index as u32);
            }
            bytes += handle.bytes();
        }
        self.has_room(bytes)?; // the same handle may be there a million times
        let targets = handles.iter().map(|handle| Ok(self.resources.get(handle)?.target.clone()));
        let targets = targets.collect::<wasmtime::Result<Vec<_>>>()?;
        let wrong = |result| Halt::Internal(format!("a wait for {} handle(s) has {result}", handles.len()));
        let answered = self.perform(Operation::Wait(targets))?;
        let WaitResult { index, result: answer, .. } = answered.ok_or_else(|| wrong("no result".to_owned()))?;
        let handle = handles.get(index as usize).ok_or_else(|| wrong(format!("the index {index}")))?;
        self.take(of_answer(&answer))?;
        self.resources.get_mut(handle)?.answer = Some(answer);
        Ok(index)
    }

    pub(super) fn invocation_of(&mut self, handle: &Resource<WaitHandle>) -> wasmtime::Result<String> {
        self.may("Handle::invocation")?;
        Ok(self.resources.get(handle)?.invocation().to_owned())
    }

    pub(super) fn wait(&mut self, handle: &Resource<WaitHandle>) -> wasmtime::Result<Result<String, GuestFault>> {
        self.may("Handle::wait")?;
        self.first_answered(std::slice::from_ref(handle))?;
        let handle = self.resources.get(handle)?;
        let answer =
            handle.answer.as_ref().ok_or_else(|| Halt::Internal("an awaited handle has no result".to_owned()))?;
        Ok(match answer {
            Ok(json) => Ok(json.as_str().to_owned()),
            Err(fault) => Err(GuestFault::new(fault, handle.invocation())),
        })
    }

    pub(super) fn cancel(&mut self, handle: &Resource<WaitHandle>) -> wasmtime::Result<()> {
        self.may("Handle::cancel")?;
        let handle = self.resources.get(handle)?;
        if let (WaitTarget::Invocation(id), None) = (&handle.target, &handle.answer) {
            let id = id.clone();
            self.perform(Operation::Cancel(id))?;
        }
        Ok(())
    }

    /// Any run may drop a handle.
    pub(super) fn drop_handle(&mut self, handle: Resource<WaitHandle>) -> wasmtime::Result<()> {
        let handle = self.resources.delete(handle)?;
        self.give_back(handle.bytes());
        Ok(())
    }
}
