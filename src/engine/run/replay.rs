//! Replaying recorded steps, from the state before them and with the operation results that they recorded.

use std::time::Duration;

use super::operations::fingerprint::fingerprint;
use super::{Runner, error_of, identity};
use crate::engine::core::history::History;
use crate::model::{
    ActorId, CallKind, ClassName, Error, Fault, Hash, HostFault, Log, Name, Operation, OperationResult, Outcome,
    Reference, Result, Step, WaitResult,
};
use crate::sandbox::{MethodCall, Operations, Run, StopSignal};

/// The steps of one invocation, in order: its saves, and its end if it is among them.
pub struct StepsToReplay<'a> {
    pub id: &'a ActorId,
    pub class: &'a ClassName,
    pub steps: &'a [Step],
}

/// Answers the operations of a guest from its history, up to the last of the steps.
struct RecordedOperations<'a> {
    history: History<'a>,
    steps: &'a [Step],
    /// The step and the state of the last save that the replay has reached.
    saved: Option<(u64, Vec<u8>)>,
    /// The save at which the replay ends; None if it goes on to the end of the run.
    until: Option<u64>,
    diverged: Option<(u64, String)>,
    /// The error that ended the reading of the history.
    error: Option<Error>,
}

impl Operations for RecordedOperations<'_> {
    fn perform(&mut self, operation: Operation, _: &Log, _: Duration) -> Result<Option<WaitResult>, Fault> {
        let over = || Fault::host(HostFault::Cancelled, "the replay ends here");
        let asked = fingerprint(&operation);
        let next = self.history.next().unwrap_or_else(|error| {
            self.error = Some(error);
            None
        });
        let Some(entry) = next else {
            return Err(self.diverge(format!("it came to `{}`, which its history does not have", asked.summary)));
        };
        if entry.fingerprint.hash != asked.hash {
            let what = format!("its history has `{}`, and it came to `{}`", entry.fingerprint.summary, asked.summary);
            return Err(self.diverge(what));
        }
        match (operation, entry.result) {
            (Operation::Wait(targets), OperationResult::Waited(result)) if result.is_for(&targets) => Ok(Some(result)),
            (Operation::Ask(_), OperationResult::Waited(result)) if result.index == 0 => Ok(Some(result)),
            (Operation::Save(state), OperationResult::Saved(step)) => {
                let recorded = self.steps.iter().find(|recorded| recorded.number == step);
                if recorded.is_some_and(|recorded| recorded.state != Hash::of(&state)) {
                    self.diverged = Some((step, "it saved another state".to_owned()));
                    return Err(over());
                }
                self.saved = Some((step, state));
                if self.until == Some(step) { Err(over()) } else { Ok(None) }
            }
            (Operation::Start(_), OperationResult::Started(_))
            | (Operation::Send(..), OperationResult::Sent(_))
            | (Operation::Send(..) | Operation::Cancel(_), OperationResult::Done) => Ok(None),
            _ => Err(self.diverge(format!("its history has no result of `{}`", asked.summary))),
        }
    }
}

impl RecordedOperations<'_> {
    fn diverge(&mut self, what: String) -> Fault {
        let step = self.steps.last().map_or(0, |step| step.number);
        self.diverged = Some((step, what.clone()));
        Fault::host(HostFault::Diverged, what)
    }
}

impl Runner {
    /// The state after the last of the steps, from the state before the first one: None if the invocation made the actor. Each
    /// state is compared with the hash that its step recorded.
    pub fn replay(&self, replayed: &StepsToReplay<'_>, before: Option<Vec<u8>>) -> Result<Vec<u8>> {
        let StepsToReplay { id, class, steps } = *replayed;
        let Some(last) = steps.last() else { return Ok(before.unwrap_or_default()) };
        let is_save = |step: &Step| step.run.is_some_and(|run| run.is_save);
        let until = match last.outcome {
            Outcome::Succeeded(_) if !is_save(last) => None,
            // a failure leaves the state of the last save, if there is one
            _ => match steps.iter().rev().find(|step| is_save(step)) {
                Some(save) => Some(save.number),
                None => return checked(id, last, before.unwrap_or_default()),
            },
        };
        let reference = Reference { name: Name::from(id), number: last.reference };
        let history = History::new(&self.core, reference, last.run.map_or(0, |run| run.history_len));
        let mut recording = RecordedOperations { history, steps, saved: None, until, diverged: None, error: None };
        let loaded = self.classes.version(class, last.version)?;
        let made = matches!(last.request.kind, CallKind::Construct { .. });
        let method = match (&before, made) {
            (None, true) => MethodCall::Construct { arguments: &last.request.arguments },
            (before, _) => MethodCall::Mutate {
                state: before.as_deref().unwrap_or_default(),
                name: &last.request.method,
                arguments: &last.request.arguments,
            },
        };
        let ran = self.run_class(
            &loaded,
            Run {
                method,
                identity: identity(&loaded, Some(id), &last.request.seed.opaque_id(), 1),
                now: last.run.map_or(last.times.now, |run| run.first_now),
                seed: last.request.seed,
                limits: &last.request.limits.limits(),
                stop: &StopSignal::default(),
                deadline: None,
                on_log: &mut |_| (),
                operations: Some(&mut recording),
            },
        );
        if let Some(error) = recording.error {
            return Err(error);
        }
        let ran = ran.map_err(error_of)?;
        let diverged = |step: u64, what: String| Error::Diverged { id: id.to_string(), step, what };
        if let Some((step, what)) = recording.diverged {
            return Err(diverged(step, what));
        }
        match (until, recording.saved, ran.outcome) {
            (Some(until), Some((step, state)), _) if step == until => checked(id, last, state),
            (None, _, Ok(success)) => checked(id, last, success.state.or(before).unwrap_or_default()),
            (_, _, Err(fault)) => Err(diverged(last.number, fault.message)),
            (Some(_), _, Ok(_)) => Err(diverged(last.number, "it ended before its last save".to_owned())),
        }
    }
}

fn checked(id: &ActorId, step: &Step, state: Vec<u8>) -> Result<Vec<u8>> {
    match Hash::of(&state) == step.state {
        true => Ok(state),
        false => {
            Err(Error::Diverged { id: id.to_string(), step: step.number, what: "it gave another state".to_owned() })
        }
    }
}
