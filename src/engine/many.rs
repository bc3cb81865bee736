//! Many calls at once: they run one after the other (or beside each other, on different actors' states) in memory, and
//! commit together.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use serde_json::Value;

use super::calls::{refused_arguments, reply};
use super::prepare::expect_kind;
use super::{Engine, Options, Reply};
use crate::model::{ActorId, Method, MethodKind, Name, Outcome, Reference, Result};
use crate::store::{Commit, Committed, End, Hold, Snapshot, Turn};

/// One call of many.
#[derive(Clone, Debug)]
pub struct ManyCall {
    pub id: String,
    pub method: String,
    pub arguments: Value,
    pub options: Options,
}

impl Engine {
    /// Runs many blocking calls and gives their answers in the same order. Calls of one actor run in the order given; what
    /// can be committed together is, in one durable transaction, and no answer comes before its commit.
    pub fn call_many(&self, calls: Vec<ManyCall>) -> Vec<Result<Reply>> {
        let mut group = Group::new(self, calls.len());
        for (id, indexes) in by_actor(&calls) {
            group.run_actor(id, &calls, &indexes);
        }
        group.commit();
        let Group { mut answers, .. } = group;
        // what could not run in memory takes the way of a single call; the holds are released by now
        let left: Vec<usize> = (0..calls.len()).filter(|n| answers[*n].is_none()).collect();
        for n in left {
            let call = &calls[n];
            answers[n] = Some(self.call(&call.id, &call.method, call.arguments.clone(), &call.options));
        }
        answers.into_iter().flatten().collect()
    }
}

/// The indexes of each actor's calls, actors in the order of their first call.
fn by_actor(calls: &[ManyCall]) -> Vec<(&str, Vec<usize>)> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut actors: Vec<(&str, Vec<usize>)> = Vec::new();
    for (n, call) in calls.iter().enumerate() {
        let place = *places.entry(&call.id).or_insert_with(|| {
            actors.push((&call.id, Vec::new()));
            actors.len() - 1
        });
        actors[place].1.push(n);
    }
    actors
}

/// Calls that ran in memory and are not committed yet.
struct Group<'e> {
    engine: &'e Engine,
    /// By call; None until it is known, and at the end for calls that must be made singly.
    answers: Vec<Option<Result<Reply>>>,
    commits: Vec<Commit>,
    /// Which call each commit ends.
    committed: Vec<Mutation>,
    queries: Vec<Query>,
    /// Actors are held until the commit.
    holds: Vec<Hold>,
}

struct Mutation {
    call: usize,
    name: Name,
    method: Method,
    outcome: Outcome,
}

/// A query's answer; it holds if the commit that it saw is made.
struct Query {
    call: usize,
    saw: Option<usize>,
    answer: Result<Reply>,
}

/// One actor as the calls so far leave it.
struct Session {
    id: ActorId,
    snapshot: Snapshot,
    keys: HashSet<String>,
    last_commit: Option<usize>,
}

impl<'e> Group<'e> {
    fn new(engine: &'e Engine, calls: usize) -> Group<'e> {
        let answers = std::iter::repeat_with(|| None).take(calls).collect();
        Group { engine, answers, commits: vec![], committed: vec![], queries: vec![], holds: vec![] }
    }

    /// Runs an actor's calls until one cannot run here: that one and what follows are made singly, after the commit.
    fn run_actor(&mut self, id: &str, calls: &[ManyCall], indexes: &[usize]) {
        let Some((mut session, hold)) = self.begin(id) else { return };
        self.holds.push(hold);
        for n in indexes {
            if self.run_call(&mut session, *n, &calls[*n]).is_none() {
                break;
            }
        }
    }

    /// An actor that is there, free, and has an empty inbox. Whatever else it is, a single call says it best.
    fn begin(&self, id: &str) -> Option<(Session, Hold)> {
        let id = ActorId::new(id).ok()?;
        let name = Name::from(&id);
        let hold = self.engine.store.hold(&name, Some(Instant::now())).ok()??;
        let snapshot = self.engine.store.load(&id).ok()??;
        if self.engine.inbox_waits(&name, &snapshot.head).ok()? {
            return None;
        }
        Some((Session { id, snapshot, keys: HashSet::new(), last_commit: None }, hold))
    }

    /// None where the call cannot run here.
    fn run_call(&mut self, session: &mut Session, n: usize, call: &ManyCall) -> Option<()> {
        if let Some(key) = &call.options.key {
            let is_known =
                session.keys.contains(key) || !matches!(self.engine.keyed(&session.id, &call.options), Ok(None));
            if is_known {
                return None;
            }
        }
        let actor = session.snapshot.head.actor.as_ref()?;
        let loaded = self.engine.loaded(&actor.class, actor.version).ok()?;
        let method = loaded.method(&call.method).and_then(|method| {
            expect_kind(method, &[MethodKind::Mutation, MethodKind::Query])?;
            Ok(method)
        });
        match method {
            Err(error) => self.answers[n] = Some(Err(error)),
            Ok(method) if method.kind == MethodKind::Query => {
                let answer = self.engine.query(&session.id, method, call.arguments.clone(), &session.snapshot);
                self.queries.push(Query { call: n, saw: session.last_commit, answer });
            }
            Ok(method) => {
                if let Err(error) = self.run_mutation(session, n, call, method) {
                    self.answers[n] = Some(Err(error));
                }
            }
        }
        Some(())
    }

    fn run_mutation(&mut self, session: &mut Session, n: usize, call: &ManyCall, method: &Method) -> Result<()> {
        let new = self.engine.prepare_mutation(&session.id, method, call.arguments.clone(), &call.options)?;
        let executed = self.engine.execute(&new, &session.snapshot, self.engine.bounds(&call.options))?;
        if let Some(fault) = refused_arguments(&executed.outcome) {
            return Err(method.refuse(fault.message.clone()));
        }
        let (name, outcome) = (new.name.clone(), executed.outcome.clone());
        session.keys.extend(call.options.key.clone());
        let commit = executed.commit(Turn::Fresh(Box::new(new)), &session.snapshot.head);
        session.advance(&commit);
        session.last_commit = Some(self.commits.len());
        self.commits.push(commit);
        self.committed.push(Mutation { call: n, name, method: method.clone(), outcome });
        Ok(())
    }

    /// Makes what ran durable, then answers. What was refused (somebody else was faster, or used the key) stays
    /// without an answer, and so does what ran after it on the same actor.
    fn commit(&mut self) {
        let commits = std::mem::take(&mut self.commits);
        let count = commits.len();
        let results = match count {
            0 => Ok(vec![]),
            _ => self.engine.store.commit(commits),
        };
        self.holds.clear();
        let results = results.unwrap_or_else(|error| vec![Err(error); count]);
        let done: Vec<bool> = results.iter().map(|result| matches!(result, Ok(Committed::Done { .. }))).collect();
        for (mutation, result) in self.committed.drain(..).zip(results) {
            self.answers[mutation.call] = match result {
                Ok(Committed::Done { reference, step }) => {
                    let reference = Reference { name: mutation.name, number: reference };
                    Some(reply(reference, step, mutation.outcome, &mutation.method))
                }
                Ok(Committed::Known(_)) | Err(crate::model::Error::Stale { .. }) => None,
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

impl Session {
    /// The actor as this commit will leave it.
    fn advance(&mut self, commit: &Commit) {
        self.snapshot.head.numbers.steps += 1;
        if let Some(actor) = &mut self.snapshot.head.actor {
            actor.updated = commit.at;
        }
        if let End::Step { state: Some(state), .. } = &commit.end {
            self.snapshot.state.clone_from(state);
        }
    }
}
