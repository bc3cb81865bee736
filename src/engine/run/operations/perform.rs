//! Performing one operation.

use std::time::Duration;

use super::driver::{Driver, Performed};
use super::fingerprint::fingerprint;
use super::outbound::over_limit;
use crate::model::{Fault, HostFault, Limit, Log, Operation, WaitResult};
use crate::sandbox::Operations;

impl Operations for Driver<'_> {
    fn perform(&mut self, operation: Operation, log: &Log, computed: Duration) -> Result<Option<WaitResult>, Fault> {
        self.computed = computed;
        let performed = self.replay_or_perform(operation, log);
        self.update_replaying();
        performed.unwrap_or_else(|abort| {
            self.abort = Some(abort);
            Err(Fault::host(HostFault::Cancelled, "the run was aborted"))
        })
    }
}

impl Driver<'_> {
    fn replay_or_perform(&mut self, operation: Operation, log: &Log) -> Performed {
        let fingerprint = fingerprint(&operation);
        if let Some(entry) = self.history.next()? {
            return self.replay(operation, &fingerprint, entry);
        }
        let pending = self.pending_wait.take();
        if let Some(pending) = &pending
            && pending.fingerprint.hash != fingerprint.hash
        {
            return Ok(Err(self.diverged(&fingerprint.summary, &pending.fingerprint)));
        }
        if let Some(over) = self.over_limit_of(&operation) {
            return Ok(Err(over));
        }
        match operation {
            Operation::Start(outgoing) => self.start(fingerprint, &outgoing),
            Operation::Send(outgoing, delay_ms) => self.send(fingerprint, &outgoing, delay_ms),
            Operation::Cancel(id) => self.cancel(fingerprint, &id),
            Operation::Save(state) => self.save(fingerprint, state, log),
            Operation::Wait(targets) => self.wait(fingerprint, &targets, pending.map(|pending| pending.targets)),
            Operation::Ask(query) => self.ask(fingerprint, &query),
        }
    }

    /// New operations are in memory until the next commit, and in the history for good. Both are bounded.
    fn over_limit_of(&mut self, operation: &Operation) -> Option<Fault> {
        let limits = &self.limits;
        if self.committed_entries + self.entries.len() as u64 >= limits.operations {
            let what = format!("the invocation asked the host for more than {} things", limits.operations);
            return Some(over_limit(Limit::Operations, what));
        }
        if let Operation::Start(outgoing) | Operation::Send(outgoing, _) = operation {
            let meta = outgoing.meta.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
            self.outgoing_bytes += (outgoing.arguments.len() + meta) as u64;
            if self.outgoing_bytes > limits.memory {
                let what = "what the invocation starts and sends between two waits takes more than its memory";
                return Some(over_limit(Limit::Memory, what.to_owned()));
            }
        }
        None
    }
}
