//! The engine that the model is compared with.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use vactor::engine::{GroupCall, Options, Reply, Settings, Until};
use vactor::model::{Name, Outcome, Status};
use vactor::sandbox::{Cache, Sandbox};
use vactor::store::{Mode, RedbStore, Store};
use vactor::{Engine, Error, Reference, Timestamp};

use super::actions::{Act, Call, IDS, Pick, What};
use super::plain::{Answer, Plain};
use crate::classes;

/// The time that the model calls 0.
const BEGIN: u64 = 2_000_000_000_000;

pub struct Played {
    /// None if the store is in memory.
    folder: Option<TempDir>,
    store: Arc<dyn Store>,
    engine: Engine,
    clock: Arc<AtomicU64>,
}

impl Played {
    pub fn in_a_file() -> Played {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = RedbStore::create(folder.path()).unwrap();
        Played::new(Some(folder), Arc::new(store))
    }

    pub fn in_memory() -> Played {
        Played::new(None, Arc::new(RedbStore::in_memory().unwrap()))
    }

    fn new(folder: Option<TempDir>, store: Arc<dyn Store>) -> Played {
        let clock = Arc::new(AtomicU64::new(BEGIN));
        let engine = engine(&store, &clock);
        engine.register("account", &std::fs::read(classes::component("account")).unwrap()).unwrap();
        Played { folder, store, engine, clock }
    }

    pub fn act(&mut self, act: &Act, plain: &Plain) -> Answer {
        // a process locks the actor a moment longer than the end of its call is visible, and a
        // cancel or a removal would find it busy
        if let Act::Cancel(Pick { id, .. }) | Act::Remove { id, .. } = act {
            drop(self.store.lock(&Name::new_unchecked(IDS[*id]), None).unwrap());
        }
        match act {
            Act::Call(call) => answer(self.call(call), reply),
            Act::CreateIfAbsent { id, opening } => {
                let made =
                    self.engine.create_if_absent("account", IDS[*id], arguments(What::Open(*opening)), &options(None));
                answer(made, |made| made.map_or(Answer::There, reply))
            }
            Act::Submit { call, after } => {
                let due = after.map(|after| Timestamp::from_millis(self.clock.load(Ordering::SeqCst) + after));
                let (id, options) = (IDS[call.id], Options { due, ..options(call.key) });
                let submitted = match call.what {
                    What::Open(_) => self.engine.submit_create("account", id, arguments(call.what), &options),
                    what => self.engine.submit_call(id, method(what), arguments(what), &options),
                };
                answer(submitted, |reference| Answer::Reference(reference.number))
            }
            Act::Get { id } => {
                answer(self.engine.get(IDS[*id], "balance", json!({})), |reply| Answer::Value(reply.result.to_string()))
            }
            Act::Many(calls) => {
                let calls = calls.iter().map(|call| GroupCall {
                    id: IDS[call.id].to_owned(),
                    method: method(call.what).to_owned(),
                    arguments: arguments(call.what),
                    options: options(call.key),
                });
                let answers = self.engine.call_many(calls.collect());
                Answer::Many(answers.into_iter().map(|told| answer(told, reply)).collect())
            }
            Act::Wait(pick) => answer(self.engine.wait(&reference(pick, plain), None), reply),
            Act::Cancel(pick) => answer(self.engine.cancel(&reference(pick, plain)), done),
            Act::Resume(pick) => {
                answer(self.engine.resume(&reference(pick, plain)), |again| Answer::Reference(again.number))
            }
            Act::Remove { id, force } => answer(self.engine.remove(IDS[*id], *force), done),
            Act::Work { jobs } => answer(self.engine.work(*jobs, Until::Idle { ahead: Duration::ZERO }), done),
            Act::Pass(millis) => {
                self.clock.fetch_add(*millis, Ordering::SeqCst);
                Answer::Done
            }
            Act::Reopen => {
                if let Some(folder) = &self.folder {
                    self.store = Arc::new(RedbStore::open(folder.path(), Mode::Write).unwrap());
                }
                self.engine = engine(&self.store, &self.clock);
                Answer::Done
            }
            Act::Wrong => Answer::Done,
        }
    }

    fn call(&self, call: &Call) -> vactor::Result<Reply> {
        let (id, options) = (IDS[call.id], options(call.key));
        match call.what {
            What::Open(_) => self.engine.create("account", id, arguments(call.what), &options),
            what => self.engine.call(id, method(what), arguments(what), &options),
        }
    }

