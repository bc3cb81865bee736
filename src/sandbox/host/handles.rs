//! What a guest waits for, and the answers that it got.

use wasmtime::component::{Resource, ResourceTable};

use super::vactor::actor::{context, types};
use super::{Halt, Host};
use crate::model::{Fault, FaultOrigin, Json, Operation, WaitResult, WaitTarget};

/// Bytes of memory that a handle counts, beside its text and its answer; more than it takes in any of the tables.
const HANDLE: u64 = 256;

/// Something that will be answered, or was.
pub struct Handle {
    awaited: WaitTarget,
    answer: Option<Result<Json, Fault>>,
}

/// Where a run's handles are. The limit on memory bounds it.
pub fn table() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(usize::MAX);
    table
}

impl Handle {
    fn bytes(&self) -> u64 {
        of_awaited(&self.awaited) + self.answer.as_ref().map_or(0, of_answer)
    }

    /// Empty for what is no invocation.
    fn invocation(&self) -> &str {
        match &self.awaited {
            WaitTarget::Invocation(id) => id,
            WaitTarget::Timer(_) | WaitTarget::Event(_) => "",
        }
    }
}

fn of_awaited(awaited: &WaitTarget) -> u64 {
    HANDLE
        + match awaited {
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
    pub(super) fn handle_of(&mut self, awaited: WaitTarget) -> wasmtime::Result<Resource<Handle>> {
        self.take(of_awaited(&awaited))?;
        Ok(self.handles.push(Handle { awaited, answer: None })?)
    }

    /// The index of the first that is answered; waits where none is yet.
    pub(super) fn first_answered(&mut self, handles: &[Resource<Handle>]) -> wasmtime::Result<u32> {
        let mut bytes = 0;
        for (index, handle) in handles.iter().enumerate() {
            let handle = self.handles.get(handle)?;
            if handle.answer.is_some() {
                return Ok(index as u32);
            }
            bytes += handle.bytes();
        }
        self.has_room(bytes)?; // the same handle may be there a million times
        let awaited = handles.iter().map(|handle| Ok(self.handles.get(handle)?.awaited.clone()));
        let awaited = awaited.collect::<wasmtime::Result<Vec<_>>>()?;
        let wrong = |result| Halt::Internal(format!("a wait for {} handle(s) has {result}", handles.len()));
        let answered = self.perform(Operation::Wait(awaited))?;
        let WaitResult { index, result: answer, .. } = answered.ok_or_else(|| wrong("no result".to_owned()))?;
        let handle = handles.get(index as usize).ok_or_else(|| wrong(format!("the index {index}")))?;
        self.take(of_answer(&answer))?;
        self.handles.get_mut(handle)?.answer = Some(answer);
        Ok(index)
    }
}

impl context::HostHandle for Host {
    fn invocation(&mut self, handle: Resource<Handle>) -> wasmtime::Result<String> {
        self.may("Handle::invocation")?;
        Ok(self.handles.get(&handle)?.invocation().to_owned())
    }

    fn wait(&mut self, handle: Resource<Handle>) -> wasmtime::Result<Result<String, types::Fault>> {
        self.may("Handle::wait")?;
        self.first_answered(std::slice::from_ref(&handle))?;
        let handle = self.handles.get(&handle)?;
        let answer =
            handle.answer.as_ref().ok_or_else(|| Halt::Internal("an awaited handle has no result".to_owned()))?;
        Ok(match answer {
            Ok(json) => Ok(json.as_str().to_owned()),
            Err(fault) => Err(to_guest(fault, handle.invocation())),
        })
    }

    fn cancel(&mut self, handle: Resource<Handle>) -> wasmtime::Result<()> {
        self.may("Handle::cancel")?;
        let handle = self.handles.get(&handle)?;
        if let (WaitTarget::Invocation(id), None) = (&handle.awaited, &handle.answer) {
            let id = id.clone();
            self.perform(Operation::Cancel(id))?;
        }
        Ok(())
    }

    /// Whatever runs may drop what it has: it takes nothing.
    fn drop(&mut self, handle: Resource<Handle>) -> wasmtime::Result<()> {
        let handle = self.handles.delete(handle)?;
        self.give_back(handle.bytes());
        Ok(())
    }
}

pub(super) fn to_guest(fault: &Fault, invocation: &str) -> types::Fault {
    types::Fault {
        origin: match fault.origin {
            FaultOrigin::Class => types::Origin::Class,
            FaultOrigin::Host => types::Origin::Host,
        },
        kind: fault.kind.clone(),
        message: fault.message.clone(),
        details: fault.details.as_ref().map(|details| details.as_str().to_owned()),
        invocation: invocation.to_owned(),
    }
}
