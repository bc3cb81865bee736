//! A group of calls: each runs on the state that the ones before left in memory, and one transaction commits them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::accept::check_key;
use super::blocking::refused_arguments;
use super::calls::expect_options_of_query;
use super::{Engine, Options, Reply};
use crate::engine::classes::LoadedClass;
use crate::engine::classes::validate::expect_kind;
use crate::engine::run::abort::{Abort, AbortedRun};
use crate::engine::run::bounds::RunBounds;
use crate::engine::run::operations::driver::Invoked;
use crate::model::{ActorId, Error, Invocation, Method, MethodKind, Name, Outcome, Reference, Result, Status};
use crate::store::{Commit, Committed, End, LockSet, Snapshot};

/// Bounds of a group: its callers wait for the commit, and all of it is in memory.
const MAX_TIME: Duration = Duration::from_millis(200);
const MAX_CALLS: usize = 10_000;
const MAX_BYTES: usize = 16 << 20;

/// One call of a group.
#[derive(Clone, Debug)]
pub struct GroupCall {
    /// The actor.
    pub id: String,
    /// A mutation or a query.
    pub method: String,
    /// An object by parameter, or a list in the declared order.
    pub arguments: Value,
    /// The options of the call.
    pub options: Options,
}

/// A group of calls that ran and are not committed yet. Their actors are locked until the commit. If the group is dropped
/// without a commit, none of the calls happened.
pub struct CallGroup<'e> {
    engine: &'e Engine,
    began: Instant,
    calls: Vec<GroupCall>,
    actors: HashMap<String, GroupActor>,
    /// The locks of the actors.
    locks: Option<Box<dyn LockSet>>,
    results: GroupResults,
}

/// The results of the calls so far.
#[derive(Default)]
struct GroupResults {
    /// By call; None until the result is known, and at the end for calls that are made singly.
    answers: Vec<Option<Result<Reply>>>,
    commits: Vec<Commit>,
    /// The call of each commit.
    mutations: Vec<GroupMutation>,
    queries: Vec<GroupQuery>,
    /// An estimate of the bytes of all of that.
    bytes: usize,
    /// Whether a call is made singly.
    has_single: bool,
}

struct GroupMutation {
    call: usize,
    name: Name,
    method: String,
    has_result: bool,
    leaves_work: bool,
    outcome: Outcome,
}

/// The answer of a query. It is valid if the commit before it is made.
struct GroupQuery {
    call: usize,
    after_commit: Option<usize>,
    answer: Result<Reply>,
}

/// An actor of the group. Its calls are made singly after the commit if it does not exist, is locked or has an inbox that is
/// not empty, and after a call that cannot run in the group.
struct GroupActor {
    in_memory: Option<ActorInMemory>,
    singly: bool,
}

/// An actor as the calls so far leave it.
struct ActorInMemory {
    id: ActorId,
    snapshot: Snapshot,
    keys: HashSet<String>,
    last_commit: Option<usize>,
}

/// A key of a call.
enum KeyState {
    Unused,
    /// The invocation that used it has ended.
    Answered,
}

impl Engine {
    /// A group without calls.
    pub fn many(&self) -> CallGroup<'_> {
        let (calls, actors, results) = (vec![], HashMap::new(), GroupResults::default());
        CallGroup { engine: self, began: Instant::now(), calls, actors, locks: None, results }
    }

    /// Runs many blocking calls and gives their results in the same order. Calls of one actor run in the order given. One
    /// transaction commits many calls.
    pub fn call_many(&self, calls: Vec<GroupCall>) -> Vec<Result<Reply>> {
        let mut answers = Vec::with_capacity(calls.len());
        let mut group = self.many();
        for call in calls {
            if group.is_full() {
                answers.append(&mut std::mem::replace(&mut group, self.many()).commit());
            }
            group.add(call);
        }
        answers.append(&mut group.commit());
        answers
    }
}