    /// Compares numbers, inboxes in order, and balances.
    pub fn agrees(&self, plain: &Plain) -> Result<(), String> {
        for (id, named) in IDS.iter().zip(&plain.names) {
            let name = Name::new_unchecked(id);
            let head = self.store.name_record(&name).unwrap().unwrap_or_default();
            let found = (head.counters.steps, head.counters.references, head.queued, head.delayed);
            let (queued, delayed) = (named.inbox.len() as u64, named.delayed.len() as u64);
            same(id, found, (named.steps, named.references, queued, delayed))?;
            let pending = self.engine.pending(Some(&name), None, usize::MAX).unwrap();
            let open = named.inbox.iter().chain(named.delayed.iter().map(|(_, number)| number));
            same(id, pending.iter().map(|open| open.number).collect::<Vec<_>>(), open.copied().collect())?;
            let account = self.store.load(&id.parse().unwrap()).unwrap().map(|snapshot| account(&snapshot.state));
            same(id, account, named.account.as_ref().map(|account| (account.balance, account.entries)))?;
        }
        Ok(())
    }

    /// Compares every invocation with its outcome and its resumption, and every step with its time
    /// and the state of its replay.
    pub fn remembers(&self, plain: &Plain) -> Result<(), String> {
        for (id, named) in IDS.iter().zip(&plain.names) {
            let found = self.engine.invocations(&Name::new_unchecked(id), None, usize::MAX).unwrap();
            let found = found.into_iter().map(|invocation| {
                let end = match invocation.status {
                    Status::Pending => None,
                    Status::Ended { outcome: Outcome::Succeeded(result), step, .. } => {
                        Some((Ok(result.to_string()), step))
                    }
                    Status::Ended { outcome: Outcome::Failed(fault), step, .. } => Some((Err(fault.kind), step)),
                };
                (invocation.number, end, invocation.resumed_by)
            });
            let expected = named.invocations.iter().rev().map(|(number, invocation)| {
                let end = invocation.end.clone().map(|end| (end.outcome, end.step));
                (*number, end, invocation.resumed_by)
            });
            same(id, found.collect::<Vec<_>>(), expected.collect())?;
            if named.account.is_none() {
                continue;
            }
            let steps = self.engine.steps(id, 1, usize::MAX).unwrap();
            let found = steps.iter().map(|step| (step.number, step.reference, step.times.now.as_millis() - BEGIN));
            let expected = named.journal.iter().map(|step| (step.number, step.reference, step.at));
            same(id, found.collect::<Vec<_>>(), expected.collect())?;
            for step in &named.journal {
                let state = account(&self.engine.state_at(id, step.number).unwrap());
                same(id, state, (step.after.balance, step.after.entries))?;
            }
        }
        Ok(())
    }
}

fn engine(store: &Arc<dyn Store>, clock: &Arc<AtomicU64>) -> Engine {
    let clock = Arc::clone(clock);
    let clock = Arc::new(move || Timestamp::from_millis(clock.load(Ordering::SeqCst)));
    let cache = Cache::at(Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
    Engine::new(Arc::clone(store), Sandbox::new(cache), Settings { clock, ..Settings::default() })
}

fn same<T: PartialEq + std::fmt::Debug>(id: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{id} is {found:?}, and not {expected:?}")) }
}

fn options(key: Option<u8>) -> Options {
    Options { key: key.map(|key| format!("k{key}")), ..Options::default() }
}

fn method(what: What) -> &'static str {
    match what {
        What::Open(_) => "new",
        What::Deposit(_) => "deposit",
        What::Withdraw(_) => "withdraw",
    }
}

fn arguments(what: What) -> Value {
    match what {
        What::Open(opening) => json!({"owner": "Ada", "opening": opening}),
        What::Deposit(amount) | What::Withdraw(amount) => json!({ "amount": amount }),
    }
}

fn reference(pick: &Pick, plain: &Plain) -> Reference {
    Reference { name: Name::new_unchecked(IDS[pick.id]), number: plain.number(pick) }
}

fn answer<T>(result: vactor::Result<T>, told: impl FnOnce(T) -> Answer) -> Answer {
    result.map_or_else(|error: Error| Answer::Error(error.kind().to_owned()), told)
}

fn reply(reply: Reply) -> Answer {
    let reference = reply.reference.expect("a mutation has one").number;
    Answer::Reply { reference, step: reply.step, result: reply.result.to_string(), recorded: reply.is_duplicate }
}

fn done((): ()) -> Answer {
    Answer::Done
}

/// Balance and number of entries of a state.
fn account(state: &[u8]) -> (i64, usize) {
    let state: Value = serde_json::from_slice(state).unwrap();
    (state["balance"].as_i64().unwrap(), state["entries"].as_array().unwrap().len())
}
