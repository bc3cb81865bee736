//! Many calls at once: they run in memory, one on the state that the other left, and commit together.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::engine::api::calls::{refused_arguments, reply_of};
use crate::engine::classes::validate::{expect_kind, expect_options_of_query};
use crate::engine::run::execute::{AbortedRun, Bounds, Invoked};
use crate::engine::run::operations::Abort;
use crate::engine::{Engine, Options, Reply};
use crate::model::{ActorId, Error, Invocation, Method, MethodKind, Name, Outcome, Reference, Result, Status};
use crate::store::{Commit, Committed, End, LockSet, Snapshot};

/// A group that ran for so long, or that has so many calls or bytes, is to be committed before it takes more: who called
/// waits for that, and all of it is in memory.
const LONG_ENOUGH: Duration = Duration::from_millis(200);
const MANY_ENOUGH: usize = 10_000;
const LARGE_ENOUGH: usize = 16 << 20;

/// One call of many.
#[derive(Clone, Debug)]
pub struct GroupCall {
    pub id: String,
    pub method: String,
    /// An object by parameter, or a list in the declared order.
    pub arguments: Value,
    pub options: Options,
}

/// A group of calls that ran and are not committed yet; their actors are held until then. Dropped without a commit, none
/// of them happened.
pub struct CallGroup<'e> {
    engine: &'e Engine,
    began: Instant,
    calls: Vec<GroupCall>,
    sessions: HashMap<String, Session>,
    /// The actors of the sessions.
    holds: Option<Box<dyn LockSet>>,
    ran: Ran,
}

/// What came of the calls so far.
#[derive(Default)]
struct Ran {
    /// By call; None until it is known, and at the end for calls that must be made singly.
    answers: Vec<Option<Result<Reply>>>,
    commits: Vec<Commit>,
    /// Which call each commit ends.
    mutations: Vec<Mutation>,
    queries: Vec<Query>,
    /// About as many as all of that holds.
    bytes: usize,
    /// Whether a call must be made singly.
    left: bool,
}

struct Mutation {
    call: usize,
    name: Name,
    method: String,
    has_result: bool,
    leaves_work: bool,
    outcome: Outcome,
}

/// A query's answer; it holds if the commit that it saw is made.
struct Query {
    call: usize,
    saw: Option<usize>,
    answer: Result<Reply>,
}

/// How an actor's calls are made: on its state in memory, or singly after the commit, because it is not there, not free or
/// has something in its inbox, or because a call before was one that cannot run here.
struct Session {
    here: Option<Here>,
    singly: bool,
}

/// One actor as the calls so far leave it.
struct Here {
    id: ActorId,
    snapshot: Snapshot,
    keys: HashSet<String>,
    last_commit: Option<usize>,
}

impl Engine {
    /// A group of calls, none yet.
    pub fn many(&self) -> CallGroup<'_> {
        let (calls, sessions, ran) = (vec![], HashMap::new(), Ran::default());
        CallGroup { engine: self, began: Instant::now(), calls, sessions, holds: None, ran }
    }

    /// Runs many blocking calls and gives their answers in the same order. Calls of one actor run in the order given; what
    /// can be committed together is, and no answer comes before its commit.
    pub fn call_many(&self, calls: Vec<GroupCall>) -> Vec<Result<Reply>> {
        let mut answers = Vec::with_capacity(calls.len());
        let mut many = self.many();
        for call in calls {
            if many.is_full() {
                answers.append(&mut std::mem::replace(&mut many, self.many()).commit());
            }
            many.add(call);
        }
        answers.append(&mut many.commit());
        answers
    }
}

impl CallGroup<'_> {
    /// Whether it is to be committed before another call is added.
    pub fn is_full(&self) -> bool {
        let large = self.ran.left || self.calls.len() >= MANY_ENOUGH || self.ran.bytes >= LARGE_ENOUGH;
        large || !self.calls.is_empty() && self.began.elapsed() >= LONG_ENOUGH
    }

    /// Runs a call on what those before it left. One that must be made singly has its turn after the commit.
    pub fn add(&mut self, call: GroupCall) {
        let engine = self.engine;
        if !self.sessions.contains_key(&call.id) {
            let here = engine.begin(&call.id, &mut self.holds);
            self.sessions.insert(call.id.clone(), Session { singly: here.is_none(), here });
        }
        self.ran.answers.push(None);
        let session = self.sessions.get_mut(&call.id).filter(|session| !session.singly);
        if let Some(session) = session
            && let Some(here) = &mut session.here
        {
            session.singly = engine.run_here(here, &call, &mut self.ran).is_none();
            self.ran.left |= session.singly;
        } else {
            self.ran.left = true;
        }
        self.calls.push(call);
    }

    /// Makes what ran durable, makes the rest singly, and gives the answers in the order of the calls.
    pub fn commit(mut self) -> Vec<Result<Reply>> {
        let CallGroup { engine, ran, calls, holds, .. } = &mut self;
        ran.commit(engine);
        *holds = None;
        let answers = std::mem::take(&mut ran.answers);
        let calls = std::mem::take(calls);
        answers
            .into_iter()
            .zip(calls)
            .map(|(answer, call)| answer.unwrap_or_else(|| engine.call_singly(call)))
            .collect()
    }
}

impl Engine {
    /// The way of a single call.
    fn call_singly(&self, call: GroupCall) -> Result<Reply> {
        if self.settings.stop.is_stopped() {
            return Err(Error::Interrupted);
        }
        let GroupCall { id, method, mut arguments, options } = call;
        if arguments.is_array() {
            arguments = self.method(&id, &method)?.named(arguments)?;
        }
        self.call(&id, &method, arguments, &options)
    }