impl CallGroup<'_> {
    /// Whether the group must be committed before another call is added.
    pub fn is_full(&self) -> bool {
        let large = self.results.has_single || self.calls.len() >= MAX_CALLS || self.results.bytes >= MAX_BYTES;
        large || !self.calls.is_empty() && self.began.elapsed() >= MAX_TIME
    }

    /// Runs a call on the state that the calls before it left. A call that cannot run in the group is made singly after the
    /// commit.
    pub fn add(&mut self, call: GroupCall) {
        let engine = self.engine;
        if !self.actors.contains_key(&call.id) {
            let in_memory = engine.load_free_actor(&call.id, &mut self.locks);
            self.actors.insert(call.id.clone(), GroupActor { singly: in_memory.is_none(), in_memory });
        }
        self.results.answers.push(None);
        let actor = self.actors.get_mut(&call.id).filter(|actor| !actor.singly);
        if let Some(actor) = actor
            && let Some(in_memory) = &mut actor.in_memory
        {
            actor.singly = engine.run_in_group(in_memory, &call, &mut self.results).is_none();
            self.results.has_single |= actor.singly;
        } else {
            self.results.has_single = true;
        }
        self.calls.push(call);
    }

    /// Commits the calls that ran, makes the others singly, and gives the results in the order of the calls.
    pub fn commit(mut self) -> Vec<Result<Reply>> {
        let CallGroup { engine, results, calls, locks, .. } = &mut self;
        results.commit(engine);
        *locks = None;
        let answers = std::mem::take(&mut results.answers);
        let calls = std::mem::take(calls);
        answers
            .into_iter()
            .zip(calls)
            .map(|(answer, call)| answer.unwrap_or_else(|| engine.call_singly(call)))
            .collect()
    }
}

impl Engine {
    /// Makes a call without the group.
    fn call_singly(&self, call: GroupCall) -> Result<Reply> {
        if self.core.settings.stop.is_stopped() {
            return Err(Error::Interrupted);
        }
        let GroupCall { id, method, arguments, options } = call;
        if !arguments.is_array() {
            return self.call(&id, &method, arguments, &options);
        }
        let method = self.method(&id, &method)?;
        let arguments = method.declaration().named(arguments)?;
        method.call(arguments, &options)
    }

    /// An actor that exists, is not locked and has an empty inbox. For any other, a single call gives the best error.
    fn load_free_actor(&self, id: &str, locks: &mut Option<Box<dyn LockSet>>) -> Option<ActorInMemory> {
        let id = ActorId::new(id).ok()?;
        let name = Name::from(&id);
        let locks = match locks {
            Some(locks) => locks,
            None => locks.insert(self.core.store.lock_set().ok()?),
        };
        if !locks.take(&name).ok()? {
            return None;
        }
        let snapshot = self.core.store.load(&id).ok()??;
        if self.core.inbox_has_next(&name, &snapshot.record).ok()? {
            return None;
        }
        Some(ActorInMemory { id, snapshot, keys: HashSet::new(), last_commit: None })
    }

    /// Whether a key was used before. None if the call with it is made singly.
    fn key_state(&self, id: &ActorId, key: &str) -> Option<KeyState> {
        check_key(key).ok()?;
        match self.core.store.invocation_by_key(&Name::from(id), key).ok()? {
            None => Some(KeyState::Unused),
            Some(Invocation { status: Status::Ended { .. }, .. }) => Some(KeyState::Answered),
            Some(_) => None,
        }
    }

    /// Runs the last of the calls. None if it cannot run in the group.
    fn run_in_group(&self, actor: &mut ActorInMemory, call: &GroupCall, results: &mut GroupResults) -> Option<()> {
        let index = results.answers.len() - 1;
        if self.core.settings.stop.is_stopped() {
            results.answers[index] = Some(Err(Error::Interrupted));
            return Some(());
        }
        if let Some(key) = &call.options.key {
            match self.key_state(&actor.id, key)? {
                KeyState::Unused if !actor.keys.contains(key) => {}
                KeyState::Unused => return None,
                KeyState::Answered => {
                    results.answers[index] = Some(self.call_singly(call.clone()));
                    return Some(());
                }
            }
        }
        let record = actor.snapshot.record.actor.as_ref()?;
        let loaded = self.classes.version(&record.class, record.version).ok()?;
        let checked = loaded.method(&call.method).and_then(|method| {
            expect_kind(method, &[MethodKind::Mutation, MethodKind::Query])?;
            if method.kind == MethodKind::Query {
                expect_options_of_query(method, &call.options)?;
            }
            Ok((method, method.named(call.arguments.clone())?))
        });
        match checked {
            Err(error) => results.answers[index] = Some(Err(error)),
            Ok((method, arguments)) if method.kind == MethodKind::Query => {
                let at = (&actor.snapshot, record);
                let answer = self.query(&actor.id, &loaded, method, arguments, at, call.options.deadline);
                results.bytes += answer.as_ref().map_or(0, |reply| reply.result.as_str().len());
                results.queries.push(GroupQuery { call: index, after_commit: actor.last_commit, answer });
            }
            Ok((method, arguments)) => {
                match self.mutate_in_group(actor, &loaded, method, arguments, &call.options, results) {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(error) => results.answers[index] = Some(Err(error)),
                }
            }
        }
        Some(())
    }

