//! Tasks: methods without an actor. Each is run by itself, tried again as its class or its caller says, and its result is
//! recorded once.

use std::time::Duration;

use serde_json::Value;

use crate::engine::api::calls::{goes_on, one, same_call, sent_object};
use crate::engine::classes::validate::{check_key, check_meta, expect_kind, key, object, task_fingerprint};
use crate::engine::run::execute::{Bounds, Replays, identity};
use crate::engine::run::operations::Abort;
use crate::engine::{Engine, Options, Reply};
use crate::model::{
    Attempt, CallKind, CallRequest, Error, Fault, HostFault, Invocation, Method, MethodKind, Name, Outcome, Reference,
    Result, Status,
};
use crate::sandbox::{self, Run};
use crate::store::{self, Accepted, Commit, CommitSource, End, NameLock};

/// Invocations that are read from the store at once.
const PAGE: usize = 256;

impl Engine {
    /// Accepts a task of the class's current version, runs it where nobody else does, and waits for its end.
    pub fn run_task(&self, class: &str, task: &str, arguments: Value, options: &Options) -> Result<Reply> {
        let _deadline = store::deadline(options.deadline);
        let (reference, recorded) = self.accept_task(class, task, arguments, options)?;
        self.answer(&reference, options.deadline, recorded).map_err(|error| goes_on(error, &reference))
    }

    /// Accepts a task and returns at once; any worker runs it.
    pub fn submit_task(&self, class: &str, task: &str, arguments: Value, options: &Options) -> Result<Reference> {
        self.accept_task(class, task, arguments, options).map(|(reference, _)| reference)
    }

    /// The reference, and whether an earlier call with the same key has it.
    fn accept_task(&self, class: &str, task: &str, arguments: Value, options: &Options) -> Result<(Reference, bool)> {
        let class = self.known_class(class)?;
        let name = Name::task(&class.name, task);
        let fingerprint = task_fingerprint(task, &sent_object(&arguments));
        check_meta(&options.meta)?;
        if let Some(text) = &options.key {
            check_key(text)?;
            if let Some(known) = self.store.invocation_by_key(&name, text)? {
                return same_call(&known, options, Some(fingerprint)).map(|reference| (reference, true));
            }
        }
        let loaded = self.loaded(&class.name, class.current)?;
        let method = loaded.method(task)?;
        expect_kind(method, &[MethodKind::Task])?;
        let sent = object(method, arguments)?;
        let call = CallKind::Task { class: class.name, version: class.current };
        let request = self.prepare(name.clone(), call, method, sent, key(options, &fingerprint)?, options)?;
        match one(self.store.accept(vec![request], self.limits().inbox)?)? {
            Accepted::New(number) => Ok((Reference { name, number }, false)),
            Accepted::Duplicate(known) => same_call(&known, options, Some(fingerprint)).map(|known| (known, true)),
        }
    }