    /// An actor that is there, free, and has an empty inbox. Whatever else it is, a single call says it best.
    fn begin(&self, id: &str, holds: &mut Option<Box<dyn LockSet>>) -> Option<Here> {
        let id = ActorId::new(id).ok()?;
        let name = Name::from(&id);
        let holds = match holds {
            Some(holds) => holds,
            None => holds.insert(self.store.lock_set().ok()?),
        };
        if !holds.take(&name).ok()? {
            return None;
        }
        let snapshot = self.store.load(&id).ok()??;
        if self.inbox_waits(&name, &snapshot.record).ok()? {
            return None;
        }
        Some(Here { id, snapshot, keys: HashSet::new(), last_commit: None })
    }

    /// Runs the last of the calls. None where it cannot run here.
    fn run_here(&self, here: &mut Here, call: &GroupCall, ran: &mut Ran) -> Option<()> {
        let index = ran.answers.len() - 1;
        if self.settings.stop.is_stopped() {
            ran.answers[index] = Some(Err(Error::Interrupted));
            return Some(());
        }
        if let Some(key) = &call.options.key {
            match self.keyed(&here.id, &call.options) {
                Ok(None) if !here.keys.contains(key) => {}
                // its answer is there already
                Ok(Some(Invocation { status: Status::Ended { .. }, .. })) => {
                    ran.answers[index] = Some(self.call_singly(call.clone()));
                    return Some(());
                }
                _ => return None,
            }
        }
        let actor = here.snapshot.record.actor.as_ref()?;
        let loaded = self.loaded(&actor.class, actor.version).ok()?;
        let prepared = loaded.method(&call.method).and_then(|method| {
            expect_kind(method, &[MethodKind::Mutation, MethodKind::Query])?;
            if method.kind == MethodKind::Query {
                expect_options_of_query(method, &call.options)?;
            }
            Ok((method, method.named(call.arguments.clone())?))
        });
        match prepared {
            Err(error) => ran.answers[index] = Some(Err(error)),
            Ok((method, arguments)) if method.kind == MethodKind::Query => {
                let answer = self.query(&here.id, method, arguments, &here.snapshot, call.options.deadline);
                ran.bytes += answer.as_ref().map_or(0, |reply| reply.result.as_str().len());
                ran.queries.push(Query { call: index, saw: here.last_commit, answer });
            }
            Ok((method, arguments)) => match self.mutate_here(here, method, arguments, &call.options, ran) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => ran.answers[index] = Some(Err(error)),
            },
        }
        Some(())
    }

    /// False where it would have to commit before the group does.
    fn mutate_here(
        &self,
        here: &mut Here,
        method: &Method,
        arguments: Value,
        options: &Options,
        ran: &mut Ran,
    ) -> Result<bool> {
        let request = self.prepare_mutation(&here.id, method, arguments, options)?;
        let bounds = Bounds { in_group: true, ..self.bounds(options) };
        let executed = match self.execute(Invoked::Fresh(&request), &here.snapshot, bounds) {
            Ok(executed) => executed,
            Err(AbortedRun { why: Abort::NotInGroup, .. }) => return Ok(false),
            Err(AbortedRun { why: Abort::Failed(error), .. }) => return Err(error),
            Err(AbortedRun { why: Abort::Deadline, .. }) => {
                return Err(Error::NotAccepted { id: here.id.to_string() });
            }
            Err(_) => return Err(Error::Interrupted),
        };
        if let Some(fault) = refused_arguments(&executed.outcome) {
            return Err(method.refuse(fault.message.clone()));
        }
        ran.mutations.push(Mutation {
            call: ran.answers.len() - 1,
            name: request.name.clone(),
            method: method.name.clone(),
            has_result: method.result.is_some(),
            leaves_work: executed.asked_for_something(),
            outcome: executed.outcome.clone(),
        });
        ran.bytes += request.arguments.as_str().len();
        here.keys.extend(options.key.clone());
        let commit = executed.commit();
        ran.bytes += weight(&commit);
        here.advance(&commit);
        here.last_commit = Some(ran.commits.len());
        ran.commits.push(commit);
        Ok(true)
    }
}

impl Ran {
    /// Makes what ran durable, then answers. What was refused (somebody else was faster, or used the key) stays
    /// without an answer, and so does what ran after it on the same actor.
    fn commit(&mut self, engine: &Engine) {
        let commits = std::mem::take(&mut self.commits);
        let count = commits.len();
        let results = match count {
            0 => Ok(vec![]),
            _ => engine.now().and_then(|now| engine.store.commit(commits, now)),
        };
        let results = results.unwrap_or_else(|error| vec![Err(error); count]);
        let done: Vec<bool> = results.iter().map(|result| matches!(result, Ok(Committed::Done { .. }))).collect();
        for (mutation, result) in self.mutations.drain(..).zip(results) {
            self.answers[mutation.call] = match result {
                Ok(Committed::Done { reference, step }) => {
                    let Mutation { name, method, has_result, leaves_work, outcome, .. } = mutation;
                    let reply = reply_of(Reference { name, number: reference }, step, outcome, &method, has_result);
                    Some(reply.map(|reply| Reply { leaves_work, ..reply }))
                }
                Ok(Committed::Duplicate(_)) | Err(Error::Stale { .. }) => None,
                Err(error) => Some(Err(error)),
            };
        }
        for query in self.queries.drain(..) {
            if query.saw.is_none_or(|commit| done[commit]) {
                self.answers[query.call] = Some(query.answer);
            }
        }
    }
}

impl Here {
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

/// About how many bytes a commit holds.
fn weight(commit: &Commit) -> usize {
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