    /// False if the call would have to commit before the group does.
    fn mutate_in_group(
        &self,
        actor: &mut ActorInMemory,
        loaded: &Arc<LoadedClass>,
        method: &Method,
        arguments: Value,
        options: &Options,
        results: &mut GroupResults,
    ) -> Result<bool> {
        let request = self.check_mutation(&actor.id, loaded, method, arguments, options)?.request;
        let scheduling = self.scheduler.scheduling(None);
        let bounds = scheduling.bounds(options.deadline, &self.core.settings.stop);
        let bounds = RunBounds { in_group: true, ..bounds };
        let commit = match self.runner.execute(Invoked::Fresh(&request, loaded), &actor.snapshot, bounds) {
            Ok(commit) => commit,
            Err(AbortedRun { why: Abort::NotInGroup, .. }) => return Ok(false),
            Err(AbortedRun { why: Abort::Failed(error), .. }) => return Err(error),
            Err(AbortedRun { why: Abort::Deadline, .. }) => {
                return Err(Error::NotAccepted { id: actor.id.to_string() });
            }
            Err(AbortedRun { why: Abort::Stopped, .. }) => return Err(Error::Interrupted),
            Err(AbortedRun { why: Abort::Suspended | Abort::Duplicate(_), .. }) => {
                return Err(Error::internal("a call of a group was accepted during its run"));
            }
        };
        if let Some(fault) = refused_arguments(&commit.outcome) {
            return Err(method.refuse(fault.message.clone()));
        }
        results.mutations.push(GroupMutation {
            call: results.answers.len() - 1,
            name: request.name.clone(),
            method: method.name.clone(),
            has_result: method.result.is_some(),
            leaves_work: commit.progress.is_some(),
            outcome: commit.outcome.clone(),
        });
        results.bytes += request.arguments.as_str().len() + bytes_of(&commit);
        actor.keys.extend(options.key.clone());
        actor.advance(&commit);
        actor.last_commit = Some(results.commits.len());
        results.commits.push(commit);
        Ok(true)
    }
}

impl GroupResults {
    /// Commits the calls that ran, then answers them. A call stays without an answer if the store refuses its commit, because
    /// another one came first or used the key. The calls after it on the same actor do, too.
    fn commit(&mut self, engine: &Engine) {
        let commits = std::mem::take(&mut self.commits);
        let count = commits.len();
        let results = match count {
            0 => Ok(vec![]),
            _ => engine.now().and_then(|now| engine.core.store.commit(commits, now)),
        };
        let results = results.unwrap_or_else(|error| vec![Err(error); count]);
        let done: Vec<bool> = results.iter().map(|result| matches!(result, Ok(Committed::Done { .. }))).collect();
        for (mutation, result) in self.mutations.drain(..).zip(results) {
            self.answers[mutation.call] = match result {
                Ok(Committed::Done { reference, step }) => {
                    let GroupMutation { name, method, has_result, leaves_work, outcome, .. } = mutation;
                    let reply = Reply::of(Reference { name, number: reference }, step, outcome, &method, has_result);
                    Some(reply.map(|reply| Reply { leaves_work, ..reply }))
                }
                Ok(Committed::Duplicate(_)) | Err(Error::Stale { .. }) => None,
                Err(error) => Some(Err(error)),
            };
        }
        for query in self.queries.drain(..) {
            if query.after_commit.is_none_or(|commit| done[commit]) {
                self.answers[query.call] = Some(query.answer);
            }
        }
    }
}

impl ActorInMemory {
    /// The actor as this commit will leave it.
    fn advance(&mut self, commit: &Commit) {
        self.snapshot.record.counters.steps += 1;
        if let Some(actor) = &mut self.snapshot.record.actor {
            actor.clock = actor.clock.max(commit.now);
        }
        if let End::Step { state: Some(state), .. } = &commit.end {
            self.snapshot.state.clone_from(state);
        }
    }
}

/// An estimate of the bytes of a commit.
fn bytes_of(commit: &Commit) -> usize {
    let log: usize = commit.log.lines.iter().map(|line| line.message.len()).sum();
    let result = match &commit.outcome {
        Outcome::Succeeded(result) => result.as_str().len(),
        Outcome::Failed(fault) => fault.message.len(),
    };
    let state = match &commit.end {
        End::Step { state: Some(state), .. } | End::Created { state, .. } => state.len(),
        End::Step { state: None, .. } | End::WithoutStep | End::Retry { .. } => 0,
    };
    size_of::<Commit>() + log + result + state
}