    /// Runs an accepted task that is held. Whether it ended.
    pub(in crate::engine) fn try_task(
        &self,
        reference: &Reference,
        _held: &NameLock,
        bounds: Bounds<'_>,
    ) -> Result<bool> {
        let task = self.invocation(reference)?;
        if !matches!(task.status, Status::Pending) {
            return Ok(false);
        }
        debug_assert!(bounds.permit.is_some(), "a task is run by the executor");
        let _announced = self.store.announce(&reference.name, Some(reference.number));
        let commit = match self.run_once(&task, bounds) {
            Ok(commit) => commit,
            // somebody cancelled it
            Err(Abort::Stopped) if !bounds.stop.is_stopped() => return Ok(true),
            Err(Abort::Failed(error)) => return Err(error),
            Err(_) => return Err(Error::Interrupted),
        };
        match self.commit_one(commit) {
            Ok(_) => Ok(true),
            // it ended meanwhile
            Err(Error::Stale { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// One try.
    fn run_once(&self, task: &Invocation, bounds: Bounds<'_>) -> Result<Commit, Abort> {
        let request = &task.request;
        let CallKind::Task { class, version } = &request.kind else {
            return Err(Abort::Failed(Error::Damaged { what: format!("{} is no task", task.reference()) }));
        };
        let began = self.now()?;
        let loaded = self.loaded(class, *version)?;
        let method = loaded.method(&request.method)?;
        let stop = bounds.stop.child();
        let _running = self.running.enter(task.reference(), stop.clone(), &self.store);
        let ran = self.run_class(
            &loaded,
            Run {
                method: sandbox::MethodCall::Task { name: &request.method, arguments: &request.arguments },
                identity: identity(&loaded, None, &request.seed.opaque_id(), task.attempts + 1),
                now: began,
                seed: request.seed,
                limits: &request.limits.limits(),
                stop: &stop,
                deadline: bounds.deadline,
                on_log: &mut self.listener(&request.name, Replays::default()),
                operations: None,
            },
        )?;
        let (micros, known) = (ran.computed.as_micros() as u64, ran.id_exposed);
        let (outcome, end) = match ran.outcome {
            Ok(success) => (Outcome::Succeeded(success.result), End::WithoutStep),
            Err(fault) => {
                let end = self.after_failure(task, method, &fault)?;
                (Outcome::Failed(fault), end)
            }
        };
        let turn = CommitSource::Accepted { name: request.name.clone(), number: task.number };
        let expected_steps = self.store.name_record(&request.name)?.unwrap_or_default().counters.steps;
        Ok(Commit {
            source: turn,
            expected_steps,
            began: Some(began),
            now: began,
            outcome,
            log: ran.log,
            micros,
            end,
            progress: None,
            id_exposed: known,
        })
    }

    /// Another try where one is left; arguments that do not fit never will.
    fn after_failure(&self, task: &Invocation, method: &Method, fault: &Fault) -> Result<End> {
        let retries = task.request.retries.unwrap_or(method.retries);
        if task.attempts >= retries || fault.permanent || fault.is_host(HostFault::BadArguments) {
            return Ok(End::WithoutStep);
        }
        let pause = backoff(Duration::from_millis(method.backoff_ms), task.attempts + 1);
        Ok(End::Retry { due: self.now()?.after(pause) })
    }
}

impl Engine {
    /// Whether a task has or had this name `CLASS/TASK`: its class has it, or there are invocations of it.
    pub fn is_task(&self, name: &Name) -> Result<bool> {
        if self.tasks_beside(name)?.contains(name) {
            return Ok(true);
        }
        let mut before = None;
        loop {
            let page = self.store.invocations(name, before, PAGE)?;
            if page.iter().any(|one| matches!(one.request.kind, CallKind::Task { .. })) {
                return Ok(true);
            }
            let Some(last) = page.last() else { return Ok(false) };
            before = Some(last.number);
        }
    }

    /// How many invocations of a task have ended (of all, or of the one of a number), and the first that is in use: it has not
    /// ended, or was started by an invocation that has not ended.
    pub fn task_calls(&self, name: &Name, number: Option<u64>) -> Result<(u64, Option<Reference>)> {
        let (mut ended, mut in_use) = (0, None);
        let mut before = number.map(|number| number.saturating_add(1));
        loop {
            let page = self.store.invocations(name, before, if number.is_some() { 1 } else { PAGE })?;
            let calls = page.iter().filter(|call| number.is_none_or(|number| call.number == number));
            for call in calls.filter(|call| matches!(call.request.kind, CallKind::Task { .. })) {
                let has_ended = matches!(call.status, Status::Ended { .. });
                ended += u64::from(has_ended);
                if !has_ended || self.is_awaited(&call.request)? {
                    in_use = Some(call.reference());
                }
            }
            match page.last().filter(|_| number.is_none()) {
                Some(last) => before = Some(last.number),
                None => return Ok((ended, in_use)),
            }
        }
    }

    /// Whether the caller of a child has not ended, and may still want its result. A message's caller does not.
    fn is_awaited(&self, request: &CallRequest) -> Result<bool> {
        let Some(caller) = request.caller.as_ref().filter(|_| request.depth > 0) else { return Ok(false) };
        Ok(self.store.invocation(caller)?.is_some_and(|caller| matches!(caller.status, Status::Pending)))
    }

    /// The tries of a task's invocation that have ended, in order, from the number `from` on; at most `limit`.
    pub fn attempts(&self, reference: &Reference, from: u32, limit: usize) -> Result<Vec<Attempt>> {
        self.store.attempts(reference, from, limit)
    }

    /// Removes a task's invocations (or the one of a number) that have ended, with all that is recorded of them; answers how
    /// many. Refused as [`Busy`](Error::Busy) while one of them has not ended, or its result may still be wanted, unless `force`,
    /// which cancels the first kind; those stay, as cancelled.
    pub fn remove_task_calls(&self, name: &Name, number: Option<u64>, force: bool) -> Result<u64> {
        self.store.remove_tasks(name, number, self.now()?, force)
    }
}

/// How long a pause before a try of a task is: the class's, doubled with each further try.
fn backoff(first: Duration, failed: u32) -> Duration {
    first.saturating_mul(1_u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX))
}
